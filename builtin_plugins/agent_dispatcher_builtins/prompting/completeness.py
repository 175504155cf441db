"""Whether the text of a file stands for itself up to some line: it parses, or whatever is opened in it is closed.

A fence can stand in what is not closed yet, a string or a comment; behind what is complete it cannot, so there the file ends.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
import warnings
from collections.abc import Callable

__all__ = ["completeness_of"]

_BRACES = frozenset(
    {"c", "cc", "cpp", "cs", "go", "h", "hpp", "java", "kt", "swift"}
    | {"css", "scss", "cjs", "cts", "js", "jsx", "mjs", "mts", "ts", "tsx"}
)
_CLOSES = {")": "(", "]": "[", "}": "{"}
#: Comments and strings that end; else what begins one that does not, or a bracket.
_SIGN = re.compile(
    r'/\*.*?\*/|//[^\n]*|""".*?"""|"(?:\\.|[^"\\\n])*"?|\'(?:\\.|[^\'\\\n])*\'?|`(?:\\.|[^`\\])*`|/\*|"""|[`()\[\]{}]',
    re.DOTALL,
)


def completeness_of(path: str) -> Callable[[str], bool] | None:
    """Tells of a text whether it can be all of this file; ``None`` for files of which that cannot be said."""
    ending = path.rpartition(".")[2].lower()
    if ending in _BRACES:
        return _is_balanced
    return {"py": _is_python, "pyi": _is_python, "json": _is_json, "toml": _is_toml}.get(ending)


def _is_python(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_balanced(text: str) -> bool:
    opened: list[str] = []
    for found in _SIGN.finditer(text):
        sign = found[0]
        if sign in "([{":
            opened.append(sign)
        elif sign in _CLOSES:
            if not opened or opened.pop() != _CLOSES[sign]:
                return False
        elif sign in ("`", "/*", '"""'):
            return False
    return not opened
