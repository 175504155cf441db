"""The lane: finished work lands, one or a batch at a time, after its evidence is recorded."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, Protocol

from attrs import asdict, evolve

from ..extension.components import Change, ConflictSides, Landed
from ..failpoints import failpoint
from ..making import table
from ..models import Evidence, Task
from ..workspace.examination import Entry, make_entry
from . import transitions as t
from .approvals import Approvals
from .conflicts import conflict_text
from .retry import FailureJudge
from .state_manager import StateManager
from .work import Work

__all__ = ["IntegrationPort", "Lane", "VerdictPort", "evidence_data"]

_landed_data = table("commit", "tree", "took_s", "turn")


class Record(Protocol):
    """See :class:`agent_dispatcher.workspace.integration.Record`."""

    def __call__(
        self, tree: str, evidence: tuple[Evidence, ...], whole: tuple[Evidence, ...] = (), /
    ) -> Awaitable[None]: ...


RecordTogether = Callable[[str, Sequence[tuple[Entry, tuple[Evidence, ...]]], tuple[Evidence, ...]], Awaitable[None]]


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
    def sides(self) -> tuple[ConflictSides, ...]: ...
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

    async def land_together(
        self, entries: Sequence[Entry], landed: Set[str], record: RecordTogether, tell: Callable[[Entry, Any], None]
    ) -> None: ...

    async def inspect(
        self, task: Task, change: Change, landed: Set[str], attempt: int, record: Record
    ) -> VerdictPort: ...

    async def final(self, landed: Set[str]) -> tuple[Evidence, ...]: ...


class Lane:
    """Lands what the engine says, in the order it says.

    Args:
        tasks: task id to task, as the plan is now.
        integration: stages, checks and moves the branch.
        work: sealed and landed work; changed here.
        state: where evidence and landings are recorded.
        judge: says what follows a rejection.
        approvals: whose work waits for a person before it lands.
        tell: hands an outcome to the engine with the next turn.
        go_on: lets the engine know at once what was told, so that the next landings are known in the same turn.
        run_dir: what the ``log`` of evidence is relative to; ``None``: feedback quotes no logs.
    """

    def __init__(
        self,
        *,
        tasks: Mapping[str, Task],
        integration: IntegrationPort,
        work: Work,
        state: StateManager,
        judge: FailureJudge,
        approvals: Approvals,
        tell: Callable[[t.EngineEvent], None],
        go_on: Callable[[], None],
        run_dir: Path | None = None,
    ) -> None:
        self._tasks = tasks
        self._integration = integration
        self._work = work
        self._state = state
        self._judge = judge
        self._approvals = approvals
        self._tell = tell
        self._go_on = go_on
        self._run_dir = run_dir
        self._waiting: deque[tuple[Task, int]] = deque()
        #: The task that lands at this moment, if any does: to cancel it breaks the landing off.
        self.server: asyncio.Task[Any] | None = None
        #: What is being landed, the most urgent first.
        self.current: list[tuple[Task, int]] = []

    def put(self, land: t.Land) -> None:
        """Land this sealed work next, together with what else is put in this turn."""
        self._waiting.append((self._tasks[land.task], land.attempt))

    @property
    def is_due(self) -> bool:
        """Whether there is something to land that was not looked at yet."""
        return bool(self._waiting)

    async def serve(self) -> None:
        """Land until nothing is left, unless that is going on already. Landings that wait for nothing share one turn of the loop, and so one transaction."""
        if self.server is not None:
            return
        self.server = asyncio.current_task()
        try:
            while self._waiting:
                if len(self._waiting) == 1:
                    await self._land_alone(*self._waiting.popleft())
                else:
                    batch = list(self._waiting)
                    self._waiting.clear()
                    await self._land_batch(batch)
                self._go_on()
        finally:
            self.server = None

    async def _land_alone(self, task: Task, attempt: int) -> None:
        self.current = [(task, attempt)]
        try:
            event = await self._land(task, attempt)
        finally:
            self.current = []
        self._tell(event)

    async def _land_batch(self, batch: list[tuple[Task, int]]) -> None:
        """Land several; what a person has a say in goes by itself."""
        approvals = self._approvals
        alone = [one for one in batch if approvals.concern(*one)] if approvals.are_asked_for else []
        together = [one for one in batch if one not in alone] if alone else batch
        self.current = [*together, *alone]
        try:
            if len(together) > 1:
                await self._land_together(together)
            else:
                alone = [*together, *alone]
            for one in alone:
                event = await self._land(*one)
                self.current.remove(one)
                self._tell(event)
        finally:
            self.current = []

    async def _land_together(self, batch: Sequence[tuple[Task, int]]) -> None:
        changes = self._work.changes
        entries = [make_entry(task, changes[task.id], attempt) for task, attempt in batch]

        async def record(
            tree: str, evidence: Sequence[tuple[Entry, tuple[Evidence, ...]]], whole: tuple[Evidence, ...]
        ) -> None:
            checked = [(entry, about) for entry, about in evidence if about]
            for entry, about in checked:
                self._note_checked(entry.task, entry.attempt, tree, about)
            if whole:
                self._note_whole(tree, [entry.task for entry, _ in evidence], whole)
            self._keep_evidence(bool(checked or whole))

        def tell(entry: Entry, verdict: VerdictPort) -> None:
            event = self._settle(entry.task, entry.attempt, verdict, began)
            self.current.remove((entry.task, entry.attempt))
            self._tell(event)

        failpoint("landing.before")
        began = time.monotonic()
        await self._integration.land_together(entries, self._work.landed, record, tell)
        failpoint("landing.after")

    async def _land(self, task: Task, attempt: int) -> t.EngineEvent:
        async def record(tree: str, evidence: tuple[Evidence, ...], whole: tuple[Evidence, ...] = ()) -> None:
            if evidence:
                self._note_checked(task, attempt, tree, evidence)
            if whole:
                self._note_whole(tree, [task], whole)
            self._keep_evidence(bool(evidence or whole))

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
        return self._settle(task, attempt, verdict, began)

    # --- recording ------------------------------------------------------------------------------------------------

    def _note_checked(self, task: Task, attempt: int, tree: str, evidence: tuple[Evidence, ...]) -> None:
        data = {"tree": tree, "evidence": evidence_data(evidence)}
        self._state.append("attempt.checked", task=task.id, attempt=attempt, data=data)

    def _note_whole(self, tree: str, tasks: Iterable[Task], evidence: tuple[Evidence, ...]) -> None:
        data = {"tree": tree, "tasks": [task.id for task in tasks], "evidence": evidence_data(evidence)}
        self._state.append("whole.checked", data=data)

    def _keep_evidence(self, any_evidence: bool) -> None:
        """Evidence is durable, and the run still ours, before the branch moves."""
        if any_evidence:
            self._state.flush()
        else:
            self._state.assure()
        failpoint("landing.recorded")

    def _settle(self, task: Task, attempt: int, verdict: VerdictPort, began: float) -> t.EngineEvent:
        """Take note of an outcome; what the engine is told of it."""
        work = self._work
        work.changes.pop(task.id, None)
        landed = verdict.landed
        if landed is None:
            return self._reject(task, attempt, verdict, began)
        if work.feedback:
            work.feedback.pop(task.id, None)
        work.landed.add(task.id)
        work.tip = work.commits[task.id] = landed.commit
        took_s = round(time.monotonic() - began, 6)
        data = _landed_data(landed.commit, landed.tree, took_s, work.turn)
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
        if verdict.evidence:
            data["evidence"] = evidence_data(verdict.evidence)
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
        parts.append(conflict_text(*verdict.sides))
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
