"""What speaks against a result that says *done*: nothing was made, it is a stub, it weakens tests, or its tests cannot fail.

Files are read, never run: in a thread, and up to a size, so that nothing else waits for a hostile text. Only what the work itself changed is held against it: a
stub or a weak test that was there before is nobody's fault now.
What a language can tell of its files (:class:`agent_dispatcher.extension.components.WorkInspector`) it is asked; the rest is the same for all.
"""

from __future__ import annotations

import asyncio
import hashlib
import posixpath
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from threading import Lock

from attrs import evolve

from agent_dispatcher.extension import Objection
from agent_dispatcher.extension.components import CodeTools, Language, SeesOverrides, WorkInspector
from agent_dispatcher.models import Task

from .belonging import Tree, around, beside_tests
from .collecting import configures
from .moves import moved
from .overriding import makes_fixtures, overridden, taking
from .placeholders import placeholders
from .reading import text_of
from .relocating import anchored, not_run_there, other_rules

__all__ = ["WORK", "concerns", "objections_to"]

#: Task types whose result is files.
WORK = frozenset({"code_writing", "testing", "debugging", "refactoring", "documentation"})
#: Of these the result is a change to what is there: files that are there already prove nothing.
_CHANGES = frozenset({"debugging", "refactoring"})
#: Files that may be empty.
_MARKERS = frozenset(("__init__.py", "py.typed", "conftest.py", ".gitkeep", ".keep", ".nojekyll"))

#: Stubs that other files may tell to be none: methods, and classes.
_ELSEWHERE = re.compile(r"\.|^class ")
#: What speaks against a result only where this module is one of the tree's own, or this package is (which what lies beside tests may be too).
_MODULE = re.compile(r"(?:module|import) ")
_MOST_SOURCES = 2000
_MOST_SEEN = 8000
#: The largest source or test whose text is looked into.
_MOST_BYTES = 1024**2
_SEEN: dict[tuple[type, bytes], frozenset[str]] = {}
_SEEING = Lock()

Now = Callable[[str], bytes | None]
Before = Callable[[str], Awaitable[bytes | None]]


def concerns(task: Task, path: str, language: Language | None) -> bool:
    """Whether a changed file is looked at: of a task whose result is files each one, of any other the code, the tests and what surrounds them."""
    known = language is not None and (language.is_source(path) or language.is_test(path))
    return task.type in WORK or known or beside_tests(path)


async def objections_to(
    task: Task,
    changed: Iterable[str],
    *,
    now: Now,
    before: Before | None,
    language: Language | None,
    tree: Callable[[], Iterable[str]] | None = None,
) -> tuple[Objection, ...]:
    """Everything that speaks against the work of ``task``, in the order of its files.

    Args:
        changed: paths that were added, changed or deleted; every other file is as it was.
        now: the bytes of a file of the result; ``None`` when it is not there.
        before: the bytes that one of ``changed`` had before; ``None`` itself when nobody can tell, so that weaker tests are not seen.
        language: the active language.
        tree: the paths of all files of the result, in which what a class leaves to others may be found; asked only where that or the tests that are
            there matter; ``None`` when nobody can tell.
    """
    touched = frozenset(changed)
    paths = sorted(path for path in touched if concerns(task, path, language))
    promised = [ref.name for ref in task.produces if ref.type == "path"]
    if not paths and task.type not in WORK:
        return ()
    if not paths:
        return _nothing(task, promised, now)

    @cache
    def files() -> tuple[str, ...] | None:
        return None if tree is None else tuple(tree())

    @cache
    def tests() -> tuple[str, ...] | None:
        there = files()
        return None if there is None or language is None else tuple(path for path in there if language.is_test(path))

    async def earlier(path: str) -> bytes | None:
        return now(path) if before is None or path not in touched else await before(path)

    was = None if before is None else earlier
    whole = Tree(
        now=now,
        before=was,
        files=files,
        tests=tests,
        moved=await moved(paths, now, was),
        sources=_sources({*paths, *promised}, language),
    )
    found = []
    for path in paths:
        found += await _about(task, path, promised, whole, language)
    if task.type != "testing":
        found += await _fixtures_of_code(paths, whole, language)

    @cache
    def own(subject: str) -> bool:
        return _is_own(subject, files() or (), language)

    found = [each for each in found if not _MODULE.match(each.subject) or own(each.subject)]
    if (
        language is None
        or tree is None
        or not any(each.kind == "stub" and _ELSEWHERE.search(each.subject) for each in found)
    ):
        return tuple(found)
    return tuple(await asyncio.to_thread(_without_left_to_others, found, now, language, tree))


