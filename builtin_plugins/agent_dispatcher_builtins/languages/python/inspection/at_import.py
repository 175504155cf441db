"""What of new statements of a file is run while the file is imported, and reaches what others wrote? Pure reading: nothing is run here."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from .names_used import bound, last
from .written import written

__all__ = ["exchanged_for_good", "reaching", "short"]

_SHOWN = 160
_Function = ast.FunctionDef | ast.AsyncFunctionDef
#: Calls that change what others see, or end the file.
_REACHING = frozenset(
    [
        "setattr",
        "delattr",
        "exec",
        "eval",
        "globals",
        "locals",
        "vars",
        "__import__",
        "__setattr__",
        "__setitem__",
        "skip",
        "exit",
        "_exit",
        "xfail",
        "fail",
        "importorskip",
        "register",
    ]
)
#: Calls that change the list, set or table they are called of.
_CHANGING = frozenset(
    [
        "append",
        "extend",
        "insert",
        "remove",
        "pop",
        "popitem",
        "clear",
        "update",
        "setdefault",
        "add",
        "discard",
        "sort",
        "reverse",
    ]
)


def reaching(statement: ast.stmt, taken: frozenset[str], new: Mapping[str, ast.stmt]) -> str:
    """Why what is run of a new statement while the file is imported is no mere addition, ``""`` when it is one.

    Args:
        taken: names that were there, and are used.
        new: new functions and classes by name, which may be called on the way.
    """
    value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else statement
    parts = list(_at_once(value)) if value is not None else []
    called: set[str] = set()
    while parts:
        part, own = parts.pop()
        if why := _reaches(part, taken, own):
            return why
        names = {each.id for each in ast.walk(part) if isinstance(each, ast.Name)} & new.keys() - called
        called |= names
        parts += [each for name in sorted(names) for each in _when_called(new[name])]
    return ""


def exchanged_for_good(node: _Function, imported: frozenset[str], data: frozenset[str]) -> str:
    """What a function puts in the place of something imported, or changes of a table of the file, without undoing it."""
    taken_in = {
        name for each in ast.walk(node) if isinstance(each, ast.Import | ast.ImportFrom) for name in bound([each])
    }
    imported = (imported | taken_in) - {"sys"}
    own = _own(node) - taken_in
    for each in ast.walk(node):
        for target in _targets(each):
            value = target.value if isinstance(target, ast.Attribute | ast.Subscript) else None
            name = value.id if isinstance(value, ast.Name) else ""
            replaced = isinstance(target, ast.Attribute) and name in imported - own and not _sets(target, each)
            changed = isinstance(target, ast.Subscript) and (name in data - own or _is_inside(target.value))
            if replaced or changed:
                return f"{short(each)!r} changes what is not its own"
        called = each.func if isinstance(each, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr in _CHANGING and isinstance(called.value, ast.Name):
            if called.value.id in data - own:
                return f"{short(each)!r} changes what is not its own"
        elif isinstance(called, ast.Name) and called.id in ("setattr", "delattr") and isinstance(each, ast.Call):
            first = each.args[0] if each.args else None
            if isinstance(first, ast.Name) and first.id in imported - own:
                return f"{short(each)!r} changes what is not its own"
    return ""


def short(said: ast.AST | str) -> str:
    """A statement, or a text, in one line."""
    line = " ".join((said if isinstance(said, str) else written(said)).split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"


def _at_once(node: ast.AST) -> Iterator[tuple[ast.AST, frozenset[str]]]:
    """What of a statement is run when it is reached, of a function all but its body; each with the names that are its own."""
    nobody: frozenset[str] = frozenset()
    if isinstance(node, _Function):
        given = node.args
        annotations = [each.annotation for each in ast.walk(given) if isinstance(each, ast.arg)]
        for part in (*node.decorator_list, *given.defaults, *given.kw_defaults, *annotations, node.returns):
            if part is not None:
                yield part, nobody
    elif isinstance(node, ast.ClassDef):
        for outside in (*node.decorator_list, *node.bases, *(word.value for word in node.keywords)):
            yield outside, nobody
        for statement in node.body:
            for inside, own in _at_once(statement):
                yield inside, own | frozenset(bound(node.body))
    else:
        yield node, nobody


def _when_called(node: ast.stmt) -> Iterator[tuple[ast.AST, frozenset[str]]]:
    """What a function, or any method of a class, may do."""
    for each in ast.walk(node):
        if isinstance(each, _Function):
            for statement in each.body:
                yield statement, _own(each)


def _own(node: _Function) -> frozenset[str]:
    """Names that mean something else in a function than around it."""
    shared = {name for each in ast.walk(node) if isinstance(each, ast.Global) for name in each.names}
    return (
        frozenset({each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)} | set(bound(node.body)))
        - shared
    )


def _reaches(node: ast.AST, taken: frozenset[str], own: frozenset[str]) -> str:
    for each in ast.walk(node):
        called = each.func if isinstance(each, ast.Call) else None
        if called is not None and last(called) in _REACHING and not _is_mark(called):
            return f"{short(each)!r} is called while the file is imported"
        if isinstance(called, ast.Attribute) and (
            (called.attr in _CHANGING and _root(called) in taken - own)
            or (called.attr == "start" and "patch" in written(called))
        ):
            return f"{short(each)!r} is called while the file is imported"
        if isinstance(each, ast.NamedExpr) and each.target.id in taken - own:
            return f"{each.target.id} is bound anew, which tests that were there use"
        for target in _targets(each):
            if isinstance(target, ast.Attribute | ast.Subscript) and _root(target) not in own:
                return f"{short(each)!r} changes what is not its own"
    return ""


def _is_inside(node: ast.expr) -> bool:
    """Whether it is a table in which modules, or the names of one, are kept."""
    return last(node) in ("modules", "__dict__")


def _targets(node: ast.AST) -> Iterable[ast.expr]:
    if isinstance(node, ast.Assign):
        return [part for each in node.targets for part in _flat(each)]
    if isinstance(node, ast.AugAssign | ast.AnnAssign | ast.For | ast.AsyncFor):
        return _flat(node.target)
    if isinstance(node, ast.withitem):
        return _flat(node.optional_vars) if node.optional_vars else []
    return node.targets if isinstance(node, ast.Delete) else []


def _flat(target: ast.expr) -> list[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        return [part for each in target.elts for part in _flat(each)]
    return _flat(target.value) if isinstance(target, ast.Starred) else [target]


def _sets(target: ast.Attribute, node: ast.AST) -> bool:
    """Whether a setting is set, which is no code: ``app.testing = True``, ``settings.URL = "..."``."""
    value = getattr(node, "value", None)
    if not isinstance(value, ast.Constant) or value.value is None:
        return isinstance(value, ast.JoinedStr) and target.attr.isupper()
    return target.attr.isupper() or isinstance(value.value, bool)


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_mark(called: ast.expr) -> bool:
    return isinstance(called, ast.Attribute) and isinstance(called.value, ast.Attribute) and called.value.attr == "mark"
