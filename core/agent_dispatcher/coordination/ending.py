"""How a run ends: the finished whole is checked, the result is shown, and the end is recorded last of all."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Protocol

from ..extension.components import Workspace
from ..failpoints import failpoint
from ..models import Evidence
from .final_checks import FinalChecks
from .lane import IntegrationPort, evidence_data
from .state_manager import StateManager
from .transitions import Finish, Stop
from .work import Work

__all__ = ["Ending", "SourcePort"]

log = logging.getLogger(__name__)


class SourcePort(Protocol):
    """Where the specification came from; see :class:`agent_dispatcher.workspace.source_statuses.SourceStatuses`."""

    async def land(self, statuses: Mapping[str, str]) -> tuple[str, ...]:
        """Before the final checks: the statuses on the run's branch; returns warnings."""
        ...

    async def write(self, statuses: Mapping[str, str]) -> tuple[str, ...]:
        """After the result is shown, before the end is recorded: the statuses in the user's copy; returns warnings."""
        ...


class Ending:
    """Ends one run, once.

    Args:
        state: where the end is recorded; whether the lease is still held is asked before each step that somebody else would see.
        workspace: shows the result.
        integration: checks the finished whole.
        work: what has landed.
        checks: runs the final checks and breaks them off.
        sources: told which tasks are finished.
    """

    def __init__(
        self,
        *,
        state: StateManager,
        workspace: Workspace,
        integration: IntegrationPort,
        work: Work,
        checks: FinalChecks,
        sources: SourcePort | None,
    ) -> None:
        self._state = state
        self._workspace = workspace
        self._integration = integration
        self._work = work
        self._checks = checks
        self._sources = sources

    async def conclude(self, finish: Finish, statuses: Mapping[str, str], cause: str | None) -> str:
        """Check the whole, show the result, record the end.

        Args:
            finish: how the engine says the run ends.
            statuses: task id to status.
            cause: what a pause is due to, where that is known.

        Returns:
            The run's status: ``paused`` also where it was stopped during the final checks.
        """
        status, error = finish.status, finish.why or None
        if status == "paused":
            return self._pause(finish.why, cause)
        if self._sources is not None:
            self._state.verify()
            self._warn(await self._sources.land(statuses))
            self._state.verify()
        evidence: tuple[Evidence, ...] = ()
        if status != "cancelled" and self._work.landed:
            failpoint("final.before")
            found = await self._checks.run(self._integration.final(frozenset(self._work.landed)))
            failpoint("final.after")
            if isinstance(found, Stop):
                if found.how != "cancel":
                    return self._pause(found.why, cause)
                status, error = "cancelled", found.why
            else:
                evidence = found
            refused = [one for one in evidence if not one.passed]
            if refused:
                status = "failed"
                error = "the finished whole did not pass: " + "; ".join(
                    f"{one.check}: {one.summary}" for one in refused
                )
        self._checks.close()
        self._state.verify()
        failpoint("finish.before")
        commit = await self._workspace.finish(status)
        failpoint("finish.after")
        if self._sources is not None:
            self._state.verify()
            self._warn(await self._sources.write(statuses))
        data = {"status": status, "commit": commit, "evidence": evidence_data(evidence), "error": error}
        self._state.append("run.finished", data=data)
        self._state.flush()
        failpoint("finish.recorded")
        self._state.verify()
        return status

    def interrupted(self) -> None:
        """The run's call was cancelled: leave a log that can be resumed; where even that fails it can be resumed all the same."""
        self._state.append("run.paused", data={"why": "interrupted"})
        try:
            self._state.flush()
        except Exception as error:
            log.warning("the run could not be recorded as paused, it can be resumed all the same: %s", error)

    def _pause(self, why: str, cause: str | None) -> str:
        self._checks.close()
        self._state.append("run.paused", data={"why": why, **({"cause": cause} if cause else {})})
        self._state.flush()
        self._state.verify()
        return "paused"

    def _warn(self, texts: Iterable[str]) -> None:
        for text in texts:
            self._state.append("run.warning", data={"text": text})
