"""What stands around tests belongs to whoever writes them: ``conftest.py``, the configuration of what runs them, and all that lies beside them.

A task that does not promise such a file leaves it as it is. It may add tests, and what they need, as long as nothing of it can reach the tests that are there.
"""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Awaitable, Callable, Sequence

from agent_dispatcher.extension import Objection
from agent_dispatcher.models import Task

from .collecting import configures, loosened, options_of, reset
from .reading import same_code, text_of

__all__ = ["around", "beside_tests"]

Now = Callable[[str], bytes | None]
Before = Callable[[str], Awaitable[bytes | None]]

#: Files that are loaded before tests, without being asked for.
_LOADED = frozenset(("conftest.py", "sitecustomize.py", "usercustomize.py"))
_PLUGIN = re.compile(r".*\.(?:egg|dist)-info/entry_points\.txt")
_FOLDERS = frozenset(("tests", "test", "__tests__"))
#: Files that say more than how tests are run.
_MIXED = frozenset(("pyproject.toml", "tox.ini", "setup.cfg", "package.json"))
#: Modules of what runs tests: one of the same name in the tree would be loaded instead of them.
_RUNNERS = frozenset(
    [
        "pytest",
        "_pytest",
        "pluggy",
        "iniconfig",
        "hypothesis",
        "_hypothesis_pytestplugin",
        "pytest_cov",
        "pytest_asyncio",
        "pytest_mock",
        "pytest_timeout",
        "xdist",
        "anyio",
        "coverage",
    ]
)


def beside_tests(path: str) -> bool:
    """Whether a file may decide about tests although it is none: by its name, or by lying beside them."""
    name = posixpath.basename(path)
    inside = bool(_FOLDERS & set(path.split("/")[:-1])) and not name.startswith("README")
    return name in _LOADED or configures(path) or inside or _takes_over(path)


def _takes_over(path: str) -> bool:
    """Whether a file is loaded by what runs tests: as a plugin, or in the place of a part of it."""
    top = path.removeprefix("src/").partition("/")[0]
    return _PLUGIN.fullmatch(path) is not None or (path.endswith(".py") and top.removesuffix(".py") in _RUNNERS)


async def around(
    task: Task,
    path: str,
    promised: Sequence[str],
    now: Now,
    before: Before | None,
    tests: Callable[[], Sequence[str] | None],
) -> list[Objection]:
    """What speaks against a change of a file for which :func:`beside_tests` holds, whatever its language; ``tests``: the files of tests of the result, where that can be told."""
    if _only_by_name(path) and not any(posixpath.dirname(each) == posixpath.dirname(path) for each in tests() or ()):
        return []
    after, old = text_of(path, now(path)), text_of(path, await before(path) if before is not None else None)
    name = posixpath.basename(path)
    mine = path in promised
    if configures(path) and (name in _MIXED or mine):
        found = [] if mine else reset(path, old, after)
        said = after is not None and options_of(path, after) != {}
        return found or (loosened(path, old, after or "", tests()) if said else [])
    if mine:
        return []
    there = before is not None and await before(path) is not None
    if there and (
        same_code(path, old, after) or (configures(path) and options_of(path, old) == options_of(path, after))
    ):
        return []
    done = "was deleted" if now(path) is None else "was changed" if there else "is new"
    if there or _takes_over(path):
        what = f"it belongs to the tests, which this task does not own, and {done}: leave it as it was"
    elif name in _LOADED - {"conftest.py"}:
        what = f"it {done}, and decides about all tests, which this task does not own: keep what a test needs in its own file"
    elif (configures(path) or name in _LOADED) and await _is_first(tests(), before):
        return loosened(path, None, after or "", tests()) if configures(path) else []
    elif name in _LOADED and task.type != "testing":
        what = f"it {done}, and decides about all tests, which this task does not own: keep what a test needs in its own file"
    elif configures(path):
        return loosened(path, None, after or "", tests()) if task.type == "testing" else [_unasked(path, done)]
    elif shadowed := _shadowed(path, now):
        what = f"it {done}, and tests that import {shadowed} would get it instead: give it another name"
    else:
        return []
    return [Objection(kind="weakened", path=path, what=what)]


def _only_by_name(path: str) -> bool:
    """Whether a module of Python counts only for a folder named ``test`` that stands in another, which may be one of the code."""
    folders = path.split("/")[:-1]
    named = [each for each in folders if each in _FOLDERS]
    plain = path.endswith(".py") and posixpath.basename(path) not in _LOADED and not _takes_over(path)
    return plain and set(named) == {"test"} and folders[0] != "test"


async def _is_first(tests: Sequence[str] | None, before: Before | None) -> bool:
    """Whether there were no tests that a new file could decide about."""
    if before is None or tests is None:
        return False
    for each in tests:
        if await before(each) is not None:
            return False
    return True


def _unasked(path: str, done: str) -> Objection:
    return Objection(
        kind="weakened", path=path, what=f"it {done}, and decides how all tests are run, which this task does not own"
    )


def _shadowed(path: str, now: Now) -> str:
    """The module whose place a new file beside tests would take when tests import it, ``""`` for none."""
    if not path.endswith(".py"):
        return ""
    parts = path.split("/")
    inside = (
        parts[max(at for at, part in enumerate(parts[:-1]) if part in _FOLDERS) + 1 :]
        if _FOLDERS & set(parts[:-1])
        else []
    )
    name = inside[0].removesuffix(".py") if inside else ""
    package = "/".join([*parts[: len(parts) - len(inside)], "__init__.py"])
    if not name or name == "__init__" or now(package) is not None:
        return ""  # in a package of tests it is tests.name
    places = (f"src/{name}.py", f"src/{name}/__init__.py", f"{name}.py", f"{name}/__init__.py")
    known = name in sys.stdlib_module_names or name in _RUNNERS or any(now(each) is not None for each in places)
    return name if known and path not in places else ""
