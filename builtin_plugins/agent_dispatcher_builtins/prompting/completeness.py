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

__all__ = ["completeness_of", "is_page"]

_BRACES = frozenset(
    {"c", "cc", "cpp", "cs", "go", "h", "hpp", "java", "kt", "swift"}
    | {"css", "scss", "cjs", "cts", "js", "jsx", "mjs", "mts", "ts", "tsx"}
)
#: Prose, which usually has blocks of code in it.
_PAGES = frozenset({"md", "markdown", "mdx", "rst", "txt", "adoc", "org", "readme", "changelog", "contributing"})
#: Of which prose may be made: nobody can tell where such a file ends.
_TEMPLATES = frozenset({"tex", "jinja", "jinja2", "j2", "tmpl", "tpl", "mustache", "hbs", "ejs", "liquid", "erb"})
_CLOSES = {")": "(", "]": "[", "}": "{"}
#: Comments and strings that end; else what begins one that does not, or a bracket.
_SIGN = re.compile(
    r'/\*.*?\*/|//[^\n]*|""".*?"""|"(?:\\.|[^"\\\n])*"?|\'(?:\\.|[^\'\\\n])*\'?|`(?:\\.|[^`\\])*`|/\*|"""|[`()\[\]{}]',
    re.DOTALL,
)
#: In a language that nobody here knows: a string over lines or a comment that ends, else the beginning of one in which a fence could stand.
_OPEN = re.compile(
    r"(\"\"\"|\'\'\')[\s\S]*?\1|/\*[\s\S]*?\*/|<!--[\s\S]*?-->|^=begin\b[\s\S]*?^=end\b"
    r"|<(pre|textarea|script|style)\b[\s\S]*?</\2\s*>|(?:--|=\s*)?\[(=*)\[[\s\S]*?\]\3\]"
    r"|(?P<open>\"\"\"|\'\'\'|/\*|<!--|^=begin\b|<(?:pre|textarea|script|style)\b|(?:--|=\s*)\[=*\[)",
    re.MULTILINE | re.IGNORECASE,
)
#: A text that goes on to a line with its end; with a number before it, it is arithmetic.
_HERE = re.compile(r"(?<![<\d])<<<?[-~]?\s*([\"']?)([A-Za-z_]\w*)\1")
_SHELL_SIGN = re.compile(r"(?:^|(?<=\s))#[^\n]*|\\.|'[^']*'?|\"(?:\\.|[^\"\\])*\"?", re.DOTALL)


def is_page(path: str) -> bool:
    """Whether a file is prose, which usually has blocks of code in it."""
    return _ending(path) in _PAGES


def completeness_of(path: str) -> Callable[[str], bool] | None:
    """Tells of a text whether it can be all of this file; ``None`` for files of which that cannot be said."""
    ending = _ending(path)
    if not path or ending in _PAGES | _TEMPLATES:
        return None
    return _is_balanced if ending in _BRACES else _BY_ENDING.get(ending, _is_closed)


def _ending(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[2].lower()


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


def _is_shell(text: str) -> bool:
    if not _no_text_goes_on(text):
        return False
    quoted = (found[0] for found in _SHELL_SIGN.finditer(text) if found[0][0] in "\"'")
    return all(len(each) > 1 and each[-1] == each[0] for each in quoted)


def _is_closed(text: str) -> bool:
    return _no_text_goes_on(text) and all(found["open"] is None for found in _OPEN.finditer(text))


def _no_text_goes_on(text: str) -> bool:
    """Whether each text that goes on to a line with its end has come to it."""
    lines, at = text.split("\n"), 0
    while at < len(lines):
        found = _HERE.search(lines[at])
        at += 1
        if found is not None:
            end = next((n for n in range(at, len(lines)) if lines[n].strip().rstrip(";,)") == found[2]), None)
            if end is None:
                return False
            at = end + 1
    return True


_BY_ENDING = {
    **dict.fromkeys(("py", "pyi"), _is_python),
    **dict.fromkeys(("sh", "bash", "zsh"), _is_shell),
    "json": _is_json,
    "toml": _is_toml,
}
