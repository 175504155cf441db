"""The lane: finished work lands one at a time, after its evidence is recorded."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Set
from pathlib import Path
from typing import Any, Protocol

from attrs import asdict, evolve

from ..extension.components import Change, Landed
from ..failpoints import failpoint
from ..models import Evidence, Task
from . import transitions as t
from .approvals import Approvals
from .retry import FailureJudge
from .state_manager import StateManager
from .work import Work

__all__ = ["IntegrationPort", "Lane", "VerdictPort", "evidence_data"]

Record = Callable[[str, tuple[Evidence, ...]], Awaitable[None]]


class VerdictPort(Protocol):
    """What came of a landing or an inspection; see :class:`agent_dispatcher.workspace.integration.Verdict`."""

    @property
    def landed(self) -> Landed | None: ...
    @property
    def evidence(self) -> tuple[Evidence, ...]: ...
    @property
    def why(self) -> str: ...
    @property
    def conflict(self) -> tuple[str, ...]: ...
    @property
    def permanent(self) -> bool: ...
    @property
    def tip(self) -> str: ...
    @property
    def tree(self) -> str: ...


class IntegrationPort(Protocol):
    """The merge train; see :class:`agent_dispatcher.workspace.integration.Integration`."""

    async def land(
        self,
        task: Task,
        change: Change,
        landed: Set[str],
        attempt: int,
        record: Record,
        passed_on: tuple[str, str] | None = None,
    ) -> VerdictPort: ...

    async def inspect(
        self, task: Task, change: Change, landed: Set[str], attempt: int, record: Record
    ) -> VerdictPort: ...

    async def final(self, landed: Set[str]) -> tuple[Evidence, ...]: ...


class Lane:
    """Lands what the engine says, in the order it says.

    Args:
        integration: stages, checks and moves the branch.
        work: sealed and landed work; changed here.
        state: where evidence and landings are recorded.
        judge: says what follows a rejection.
        approvals: whose work waits for a person before it lands.
        tell: hands an outcome to the engine at once, so that the next landing is known in the same turn.
        run_dir: what the ``log`` of evidence is relative to; ``None``: feedback quotes no logs.
    """

    def __init__(
        self,
        *,
        integration: IntegrationPort,
        work: Work,
        state: StateManager,
        judge: FailureJudge,
        approvals: Approvals,
        tell: Callable[[t.EngineEvent], None],
        run_dir: Path | None = None,
    ) -> None:
        self._integration = integration
        self._work = work
        self._state = state
        self._judge = judge
        self._approvals = approvals
        self._tell = tell
        self._run_dir = run_dir
        self._waiting: deque[tuple[Task, int]] = deque()
        self._wake = asyncio.Event()
        self.current: tuple[Task, int] | None = None

    def put(self, task: Task, attempt: int) -> None:
        """Land this sealed work next."""
        self._waiting.append((task, attempt))
        self._wake.set()

    @property
    def is_due(self) -> bool:
        """Whether there is something to land that was not looked at yet."""
        return bool(self._waiting)

    async def serve(self) -> None:
        """Land until cancelled. Landings that wait for nothing share one turn of the loop, and so one transaction."""
        while True:
            while self._waiting:
                self.current = self._waiting.popleft()
                try:
                    event = await self._land(*self.current)
                finally:
                    self.current = None
                self._tell(event)
            self._wake.clear()
            await self._wake.wait()

    async def _land(self, task: Task, attempt: int) -> t.EngineEvent:
        async def record(tree: str, evidence: tuple[Evidence, ...]) -> None:
            """Evidence is durable, and the run still ours, before the branch moves."""
            if evidence:
                data = {"tree": tree, "evidence": evidence_data(evidence)}
                self._state.append("attempt.checked", task=task.id, attempt=attempt, data=data)
                self._state.flush()
            else:
                self._state.assure()
            failpoint("landing.recorded")

        failpoint("landing.before")
        began = time.monotonic()
        work = self._work
        change = work.changes[task.id]
        if self._approvals.must_ask(task, attempt):
            verdict = await self._integration.inspect(task, change, work.landed, attempt, record)
            if not verdict.why:
                self._approvals.ask(task, attempt, change, verdict.tip, verdict.tree)
                return t.AttemptHeld(task.id, attempt)
        else:
            approved = self._approvals.given(task, attempt)
            passed_on = (approved.tip, approved.tree) if approved is not None else None
            verdict = await self._integration.land(task, change, work.landed, attempt, record, passed_on)
        failpoint("landing.after")
        work.changes.pop(task.id, None)
        if verdict.landed is None:
            return self._reject(task, attempt, verdict, began)
        landed = verdict.landed
        work.feedback.pop(task.id, None)
        work.landed.add(task.id)
        work.tip = work.commits[task.id] = landed.commit
        took_s = round(time.monotonic() - began, 6)
        data = {"commit": landed.commit, "tree": landed.tree, "took_s": took_s, "turn": work.turn}
        self._state.append("attempt.landed", task=task.id, attempt=attempt, data=data)
        return t.AttemptLanded(task.id, attempt)

    def _reject(self, task: Task, attempt: int, verdict: VerdictPort, began: float) -> t.EngineEvent:
        feedback = self._work.feedback[task.id] = _feedback(verdict, self._run_dir)
        answer = self._judge.judge(task, attempt, verdict.why)
        if verdict.conflict and answer.verdict is None:  # nothing is gained by waiting
            answer = evolve(answer, delay_s=0.0)
        data: dict[str, Any] = {"why": verdict.why, "conflict": list(verdict.conflict), "feedback": feedback}
        data |= {"permanent": verdict.permanent, "judged": answer.to_data(), "turn": self._work.turn}
        data["took_s"] = round(time.monotonic() - began, 6)
        self._state.append("attempt.rejected", task=task.id, attempt=attempt, data=data)
        return t.AttemptRejected(
            task.id,
            attempt,
            verdict.why,
            verdict.permanent,
            answer.verdict,
            answer.delay_s,
            answer.agent_type,
        )


def evidence_data(evidence: Iterable[Evidence]) -> list[dict[str, Any]]:
    """Evidence as JSON values; what a check puts into ``details`` that JSON cannot hold becomes text."""
    data: list[dict[str, Any]] = json.loads(json.dumps([asdict(one) for one in evidence], default=str))
    return data


def _feedback(verdict: VerdictPort, run_dir: Path | None) -> str:
    """What the next attempt is told: why, and what each check that did not pass had to say."""
    parts = [verdict.why]
    if verdict.conflict:
        parts.append("in conflict with work that landed before: " + ", ".join(verdict.conflict))
    for one in verdict.evidence:
        if one.passed or one.expected_red:
            continue
        parts.append(f"{one.check}: {one.summary}")
        failed = one.details.get("failed")
        if isinstance(failed, (list, tuple)):
            parts.extend(f"  {entry}" for entry in failed)
        if run_dir is not None and one.log:
            try:
                parts.append((run_dir / one.log).read_text(encoding="utf-8", errors="replace")[-4000:])
            except OSError:
                continue
    return "\n".join(part for part in parts if part)
