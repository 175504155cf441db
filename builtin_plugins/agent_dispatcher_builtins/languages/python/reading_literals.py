"""Python source that is read as data: a call whose arguments are literals, a literal, the name of an exception. Nothing of it is ever evaluated but literals."""

from __future__ import annotations

import ast
import re

__all__ = ["end_of_call", "error_name", "literal", "literal_call"]

_ERROR = re.compile(r"\A`?([A-Z]\w*(?:Error|Exception|Interrupt|Iteration|Exit))\b`?\Z")
#: How people who do not think of Python write its constants.
_WORDS = {"true": True, "false": False, "null": None}
_LEFT_OUT = re.compile(r"\s*(?:\.{3,}|…+)\s*")
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
        if _leaves_out(node):
            return None
        return node.func.id, ast.unparse(node)
    except _UNREADABLE:
        return None


def literal(source: str) -> str | None:
    """A literal in its plain form; ``true``, ``false`` and ``null`` are some too. One that leaves something out, or has no plain form (``1e999``), is none."""
    if source in _WORDS:
        return repr(_WORDS[source])
    try:
        plain = repr(ast.literal_eval(source))
        ast.literal_eval(plain)
        return None if _leaves_out(ast.parse(plain, mode="eval")) else plain
    except _UNREADABLE:
        return None


def _leaves_out(node: ast.AST) -> bool:
    """Whether dots stand in the place of something: ``[2, 3, ...]``, ``"..."``."""
    values = (each.value for each in ast.walk(node) if isinstance(each, ast.Constant))
    return any(value is ... or (isinstance(value, str) and _LEFT_OUT.fullmatch(value)) for value in values)


def error_name(source: str) -> str:
    """The name of an exception, ``""`` where it is none."""
    found = _ERROR.match(source.strip())
    return found[1] if found else ""
