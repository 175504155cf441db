"""Code of a syntax tree as text, however deep it is nested and whatever stands in it: :mod:`ast` itself gives up on a chain of a few hundred calls."""

from __future__ import annotations

import ast

__all__ = ["key", "written"]

#: So deep :func:`ast.unparse` always gets.
_DEPTH = 100
_END = object()


def written(node: ast.AST) -> str:
    """The code as :func:`ast.unparse` lays it out, so that layout does not matter; what it cannot lay out as its :func:`key`."""
    if _is_deep(node):
        return key(node)
    try:
        return ast.unparse(node)
    except ValueError:  # a number of more digits than Python writes
        return key(node)


def key(node: ast.AST) -> str:
    """A text that is the same for two nodes if their code is, apart from layout and comments."""
    out: list[str] = []
    waiting: list[object] = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, ast.AST):
            out.append(f"{type(each).__name__}(")
            waiting.append(_END)
            waiting += [value for _, value in ast.iter_fields(each)][::-1]
        elif isinstance(each, list):
            out.append("list(")
            waiting.append(_END)
            waiting += each[::-1]
        elif each is _END:
            out.append(")")
        else:
            plain = isinstance(each, int) and not isinstance(each, bool)
            out.append(f"{each:#x} " if plain else f"{each!r} ")
    return "".join(out)


def _is_deep(node: ast.AST) -> bool:
    level: list[ast.AST] = [node]
    for _ in range(_DEPTH):
        level = [child for each in level for child in ast.iter_child_nodes(each)]
        if not level:
            return False
    return True
