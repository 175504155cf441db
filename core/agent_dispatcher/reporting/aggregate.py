"""From a run's events to its result: what became of each task, and what was proven of each requirement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import nan
from typing import Any

from attrs import define, field

from ..making import maker
from ..models import (
    Artifact,
    Event,
    Evidence,
    ExecutionMetrics,
    ExecutionPlan,
    ExecutionResult,
    Finding,
    ModelCost,
    PlanRevision,
    RequirementResult,
    Task,
    TaskResult,
    WholeCheck,
)
from ..planning.history import Observation, observed
from .costs import Costs, sum_usd, total_usd, with_costs
from .coverage import with_coverage

__all__ = ["build_report", "build_result", "evidence_from_json", "requirement_results"]


#: Reasons for which an attempt that failed still took its time.
_WORKED = frozenset({"failed", "raised", "timeout"})


def build_result(plan: ExecutionPlan, run: str, events: Iterable[Event], *, output: str = "") -> ExecutionResult:
    """Fold the log of a run into its result.

    Args:
        plan: the plan that was run, every patch in it that the events have.
        run: the run's id.
        events: all events of the run, in order.
        output: the folder the work is in, as the user is to see it.

    Returns:
        The result so far; its status is ``executing`` while the log has no ``run.finished``.
    """
    return build_report(plan, run, events, output=output)[0]


def build_report(
    plan: ExecutionPlan, run: str, events: Iterable[Event], *, output: str = ""
) -> tuple[ExecutionResult, tuple[Observation, ...]]:
    """As :func:`build_result`, and what the completed tasks took, in the order of the plan.

    Work that a resume found in the workspace took nobody knows how long: such a task is left out.
    """
    folded = _Folded(tasks={task.id: _TaskState(task) for task in plan.tasks})
    folded.take(events)
    took = observed(folded.spent())
    artifacts = tuple(sorted(folded.artifacts(), key=lambda artifact: artifact.path))
    tasks = tuple(folded.tasks.pop(task.id).result() for task in plan.tasks)
    costs = folded.costs.rows(plan.planning_usage)
    requirements = with_coverage(requirement_results(plan, tasks, folded.final), artifacts, folded.final)
    tasks, requirements = with_costs(costs, tasks, requirements)
    result = ExecutionResult(
        run=run,
        status=folded.status,
        output=output,
        branch=folded.branch,
        commit=folded.commit,
        specification=plan.specification,
        requirements=requirements,
        task_results=tasks,
        final_artifacts=artifacts,
        whole_checks=tuple(folded.whole),
        final_evidence=folded.final,
        metrics=folded.metrics(plan, costs),
        warnings=(*plan.specification.warnings, *plan.warnings, *folded.warnings),
        reason=folded.reason,
        revisions=tuple(folded.revisions),
        model_costs=costs,
        stopped_by=folded.stopped_by,
    )
    return result, took


def requirement_results(
    plan: ExecutionPlan, tasks: Sequence[TaskResult], final: Sequence[Evidence]
) -> tuple[RequirementResult, ...]:
    """What was proven of each requirement. Optional tasks that were left out do not count.

    ``not_implemented``: no task serves it, or one that does was left out. ``not_met``: a task that serves it did not complete, or a
    final check failed. ``not_checked``: everything completed, but nothing that passed is proof, or some task has nothing that passed.
    ``met``: all completed, each was checked, and there is proof. The evidence of what is not met begins with what was refused.
    """
    by_id = {result.id: result for result in tasks}
    final_ok = all(e.passed for e in final)
    by_requirement: dict[str, list[Task]] = {requirement.id: [] for requirement in plan.specification.requirements}
    for task in plan.tasks:
        if task.requirements and not task.children and not task.waived:
            for served in dict.fromkeys(task.requirements):
                by_requirement.setdefault(served, []).append(task)
    results = []
    for requirement in plan.specification.requirements:
        serving = by_requirement[requirement.id]
        outcomes = [by_id[task.id] for task in serving]
        passed = [e for outcome in outcomes for e in outcome.evidence if e.passed]
        evidence = [e.id for e in passed]
        if not outcomes or any(outcome.status == "skipped" for outcome in outcomes):
            verdict = "not_implemented"
        elif any(outcome.status != "completed" for outcome in outcomes) or not final_ok:
            verdict = "not_met"
            evidence[:0] = [e.id for outcome in outcomes for e in outcome.evidence if not (e.passed or e.expected_red)]
        elif any(e.proof for e in passed) and all(_checked(task, by_id) for task in serving):
            verdict = "met"
            evidence.extend(e.id for e in final)
        else:
            verdict = "not_checked"
        results.append(
            RequirementResult(
                id=requirement.id, verdict=verdict, tasks=tuple(o.id for o in outcomes), evidence=tuple(evidence)
            )
        )
    return tuple(results)


def _checked(task: Task, results: Mapping[str, TaskResult]) -> bool:
    """Whether something passed on the task's work. A test that was red because its subjects were missing counts with what passed on them."""
    evidence = results[task.id].evidence
    if any(e.passed for e in evidence):
        return True
    return any(e.expected_red for e in evidence) and any(
        e.passed for subject in task.verifies if subject in results for e in results[subject].evidence
    )


