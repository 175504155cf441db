"""What a ``conftest.py`` may do that comes from a task which writes no tests: prepare, and neither decide for all tests nor take the place of code.

Who sets a project up may bring the first one. Who writes code that tests are to judge may not: nobody brings what decides about the tests of their own work.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = ["for_all", "holds_code", "put_in_place_of"]

_SETTING = frozenset(("setattr", "delattr", "setitem", "delitem", "patch", "object", "multiple", "dict"))
#: Files by which a project is set up.
_SCRIPTS = frozenset(("setup.py", "noxfile.py", "manage.py", "docs/conf.py"))
#: Ways to put something in a place that cannot be read.
_HIDDEN = frozenset(("__dict__", "__setattr__", "__code__", "modules"))
_HIDING = frozenset(("vars", "globals", "exec", "eval"))
_MAKING = frozenset(("fixture", "yield_fixture"))


def holds_code(path: str, text: str | None) -> bool:
    """Whether a source file says more than a name or a version, so that there is something for tests to judge."""
    if path in _SCRIPTS:
        return False
    tree = _parsed(text) if path.endswith(".py") else None
    return bool((text or "").strip()) if tree is None else not all(map(_says_only, tree.body))


def for_all(text: str | None) -> Iterator[str]:
    """What makes fixtures that every test gets without asking."""
    for node in ast.walk(_parsed(text) or ast.Module([], [])):
        if isinstance(node, ast.Call):
            words = {word.arg: word.value for word in node.keywords}
            used = words.get("autouse", words.get(None) if _last(node.func) in _MAKING else None)
            if used is not None and not (isinstance(used, ast.Constant) and used.value is False):
                yield _short(node)


def put_in_place_of(text: str | None, files: Callable[[], Sequence[str] | None]) -> Iterator[str]:
    """Calls that put something in the place of code of the tree, as far as they can be told from those that are about other code.

    Args:
        files: the paths of the tree, ``None`` when nobody can tell; asked only where it matters.
    """
    tree = _parsed(text) or ast.Module([], [])
    known = dict(_imports(tree))
    for node in ast.walk(tree):
        if (isinstance(node, ast.Attribute) and node.attr in _HIDDEN) or (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _HIDING
        ):
            yield _short(node)
        if not isinstance(node, ast.Call) or not _sets(node, known):
            continue
        target = node.args[0] if node.args else next((word.value for word in node.keywords), None)
        top = _top(target, known)
        if top not in sys.stdlib_module_names and (not top or _is_own(top, files())):
            yield _short(node)


def _sets(node: ast.Call, known: dict[str, str]) -> bool:
    name = _last(node.func)
    called = known.get(name, name).rpartition(".")[2] if isinstance(node.func, ast.Name) else name
    if called in ("object", "multiple", "dict"):  # patch.object, not the builtins
        holder = node.func.value if isinstance(node.func, ast.Attribute) else None
        return holder is not None and known.get(_last(holder), _last(holder)).endswith("patch")
    return called in _SETTING


def _top(target: ast.expr | None, known: dict[str, str]) -> str:
    """The package that something is of, ``""`` when that cannot be told."""
    if isinstance(target, ast.Constant) and isinstance(target.value, str):
        return target.value.partition(".")[0]
    while isinstance(target, ast.Attribute | ast.Subscript | ast.Call):
        target = target.func if isinstance(target, ast.Call) else target.value
    return known.get(target.id, "").partition(".")[0] if isinstance(target, ast.Name) else ""


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each name that an import binds, with what it stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.partition(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, "" if node.level else f"{node.module}.{alias.name}"


def _is_own(top: str, files: Iterable[str] | None) -> bool:
    return files is None or any(top in path.removesuffix(".py").split("/") for path in files)


def _says_only(statement: ast.stmt) -> bool:
    """Whether a statement is a text or a constant."""
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr):
        try:
            return statement.value is None or bool([ast.literal_eval(statement.value)])
        except ValueError:
            return False
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
    )


def _short(node: ast.AST) -> str:
    try:
        return " ".join(ast.unparse(node).split())[:120]
    except (ValueError, RecursionError):
        return "what is nested too deeply to be shown"


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _parsed(text: str | None) -> ast.Module | None:
    try:
        return ast.parse(text or "")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
