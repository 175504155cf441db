"""Methods that do nothing in order to silence what they override, told without importing anything."""

from __future__ import annotations

import ast
import sys

__all__ = ["silenced"]

_Function = ast.FunctionDef | ast.AsyncFunctionDef
#: Modules whose classes say what there is to write, not what there is.
_SAYS_NOTHING = frozenset(("abc", "typing", "collections", "enum", "dataclasses", "types"))


def silenced(tree: ast.Module) -> set[str]:
    """``Class.method`` for every method of a class that is derived from one of the standard library, or that overrides one of a class of the same file."""
    modules = _modules(tree)
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    names: set[str] = set()
    for node in classes.values():
        own = {each.name for each in node.body if isinstance(each, _Function)}
        for base in node.bases:
            root = base
            while isinstance(root, ast.Attribute):
                root = root.value
            name = root.id if isinstance(root, ast.Name) else ""
            if modules.get(name, "") in sys.stdlib_module_names - _SAYS_NOTHING:
                names |= {f"{node.name}.{each}" for each in own}
            elif name in classes:
                there = {each.name for each in classes[name].body if isinstance(each, _Function)}
                names |= {f"{node.name}.{each}" for each in own & there}
    return names


def _modules(tree: ast.Module) -> dict[str, str]:
    """Name in the file to the first part of the module it comes from."""
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Import):
            found |= {
                (alias.asname or alias.name).partition(".")[0]: alias.name.partition(".")[0] for alias in node.names
            }
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found |= {alias.asname or alias.name: node.module.partition(".")[0] for alias in node.names}
    return found
