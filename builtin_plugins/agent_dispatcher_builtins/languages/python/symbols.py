"""Which names Python files define, found by parsing them; nothing is imported."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from agent_dispatcher.errors import PathRefused
from agent_dispatcher.models import ArtifactRef
from agent_dispatcher.workspace.path_guard import GuardedFolder

__all__ = ["missing_symbols"]

_MAX_BYTES = 4 * 1024**2
#: What is imported by another name than it is asked for by.
_CALLED = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "bson": "pymongo",
    "crypto": "pycryptodome",
    "cv2": "opencv-python",
    "dns": "dnspython",
    "docx": "python-docx",
    "fitz": "pymupdf",
    "git": "gitpython",
    "grpc": "grpcio",
    "mysqldb": "mysqlclient",
    "pil": "pillow",
    "rest-framework": "djangorestframework",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "wx": "wxpython",
}


def missing_symbols(tree: Path, promised: Sequence[ArtifactRef]) -> tuple[str, ...]:
    """Promised ``symbol`` artifacts (``package.module:Name``, ``package.module:Class.method``) that ``tree`` does not define, in order.

    A module is looked for below ``src`` and then in the root. A name counts when it is defined, bound to something or imported at the top of the
    module, also inside ``if``, loops, ``try`` and ``with``; for a dotted name the same holds inside the class, what its bases in the tree have and what
    its methods give ``self`` included. What is imported has to be there, as far as the tree can tell; what is never run, deleted again or
    ``None`` does not count. A module with a ``__getattr__`` of its own is believed.
    """
    folder = GuardedFolder(tree, max_bytes=_MAX_BYTES)
    known = _Modules(folder)
    missing = []
    for ref in promised:
        if ref.type != "symbol":
            continue
        module, _, name = ref.name.partition(":")
        body = known.body(module)
        if body is None or not known.defines(module, body, name.split("."), frozenset()):
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


class _Modules:
    """The modules of a tree, each parsed once."""

    def __init__(self, folder: GuardedFolder) -> None:
        self._folder = folder
        self._bodies: dict[str, list[ast.stmt] | None] = {}
        self._folders: frozenset[str] | None = None

    def body(self, module: str) -> list[ast.stmt] | None:
        """The statements of a module; ``None`` when the tree has no such file, or it cannot be parsed."""
        if module not in self._bodies:
            self._bodies[module] = _parsed(self._folder, module)
        return self._bodies[module]

    def defines(self, module: str, body: Sequence[ast.stmt], names: list[str], seen: frozenset[str]) -> bool:
        """Whether the statements bind a name, and what follows it in that; ``seen``: what is being asked already."""
        first, rest = names[0], names[1:]
        asked = f"{module}:{'.'.join(names)}"
        if names == [""]:
            return True
        if asked in seen:
            return False
        seen = seen | {asked}
        found = False
        given = _given_later(body)
        for statement in _flat(body):
            if isinstance(statement, ast.Delete):
                found = found and first not in {each.id for each in statement.targets if isinstance(each, ast.Name)}
            elif isinstance(statement, ast.ClassDef) and statement.name == first:
                found = not rest or self._has(module, statement, rest, seen)
            elif isinstance(statement, ast.Import | ast.ImportFrom):
                found = found or self._imported(module, statement, names, seen)
            elif not rest and first in _names(statement):
                found = found or not _is_none(statement) or first in given
            elif not rest and isinstance(statement, ast.FunctionDef) and statement.name == "__getattr__":
                found = True
        return found

    def _has(self, module: str, node: ast.ClassDef, names: list[str], seen: frozenset[str]) -> bool:
        """Whether a class, or a base of it that can be found, has a member."""
        if self.defines(module, node.body, names, seen):
            return True
        if len(names) == 1 and names[0] in _given_to_self(node):
            return True
        body = self.body(module) or ()
        bases = [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]
        return any(isinstance(base, ast.Name) and self.defines(module, body, [base.id, *names], seen) for base in bases)

    def _imported(
        self, module: str, statement: ast.Import | ast.ImportFrom, names: list[str], seen: frozenset[str]
    ) -> bool:
        if isinstance(statement, ast.Import):
            first, rest = names[0], names[1:]
            bound = [alias for alias in statement.names if (alias.asname or alias.name.partition(".")[0]) == first]
            return not rest and any(self._is_module(alias.name) or self._is_outside(alias.name) for alias in bound)
        return any(self._taken(source, statement, names, seen) for source in _sources(module, statement))

    def _taken(self, source: str, statement: ast.ImportFrom, names: list[str], seen: frozenset[str]) -> bool:
        """Whether a name that is imported from ``source`` is there."""
        first, rest = names[0], names[1:]
        inner = self.body(source) if source else None
        for alias in statement.names:
            if alias.name == "*" and not first.startswith("_"):
                visible = (
                    self.defines(source, inner, names, seen)
                    if inner is not None
                    else not rest and _is_standard(source, first)
                )
                if visible:
                    return True
            elif (alias.asname or alias.name) == first:
                if inner is not None and self.defines(source, inner, [alias.name, *rest], seen):
                    return True
                if not rest and (self._is_module(f"{source}.{alias.name}") if source else False):
                    return True
                if inner is None and not statement.level and not rest and self._is_outside(source):
                    return True
        return False

    def _is_module(self, name: str) -> bool:
        base = name.replace(".", "/")
        if self._folders is None:
            paths = (PurePosixPath(path) for path in self._folder.files() if path.endswith(".py"))
            self._folders = frozenset(str(parent) for path in paths for parent in path.parents)
        return self.body(name) is not None or f"src/{base}" in self._folders or base in self._folders

    def _is_outside(self, module: str) -> bool:
        """Whether a module that is not of the tree can be had: from the standard library, or from a distribution that the project asks for."""
        top = module.partition(".")[0]
        if self._is_module(top):
            return False
        plain = top.lower().replace("_", "-")
        named = "|".join(map(re.escape, filter(None, (plain, _CALLED.get(plain)))))
        return top in sys.stdlib_module_names or (
            bool(top) and re.search(rf"\b(?:py)?(?:{named})\b", self._asked_for()) is not None
        )

    def _asked_for(self) -> str:
        text = ""
        for path in ("pyproject.toml", "requirements.txt", "setup.cfg", "setup.py"):
            try:
                text += self._folder.read_bytes(path).decode("utf-8", "replace")
            except (FileNotFoundError, PathRefused):
                continue
        return text.lower().replace("_", "-")


def _is_standard(module: str, name: str) -> bool:
    """Whether a module of the standard library has a name; only those that are loaded anyway can tell."""
    return module.partition(".")[0] in sys.stdlib_module_names and hasattr(sys.modules.get(module), name)


def _flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that are run when the module is, in order; nothing that stands behind a condition that never holds."""
    for statement in body:
        yield statement
        never = isinstance(statement, ast.If | ast.While) and _never(statement.test)
        if isinstance(statement, ast.If | ast.With | ast.Try | ast.For | ast.While) and not never:
            yield from _flat(statement.body)
        if isinstance(statement, ast.Try):
            for handler in statement.handlers:
                yield from _flat(handler.body)
        if isinstance(statement, ast.If | ast.Try | ast.For | ast.While):
            yield from _flat(statement.orelse)
        if isinstance(statement, ast.Try):
            yield from _flat(statement.finalbody)
        if isinstance(statement, ast.Match):
            for case in statement.cases:
                yield from _flat(case.body)