def evidence_from_json(data: Mapping[str, Any]) -> Evidence:
    """An :class:`Evidence` as it stands in an event."""
    return Evidence(
        id=str(data["id"]),
        check=str(data["check"]),
        passed=bool(data["passed"]),
        tree=str(data.get("tree", "")),
        log=str(data.get("log", "")),
        summary=str(data.get("summary", "")),
        expected_red=bool(data.get("expected_red", False)),
        proof=bool(data.get("proof", False)),
        details=dict(data.get("details") or {}),
    )


_task_result: Callable[..., TaskResult] = maker(TaskResult)


@define
class _TaskState:
    """What the log has said about one task so far."""

    task: Task
    status: str = field(init=False)
    agent: str | None = None
    attempts: int = 0
    is_sealed: bool = False
    commit: str | None = None
    error: str | None = None
    approval: str = ""
    added_by: str = ""
    evidence: tuple[Evidence, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    spent_s: float | None = None
    cost_usd: float | None = 0.0

    def spend(self, seconds: float, cost_usd: float | None) -> None:
        self.spent_s = seconds if self.spent_s is None else self.spent_s + seconds
        self.cost_usd = None if cost_usd is None or self.cost_usd is None else self.cost_usd + float(cost_usd)

    def again(self) -> None:
        """It is to be done after all, or to land."""
        self.status, self.error = "in_progress" if self.is_sealed else "pending", None

    def __attrs_post_init__(self) -> None:
        self.status = self.task.status

    def result(self) -> TaskResult:
        task = self.task
        return _task_result(
            task.id,
            self.status,
            task.source_id,
            task.title,
            self.agent,
            self.attempts,
            self.commit,
            self.evidence,
            self.error,
            self.approval,
            self.added_by,
            0,
            None,
        )


@define
class _Folded:
    """The state that the events build up."""

    tasks: dict[str, _TaskState]
    status: str = "executing"
    branch: str = ""
    commit: str = ""
    whole: list[WholeCheck] = field(factory=list)
    final: tuple[Evidence, ...] = ()
    warnings: list[str] = field(factory=list)
    revisions: list[PlanRevision] = field(factory=list)
    reason: str = ""
    stopped_by: str = ""
    costs: Costs = field(factory=Costs)
    started: float | None = None
    ended: float = 0.0
    work_s: float = 0.0
    tokens: int = 0
    cost_usd: float | None = None

    def take(self, events: Iterable[Event]) -> None:
        tasks, ended = self.tasks, self.ended
        for event in events:
            if self.started is None:
                self.started = event.at
            if event.at > ended:
                ended = event.at
            if event.task is None:
                self._take_run(event)
                continue
            take = _TASK_EVENTS.get(event.type)
            if take is not None:
                # Of a task that a patch removed only the cost counts.
                take(self, tasks.get(event.task) or _TaskState(Task(id=event.task, title="")), event)
        self.ended = ended

    def _take_run(self, event: Event) -> None:
        data = event.data
        if event.type == "run.started":
            self.branch = str(data.get("branch") or "")
            self.commit = str(data.get("base") or "")
        elif event.type == "run.warning":
            self.warnings.append(str(data.get("text", "")))
        elif event.type == "whole.checked":
            self.whole.append(_whole_check(data))
        elif event.type == "plan.patched":
            self._revise(data)
        elif event.type == "patch.refused":
            self.warnings.append(
                f"a patch by {data.get('by', '')} was refused: {'; '.join(data.get('problems') or ())}"
            )
        elif event.type == "run.paused":
            self.status, self.reason = "paused", str(data.get("why") or "")
            self.stopped_by = str(data.get("cause") or "")
        elif event.type == "run.resumed":
            self.status, self.reason, self.stopped_by = "executing", "", ""
            freed = {"cancelled", "failed", "blocked"} if data.get("retry") else {"cancelled"}
            for state in self.tasks.values():
                if state.status in freed:
                    state.again()
        elif event.type == "run.finished":
            self.reason = str(data.get("error") or "")
            self.status = str(data["status"])
            self.commit = str(data.get("commit") or self.commit)
            self.final = tuple(evidence_from_json(item) for item in data.get("evidence") or ())
            self.work_s += _duration_s(self.final)
            if data.get("error"):
                self.warnings.append(str(data["error"]))

    def _revise(self, data: Mapping[str, Any]) -> None:
        changed = {key: tuple(map(str, data.get(key) or ())) for key in ("added", "removed", "split", "rerouted")}
        revision = PlanRevision(
            number=int(data["revision"]), by=str(data["by"]), why=str(data["patch"].get("why") or ""), **changed
        )
        self.revisions.append(revision)
        for name in revision.added:
            if name in self.tasks:
                self.tasks[name].added_by = revision.by

    def started_attempt(self, state: _TaskState, event: Event) -> None:
        state.status = "in_progress"
        state.agent = str(event.data.get("agent_type") or "") or None
        state.attempts = max(state.attempts, event.attempt or 0)
        state.approval, state.is_sealed = "", False

    def sealed(self, state: _TaskState, event: Event) -> None:
        data = event.data
        state.is_sealed = True
        state.evidence = ()
        seconds, cost_usd = float(data.get("duration_s") or 0.0), data.get("cost_usd")
        state.spend(nan if data.get("found") else seconds, cost_usd)
        self.work_s += seconds
        self.tokens += int(data.get("tokens") or 0)
        if cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + float(cost_usd)
        made = data.get("artifacts")
        state.artifacts = tuple(_artifact(item, state.task.id) for item in made) if made else ()

    def checked(self, state: _TaskState, event: Event) -> None:
        state.evidence = tuple(evidence_from_json(item) for item in event.data.get("evidence") or ())
        self.work_s += _duration_s(state.evidence)

    def approval(self, state: _TaskState, event: Event) -> None:
        state.approval = event.type.removeprefix("approval.")

    def landed(self, state: _TaskState, event: Event) -> None:
        state.commit = str(event.data.get("commit") or "") or None

    def failed_attempt(self, state: _TaskState, event: Event) -> None:
        if event.data.get("reason") in _WORKED:
            state.spend(float(event.data.get("duration_s") or 0.0), event.data.get("cost_usd"))
        self.missed(state, event)

    def missed(self, state: _TaskState, event: Event) -> None:
        state.error = str(event.data.get("error") or event.data.get("why") or "") or None
        state.artifacts = ()
        state.status, state.is_sealed = "pending", False
        if "evidence" in event.data:
            state.evidence = tuple(evidence_from_json(item) for item in event.data["evidence"])

    def model_call(self, state: _TaskState, event: Event) -> None:
        self.costs.take(event)

    def completed(self, state: _TaskState, event: Event) -> None:
        state.status, state.error = "completed", None

    def failed(self, state: _TaskState, event: Event) -> None:
        state.status = "failed"
        state.error = str(event.data.get("error") or state.error or "")

    def blocked(self, state: _TaskState, event: Event) -> None:
        state.status = "blocked"
        state.error = f"waits for {', '.join(event.data.get('by') or ())}"

    def skipped(self, state: _TaskState, event: Event) -> None:
        state.status, state.error = "skipped", str(event.data.get("why") or "")

    def cancelled(self, state: _TaskState, event: Event) -> None:
        state.status = "cancelled"

    def freed(self, state: _TaskState, event: Event) -> None:
        state.again()

    def spent(self) -> Iterator[tuple[Task, str, float, float | None]]:
        """Of the completed tasks: who did it, in how many seconds, for how much; where the time is known."""
        for state in self.tasks.values():
            if state.status == "completed" and state.agent and state.spent_s is not None and state.spent_s >= 0:
                yield state.task, state.agent, state.spent_s, state.cost_usd

    def artifacts(self) -> Iterable[Artifact]:
        """What landed; of two tasks that wrote one path the later one has it."""
        by_path: dict[str, Artifact] = {}
        for state in self.tasks.values():
            if state.status == "completed":
                by_path.update((artifact.path, artifact) for artifact in state.artifacts)
        return by_path.values()

    def metrics(self, plan: ExecutionPlan, costs: Sequence[ModelCost]) -> ExecutionMetrics:
        wall_s = self.ended - self.started if self.started is not None else 0.0
        return ExecutionMetrics(
            wall_s=wall_s,
            work_s=self.work_s,
            speedup=self.work_s / wall_s if wall_s > 0 else 0.0,
            max_speedup=plan.estimates.max_speedup,
            cost_usd=sum_usd((self.cost_usd, total_usd(costs))),
            tokens=self.tokens + sum(each.tokens for each in costs),
            unpriced_calls=sum(each.unpriced for each in costs),
        )


#: What the events of a task do; others say nothing for the result.
_TASK_EVENTS: Mapping[str, Callable[[_Folded, _TaskState, Event], None]] = {
    "attempt.started": _Folded.started_attempt,
    "attempt.sealed": _Folded.sealed,
    "attempt.checked": _Folded.checked,
    "approval.requested": _Folded.approval,
    "approval.given": _Folded.approval,
    "approval.refused": _Folded.approval,
    "attempt.landed": _Folded.landed,
    "attempt.failed": _Folded.failed_attempt,
    "attempt.rejected": _Folded.missed,
    "model.reserved": _Folded.model_call,
    "model.settled": _Folded.model_call,
    "task.completed": _Folded.completed,
    "task.failed": _Folded.failed,
    "task.blocked": _Folded.blocked,
    "task.skipped": _Folded.skipped,
    "task.cancelled": _Folded.cancelled,
    "task.freed": _Folded.freed,
}


def _duration_s(evidence: Sequence[Evidence]) -> float:
    return sum(float(str(each.details.get("duration_s") or 0.0)) for each in evidence)


def _artifact(data: Mapping[str, Any], task: str) -> Artifact:
    found = data.get("findings")
    return Artifact(
        name=str(data["name"]),
        type=str(data["type"]),
        path=str(data["path"]),
        task=str(data.get("task") or task),
        findings=tuple(_finding(each) for each in found) if found else (),
    )


def _finding(data: Mapping[str, Any]) -> Finding:
    return Finding(
        path=str(data["path"]),
        line=int(data["line"]),
        rule=str(data["rule"]),
        severity=str(data["severity"]),
        what=str(data["what"]),
        quote=str(data.get("quote") or ""),
    )


def _whole_check(data: Mapping[str, Any]) -> WholeCheck:
    return WholeCheck(
        tree=str(data.get("tree") or ""),
        tasks=tuple(map(str, data.get("tasks") or ())),
        evidence=tuple(evidence_from_json(item) for item in data.get("evidence") or ()),
    )
