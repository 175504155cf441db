"""What can be asked of recorded runs, and done with them, without carrying anything out."""

from __future__ import annotations

from pathlib import Path

from ..extension.components import RunFolder
from ..extension.registry import Registry
from ..models import ExecutionPlan, ExecutionResult
from ..reporting import build_result
from .blocking import block
from .desk import RunDesk
from .moving import Mover
from .pruning import Pruner
from .records import Records, RunLog

__all__ = ["RecordedRuns"]


class RecordedRuns:
    """The half of a dispatcher that looks back: it needs no more than the stores that earlier processes wrote.

    Attributes:
        registry: says which store and workspace are used.
    """

    registry: Registry
    _records: Records

    def plan_of(self, run: str | None = None, output: str | Path | None = None) -> ExecutionPlan:
        """The plan of a recorded run; arguments and errors as in :meth:`AgentDispatcher.resume_async`."""
        return self._records.find(run, output).plan

    def result_of(self, run: str | None = None, output: str | Path | None = None) -> ExecutionResult:
        """The result of a run so far, from its log alone; arguments and errors as in :meth:`AgentDispatcher.resume_async`."""
        found = self._records.find(run, output, unfinished_only=False)
        return build_result(
            found.plan, found.run, self._records.events(found.output, found.run), output=str(found.output)
        )

    def log_of(self, run: str | None = None, output: str | Path | None = None) -> RunLog:
        """Everything that is recorded of a run, for a replay or a timeline; arguments and errors as in :meth:`AgentDispatcher.resume_async`."""
        return self._records.log(run, output)

    def desk(self, run: str | None = None, output: str | Path | None = None) -> RunDesk:
        """A recorded run from outside: what waits for a person, who is at work on it, and how to ask them for something.

        Arguments and errors as in :meth:`AgentDispatcher.resume_async`.
        """
        found = self._records.find(run, output)
        return RunDesk(
            output=found.output, run=found.run, plan=found.plan, open_store=lambda: self._records.open(found.output)
        )

    def runs_in(self, output: Path) -> tuple[RunFolder, ...]:
        """The runs recorded in an output folder, oldest first."""
        return self._records.runs(output)

    @property
    def pruner(self) -> Pruner:
        """Removes recorded runs; see :class:`agent_dispatcher.runs.pruning.Pruner`."""
        return Pruner(self.registry, self._records)

    async def checkpoint_async(
        self, run: str | None = None, output: str | Path | None = None, to: str | Path | None = None
    ) -> Path:
        """Write all of a recorded run into one file, which :meth:`AgentDispatcher.resume_async` takes on any machine; a run may be at work meanwhile.

        Args:
            to: the file; ``None`` for one in the run's own folder of checkpoints. Other arguments and errors as in :meth:`AgentDispatcher.resume_async`.

        Returns:
            The file.
        """
        return await Mover(self.registry, self._records).pack(run, output, None if to is None else Path(to))

    def checkpoint(
        self, run: str | None = None, output: str | Path | None = None, to: str | Path | None = None
    ) -> Path:
        """As :meth:`checkpoint_async`."""
        return block("checkpoint", self.checkpoint_async(run, output, to))

    async def unpack_async(self, file: str | Path, output: str | Path | None = None) -> tuple[str, Path]:
        """Make a run out of a checkpoint file, such that it can be resumed here; see :meth:`agent_dispatcher.runs.moving.Mover.unpack`."""
        return await Mover(self.registry, self._records).unpack(Path(file), output)

    def unpack(self, file: str | Path, output: str | Path | None = None) -> tuple[str, Path]:
        """As :meth:`unpack_async`."""
        return block("unpack", self.unpack_async(file, output))
