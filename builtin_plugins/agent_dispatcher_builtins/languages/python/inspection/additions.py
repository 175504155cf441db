"""Was anything but new tests added to a file of tests? Whoever does not own such a file may do nothing else to it.

What was there has to be there still, statement by statement: tests with their decorators, helpers, fixtures, constants. What is new must not reach into it:
no name that it uses is bound anew, and nothing is run while the file is imported that could decide about its tests. Layout and comments do not matter.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher

from agent_dispatcher.extension import Objection

from .names_used import Used, used

__all__ = ["touched"]

_SHOWN = 160
_Function = ast.FunctionDef | ast.AsyncFunctionDef
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
        "skip",
        "exit",
        "_exit",
        "xfail",
        "fail",
        "importorskip",
        "register",
    ]
)


def touched(path: str, before: ast.Module, after: ast.Module | None) -> list[Objection]:
    """What of the tests of a file is not as it was, or reaches into them; ``None`` after: it cannot be read any more."""
    if after is None:
        return [_objection(path, 0, "its tests cannot be read any more")]
    return [_objection(path, line, what) for line, what in _beyond(_body(before), _body(after), used(before), "")]


def _objection(path: str, line: int, what: str) -> Objection:
    why = f"{what}; whoever does not own this file may only add tests to it"
    return Objection(kind="touched", path=path, line=line, what=why)


def _body(node: ast.Module | ast.ClassDef) -> list[ast.stmt]:
    first = node.body[0] if node.body else None
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return node.body[1:] if documented else node.body


def _beyond(old: list[ast.stmt], new: list[ast.stmt], taken: Used, prefix: str) -> Iterator[tuple[int, str]]:
    """(line, what) for every statement that is gone, is another, or is new and no mere addition."""
    kept = [each for each in old if not isinstance(each, ast.Import | ast.ImportFrom)]
    known = {name for each in old for name in _taken_in(each)}
    left = {name for each in new for name in _taken_in(each)}
    at = 0
    extra: list[ast.stmt] = []
    for statement in new:
        there = kept[at] if at < len(kept) else None
        if there is not None and ast.dump(there) == ast.dump(statement):
            at += 1
        elif (
            isinstance(there, ast.ClassDef) and isinstance(statement, ast.ClassDef) and _head(there) == _head(statement)
        ):
            at += 1
            yield from _beyond(_body(there), _body(statement), taken.inside(there), f"{prefix}{there.name}.")
        else:
            extra.append(statement)
    for name in sorted(known - left):
        yield 0, f"the import of {name.rpartition(' ')[0] or name} is gone"
    if at < len(kept):
        yield _changed(kept[at], extra, prefix)
        return
    for statement in extra:
        why = _reaches(statement, taken, known)
        if why:
            yield statement.lineno, f"{prefix}{why}"


def _changed(old: ast.stmt, extra: list[ast.stmt], prefix: str) -> tuple[int, str]:
    """How a statement that was there differs from what is there instead."""
    name = _title(old)
    instead = next((each for each in extra if name and _title(each) == name), None)
    if instead is None:
        return 0, f"{prefix}{name or repr(_short(ast.unparse(old)))} is gone, or stands elsewhere"
    was, now = ast.unparse(old).splitlines(), ast.unparse(instead).splitlines()
    for tag, start, end, other_start, other_end in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if tag != "equal":
            there, here = " ".join(was[start:end]), " ".join(now[other_start:other_end])
            told = f"{_short(there)!r}; instead: {_short(here)!r}" if there else f"{_short(here)!r} is new in it"
            return instead.lineno, f"{prefix}{name} is not as it was: {told}"
    return instead.lineno, f"{prefix}{name} is not as it was"


def _title(statement: ast.stmt) -> str:
    if isinstance(statement, _Function | ast.ClassDef):
        return statement.name
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return targets[0].id if isinstance(targets[0], ast.Name) else ""


def _head(node: ast.ClassDef) -> list[str]:
    return [node.name, *map(ast.dump, (*node.decorator_list, *node.bases, *node.keywords))]


def _taken_in(statement: ast.stmt) -> Iterator[str]:
    """Each name that an import binds, with where it comes from."""
    if isinstance(statement, ast.ImportFrom):
        for alias in statement.names:
            yield f"{alias.name} {'.' * statement.level}{statement.module or ''} {alias.asname or alias.name}"
    elif isinstance(statement, ast.Import):
        for alias in statement.names:
            yield f"{alias.name} {alias.asname or alias.name.partition('.')[0]}"


def _reaches(statement: ast.stmt, taken: Used, known: set[str]) -> str:
    """Why a new statement is no mere addition, ``""`` when it is one."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            return ""
        bound = {name.rpartition(" ")[2] for name in _taken_in(statement) if name not in known}
        return _bound_anew(bound, taken.names if _is_code(statement, known) else taken.all) or (
            "'*' is imported, which may bind any name" if "*" in bound else ""
        )
    if isinstance(statement, _Function | ast.ClassDef):
        for node in ast.walk(statement):
            if isinstance(node, ast.Global) and taken.names & set(node.names):
                return f"{statement.name} binds {', '.join(sorted(taken.names & set(node.names)))} anew"
            if isinstance(node, _Function) and any(_is_for_all(each) for each in node.decorator_list):
                return f"the new fixture {node.name} is used by every test of the file (autouse)"
        if isinstance(statement, ast.ClassDef) and (why := _reaching(_run_at_once(statement.body))):
            return why
        return _bound_anew({statement.name}, taken.all) or _reaching(statement.decorator_list)
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        names = [each for target in targets for each in _flat(target)]
        if not all(isinstance(each, ast.Name) for each in names):
            return f"{_short(ast.unparse(statement))!r} changes what is not its own"
        bound = {each.id for each in names if isinstance(each, ast.Name)}
        return _bound_anew(bound, taken.all) or _reaching([statement])
    if isinstance(statement, ast.If) and ast.unparse(statement.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        return next((why for each in statement.body if (why := _reaches(each, taken, known))), "")
    if isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    ):
        return ""
    return f"{_short(ast.unparse(statement))!r} is run while the file is imported"


