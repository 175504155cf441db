"""What a file sets of something imported: a setting (``app.testing = True``, ``settings.URL = "..."``), or a part of the code (``Cart.RATE = 7``)?

A setting is a plain value. Whether what it is set on is an object or a class or a module of the tree's own is for the tree to say: its module is named.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .whence import Imports, imports_of
from .written import written

__all__ = ["is_setting", "set_in", "targets_of"]

#: What holds settings, be it an object, a class or a module.
_HOLDS_SETTINGS = re.compile(r"(?i)settings|config|options|^conf$|_conf$|^env(?:iron)?$|defaults$")


def is_setting(target: ast.Attribute, node: ast.AST) -> bool:
    """Whether what is assigned to ``target`` is what settings are: true or false, or a text or number that is written large."""
    value = getattr(node, "value", None)
    plain = isinstance(value, ast.Constant | ast.JoinedStr) and not (
        isinstance(value, ast.Constant) and value.value is None
    )
    return plain and (target.attr.isupper() or (isinstance(value, ast.Constant) and isinstance(value.value, bool)))


def set_in(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """(line, statement, subject) of each setting of what may be a class or a module; the subject names the module: ``module shop.cart``, which matters only if it is in the tree."""
    imports = imports_of(tree)
    for node in ast.walk(tree):
        for target in targets_of(node):
            if not isinstance(target, ast.Attribute) or not is_setting(target, node):
                continue
            if module := _module(target.value, imports):
                yield target.lineno, written(node), f"module {module}"


def targets_of(node: ast.AST) -> list[ast.expr]:
    """What a statement assigns to."""
    if isinstance(node, ast.Assign):
        return [
            each for target in node.targets for each in (target.elts if isinstance(target, ast.Tuple) else [target])
        ]
    return [node.target] if isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) else []


def _module(holder: ast.expr, imports: Imports) -> str:
    """The module that ``holder`` may be, or may be a class of; ``""`` for what is not imported, or holds settings."""
    name = _full_name(holder, imports)
    parent, _, last = name.rpartition(".")
    if last.isupper() or _HOLDS_SETTINGS.search(last):
        return ""
    return parent if last[:1].isupper() else name


def _full_name(node: ast.expr, imports: Imports) -> str:
    """``shop.cart.Cart`` for what is called so by whatever import, ``""`` for what is not imported."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    if node.id in imports.modules:
        parts.append(imports.modules[node.id])
    elif node.id in imports.things:
        parts += reversed([each for each in imports.things[node.id] if each])
    else:
        return ""
    return ".".join(reversed(parts))
