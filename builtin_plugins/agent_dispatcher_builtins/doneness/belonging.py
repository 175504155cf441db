"""What stands around tests belongs to whoever writes them: ``conftest.py``, the configuration of what runs them, and all that lies beside them.

A task that does not promise such a file leaves it as it is. It may add tests, and what they need, as long as nothing of it can reach the tests that are there.
"""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence

from attrs import frozen

from agent_dispatcher.extension import Objection
from agent_dispatcher.models import Task

from .collecting import Standing, asks_for_marks_of, configures, loosened, options_of, reset
from .conftests import for_all, holds_code, put_in_place_of
from .reading import same_code, text_of
from .relocating import moved_along
from .selecting import marks_in

__all__ = ["Tree", "around", "beside_tests"]

Now = Callable[[str], bytes | None]
Before = Callable[[str], Awaitable[bytes | None]]

#: Files that are loaded before tests, without being asked for.
_LOADED = frozenset(("conftest.py", "sitecustomize.py", "usercustomize.py"))
#: Under this name packages offer plugins to pytest, which loads them by itself.
_OFFERED = "pytest11"
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


@frozen(kw_only=True)
class Tree:
    """The result as a whole.

    Attributes:
        now: the bytes of a file of the result.
        before: the bytes it had before; ``None`` itself when nobody can tell.
        files: the paths of its files; ``None`` when nobody can tell.
        tests: those of its tests; ``None`` when nobody can tell.
        moved: new path to old, of files that were moved.
        sources: the source files that the task promises or brings, which are no tests and stand beside none.
    """

    now: Now
    before: Before | None
    files: Callable[[], Sequence[str] | None]
    tests: Callable[[], Sequence[str] | None]
    moved: Mapping[str, str]
    sources: Sequence[str] = ()

    async def text_before(self, path: str) -> str | None:
        """What a file said before, wherever it stood."""
        return text_of(path, await self.before(self.moved.get(path, path))) if self.before is not None else None

    async def stood(self, path: str) -> bool:
        """Whether it was there before, wherever."""
        return path in self.moved or (self.before is not None and await self.before(path) is not None)


def beside_tests(path: str) -> bool:
    """Whether a file may decide about tests although it is none: by its name, or by lying beside them."""
    name = posixpath.basename(path)
    inside = bool(_FOLDERS & set(path.split("/")[:-1])) and not name.startswith("README")
    return name in _LOADED or configures(path) or inside or _takes_over(path)


def _takes_over(path: str) -> bool:
    """Whether a file is loaded by what runs tests: as a plugin, or in the place of a part of it."""
    top = path.removeprefix("src/").partition("/")[0]
    return _PLUGIN.fullmatch(path) is not None or (path.endswith(".py") and top.removesuffix(".py") in _RUNNERS)


async def around(task: Task, path: str, promised: Sequence[str], tree: Tree) -> list[Objection]:
    """What speaks against a change of a file for which :func:`beside_tests` holds, whatever its language."""
    now, before = tree.now, tree.before
    if (named := _only_by_name(path)) and not any(each.startswith(named) for each in tree.tests() or ()):
        return []
    after, old = text_of(path, now(path)), text_of(path, await before(path) if before is not None else None)
    name = posixpath.basename(path)
    mine = path in promised
    if configures(path) and (name in _MIXED or mine):
        found = [] if mine else reset(path, old, after)
        if not mine and _OFFERED in (after or "") and _OFFERED not in (old or ""):
            found.append(_decides(path, f"a plugin of what runs them is offered ({_OFFERED})"))
        said = after is not None and options_of(path, after) != {}
        return found or (loosened(path, old, after or "", await _standing(path, old, after, tree)) if said else [])
    if mine and name == "conftest.py" and task.type != "testing":
        known = set(put_in_place_of(old, tree.files))
        return [_decides(path, each) for each in put_in_place_of(after, tree.files) if each not in known]
    if mine or await _moved_with_tests(path, tree):
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
    elif configures(path) and await _is_first(tree):
        return loosened(path, None, after or "", await _standing(path, None, after, tree))
    elif name in _LOADED and task.type != "testing" and await _is_first(tree):
        return _first(path, after, tree)
    elif name in _LOADED and task.type != "testing":
        what = f"it {done}, and decides about all tests, which this task does not own: keep what a test needs in its own file"
    elif configures(path):
        if task.type != "testing":
            return [_unasked(path, done)]
        return loosened(path, None, after or "", await _standing(path, None, after, tree))
    elif name == "__init__.py" and task.type != "testing" and (put := list(put_in_place_of(after, tree.files))):
        return [_decides(path, each) for each in put]
    elif shadowed := _shadowed(path, now):
        what = f"it {done}, and tests that import {shadowed} would get it instead: give it another name"
    else:
        return []
    return [Objection(kind="weakened", path=path, what=what)]


