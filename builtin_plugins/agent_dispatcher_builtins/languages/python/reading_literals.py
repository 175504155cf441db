"""Python source that is read as data: a call whose arguments are literals, a literal, the name of an exception. Nothing of it is ever evaluated but literals."""

from __future__ import annotations

import ast
import re

__all__ = ["end_of_call", "error_name", "literal", "literal_call"]

_ERROR = re.compile(r"\A`?([A-Z]\w*(?:Error|Exception|Interrupt|Iteration|Exit))\b`?\Z")
#: How people who do not think of Python write its constants.
_WORDS = {"true": True, "false": False, "null": None}
_LONGEST_CALL = 1000
_MOST_BRACKETS = 40
_UNREADABLE = (SyntaxError, ValueError, TypeError, RecursionError, MemoryError)


def end_of_call(text: str, start: int) -> int:
    """Where the last bracket of the call that begins at ``start`` is closed; 0 when it is not."""
    tried = 0
    for place in range(start, min(len(text), start + _LONGEST_CALL)):
        if text[place] != ")":
            continue
        try:
            ast.parse(text[start : place + 1], mode="eval")
        except _UNREADABLE:
            tried += 1
            if tried == _MOST_BRACKETS:
                return 0
            continue
        return place + 1
    return 0


def literal_call(source: str) -> tuple[str, str] | None:
    """The name of the function and the call in its plain form, where the source is one with literals and nothing else."""
    try:
        node = ast.parse(source.strip(), mode="eval").body
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            return None
        if any(word.arg is None for word in node.keywords):
            return None
        for argument in (*node.args, *(word.value for word in node.keywords)):
            ast.literal_eval(argument)
        return node.func.id, ast.unparse(node)
    except _UNREADABLE:
        return None


def literal(source: str) -> str | None:
    """A literal in its plain form; ``true``, ``false`` and ``null`` are some too."""
    try:
        value = _WORDS[source] if source in _WORDS else ast.literal_eval(source)
    except _UNREADABLE:
        return None
    return repr(value)


def error_name(source: str) -> str:
    """The name of an exception, ``""`` where it is none."""
    found = _ERROR.match(source.strip())
    return found[1] if found else ""
