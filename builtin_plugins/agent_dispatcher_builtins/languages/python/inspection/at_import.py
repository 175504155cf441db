"""What of new statements of a file is run while the file is imported, and reaches what others wrote? Pure reading: nothing is run here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

from .names_used import bound, last
from .settings import is_setting
from .written import written

__all__ = ["exchanged_for_good", "imported_by", "reaching", "short"]

_SHOWN = 160
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_CLEANING = re.compile(r"(?i)(?:async)?_?teardown|.*clean_?up")
#: Who is told what to do at the end, and what ends all patches.
_AFTERWARDS = re.compile(r"add(?:Async|Class)?Cleanup$|addfinalizer$")
_STOPPED = "stopall"
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
        "start",
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


def reaching(statement: ast.stmt, taken: frozenset[str], new: Mapping[str, ast.stmt], seen: set[str]) -> str:
    """Why what is run of a new statement while the file is imported is no mere addition, ``""`` when it is one.

    Args:
        taken: names that were there, and are used.
        new: new functions and classes by name, which may be called on the way.
        seen: names of those that were looked into already; more are added.
    """
    value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else statement
    parts = list(_at_once(value)) if value is not None else []
    while parts:
        part, own = parts.pop()
        if why := _reaches(part, taken, own):
            return why
        names = {each.id for each in ast.walk(part) if isinstance(each, ast.Name) and each.id in new} - seen
        seen |= names
        parts += [each for name in sorted(names) for each in _when_called(new[name])]
    return ""


def exchanged_for_good(statement: ast.stmt, imported: frozenset[str], data: frozenset[str] = frozenset()) -> str:
    """What a statement, or a function in it, puts in the place of something imported, or changes of a table of the file, and does not put back."""
    back = _put_back(statement)
    for node in ast.walk(statement):
        if isinstance(node, _Function):
            taken_in = imported_by(ast.walk(node))
            own = _own(node) - taken_in
            for each in ast.walk(node):
                if why := _exchanged(each, imported | taken_in, data, own, back):
                    return why
    if isinstance(statement, _Function | ast.ClassDef):
        return ""
    nobody: frozenset[str] = frozenset()
    return next((why for each in ast.walk(statement) if (why := _exchanged(each, imported, data, nobody, back))), "")


def imported_by(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """What imports bind, as it is written: ``shop`` and ``shop.cart`` for ``import shop.cart``. What belongs to the process itself (``sys``) is left out."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                name = alias.asname or alias.name
                parts = name.split(".")
                found |= {".".join(parts[: at + 1]) for at in range(len(parts))}
    return frozenset(found - {"sys"})


def _exchanged(
    node: ast.AST, imported: frozenset[str], data: frozenset[str], own: frozenset[str], back: frozenset[str]
) -> str:
    def told() -> str:
        return f"{short(node)!r} changes what is not its own"

    for target in _targets(node):
        if not isinstance(target, ast.Attribute | ast.Subscript) or written(target) in back:
            continue
        if isinstance(target, ast.Attribute) and _is_code(target.value, imported, own):
            if not is_setting(target, node) and not _empties(node):
                return told()
        elif isinstance(target, ast.Subscript) and _is_table(target.value, data, own):
            return told()
    called = node.func if isinstance(node, ast.Call) else None
    if isinstance(called, ast.Attribute) and called.attr in _CHANGING:
        return told() if _is_table(called.value, data, own) else ""
    if isinstance(called, ast.Attribute) and called.attr == "start" and isinstance(called.value, ast.Call):
        return told() if "patch" in written(called.value.func) and _STOPPED not in back else ""
    if isinstance(called, ast.Name) and called.id in ("setattr", "delattr") and isinstance(node, ast.Call):
        return told() if node.args and _is_code(node.args[0], imported, own) else ""
    return ""


def _is_code(holder: ast.expr, imported: frozenset[str], own: frozenset[str]) -> bool:
    """Whether it is what an import binds, or a class of it."""
    if _root(holder) in own:
        return False
    name = written(holder)
    parent, _, part = name.rpartition(".")
    return name in imported or (parent in imported and part[:1].isupper())


def _is_table(node: ast.expr, data: frozenset[str], own: frozenset[str]) -> bool:
    """Whether it is a table of the file, the modules that are loaded, or the names of one or of a class."""
    if isinstance(node, ast.Call):
        return last(node.func) in ("vars", "globals")
    if isinstance(node, ast.Attribute):
        return node.attr in ("modules", "__dict__")
    return isinstance(node, ast.Name) and node.id not in own and (node.id in data or node.id == "modules")


def _put_back(statement: ast.stmt) -> frozenset[str]:
    """What is kept under another name first, and set to it again afterwards: after all else of a function, in a ``finally``, or where a class cleans up;
    ``stopall`` where all patches are ended there."""
    kept: dict[str, set[str]] = {}
    for node in ast.walk(statement):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute | ast.Subscript):
            for target in node.targets:
                kept.setdefault(written(target), set()).add(written(node.value))
    last_of_all = [
        each
        for node in ast.walk(statement)
        for each in (
            node.finalbody
            if isinstance(node, ast.Try)
            else node.body
            if isinstance(node, _Function) and _CLEANING.match(node.name)
            else node.body[-1:]
            if isinstance(node, _Function)
            else []
        )
    ]
    given = (
        argument
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and _AFTERWARDS.match(last(node.func))
        for argument in node.args
    )
    called = (
        each.value.func for each in last_of_all if isinstance(each, ast.Expr) and isinstance(each.value, ast.Call)
    )
    stopped = frozenset({last(each) for each in (*given, *called)} & {_STOPPED})
    return stopped | frozenset(
        written(target)
        for each in last_of_all
        if isinstance(each, ast.Assign)
        for target in each.targets
        if written(target) in kept.get(written(each.value), ())
    )


def _empties(node: ast.AST) -> bool:
    """Whether what is assigned is nothing, as where tests begin with a clean slate."""
    value = getattr(node, "value", None)
    if isinstance(value, ast.Constant):
        return value.value is None
    if isinstance(value, ast.List | ast.Set | ast.Tuple):
        return not value.elts
    return isinstance(value, ast.Dict) and not value.keys


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
        names = frozenset(bound(node.body))
        for statement in node.body:
            for inside, own in _at_once(statement):
                yield inside, own | names if own else names
    else:
        yield node, nobody


def _when_called(node: ast.stmt) -> Iterator[tuple[ast.AST, frozenset[str]]]:
    """What a function, or any method of a class, may do."""
    for each in ast.walk(node):
        if isinstance(each, _Function):
            own = _own(each)
            yield from ((statement, own) for statement in each.body)


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
        if (
            isinstance(called, ast.Attribute)
            and called.attr in _CHANGING
            and _root(called) in taken
            and _root(called) not in own
        ):
            return f"{short(each)!r} is called while the file is imported"
        if isinstance(each, ast.NamedExpr) and each.target.id in taken and each.target.id not in own:
            return f"{each.target.id} is bound anew, which tests that were there use"
        for target in _targets(each):
            if isinstance(target, ast.Attribute | ast.Subscript) and _root(target) not in own:
                return f"{short(each)!r} changes what is not its own"
    return ""


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


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_mark(called: ast.expr) -> bool:
    return isinstance(called, ast.Attribute) and isinstance(called.value, ast.Attribute) and called.value.attr == "mark"
