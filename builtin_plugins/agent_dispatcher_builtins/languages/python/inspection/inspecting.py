"""All that can be said against a Python file by reading it, apart from what could be said against it before."""

from __future__ import annotations

import ast
import posixpath

from agent_dispatcher.extension import Objection

from .additions import lasting, touched
from .marks import marks
from .steering import steering
from .stubs import stubs
from .test_strength import idle, weakened

__all__ = ["inspect"]

#: Files that are loaded by themselves, before or beside tests.
_LOADED = frozenset(("conftest.py", "sitecustomize.py", "usercustomize.py"))


def inspect(path: str, before: str | None, after: str | None, *, is_test: bool) -> tuple[Objection, ...]:
    """See :class:`agent_dispatcher.extension.components.WorkInspector`. What is nested too deeply to be read is not accepted."""
    try:
        return _inspected(path, before, after, is_test)
    except (RecursionError, MemoryError):
        what = "it is nested so deeply that nobody can tell what it says: divide it into statements"
        return (Objection(kind="weakened" if is_test else "stub", path=path, what=what),)


def _inspected(path: str, before: str | None, after: str | None, is_test: bool) -> tuple[Objection, ...]:
    old = _parsed(before)
    new = _parsed(after)
    found: list[tuple[str, Objection]] = []
    if new is not None and after is not None:
        found = _against(path, after, new, is_test)
    if found and old is not None and before is not None:
        known = {key for key, _ in _against(path, before, old, is_test)}
        found = [(key, objection) for key, objection in found if key not in known]
    objections = sorted((objection for _, objection in found), key=lambda each: each.line)
    if is_test and old is not None and (new is not None or after is None):
        objections += weakened(path, old, new)
    if is_test and old is not None and after is not None:
        objections += touched(path, old, new)
    elif is_test and before is None and new is not None:
        objections += lasting(path, new)
    return tuple(objections)


def _against(path: str, text: str, tree: ast.Module, is_test: bool) -> list[tuple[str, Objection]]:
    """Tests may have doubles that do nothing; what they may not is pass whatever happens."""
    found = [*marks(path, text, tree), *(idle(path, tree) if is_test else stubs(path, tree))]
    folders = path.split("/")[:-1]
    beside = "tests" in folders or folders[:1] == ["test"]  # ``test`` in a package may be a part of it
    if not is_test and (posixpath.basename(path) in _LOADED or beside):
        found += steering(path, tree)
    return found


def _parsed(text: str | None) -> ast.Module | None:
    """``None`` for no text, and for one that is no Python, which is for the compiler to say."""
    if text is None:
        return None
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None