def _only_by_name(path: str) -> str:
    """The folder (with a slash) named ``test`` for which alone a module of Python counts, although it stands in another, which may be one of the code; ``""`` for none."""
    folders = path.split("/")[:-1]
    named = [each for each in folders if each in _FOLDERS]
    plain = path.endswith(".py") and posixpath.basename(path) not in _LOADED and not _takes_over(path)
    if not plain or set(named) != {"test"} or folders[0] == "test":
        return ""
    return "/".join(folders[: folders.index("test") + 1]) + "/"


async def _moved_with_tests(path: str, tree: Tree) -> bool:
    """Whether a file is, or was, where it lies beside tests only because their folder was moved."""
    if tree.before is None or configures(path):
        return False
    back = {old: new for new, old in tree.moved.items()}
    new = path if path in tree.moved else back.get(path, "")
    return bool(new) and await moved_along(
        new, tree.moved[new], tuple(tree.tests() or ()), tree.now, tree.before, tree.moved
    )


def _first(path: str, text: str | None, tree: Tree) -> list[Objection]:
    """What speaks against the first ``conftest.py`` of a task that writes no tests."""
    code = next((each for each in tree.sources if holds_code(each, text_of(each, tree.now(each)))), "")
    if code:
        return [_decides(path, f"those of {code}, which this task writes: keep what a test needs in its own file")]
    return [_decides(path, each) for each in (*for_all(text), *put_in_place_of(text, tree.files))]


def _decides(path: str, what: str) -> Objection:
    return Objection(kind="weakened", path=path, what=f"it decides about tests of others: {what}")


async def _is_first(tree: Tree) -> bool:
    """Whether there were no tests that a new file could decide about."""
    tests = tree.tests()
    if tree.before is None or tests is None:
        return False
    for each in tests:
        if await tree.stood(each):
            return False
    return True


async def _standing(path: str, old: str | None, after: str | None, tree: Tree) -> Standing:
    """What is known of the tests that a file of configuration may leave out."""
    tests = tree.tests()
    if tests is None or tree.before is None:
        return Standing(now=tests)
    stood = [each for each in tests if await tree.stood(each)]
    marks = None
    if asks_for_marks_of(path, old, after):
        shared: set[str] = set()
        for each in tree.files() or ():
            if each.endswith(".py") and beside_tests(each) and each not in tests:
                shared |= marks_in(await tree.text_before(each) or "", own=False)
        marks = {each: marks_in(await tree.text_before(each) or "", own=True) | shared for each in stood}
    return Standing(
        now=tests, before=stood, moved=tree.moved, marks=marks, options=await _options_elsewhere(path, tree)
    )


async def _options_elsewhere(path: str, tree: Tree) -> dict[str, str]:
    """Options that stood in other files of configuration, and are in none of them now."""
    found: dict[str, str] = {}
    for name in sorted(_MIXED | {"pytest.ini", ".pytest.ini"} - {"package.json"}):
        other = posixpath.join(posixpath.dirname(path), name)
        was = options_of(other, await tree.text_before(other)) if other != path else None
        if was and not options_of(other, text_of(other, tree.now(other))):
            found |= {key.rpartition(".")[2]: value for key, value in was.items()}
    return found


def _unasked(path: str, done: str) -> Objection:
    return Objection(
        kind="weakened", path=path, what=f"it {done}, and decides how all tests are run, which this task does not own"
    )


def _shadowed(path: str, now: Now) -> str:
    """The module whose place a new file beside tests would take when tests import it, ``""`` for none."""
    if not path.endswith(".py") or not _FOLDERS & set(path.split("/")[:-1]):
        return ""
    top = path.split("/")
    if top.pop() == "__init__.py":
        top, name = top[:-1], top[-1]
    else:
        name = posixpath.basename(path).removesuffix(".py")
    while top and now("/".join([*top, "__init__.py"])) is not None:
        name = top.pop()  # in a package of tests it is tests.name
    if name in _FOLDERS:
        return ""
    places = (f"src/{name}.py", f"src/{name}/__init__.py", f"{name}.py", f"{name}/__init__.py")
    known = name in sys.stdlib_module_names or name in _RUNNERS or any(now(each) is not None for each in places)
    return name if known and path not in places else ""
