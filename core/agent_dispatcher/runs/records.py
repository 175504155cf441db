"""What is recorded of runs: reading the stores that earlier processes wrote, without owning a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from attrs import field, frozen

from ..codec import structure
from ..errors import ConfigError, Problem, UsageError
from ..extension.components import RunFolder, Store
from ..extension.registry import Registry
from ..models import Event, ExecutionPlan, PlanPatch
from ..planning.packed_plan import unpack
from ..planning.revising import revise_all
from .index import STATE_FOLDER, find_output

__all__ = ["RecordedRun", "Records", "RunLog"]

_ENDED = frozenset({"completed", "partial", "failed", "cancelled"})


@frozen(kw_only=True)
class RecordedRun:
    """A run that was found.

    Attributes:
        plan: as it is now, every patch in it.
        started: the first event.
        events: the log, in order.
        revision: how many patches are in the plan.
        finished: whether it has ended for good: it was not taken up again since, and nobody gave it up before its end.
        status: that it ended with, ``""`` while it has not.
    """

    output: Path
    run: str
    plan: ExecutionPlan
    started: Event
    events: tuple[Event, ...] = field(default=(), repr=False)
    revision: int = 0
    finished: bool = False
    status: str = ""


@frozen(kw_only=True)
class RunLog:
    """A run in full.

    Attributes:
        begun: the plan it was begun with, no patch in it.
        plan: as it is now.
        events: the whole log, in order.
    """

    output: Path
    run: str
    begun: ExecutionPlan
    plan: ExecutionPlan
    events: tuple[Event, ...]


class Records:
    """Finds runs and reads their logs.

    Args:
        registry: says which store is used.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def open(self, output: Path) -> Store:
        """The store of an output folder; the caller closes it.

        Raises:
            ConfigError: no plugin offers a store.
        """
        name = self._registry.one("store")
        if name is None:
            raise ConfigError(Problem("no store is active", remedy="install or enable a plugin that offers a store"))
        store: Store = self._registry.scope(output.resolve() / STATE_FOLDER).get("store", name)
        return store

    def runs(self, output: Path) -> tuple[RunFolder, ...]:
        """The runs in an output folder, oldest first."""
        store = self.open(output)
        try:
            return tuple(sorted(store.runs(), key=lambda listed: listed.started_at))
        finally:
            store.close()

    def events(self, output: Path, run: str) -> tuple[Event, ...]:
        """The whole log of a run, in order."""
        store = self.open(output)
        try:
            return tuple(store.read(run))
        finally:
            store.close()

    def log(self, run: str | None, output: str | Path | None = None) -> RunLog:
        """The run that is meant, with everything that is recorded of it; arguments and errors as in :meth:`find`, several unfinished runs are no trouble."""
        found = self.find(run, output, unfinished_only=False)
        digest = str(found.started.data.get("plan", ""))
        store = self.open(found.output)
        try:
            begun = unpack(store.get_blob(digest), where=f"the plan of run {found.run}")
            events = tuple(store.read(found.run))
        finally:
            store.close()
        return RunLog(output=found.output, run=found.run, begun=begun, plan=found.plan, events=events)

    def find(self, run: str | None, output: str | Path | None = None, *, unfinished_only: bool = True) -> RecordedRun:
        """The run that is meant.

        Args:
            run: its id; ``None`` for the only unfinished one, else the newest.
            output: its output folder; ``None`` for the one the id names, or the nearest at or above the current folder.
            unfinished_only: of several unfinished runs none is guessed.

        Raises:
            UsageError: there is no such run, or several are meant.
        """
        folder = find_output(run, output)
        if run is None:
            run = _choose(self.runs(folder), folder, unfinished_only)
        store = self.open(folder)
        try:
            events = tuple(store.read(run))
            if not events:
                known = ", ".join(listed.run for listed in store.runs()) or "none"
                raise UsageError(f"{folder} has no run {run!r} (there: {known})")
            started = events[0]
            digest = str(started.data.get("plan", ""))
            plan = unpack(store.get_blob(digest), where=f"the plan of run {run}")
            patches, status = [], ""
            for event in events:
                if event.type == "plan.patched":
                    patches.append(structure(event.data["patch"], PlanPatch, where=f"a patch of run {run}"))
                elif event.type == "run.finished":
                    status = str(event.data.get("status", ""))
                elif event.type == "run.resumed":
                    status = ""
        finally:
            store.close()
        return RecordedRun(
            output=folder,
            run=run,
            plan=revise_all(plan, patches),
            started=started,
            events=events,
            revision=len(patches),
            finished=status not in ("", "cancelled"),
            status=status,
        )


def _choose(runs: Sequence[RunFolder], folder: Path, unfinished_only: bool) -> str:
    """The run that is meant when none is named."""
    if not runs:
        raise UsageError(f"{folder}: no run is recorded there")
    unfinished = [listed for listed in runs if listed.status not in _ENDED]
    if unfinished_only and len(unfinished) > 1:
        names = ", ".join(listed.run for listed in unfinished)
        raise UsageError(f"{folder} has several unfinished runs, name one: {names}")
    return (unfinished or list(runs))[-1].run
