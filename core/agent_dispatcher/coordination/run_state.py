"""What a run's events add up to. Pure: the same events give the same state, in any process, at any time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, field

from ..models import Event
from .failures import POISON, costs_attempt
from .spending import Spending

__all__ = ["AFTER_DISPUTE", "RunState", "TaskState", "fold", "refusal_text"]


#: What the next attempt is told instead of what the disputed test had said.
AFTER_DISPUTE = "a test was disputed in the last attempt: what the tests demand now is what counts, read them again"


@define(kw_only=True)
class TaskState:
    """One task as the log has it.

    Attributes:
        status: one of ``TASK_STATUSES`` (``pending`` for a task that rests before another attempt).
        phase: of the current attempt: ``running``, ``sealed``, ``landed``, ``rejected``, ``failed``; ``""`` before the first.
        attempts: number of the last attempt.
        failures: attempts that count against the limit.
        declined: agent types that declined.
        poisoned: attempts that their agent did not survive.
        fallen: how many of its fallback agent types were turned to.
        agent_type: who did, does or is to do it.
        agent: the instance of the last attempt.
        change: the sealed work of the last attempt (fields of ``Change``).
        approval: of the last attempt's landing: ``requested``, ``given``, ``refused``; ``""`` when nobody was asked.
        asked: data of ``approval.requested`` of the last attempt.
        proposal: number of an attempt and the patch (fields of ``PlanPatch``) it proposed; nobody has decided on it yet.
        dispute: number of an attempt and its objection to a test (fields of ``Dispute``); nobody has decided on it yet.
        undecided: the event of an attempt that failed or was refused, until it is on record what follows from that.
        evidence: of the last attempt that was checked, or found something wrong itself (fields of ``Evidence``).
        error: why it failed, is blocked, was skipped, or why the last attempt was refused.
        blocked_by: task ids.
        started_at, ended_at: first start and last transition, seconds since the epoch.
        work_s, tokens, cost_usd: summed over attempts.
    """

    status: str = "pending"
    phase: str = ""
    attempts: int = 0
    failures: int = 0
    declined: int = 0
    poisoned: int = 0
    fallen: int = 0
    agent_type: str | None = None
    agent: str | None = None
    commit: str | None = None
    tree: str | None = None
    change: dict[str, Any] | None = None
    approval: str = ""
    asked: dict[str, Any] = field(factory=dict)
    proposal: tuple[int, dict[str, Any]] | None = None
    dispute: tuple[int, dict[str, Any]] | None = None
    undecided: Event | None = None
    summary: str = ""
    artifacts: list[dict[str, Any]] = field(factory=list)
    evidence: list[dict[str, Any]] = field(factory=list)
    error: str | None = None
    feedback: str = ""
    blocked_by: tuple[str, ...] = ()
    started_at: float | None = None
    ended_at: float | None = None
    work_s: float = 0.0
    tokens: int = 0
    cost_usd: float | None = None


@define(kw_only=True)
class RunState:
    """A run as the log has it.

    Attributes:
        status: one of ``RUN_STATUSES``.
        tasks: task id to its state; a task nothing happened to is absent.
        started: data of ``run.started``.
        finished: data of ``run.finished``, empty while the run can go on.
        plan_approval: of the plan: ``requested``, ``given``, ``refused``; ``""`` when nobody was asked.
        plan_answers: how many answers about the plan counted.
        patches: data of every ``plan.patched``, in order.
        answers: request of a person -> data of the ``plan.patched`` or ``patch.refused`` that answers it.
        spending: on language models, so far.
        circuits: backend to the last ``circuit.changed`` about it, for those whose circuit is not closed.
        last_seq: number of the last event.
    """

    run: str = ""
    status: str = "initializing"
    tasks: dict[str, TaskState] = field(factory=dict)
    started: dict[str, Any] = field(factory=dict)
    finished: dict[str, Any] = field(factory=dict)
    plan_approval: str = ""
    plan_answers: int = 0
    patches: list[dict[str, Any]] = field(factory=list)
    answers: dict[str, dict[str, Any]] = field(factory=dict)
    warnings: list[str] = field(factory=list)
    started_at: float | None = None
    updated_at: float | None = None
    resumes: int = 0
    error: str | None = None
    spending: Spending = field(factory=Spending)
    circuits: dict[str, Event] = field(factory=dict)
    last_seq: int = 0

    def task(self, task_id: str) -> TaskState:
        """The state of a task; a new pending one when nothing happened to it."""
        return self.tasks.get(task_id) or TaskState()

    def patching_statuses(self) -> dict[str, str]:
        """Task id to the status by which a patch has to go, for every task something happened to: sealed work is in progress, also where it
        is blocked."""
        return {
            name: "in_progress" if task.status == "blocked" and task.phase == "sealed" else task.status
            for name, task in self.tasks.items()
        }


def fold(events: Iterable[Event], state: RunState | None = None) -> RunState:
    """Add ``events`` (in order) to ``state``, a new one when ``None``; returns it. Types it does not know are passed over."""
    state = RunState() if state is None else state
    tasks = state.tasks
    for event in events:
        state.last_seq = event.seq
        state.updated_at = event.at
        name = event.task
        if name is None:
            _run_event(state, event)
            continue
        task = tasks.get(name)
        if task is None:
            task = tasks[name] = TaskState()
        _task_event(state, task, event)
    return state


def _run_event(state: RunState, event: Event) -> None:
    data = event.data
    if event.type == "run.started":
        state.run, state.status, state.started, state.started_at = event.run, "executing", data, event.at
    elif event.type == "run.resumed":
        state.status, state.finished, state.error = "executing", {}, None
        state.spending.ended()
        state.resumes += 1
        state.circuits.clear()
        for task in state.tasks.values():
            _resume(task, retry=bool(data.get("retry")))
    elif event.type == "circuit.changed":
        state.circuits.pop(data["backend"], None)
        if data["state"] != "closed":
            state.circuits[data["backend"]] = event
    elif event.type == "run.paused":
        state.status, state.error = "paused", data.get("why")
    elif event.type == "run.warning":
        state.warnings.append(str(data.get("text", "")))
    elif event.type == "run.finished":
        state.status, state.finished, state.error = data["status"], data, data.get("error")
    elif event.type == "plan.patched":
        _patched(state, data)
    elif event.type == "patch.refused":
        state.warnings.append(refusal_text(data))
        _decided(state, data)
    elif event.type.startswith("approval."):
        state.plan_approval = event.type.removeprefix("approval.")
        state.plan_answers += state.plan_approval != "requested"


def _patched(state: RunState, data: dict[str, Any]) -> None:
    state.patches.append(data)
    for name in data["removed"]:
        state.tasks.pop(name, None)
    for name in (*data["split"], *data["rerouted"]):
        task = state.tasks.get(name)
        if task is not None:
            task.agent_type, task.declined, task.fallen = None, 0, 0
    _decided(state, data)


def _decided(state: RunState, data: dict[str, Any]) -> None:
    """A patch is asked for once: by a request, or by an attempt."""
    if data.get("request"):
        state.answers[data["request"]] = data
    task = state.tasks.get(data.get("task") or "")
    if task is not None:
        task.proposal = task.dispute = None


def refusal_text(data: Mapping[str, Any]) -> str:
    """``patch.refused`` in a sentence."""
    return f"a patch by {data.get('by', '')} was refused: {'; '.join(data.get('problems') or ())}"


def _resume(task: TaskState, *, retry: bool) -> None:
    """What a new process makes of a task: given up with the run is taken up again; failed and blocked only when asked for.

    Work that was sealed by then is not done again: it goes on at landing.
    """
    again = {"cancelled", "failed", "blocked"} if retry else {"cancelled"}
    if task.status in again:
        if task.status != "cancelled":
            task.failures = task.declined = task.poisoned = task.fallen = 0
            task.agent_type = None
        _free(task)


def _free(task: TaskState) -> None:
    task.status = "in_progress" if task.phase == "sealed" else "pending"
    task.error, task.blocked_by, task.undecided = None, (), None


def _task_event(state: RunState, task: TaskState, event: Event) -> None:
    kind, data = event.type, event.data
    if kind == "attempt.started":
        task.status, task.phase, task.attempts = "in_progress", "running", event.attempt or 0
        task.agent_type, task.agent = data.get("agent_type"), data.get("agent")
        task.change, task.approval, task.asked = None, "", {}
        if task.started_at is None:
            task.started_at = event.at
    elif kind == "attempt.sealed":
        task.status, task.phase, task.attempts = "in_progress", "sealed", event.attempt or 0
        task.change, task.summary = data.get("change"), data.get("summary", "")
        task.artifacts = data.get("artifacts", [])
        if task.evidence:
            task.evidence = []
        task.work_s += data.get("duration_s", 0.0)
        task.tokens += data.get("tokens", 0)
        if data.get("cost_usd") is not None:
            task.cost_usd = (task.cost_usd or 0.0) + data["cost_usd"]
    elif kind == "attempt.checked":
        task.evidence = data.get("evidence", [])
    elif kind.startswith("approval."):
        task.approval = kind.removeprefix("approval.")
        if task.approval == "requested":
            task.asked = data
    elif kind == "attempt.landed":
        task.phase, task.commit, task.tree = "landed", data.get("commit"), data.get("tree")
    elif kind == "attempt.rejected":
        task.status, task.phase, task.error = "pending", "rejected", data.get("why")
        task.feedback = data.get("feedback", data.get("why", ""))
        task.failures += 1
        task.undecided = event
        task.evidence = data.get("evidence", [])
        task.ended_at = event.at
    elif kind == "attempt.failed":
        task.status, task.phase, task.error = "pending", "failed", data.get("error")
        task.work_s += data.get("duration_s", 0.0)
        sort = data.get("sort", "")
        costs, declined = costs_attempt(data.get("reason", ""), sort), data.get("reason") == "declined"
        task.failures += costs
        task.poisoned += sort == POISON
        task.declined += declined
        task.undecided = event if costs or declined else None
        if "evidence" in data:
            task.evidence = data["evidence"]
        if "feedback" in data:
            task.feedback = data["feedback"]
        if "dispute" in data:
            task.dispute = (event.attempt or 0, data["dispute"])
            task.feedback = AFTER_DISPUTE
        task.ended_at = event.at
    elif kind == "attempt.retry":
        task.agent_type, task.undecided = data.get("agent_type"), None
        if data.get("fallback"):
            task.failures, task.fallen = 0, data["fallback"]
    elif kind == "patch.proposed":
        task.proposal = (event.attempt or 0, data["patch"])
    elif kind == "task.freed":
        if task.status == "failed":
            task.failures = task.declined = task.poisoned = task.fallen = 0
        _free(task)
    elif kind.startswith("task."):
        task.status, task.ended_at = kind[5:], event.at
        if kind == "task.completed":
            task.commit, task.error = data.get("commit"), None
        elif kind == "task.failed":
            task.error = data.get("error")
        elif kind == "task.blocked":
            task.blocked_by = tuple(data.get("by", ()))
            task.error = "blocked by " + ", ".join(task.blocked_by)
        else:
            task.error = data.get("why")
    elif kind.startswith("model."):
        state.spending.take(event)