def _is_own(subject: str, files: Iterable[str], language: Language | None) -> bool:
    """Whether a module is one of the tree's own code; one that has only its last name in common counts for another."""
    what, _, name = subject.partition(" ")
    if what == "import":
        return any(name in path.removesuffix(".py").split("/") for path in files)
    if not isinstance(language, CodeTools):
        return True
    modules = (language.module(path) for path in files if language.is_source(path) and not beside_tests(path))
    return any(each == name or ("." in name and each.endswith(f".{name}")) for each in modules)


async def _fixtures_of_code(paths: Sequence[str], tree: Tree, language: Language | None) -> list[Objection]:
    """What of the changed code makes fixtures that tests of others may get, and did not before; a tree whose code makes them anyhow may make more."""
    if language is None:
        return []
    found = []
    for path in paths:
        new, old = text_of(path, tree.now(path)), await tree.text_before(path)
        code = not language.is_test(path) and posixpath.basename(path) != "conftest.py"
        if not code or not makes_fixtures(path, new) or makes_fixtures(path, old):
            continue
        tests = [each for each in tree.tests() or () if await tree.stood(each)]
        test = taking(path, tests, paths, tree.now)
        if test and not await asyncio.to_thread(_makes_any, paths, tree, language):
            what = f"it makes fixtures, which it did not before and which tests of {test} may get: leave them to who owns the tests"
            found.append(Objection(kind="weakened", path=path, what=what))
    return found


def _makes_any(changed: Sequence[str], tree: Tree, language: Language) -> bool:
    """Whether code that is no test, and was not changed, makes fixtures."""
    others = (
        each
        for each in islice(tree.files() or (), _MOST_SOURCES)
        if each not in changed and language.is_source(each) and not language.is_test(each) and not beside_tests(each)
    )
    return any(makes_fixtures(each, text_of(each, tree.now(each))) for each in others)


def _sources(paths: Iterable[str], language: Language | None) -> list[str]:
    """Those of the files that are code, and neither tests nor beside them."""
    if language is None:
        return []
    return sorted(
        each for each in paths if language.is_source(each) and not language.is_test(each) and not beside_tests(each)
    )


def _without_left_to_others(
    found: Sequence[Objection], now: Now, language: Language, tree: Callable[[], Iterable[str]]
) -> Sequence[Objection]:
    """Without methods that a derived class implements, and classes that are used, in whichever file."""
    if not isinstance(language, SeesOverrides):
        return found
    sources = islice(
        (path for path in tree() if language.is_source(path) and not language.is_test(path)), _MOST_SOURCES
    )
    there: set[str] = set()
    for path in sources:
        data = now(path)
        if data is not None and len(data) <= _MOST_BYTES:
            there |= _seen_in(language, text_of(path, data) or "")
    return [each for each in found if each.kind != "stub" or there.isdisjoint(_known_as(each))]


def _known_as(stub: Objection) -> Iterator[str]:
    """How other files may call what is a stub: by its name alone, where a language knows no more, or with the last part of where they take it from.

    That is the file, or a package that it lies in and that hands it on.
    """
    kind, _, name = stub.subject.rpartition(" ")
    name = ".".join(name.split(".")[-2:])
    kind = f"{kind} " if kind else ""
    yield f"{kind}{name}"
    for part in (*posixpath.splitext(stub.path)[0].split("/"), ""):
        yield f"{kind}{part}.{name}"


