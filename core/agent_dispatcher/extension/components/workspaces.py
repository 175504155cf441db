"""Workspaces: a place for each attempt, and the one line of landed work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from attrs import field, frozen

from ...models import Task

#: Of changed paths those that are to be kept.
Keep = Callable[[Sequence[str]], Awaitable[Sequence[str]]]

__all__ = [
    "Change",
    "Claimable",
    "Conflict",
    "ConflictSides",
    "Keep",
    "Landed",
    "Moved",
    "Opened",
    "OutputInspector",
    "Reconciled",
    "Remembering",
    "Started",
    "Tree",
    "Workspace",
]


@frozen(kw_only=True)
class Started:
    """The workspace is ready for a run.

    Attributes:
        base: the commit the run starts from (or another name of a tree).
        branch: the run's branch; ``""`` where there is none.
        new: whether the repository was created for this run.
        warnings: what the user should know (uncommitted files that are not included).
    """

    base: str
    branch: str = ""
    new: bool = False
    warnings: tuple[str, ...] = ()


@frozen(kw_only=True)
class Opened:
    """A folder of an attempt's own, holding the tree of ``base``; ``task`` is ``""`` when it is for no task."""

    task: str
    attempt: int
    path: Path
    base: str


@frozen(kw_only=True, weakref_slot=False)
class Change:
    """Sealed work: it will not vanish, whatever happens to the process. Plain data.

    Attributes:
        ref: where it is kept (``refs/dispatcher/<run>/<task>/<attempt>``).
        commit: its name.
        base: what it was made on.
        paths: files added, changed or deleted, sorted; empty when nothing was changed.
    """

    task: str
    attempt: int
    ref: str
    commit: str
    base: str
    paths: tuple[str, ...] = ()


@frozen(kw_only=True, weakref_slot=False)
class Landed:
    """The branch now holds the work."""

    commit: str
    tree: str


@frozen(kw_only=True, weakref_slot=False)
class Tree:
    """Staged work on top of a tip, checked out so that checks can run in it.

    Attributes:
        tree: the name of the content (a git tree id).
        commit: the commit that would land.
        tip: what it was staged on.
        path: the folder it is checked out in; valid until the next ``stage`` or ``finish``.
        changes: what is in it.
        stack: where each of ``changes`` would be, in their order; empty in a workspace that does not stack.
    """

    tree: str
    commit: str
    tip: str
    path: Path
    changes: tuple[Change, ...] = ()
    stack: tuple[Landed, ...] = ()


@frozen(kw_only=True)
class ConflictSides:
    """A file over which changes are in conflict. ``None``: there is no such file on that side, or it is no text."""

    path: str
    base: str | None
    ours: str | None
    theirs: str | None


@frozen(kw_only=True)
class Conflict:
    """The changes do not fit together: ``paths`` differ between ``base``, ``ours`` (the tip, and what was put on it before) and ``theirs`` (the
    commit of the change that does not fit). ``sides`` has the texts, as far as they are worth reading."""

    paths: tuple[str, ...]
    base: str
    ours: str
    theirs: str
    detail: str = ""
    sides: tuple[ConflictSides, ...] = ()


@frozen(kw_only=True)
class Moved:
    """The branch is no longer where it was expected: stage again on ``tip``."""

    tip: str


@frozen(kw_only=True)
class Reconciled:
    """What is there after a crash.

    Attributes:
        landed: task id to what landed, read from the commits' trailers.
        sealed: (task, attempt) to sealed work that has not landed.
        tip: where the branch is.
    """

    landed: dict[str, Landed] = field(factory=dict)
    sealed: dict[tuple[str, int], Change] = field(factory=dict)
    tip: str = ""


class Workspace(Protocol):
    """Keeps the work of a run: a place for each attempt, and the one line of landed work. One instance per run.

    Three attributes are optional: ``stacks = True`` says that several changes can be staged and landed at once, each as a commit of its own, and
    that :attr:`Tree.stack` names them; ``batch_size`` how many suit it at once (8). Without the first, work lands one by one. ``selects = True``
    says that :meth:`seal` takes ``keep``; without it all that an attempt changed is sealed, and nobody looks for keys in it beforehand.
    """

    async def start(self, run: str, output: Path, *, title: str = "") -> Started:
        """Make ready for a new run in ``output``, or find what an earlier process left of it (same base and branch again)."""
        ...

    async def open(self, task: Task | None, attempt: int, base: str | None = None) -> Opened:
        """A fresh folder with the tree of ``base`` (the tip when ``None``). Without a task it is for a change of the dispatcher's own, whose
        commit names the run, but no task and no attempt."""
        ...

    async def seal(
        self, opened: Opened, message: str, *, trailers: Sequence[tuple[str, str]] = (), keep: Keep | None = None
    ) -> Change:
        """Keep what the attempt wrote as one commit under its own ref; the folder is given back and no longer valid, also when this raises.

        Args:
            keep: asked once, before anything is kept, with the paths that were changed, if any were; the others are left as they were in the base. What it
                raises is passed on. Given only to a workspace that ``selects``.
        """
        ...

    async def discard(self, opened: Opened) -> None:
        """Give the folder back without keeping anything."""
        ...

    async def stage(self, changes: Sequence[Change]) -> Tree | Conflict:
        """Put ``changes`` on top of the tip, one commit each with the sealed message, without moving the branch."""
        ...

    async def land(self, tree: Tree, expected_tip: str) -> Landed | Moved:
        """Move the branch to the staged commit if it is still at ``expected_tip``."""
        ...

    async def reconcile(self, run: str) -> Reconciled:
        """What landed and what is sealed; clears stale locks and folders of a dead owner."""
        ...

    async def checkout_tip(self) -> Tree:
        """The tip as a checked-out tree, for the final checks."""
        ...

    async def finish(self, status: str) -> str:
        """End of the run: give back all folders, show the result to the user (a new repository's ``main`` is fast-forwarded and checked out);
        returns the tip. Refs of sealed work that did not land stay."""
        ...


@runtime_checkable
class Claimable(Protocol):
    """A workspace that refuses to land what an owner lands that was taken over, however late that one wakes."""

    async def claim(self, owner: str, verify: Callable[[], None]) -> None:
        """Called once in a process that carries a run out, after :meth:`Workspace.start`, before anything else: from now on the branch moves for
        this process alone, and for no earlier one.

        Args:
            owner: a name that no other process has, at no other time.
            verify: raises :class:`agent_dispatcher.errors.Fenced` when the run is owned by another process. It is to be called after the claim was
                made, and when another claim is found; what it raises is passed on.
        """
        ...


@runtime_checkable
class Remembering(Protocol):
    """A workspace that can show a file as it was. What weakens a test is only seen with one."""

    async def content(self, base: str, path: str) -> bytes | None:
        """The bytes of ``path`` in the tree of ``base`` (a tip, or the base of a change); ``None`` where there is no such file."""
        ...


@runtime_checkable
class OutputInspector(Protocol):
    """A workspace that can say beforehand whether a new run could start."""

    async def problems(self, output: Path) -> Sequence[str]:
        """Why :meth:`Workspace.start` would refuse a new run in ``output`` (absolute), one sentence each; changes nothing."""
        ...
