"""What speaks against a result that says *done*: nothing was made, it is a stub, it weakens tests, or its tests cannot fail.

Files are read, never run, and only what the work itself changed is held against it: a stub or a weak test that was there before is nobody's fault now.
What a language can tell of its files (:class:`agent_dispatcher.extension.components.WorkInspector`) it is asked; the rest is the same for all.
"""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable, Iterable, Sequence

from agent_dispatcher.extension import Objection
from agent_dispatcher.extension.components import Language, WorkInspector
from agent_dispatcher.models import Task

from .collecting import loosened
from .placeholders import placeholders

__all__ = ["WORK", "objections_to"]

#: Task types whose result is files.
WORK = frozenset({"code_writing", "testing", "debugging", "refactoring", "documentation"})
#: Of these the result is a change to what is there: files that are there already prove nothing.
_CHANGES = frozenset({"debugging", "refactoring"})
#: Files that may be empty.
_MARKERS = frozenset(("__init__.py", "py.typed", "conftest.py", ".gitkeep", ".keep", ".nojekyll"))

Now = Callable[[str], bytes | None]
Before = Callable[[str], Awaitable[bytes | None]]


async def objections_to(
    task: Task, changed: Iterable[str], *, now: Now, before: Before | None, language: Language | None
) -> tuple[Objection, ...]:
    """Everything that speaks against the work of ``task``, in the order of its files.

    Args:
        changed: paths that were added, changed or deleted.
        now: the bytes of a file of the result; ``None`` when it is not there.
        before: the bytes it had before; ``None`` itself when nobody can tell, so that weaker tests are not seen.
        language: the active language.
    """
    paths = sorted(set(changed))
    promised = [ref.name for ref in task.produces if ref.type == "path"]
    if not paths:
        return _nothing(task, promised, now)
    found = []
    for path in paths:
        found += await _about(task, path, promised, now, before, language)
    return tuple(found)


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
    task: Task, path: str, promised: Sequence[str], now: Now, before: Before | None, language: Language | None
) -> list[Objection]:
    data = now(path)
    is_test = language is not None and language.is_test(path)
    if data is None:
        return await _deleted(path, before, language) if is_test else []
    if not data.strip() and path in promised and posixpath.basename(path) not in _MARKERS:
        return [Objection(kind="stub", path=path, what="the file is empty")]
    text = _text(data)
    if text is None:
        return []
    found = await _loosened(path, text, before)
    if isinstance(language, WorkInspector) and language.is_source(path):
        seen = language.objections(path, None, text)
        if before is not None and (seen or is_test):
            old = _text(await before(path))
            seen = language.objections(path, old, text)
        return [*found, *(each for each in seen if not _may(task, promised, each))]
    marks = placeholders(path, text)
    if marks and before is not None:
        known = {each.what for each in placeholders(path, _text(await before(path)) or "")}
        marks = [each for each in marks if each.what not in known]
    return [*found, *marks]


def _may(task: Task, promised: Sequence[str], objection: Objection) -> bool:
    """Whoever is to write a test may change what it expects: that is how an upheld dispute is settled."""
    return objection.kind == "changed" and task.type == "testing" and objection.path in promised


async def _deleted(path: str, before: Before | None, language: Language | None) -> list[Objection]:
    old = _text(await before(path)) if before is not None else None
    if old is not None and isinstance(language, WorkInspector):
        return list(language.objections(path, old, None))
    return [Objection(kind="weakened", path=path, what="the file of tests was deleted")]


async def _loosened(path: str, text: str, before: Before | None) -> list[Objection]:
    return (
        loosened(path, _text(await before(path)) if before is not None else None, text)
        if loosened(path, None, text)
        else []
    )


def _text(data: bytes | None) -> str | None:
    if data is None:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None
