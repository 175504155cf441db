"""Was anything but new tests added to a file of tests? Whoever does not own such a file may do nothing else to it.

What was there has to be there still, statement by statement: tests with their decorators, helpers, fixtures, constants. What is new must not reach into it:
no name that it uses is bound anew, and nothing is run while the file is imported that could decide about its tests. Layout and comments do not matter.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile

from attrs import evolve, field, frozen

from agent_dispatcher.extension import Objection

from .at_import import exchanged_for_good, imported_by, reaching, short
from .fixtures_made import UNTOLD, given_names, is_for_all, makers, makes
from .names_used import Used, used
from .written import key, written

__all__ = ["lasting", "touched"]

_TABLES = ast.List | ast.Set | ast.Dict
_Function = ast.FunctionDef | ast.AsyncFunctionDef
#: What one of two ways to import may consist of.
_CHOSEN = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Pass)
#: Names by which a file or a class of tests speaks to what runs it.
_SPOKEN = frozenset(
    [
        "pytestmark",
        "__test__",
        "collect_ignore",
        "collect_ignore_glob",
        "load_tests",
        "setup",
        "setUp",
        "setup_method",
        "setup_class",
        "setup_function",
        "setup_module",
        "setUpClass",
        "setUpModule",
        "teardown",
        "tearDown",
        "teardown_method",
        "teardown_class",
        "teardown_function",
        "teardown_module",
        "tearDownClass",
        "tearDownModule",
        "asyncSetUp",
        "asyncTearDown",
        "__init__",
        "__new__",
        "__getattr__",
        "__getattribute__",
        "__init_subclass__",
        "__class_getitem__",
        "__del__",
    ]
)


@frozen(kw_only=True)
class _File:
    """What is to be known of the file to judge what is new in it.

    Attributes:
        taken: names that were used in it.
        makers: what it calls that which makes fixtures.
        imported: names that it imports.
        data: names of its own lists and tables.
        new: functions and classes that are new at its top level.
        seen: of these, which were looked into.
    """

    taken: Used
    makers: frozenset[str]
    imported: frozenset[str]
    data: frozenset[str]
    new: Mapping[str, ast.stmt]
    seen: set[str] = field(factory=set)

    @classmethod
    def of(cls, before: ast.Module, after: ast.Module) -> _File:
        """See the class."""
        known = {each.name for each in before.body if isinstance(each, _Function | ast.ClassDef)}
        return cls(
            taken=used(before),
            makers=makers(after.body),
            imported=imported_by(after.body),
            data=frozenset(
                target.id
                for each in before.body
                if isinstance(each, ast.Assign) and isinstance(each.value, _TABLES)
                for target in each.targets
                if isinstance(target, ast.Name)
            ),
            new={
                each.name: each
                for each in after.body
                if isinstance(each, _Function | ast.ClassDef) and each.name not in known
            },
        )

    def inside(self, node: ast.ClassDef) -> _File:
        """The same inside a class."""
        return evolve(self, taken=self.taken.inside(node))


def touched(path: str, before: ast.Module, after: ast.Module | None) -> list[Objection]:
    """What of the tests of a file is not as it was, or reaches into them; ``None`` after: it cannot be read any more."""
    if after is None:
        return [_objection(path, 0, "its tests cannot be read any more")]
    file = _File.of(before, after)
    return [_objection(path, *said) for said in _beyond(_body(before), _body(after), file, "")]


def lasting(path: str, tree: ast.Module) -> list[Objection]:
    """What tests of a new file put in the place of something imported, for all tests that are run after them."""
    imported = imported_by(tree.body)
    found = ((each.lineno, exchanged_for_good(each, imported)) for each in tree.body)
    return [
        Objection(
            kind="touched", path=path, line=line, what=f"{what}, for other tests too: put it back, as monkeypatch does"
        )
        for line, what in found
        if what
    ]


def _objection(path: str, line: int, what: str, subject: str = "") -> Objection:
    why = f"{what}; whoever does not own this file may only add tests to it"
    return Objection(kind="touched", path=path, line=line, what=why, subject=subject)


def _body(node: ast.Module | ast.ClassDef) -> list[ast.stmt]:
    first = node.body[0] if node.body else None
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return node.body[1:] if documented else node.body


def _beyond(old: list[ast.stmt], new: list[ast.stmt], file: _File, prefix: str) -> Iterator[tuple[int, str, str]]:
    """(line, what, subject) for every statement that is gone, is another, or is new and no mere addition."""
    kept = [each for each in old if not isinstance(each, ast.Import | ast.ImportFrom)]
    keys = [*map(key, kept)]
    known = {name for each in old for name in _taken_in(each)}
    left = {name for each in new for name in _taken_in(each)}
    at = 0
    extra: list[ast.stmt] = []
    for statement in new:
        there = kept[at] if at < len(kept) else None
        if there is not None and keys[at] == key(statement):
            at += 1
        elif (
            isinstance(there, ast.ClassDef) and isinstance(statement, ast.ClassDef) and _head(there) == _head(statement)
        ):
            at += 1
            yield from _beyond(_body(there), _body(statement), file.inside(there), f"{prefix}{there.name}.")
        else:
            extra.append(statement)
    for name in sorted(known - left):
        yield 0, f"the import of {name.rpartition(' ')[0] or name} is gone", ""
    if at < len(kept):
        yield *_changed(kept[at], extra, prefix), ""
        return
    for statement in extra:
        why = _reaches(statement, file, known)
        if why:
            yield statement.lineno, f"{prefix}{why}", _taken_from(statement, file)


def _changed(old: ast.stmt, extra: list[ast.stmt], prefix: str) -> tuple[int, str]:
    """How a statement that was there differs from what is there instead."""
    name = _title(old)
    instead = next((each for each in extra if name and _title(each) == name), None)
    if instead is None:
        return 0, f"{prefix}{name or repr(short(old))} is gone, or stands elsewhere"
    was, now = written(old).splitlines(), written(instead).splitlines()
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(was, now, strict=False))
    start = sum(1 for _ in alike)
    while len(was) > start and len(now) > start and was[-1] == now[-1]:
        del was[-1], now[-1]
    there, here = " ".join(was[start:]), " ".join(now[start:])
    if not there and not here:
        return instead.lineno, f"{prefix}{name} is not as it was"
    told = f"{short(there)!r}; instead: {short(here)!r}" if there else f"{short(here)!r} is new in it"
    return instead.lineno, f"{prefix}{name} is not as it was: {told}"


def _title(statement: ast.stmt) -> str:
    if isinstance(statement, _Function | ast.ClassDef):
        return statement.name
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return targets[0].id if isinstance(targets[0], ast.Name) else ""


def _head(node: ast.ClassDef) -> list[str]:
    return [node.name, *map(key, (*node.decorator_list, *node.bases, *node.keywords))]


def _taken_in(statement: ast.stmt) -> Iterator[str]:
    """Each name that an import binds, with where it comes from."""
    if isinstance(statement, ast.ImportFrom):
        for alias in statement.names:
            yield f"{alias.name} {'.' * statement.level}{statement.module or ''} {alias.asname or alias.name}"
    elif isinstance(statement, ast.Import):
        for alias in statement.names:
            yield f"{alias.name} {alias.asname or alias.name.partition('.')[0]}"


def _reaches(statement: ast.stmt, file: _File, known: set[str]) -> str:
    """Why a new statement is no mere addition, ``""`` when it is one."""
    taken = file.taken
    if isinstance(statement, ast.Import | ast.ImportFrom):
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            return ""
        new = {name.rpartition(" ")[2] for name in _taken_in(statement) if name not in known}
        new -= _packages(statement, known)
        return _bound_anew(new, taken.names if _is_code(statement) else taken.all) or (
            "'*' is imported, which may bind any name" if "*" in new else ""
        )
    if isinstance(statement, _Function | ast.ClassDef):
        return _bound_anew({statement.name}, taken.all) or _defined(statement, file)
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        names = [each for target in targets for each in _flat(target)]
        if not all(isinstance(each, ast.Name) for each in names):
            return f"{short(statement)!r} changes what is not its own"
        return (
            _bound_anew({each.id for each in names if isinstance(each, ast.Name)}, taken.all)
            or _as_fixture(statement, file)
            or reaching(statement, taken.names, file.new, file.seen)
        )
    if isinstance(statement, ast.If) and written(statement.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        return next((why for each in statement.body if (why := _reaches(each, file, known))), "")
    if isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    ):
        return ""
    return f"{short(statement)!r} is run while the file is imported"


def _defined(statement: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, file: _File) -> str:
    """Why a new function or class is no mere addition."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Global) and file.taken.names & set(node.names):
            return f"{statement.name} binds {', '.join(sorted(file.taken.names & set(node.names)))} anew"
    if why := exchanged_for_good(statement, file.imported, file.data):
        return f"{statement.name} is not only for itself: {why}"
    return _as_fixture(statement, file) or reaching(statement, file.taken.names, file.new, file.seen)


