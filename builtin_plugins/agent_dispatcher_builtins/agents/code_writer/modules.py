"""Whole Python modules: imports from what the code uses, sorted names, and only those helpers that somebody calls."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from .wrap import WIDTH

__all__ = ["all_names", "imports", "used_helpers", "used_names", "values_module"]

#: Module of each name of the standard library that generated code may use.
_STANDARD = {
    "Callable": "collections.abc",
    "Iterator": "collections.abc",
    "contextmanager": "contextlib",
    "Decimal": "decimal",
    "InvalidOperation": "decimal",
    "Any": "typing",
    "Protocol": "typing",
    "TypeVar": "typing",
    "cast": "typing",
    "dataclass": "dataclasses",
    "date": "datetime",
    "datetime": "datetime",
    "replace": "dataclasses",
    "timedelta": "datetime",
}

_KEPT = Path(__file__).parent / "kept"


def used_names(code: str) -> set[str]:
    """The names that ``code`` uses, those within ``cast("...")`` too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "cast":
            target = node.args[0]
            if isinstance(target, ast.Constant) and isinstance(target.value, str):
                names.add(target.value)
    return names


def used_helpers(code: str) -> set[str]:
    """The functions of the package's module ``values`` that ``code`` calls."""
    return {
        node.attr
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "values"
    }


def imports(code: str, own: dict[str, str], *, modules: Iterable[str] = (), others: Iterable[str] = ()) -> str:
    """The import statements that ``code`` needs, in the order of ``ruff``'s ``I`` rules.

    Args:
        own: the module of each name that the package itself defines; modules of the package have the package itself.
        modules: modules of the standard library that are imported whole.
        others: modules of other distributions that are imported whole.
    """
    names = used_names(code)
    standard = _from_statements({name: _STANDARD[name] for name in names if name in _STANDARD and name not in own})
    whole = [f"import {module}" for module in sorted(modules)]
    foreign = [f"import {module}" for module in sorted(others)]
    ours = _from_statements({name: own[name] for name in names if name in own})
    return "\n\n".join("\n".join(block) for block in (whole + standard, foreign, ours) if block)


def _from_statements(origin: dict[str, str]) -> list[str]:
    by_module: dict[str, list[str]] = {}
    for name, module in origin.items():
        by_module.setdefault(module, []).append(name)
    return [import_statement(module, names) for module, names in sorted(by_module.items())]


def import_statement(module: str, names: Iterable[str]) -> str:
    """``from module import names``, the names sorted as ``ruff`` sorts them: constants, classes, the rest."""
    ordered = sorted(set(names), key=_import_order)
    line = f"from {module} import {', '.join(ordered)}"
    if len(line) <= WIDTH:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in ordered) + ")"


def _import_order(name: str) -> tuple[int, str]:
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name


def all_names(names: Iterable[str]) -> str:
    """An ``__all__`` of the names."""
    ordered = [f'"{name}"' for name in sorted(set(names), key=_import_order)]
    line = f"__all__ = [{', '.join(ordered)}]"
    if len(line) <= WIDTH:
        return line
    return "__all__ = [\n" + "".join(f"    {name},\n" for name in ordered) + "]"


def values_module(package: str, helpers: Iterable[str]) -> str:
    """The package's module ``values`` with the named helpers and what these need."""
    source, pieces = _pieces()
    wanted = {"Row"}
    pending = set(helpers) | wanted
    while pending:
        wanted |= pending
        pending = {
            name for piece in pending for name in used_names(pieces[piece]) if name in pieces and name not in wanted
        }
    functions = [pieces[name] for name in pieces if name in wanted and not _is_variable(pieces[name])]
    variables = [pieces[name] for name in pieces if name in wanted and _is_variable(pieces[name])]
    body = "\n\n\n".join(["\n".join(variables), *functions] if variables else functions)
    head = ast.get_docstring(ast.parse(source))
    own = {"DomainError": f"{package}.errors"}
    modules = ["re"] if "re" in used_names(body) else []
    gap = "\n\n" if variables else "\n\n\n"
    return f'"""{head}"""\n\nfrom __future__ import annotations\n\n{imports(body, own, modules=modules)}{gap}{body}\n'


@cache
def _pieces() -> tuple[str, dict[str, str]]:
    """The source of :mod:`.kept.values`, and of each thing it defines."""
    source = (_KEPT / "values.py").read_text(encoding="utf-8")
    pieces: dict[str, str] = {}
    for node in ast.parse(source).body:
        segment = ast.get_source_segment(source, node) or ""
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            pieces[node.name] = segment
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            pieces[node.targets[0].id] = segment
    return source, pieces


def _is_variable(piece: str) -> bool:
    return not piece.startswith(("def ", "class "))
