"""Docstrings as they stand in the text: to lay them out anew, as :func:`ast.get_docstring` does, takes time that grows with the square of their blank lines."""

from __future__ import annotations

import ast

__all__ = ["docstring"]

_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def docstring(node: ast.AST) -> str | None:
    """The docstring of a file, a class or a function without what is blank around it; ``None`` where there is none."""
    said = ast.get_docstring(node, clean=False) if isinstance(node, _Documented) else None
    return said.strip() if said is not None else None