def _as_fixture(statement: ast.stmt, file: _File) -> str:
    """Why a fixture that a statement makes reaches tests that were there; those of a new class are for its own tests."""
    own = isinstance(statement, ast.ClassDef)
    if any(is_for_all(each, own_class=own) for each in ast.walk(statement)):
        name = getattr(statement, "name", short(statement))
        return f"the new fixture {name} is used by every test of the file (autouse)"
    if own or not makes(statement, file.makers):
        return ""
    for name in sorted(set(given_names(statement, file.makers))):
        if name == UNTOLD:
            return f"{short(statement)!r} makes a fixture by a name that cannot be read"
        if why := _bound_anew({name}, file.taken.all):
            return why
    return ""


def _branches(statement: ast.If | ast.Try) -> list[ast.stmt]:
    handlers = [each for handler in getattr(statement, "handlers", ()) for each in handler.body]
    return [*statement.body, *handlers, *statement.orelse, *getattr(statement, "finalbody", ())]


def _packages(statement: ast.Import | ast.ImportFrom, known: set[str]) -> set[str]:
    """Packages of which a part is imported, and that were imported before by the same name: ``import unittest.mock`` after ``import unittest``."""
    if isinstance(statement, ast.ImportFrom):
        return set()
    roots = {alias.name.partition(".")[0] for alias in statement.names if alias.asname is None}
    there = {
        name.split(" ")[1]
        for name in known
        if name.count(" ") == 1 and name.partition(".")[0].split(" ")[0] == name.split(" ")[1]
    }
    return roots & there


def _taken_from(statement: ast.stmt, file: _File) -> str:
    """``import flask`` where a name that is imported is one of a fixture only: what is not of the tree brings none by chance."""
    if not isinstance(statement, ast.ImportFrom) or statement.level or not statement.module:
        return ""
    new = {each.asname or each.name for each in statement.names}
    spoken = any(each in _SPOKEN or each.startswith("pytest_") for each in new)
    return "" if spoken or new & (file.taken.names | {"*"}) else f"import {statement.module.partition('.')[0]}"


def _is_code(statement: ast.Import | ast.ImportFrom) -> bool:
    """Whether what is imported is no fixture: it is a module, or comes from the standard library."""
    if isinstance(statement, ast.Import):
        return True
    return not statement.level and (statement.module or "").partition(".")[0] in sys.stdlib_module_names


def _bound_anew(names: Iterable[str], taken: frozenset[str]) -> str:
    for name in sorted(names):
        if name in _SPOKEN or name.startswith("pytest_"):
            return f"{name} is new, which speaks for every test of the file"
        if name in taken:
            return f"{name} is bound anew, which tests that were there use"
    return ""


def _flat(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        for each in target.elts:
            yield from _flat(each)
    else:
        yield target
