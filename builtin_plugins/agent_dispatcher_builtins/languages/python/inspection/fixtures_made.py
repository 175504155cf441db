"""Which fixtures do statements make, and by which names do tests get them? A fixture goes by its function's name, or by the ``name`` it is given."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from .names_used import last, text_in

__all__ = ["UNTOLD", "given_names", "is_for_all", "makers", "makes"]

#: What :func:`given_names` says of a name that cannot be read.
UNTOLD = "*"
_Function = ast.FunctionDef | ast.AsyncFunctionDef
#: Arguments of a fixture that are no names.
_OTHERS = frozenset(("params", "ids", "scope", "autouse"))


def makers(body: Iterable[ast.stmt]) -> frozenset[str]:
    """Names by which a file calls what makes fixtures: ``fixture``, and what it calls this, or wraps it in."""
    found = {"fixture", "yield_fixture"}
    for statement in body:
        if isinstance(statement, ast.ImportFrom):
            found |= {each.asname or each.name for each in statement.names if each.name in found}
        elif isinstance(statement, ast.Assign) and _mentions(statement.value, found) and not _makes_one(statement):
            found |= {each.id for each in statement.targets if isinstance(each, ast.Name)}
        elif isinstance(statement, _Function) and not any(_mentions(each, found) for each in statement.decorator_list):
            found |= {statement.name} if any(_mentions(each, found) for each in statement.body) else set()
    return frozenset(found)


def makes(statement: ast.stmt, known: frozenset[str]) -> bool:
    """Whether a statement makes a fixture."""
    return any(_mentions(each, known) for each in _parts(statement))


def given_names(statement: ast.stmt, known: frozenset[str]) -> Iterator[str]:
    """The names that the fixture of a statement is given; :data:`UNTOLD` for one that cannot be read."""
    for part in _parts(statement):
        if not _mentions(part, known):
            continue
        for call in ast.walk(part):
            if not isinstance(call, ast.Call):
                continue
            if last(call.func) not in ("fixture", "yield_fixture"):
                yield from filter(None, map(text_in, call.args))
            for word in call.keywords:
                if word.arg not in _OTHERS:
                    yield text_in(word.value) or UNTOLD


def is_for_all(decorator: ast.AST, *, own_class: bool = False) -> bool:
    """Whether a fixture is used without being asked for: by tests of the file, or, in a class of its own, by others than that class's."""
    if not isinstance(decorator, ast.Call):
        return False
    words = {word.arg: word.value for word in decorator.keywords}
    used = words.get("autouse")
    if used is None or (isinstance(used, ast.Constant) and used.value is False):
        return False
    scope = words.get("scope")
    return not own_class or not (scope is None or text_in(scope) in ("function", "class"))


def _parts(statement: ast.stmt) -> list[ast.expr]:
    if isinstance(statement, _Function):
        return statement.decorator_list
    return [statement.value] if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value else []


def _makes_one(statement: ast.Assign) -> bool:
    """Whether a function is handed to what makes fixtures, so that the result is one: ``x = fixture(f)``, ``x = fixture(name="x")(f)``."""
    call = statement.value
    return isinstance(call, ast.Call) and (isinstance(call.func, ast.Call) or (bool(call.args) and not _partial(call)))


def _partial(call: ast.Call) -> bool:
    return last(call.func) == "partial"


def _mentions(node: ast.AST, known: Iterable[str]) -> bool:
    names = frozenset(known)
    return any(isinstance(each, ast.Name | ast.Attribute) and last(each) in names for each in ast.walk(node))