def _seen_in(language: SeesOverrides, text: str) -> frozenset[str]:
    """What a text implements and uses; asked once for each text, as most of a tree is the same each time."""
    key = (type(language), hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    with _SEEING:
        known = _SEEN.get(key)
    if known is None:
        known = language.overrides(text)
        with _SEEING:
            while len(_SEEN) >= _MOST_SEEN:
                _SEEN.pop(next(iter(_SEEN)))
            _SEEN[key] = known
    return known


def _nothing(task: Task, promised: Sequence[str], now: Now) -> tuple[Objection, ...]:
    """An empty result counts only where everything that was promised was there already."""
    if task.type not in _CHANGES and promised and all(now(path) is not None for path in promised):
        return ()
    missing = [path for path in promised if now(path) is None]
    what = (
        f"nothing was changed, and {', '.join(missing)} is missing"
        if missing
        else "it is said to be done, and no file was changed"
    )
    return (Objection(kind="empty", path=promised[0] if promised else "the result", what=what),)


async def _about(
    task: Task, path: str, promised: Sequence[str], tree: Tree, language: Language | None
) -> list[Objection]:
    data, before = tree.now(path), tree.before
    is_test = language is not None and language.is_test(path)
    sways = beside_tests(path) and not is_test
    if sways and (path.endswith(".py") or configures(path)) and data is not None and len(data) > _MOST_BYTES:
        return await _too_large(path, tree, True)
    found = await around(task, path, promised, tree) if sways else []
    if data is None:
        return await _deleted(path, tree, language) if is_test else found
    if found and path not in promised:
        return found
    if not data.strip() and path in promised and posixpath.basename(path) not in _MARKERS:
        return [Objection(kind="stub", path=path, what="the file is empty")]
    judged = isinstance(language, WorkInspector) and (language.is_source(path) or is_test)
    if judged and len(data) > _MOST_BYTES:
        return [*found, *(await _too_large(path, tree, is_test))]
    text = text_of(path, data)
    if text is None:
        return [*found, _unreadable(path, is_test)] if judged else found
    if not isinstance(language, WorkInspector) or not judged:
        return [*found, *(await _marks(path, text, tree))]
    seen = await asyncio.to_thread(language.objections, path, None, text)
    origin = tree.moved.get(path, path)
    if before is not None and (seen or is_test) and language.is_test(origin) == is_test:
        old_data = await before(origin)
        old = text_of(origin, old_data)
        if is_test and old_data is not None and old is None:
            return [*found, *seen, _unreadable(path, is_test, "it was not, so that nobody can tell what is left of it")]
        if is_test and old is not None and origin != path:
            seen = await asyncio.to_thread(_moved_tests, path, text, origin, old, tree, language)
        else:
            seen = await asyncio.to_thread(language.objections, path, old, text)
            if is_test and old is not None and path.endswith(".py"):
                seen = (*seen, *(await asyncio.to_thread(overridden, path, old, text, tree.now)))
    if is_test and (task.type == "testing" or before is None) and not await tree.stood(path):
        seen = tuple(each for each in seen if each.kind != "touched")  # who writes tests says what they are run with
    return [*found, *_fitting(task, promised, seen, origin)]


def _moved_tests(
    path: str, text: str, origin: str, old: str, tree: Tree, language: WorkInspector
) -> tuple[Objection, ...]:
    """What speaks against tests that stood in another file before."""
    here = anchored(path, text, origin, tree.now, tree.moved)
    seen = list(language.objections(path, anchored(origin, old, origin, tree.now, {}), here))
    if why := not_run_there(origin, path, tree.now):
        seen.append(Objection(kind="weakened", path=path, what=f"its tests may not be run here any more: {why}"))
    elif rules := other_rules(origin, path, tree.now, tree.moved):
        seen.append(
            Objection(kind="touched", path=path, what=f"{rules} decides about its tests here, and did not before")
        )
    return tuple(evolve(each, what=f"{each.what} (it was {origin})") for each in seen)


def _unreadable(path: str, is_test: bool, why: str = "nobody can tell what it says: write it as UTF-8") -> Objection:
    """What cannot be read cannot be judged."""
    return Objection(kind="weakened" if is_test else "stub", path=path, what=f"the file is no text in UTF-8, and {why}")


async def _too_large(path: str, tree: Tree, is_test: bool) -> list[Objection]:
    """What is too large to be looked into is not accepted, unless it was a source as large before."""
    old = await tree.before(tree.moved.get(path, path)) if tree.before is not None and not is_test else None
    why = f"the file is larger than {_MOST_BYTES // 1024} KiB, and nobody looks into so much: divide it"
    was_there = old is not None and len(old) > _MOST_BYTES
    return [] if was_there else [Objection(kind="weakened" if is_test else "stub", path=path, what=why)]


async def _marks(path: str, text: str, tree: Tree) -> list[Objection]:
    """Placeholders in a file that no language inspects."""
    marks = await asyncio.to_thread(placeholders, path, text)
    if marks and tree.before is not None:
        known = {each.what for each in placeholders(path, await tree.text_before(path) or "")}
        marks = [each for each in marks if each.what not in known]
    return marks


def _fitting(task: Task, promised: Sequence[str], seen: Sequence[Objection], origin: str) -> list[Objection]:
    """Without what the task may do; that a test was touched is said only where nothing more telling is."""
    left = [each for each in seen if origin not in promised or not _may(task, promised, each)]
    told = any(each.kind in ("weakened", "changed") for each in left)
    return [each for each in left if each.kind != "touched" or not told]


def _may(task: Task, promised: Sequence[str], objection: Objection) -> bool:
    """Whoever is to write a test may change what it expects, and how: that is how an upheld dispute is settled."""
    return objection.kind in ("changed", "touched") and task.type == "testing" and objection.path in promised


async def _deleted(path: str, tree: Tree, language: Language | None) -> list[Objection]:
    """Of a file of tests that is gone; one that was moved is looked at where it is now."""
    new = next((each for each, old in tree.moved.items() if old == path), None)
    if new is not None and language is not None and language.is_test(new):
        return []
    old = text_of(path, await tree.before(path)) if tree.before is not None else None
    if old is not None and isinstance(language, WorkInspector):
        return list(await asyncio.to_thread(language.objections, path, old, None))
    return [Objection(kind="weakened", path=path, what="the file of tests was deleted")]
