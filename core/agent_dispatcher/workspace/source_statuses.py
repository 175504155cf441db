"""The source of a run says afterwards which of its tasks are done: on the run's branch, and in the user's own copy only when asked.

Both are done from what the log says is completed, and both change nothing where the source says so already: a resumed run repeats them
without harm. A source that cannot be written costs a warning, never the run.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from attrs import frozen

from ..errors import DispatcherError, WorkspaceError
from ..extension.components import Conflict, Landed, StatusWriter, Workspace
from ..failpoints import failpoint
from ..models import ExecutionPlan, Specification

__all__ = ["SourceFormat", "SourceStatuses"]

log = logging.getLogger(__name__)

_MOST_MOVES = 20


class SourceFormat(StatusWriter, Protocol):
    """A specification format that reads and writes statuses."""

    def load(self, source: Path) -> Specification:
        """As :meth:`agent_dispatcher.extension.components.SpecificationFormat.load`."""
        ...


@frozen(kw_only=True)
class SourceStatuses:
    """Writes the statuses of one run's finished tasks.

    Attributes:
        run: the run's id.
        plan: what is run.
        format: the format the specification was read with.
        source: where it was read from, absolute.
        output: the root of the run's repository.
        branch: the run's branch; ``""`` where the workspace has none: then nothing is landed.
        write_back: whether ``source`` itself is written too.
    """

    run: str
    plan: ExecutionPlan
    format: SourceFormat
    source: Path
    workspace: Workspace
    output: Path
    branch: str
    write_back: bool = False

    async def land(self, statuses: Mapping[str, str]) -> tuple[str, ...]:
        """One commit on the run's branch with the statuses, if the source lies in the repository and does not say them yet.

        Args:
            statuses: task id to status, as the run leaves them.

        Returns:
            Warnings.
        """
        wanted = self._finished(statuses)
        inside = self._inside()
        if not wanted or not self.branch or inside is None:
            return ()
        try:
            return await self._land(wanted, inside)
        except (WorkspaceError, OSError) as error:
            log.debug("the statuses were not landed", exc_info=True)
            return (f"the statuses of finished tasks are not on {self.branch}: {error}",)

    async def write(self, statuses: Mapping[str, str]) -> tuple[str, ...]:
        """The statuses in the user's own copy, if that was asked for; returns warnings."""
        wanted = self._finished(statuses)
        if not wanted or not self.write_back:
            return ()
        failpoint("statuses.write")
        _, warnings = self._written(self.source, wanted, str(self.source))
        failpoint("statuses.written")
        return warnings

    async def _land(self, wanted: Mapping[str, str], inside: Path) -> tuple[str, ...]:
        """Whenever the branch moves meanwhile all is looked at anew, as it may have brought what was to be written."""
        where = inside.as_posix() if inside.parts else "the specification"
        message = f"Statuses of finished tasks\n\nWritten into {where} by the dispatcher."
        for _ in range(_MOST_MOVES):
            failpoint("statuses.land")
            opened = await self.workspace.open(None, 0)
            changed = False
            try:
                changed, warnings = self._in_tree(opened.path, inside, wanted)
            finally:
                if not changed:
                    await self.workspace.discard(opened)
            if not changed:
                return warnings
            change = await self.workspace.seal(opened, message, trailers=[("Dispatcher-Run", self.run)])
            staged = await self.workspace.stage([change])
            if not isinstance(staged, Conflict) and isinstance(await self.workspace.land(staged, staged.tip), Landed):
                failpoint("statuses.landed")
                return warnings
        raise WorkspaceError(f"the branch moved {_MOST_MOVES} times meanwhile")

    def _in_tree(self, root: Path, inside: Path, wanted: Mapping[str, str]) -> tuple[bool, tuple[str, ...]]:
        """Write into a checked-out tree: whether anything was changed, and warnings."""
        place = root / inside
        if not place.exists():
            return False, (
                f"{inside} is not in the last commit, so {self.branch} does not say which tasks are finished "
                "(commit it before the run, or use --write-back)",
            )
        if not place.resolve().is_relative_to(root.resolve()):
            return False, (f"{inside} is a link that leads out of the repository: its statuses are not written",)
        return self._written(place, wanted, inside.as_posix() if inside.parts else str(self.source))

    def _written(self, place: Path, wanted: Mapping[str, str], shown: str) -> tuple[bool, tuple[str, ...]]:
        """Write what is not there yet and look at it again: whether anything was, and warnings."""
        try:
            before = self._unsaid(place, wanted)
            if not before:
                return False, ()
            self.format.write_status(place, wanted)
            after = self._unsaid(place, wanted)
        except Exception as error:  # the plugin boundary: a format cannot cost the run
            log.debug("statuses could not be written into %s", place, exc_info=True)
            said = str(error) if isinstance(error, DispatcherError | OSError) else f"{type(error).__name__}: {error}"
            return False, (f"the statuses of finished tasks could not be written into {shown}: {said}",)
        if not after:
            return True, ()
        names = ", ".join(sorted(after)[:10]) + (" and more" if len(after) > 10 else "")
        return len(after) < len(before), (f"{shown} still does not say that these tasks are finished: {names}",)

    def _unsaid(self, place: Path, wanted: Mapping[str, str]) -> frozenset[str]:
        """The names whose status the source does not have yet; those it does not know included."""
        said: dict[str, str] = {}
        for task in self.format.load(place).tasks:
            said[task.id] = said[task.source_id or task.id] = task.status
        return frozenset(name for name, status in wanted.items() if said.get(name) != status)

    def _finished(self, statuses: Mapping[str, str]) -> dict[str, str]:
        """Name in the source to status, of the tasks of the source that are completed; one without a name there goes by its id."""
        listed = {task.id for task in self.plan.specification.tasks}
        return {
            task.source_id or task.id: "completed"
            for task in self.plan.tasks
            if (task.source_id is not None or task.id in listed) and statuses.get(task.id) == "completed"
        }

    def _inside(self) -> Path | None:
        """The source's path in the repository; ``None`` when it lies elsewhere."""
        source, output = self.source.resolve(), self.output.resolve()
        return source.relative_to(output) if source.is_relative_to(output) else None
