"""Which names Python files define, found by parsing them; nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from pathlib import Path

from agent_dispatcher.errors import PathRefused
from agent_dispatcher.models import ArtifactRef
from agent_dispatcher.workspace.path_guard import GuardedFolder

__all__ = ["missing_symbols"]

_MAX_BYTES = 4 * 1024**2


def missing_symbols(tree: Path, promised: Sequence[ArtifactRef]) -> tuple[str, ...]:
    """Promised ``symbol`` artifacts (``package.module:Name``, ``package.module:Class.method``) that ``tree`` does not define, in order.

    A module is looked for below ``src`` and then in the root. A name counts when it is defined, assigned or imported at the top of the module,
    also inside ``if``, ``try`` and ``with``; for a dotted name the same holds inside the class.
    """
    folder = GuardedFolder(tree, max_bytes=_MAX_BYTES)
    modules: dict[str, list[ast.stmt] | None] = {}
    missing = []
    for ref in promised:
        if ref.type != "symbol":
            continue
        module, _, name = ref.name.partition(":")
        if module not in modules:
            modules[module] = _parsed(folder, module)
        body = modules[module]
        if body is None or not _defines(folder, modules, module, body, name.split("."), frozenset()):
            missing.append(ref.name)
    return tuple(missing)


def _parsed(folder: GuardedFolder, module: str) -> list[ast.stmt] | None:
    base = module.replace(".", "/")
    for path in (f"src/{base}.py", f"src/{base}/__init__.py", f"{base}.py", f"{base}/__init__.py"):
        try:
            return ast.parse(folder.read_bytes(path)).body
        except (FileNotFoundError, PathRefused):
            continue
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
    return None


def _defines(
    folder: GuardedFolder,
    modules: dict[str, list[ast.stmt] | None],
    module: str,
    body: Iterable[ast.stmt],
    names: list[str],
    seen: frozenset[str],
) -> bool:
    if names == [""]:
        return True
    first, rest = names[0], names[1:]
    for statement in _flat(body):
        if isinstance(statement, ast.ClassDef) and statement.name == first:
            return not rest or _defines(folder, modules, module, statement.body, rest, seen)
        if not rest and first in _names(statement):
            return True
        if isinstance(statement, ast.ImportFrom) and any(alias.name == "*" for alias in statement.names):
            source = _absolute(module, statement)
            if source not in seen and source not in modules:
                modules[source] = _parsed(folder, source)
            inner = modules.get(source)
            visible = source not in seen and not first.startswith("_")
            if visible and inner is not None and _defines(folder, modules, source, inner, names, seen | {module}):
                return True
    return False


def _flat(body: Iterable[ast.stmt]) -> Iterable[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.With):
            yield from _flat(statement.body)
        if isinstance(statement, ast.Try):
            yield from _flat(statement.body)
            for handler in statement.handlers:
                yield from _flat(handler.body)
            yield from _flat(statement.finalbody)
        if isinstance(statement, ast.If | ast.Try):
            yield from _flat(statement.orelse)


def _names(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = list(statement.targets)
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets = [statement.target]
    elif type(statement).__name__ == "TypeAlias":  # Python 3.12
        targets = [statement.name]  # type: ignore[attr-defined]
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def _absolute(module: str, statement: ast.ImportFrom) -> str:
    """The module an ``import from`` names; a package's own ``__init__`` is taken for a module in it."""
    if not statement.level:
        return statement.module or ""
    parts = module.split(".")
    base = parts[: len(parts) - statement.level + 1] if statement.level > 1 else parts
    return ".".join([*base, statement.module]) if statement.module else ".".join(base)
