"""What Python files import, each with its line: read from the syntax tree, never run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from attrs import frozen

from .reading import Document

__all__ = ["Imported", "imported"]

_MAX_BYTES = 512 * 1024


@frozen
class Imported:
    """A module that is imported: ``name`` is its first part."""

    name: str
    document: Document
    line: int


def imported(document: Document) -> Iterator[Imported]:
    """Imports of modules that are neither relative nor Python's own, in order. What is no Python imports nothing."""
    text = document.text
    if len(text) > _MAX_BYTES:
        return
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            modules = [node.module]
        else:
            continue
        for name in dict.fromkeys(module.partition(".")[0] for module in modules):
            if name not in sys.stdlib_module_names:
                yield Imported(name, document, node.lineno)
