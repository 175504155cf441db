"""Where a function is defined that a text names, found by parsing; nothing is imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from agent_dispatcher.errors import PathRefused
from agent_dispatcher.workspace.path_guard import GuardedFolder

__all__ = ["homes"]

_MAX_BYTES = 1024**2
_TEST_FILE = re.compile(r"(?:test_.*|.*_test|conftest|setup)\.py")
_TEST_FOLDERS = frozenset(("tests", "test", "testing", "examples", "docs", "benchmarks"))


def homes(function: str, tree: Path) -> tuple[str, ...]:
    """The sources that define it at their top, or bind it to something there; tests and what lies beside them are none."""
    folder = GuardedFolder(tree, max_bytes=_MAX_BYTES)
    named = re.compile(rb"(?m)(?:^|\s|;)(?:def\s+" + function.encode() + rb"\s*\(|" + function.encode() + rb"\s*[:=])")
    found = []
    for path in folder.files():
        if not path.endswith(".py") or _is_of_tests(path):
            continue
        try:
            source = folder.read_bytes(path)
            if named.search(source) and function in _bound(_flat(ast.parse(source).body)):
                found.append(path)
        except (FileNotFoundError, PathRefused, SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return tuple(sorted(found))


def _is_of_tests(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return _TEST_FILE.fullmatch(parts[-1]) is not None or not _TEST_FOLDERS.isdisjoint(parts[:-1])


def _flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With):
            yield from _flat(statement.body)
            yield from _flat(getattr(statement, "orelse", ()))
            for handler in getattr(statement, "handlers", ()):
                yield from _flat(handler.body)


def _bound(body: Iterable[ast.stmt]) -> set[str]:
    """Functions that are defined, and names that are bound to what is called, taken or written as a function (``f = partial(g, 1)``)."""
    names = set()
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(statement.name)
        elif isinstance(statement, ast.Assign | ast.AnnAssign) and not isinstance(statement.value, ast.Constant):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names |= {each.id for each in targets if isinstance(each, ast.Name)}
    return names