def _is_code(statement: ast.Import | ast.ImportFrom, known: set[str]) -> bool:
    """Whether what is imported is no fixture: it comes from the standard library, or from where the file took code before."""
    if isinstance(statement, ast.Import):
        return True
    source = f"{'.' * statement.level}{statement.module or ''}"
    return source.partition(".")[0] in sys.stdlib_module_names or source in {
        name.split(" ")[1] for name in known if name.count(" ") == 2
    }


def _run_at_once(body: list[ast.stmt]) -> list[ast.AST]:
    """What of a class is run when the class is made."""
    found: list[ast.AST] = []
    for each in body:
        found += each.decorator_list if isinstance(each, _Function | ast.ClassDef) else [each]
        if isinstance(each, ast.ClassDef):
            found += _run_at_once(each.body)
    return found


def _bound_anew(names: Iterable[str], taken: frozenset[str]) -> str:
    for name in sorted(names):
        if name in _SPOKEN or name.startswith("pytest_"):
            return f"{name} is new, which speaks for every test of the file"
        if name in taken:
            return f"{name} is bound anew, which tests that were there use"
    return ""


def _reaching(nodes: Iterable[ast.AST]) -> str:
    for node in nodes:
        for each in ast.walk(node):
            called = each.func if isinstance(each, ast.Call) else None
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in _REACHING and not _is_mark(called):
                return f"{_short(ast.unparse(each))!r} is called while the file is imported"
    return ""


def _is_mark(called: ast.expr | None) -> bool:
    return isinstance(called, ast.Attribute) and isinstance(called.value, ast.Attribute) and called.value.attr == "mark"


def _is_for_all(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and any(
        word.arg == "autouse" and not (isinstance(word.value, ast.Constant) and word.value.value is False)
        for word in decorator.keywords
    )


def _flat(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        for each in target.elts:
            yield from _flat(each)
    else:
        yield target


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"