def _never(test: ast.expr) -> bool:
    if isinstance(test, ast.Constant):
        return not test.value
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _names(statement: ast.stmt) -> set[str]:
    """What a statement that is no import binds."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    targets: list[ast.AST] = [each for each in ast.walk(statement) if isinstance(each, ast.NamedExpr)]
    targets = [each.target for each in targets if isinstance(each, ast.NamedExpr)] if _is_simple(statement) else []
    if isinstance(statement, ast.Assign):
        targets += statement.targets
    elif (isinstance(statement, ast.AnnAssign) and statement.value is not None) or isinstance(statement, ast.For):
        targets += [statement.target]
    elif isinstance(statement, ast.With):
        targets += [item.optional_vars for item in statement.items if item.optional_vars is not None]
    elif type(statement).__name__ == "TypeAlias":  # Python 3.12
        targets += [statement.name]  # type: ignore[attr-defined]
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def _is_simple(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign)


def _is_none(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
    may = isinstance(statement, ast.AnnAssign) and re.search(
        r"\bNone\b|\bOptional\b", ast.unparse(statement.annotation)
    )
    if may and isinstance(value, ast.Constant) and value.value is None:
        return False
    return isinstance(value, ast.Constant) and (value.value is None or value.value is ...)


def _given_later(body: Iterable[ast.stmt]) -> set[str]:
    """Names of a module that a function of it gives something to (``global app``)."""
    functions = [each for each in body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {
        name
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Global)
        for name in node.names
        if any(name in _names(each) and not _is_none(each) for each in ast.walk(function) if isinstance(each, ast.stmt))
    }


def _given_to_self(node: ast.ClassDef) -> set[str]:
    """What the methods of a class give to ``self``, and what it declares with a type (fields of a data class)."""
    found = {
        each.target.id for each in node.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    }
    for method in node.body:
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and method.args.args:
            owner = method.args.args[0].arg
            found |= {
                each.attr
                for each in ast.walk(method)
                if isinstance(each, ast.Attribute)
                and isinstance(each.ctx, ast.Store)
                and isinstance(each.value, ast.Name)
                and each.value.id == owner
            }
    return found


def _sources(module: str, statement: ast.ImportFrom) -> tuple[str, ...]:
    """The modules an ``import from`` may name: of a relative one that of a package's own ``__init__``, and that of a module in it."""
    if not statement.level:
        return (statement.module or "",)
    parts = module.split(".")
    bases = (parts[: len(parts) - statement.level + 1], parts[: max(0, len(parts) - statement.level)])
    return tuple(".".join([*base, *filter(None, [statement.module])]) for base in bases)
