"""Where the time of a run went, from its log: every second from the first event to the last has one cause, and so has every wait.

The causes are those of the decisive chain: the work and waiting that leads without a gap from the beginning of the run to its end. What
happened beside it cost no time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import field, frozen

from ..models import Event, ExecutionPlan
from .chain import Step, decisive_chain
from .history import Attempt, History, read_history

__all__ = ["PARTS", "PathTask", "Timeline", "make_timeline"]

#: What the time of a run goes into, and what it is called.
PARTS: Mapping[str, str] = {
    "work": "agents at work",
    "folders": "opening and keeping their folders",
    "landing": "landing: merged and checked",
    "retries": "attempts that came to nothing, and the waits after them",
    "worker": "waiting for a free agent",
    "lane": "waiting for other landings",
    "exclusion": "waiting for work that must not run at the same time",
    "gate": "waiting for a test to land",
    "dependency": "waiting for a dependency",
    "approval": "waiting for a person",
    "stopped": "nobody was at work on the run",
    "engine": "the engine: deciding and recording",
    "start": "start of the run",
    "final": "checks of the whole, end of the run",
}


@frozen(kw_only=True)
class PathTask:
    """A task on the critical path, as it was planned or as it came.

    Attributes:
        estimate_s: of the plan.
        actual_s: of a planned path, work and landing of all its attempts (``None``: it was never begun); of the actual path, for how long the
            end of the run was waiting for it.
    """

    task: str
    estimate_s: float
    actual_s: float | None


@frozen(kw_only=True)
class Timeline:
    """Times are seconds, from the first event on.

    Attributes:
        history: every attempt with what it waited for.
        chain: what decided how long the run took, in order and without gaps.
        parts: key of :data:`PARTS` -> seconds; they add up to the length of the run, as far as anything ended in it.
        waits: kind of span -> seconds that all attempts together waited for that.
        workers: how many attempts could be in progress at once; 0 where the log does not say.
        busy_s, idle_s: of all workers together, while a process was at work on the run.
        planned, actual: the critical path of the plan, and the tasks of the chain.
        planned_s: what the plan's critical path was to take.
    """

    history: History
    chain: tuple[Step, ...] = ()
    parts: Mapping[str, float] = field(factory=dict)
    waits: Mapping[str, float] = field(factory=dict)
    workers: int = 0
    busy_s: float = 0.0
    idle_s: float = 0.0
    planned: tuple[PathTask, ...] = ()
    actual: tuple[PathTask, ...] = ()
    planned_s: float = 0.0

    @property
    def length(self) -> float:
        """Seconds from the first event to the last."""
        return self.history.length


def make_timeline(plan: ExecutionPlan, events: Sequence[Event]) -> Timeline:
    """What the log says about time.

    Args:
        plan: every patch in it that the events have.
        events: all of the run, in order.
    """
    history = read_history(plan, events)
    chain = decisive_chain(history)
    busy = sum(_worked(attempt) for attempt in history.attempts)
    workers = _workers(events)
    capacity = workers * (history.length - sum(until - since for since, until in history.gaps))
    estimates = {task.id: task.estimate_s for task in plan.tasks}
    taken, held_up = _taken(history.attempts), _held_up(chain)

    def path(tasks: Iterable[str], actual: Mapping[str, float]) -> tuple[PathTask, ...]:
        return tuple(
            PathTask(task=task, estimate_s=estimates.get(task, 0.0), actual_s=actual.get(task)) for task in tasks
        )

    return Timeline(
        history=history,
        chain=chain,
        parts=_parts(history, chain),
        waits=_waits(history.attempts),
        workers=workers,
        busy_s=busy,
        idle_s=max(capacity - busy, 0.0),
        planned=path(plan.critical_path, taken),
        actual=path(held_up, held_up),
        planned_s=plan.estimates.span_s,
    )


def _workers(events: Sequence[Event]) -> int:
    """The most that any process had."""
    said = [event.data.get("concurrency") for event in events if event.type == "run.prepared"]
    said += [event.data.get("workers") for event in events[:1]]
    return max((number for number in said if isinstance(number, int)), default=0)


def _worked(attempt: Attempt) -> float:
    return sum(min(span.end - attempt.started, span.length) for span in attempt.spans if span.kind == "work")


def _taken(attempts: Iterable[Attempt]) -> dict[str, float]:
    found: dict[str, float] = {}
    for attempt in attempts:
        landing = sum(span.length for span in attempt.spans if span.kind == "landing")
        found[attempt.task] = found.get(attempt.task, 0.0) + _worked(attempt) + landing
    return found


def _held_up(chain: Iterable[Step]) -> dict[str, float]:
    found: dict[str, float] = {}
    for step in chain:
        if step.task is not None:
            found[step.task] = found.get(step.task, 0.0) + step.end - step.start
    return found


def _waits(attempts: Iterable[Attempt]) -> dict[str, float]:
    found: dict[str, float] = {}
    for attempt in attempts:
        for span in attempt.spans:
            if span.kind not in ("work", "landing"):
                found[span.kind] = found.get(span.kind, 0.0) + span.length
    return found


def _parts(history: History, chain: Sequence[Step]) -> dict[str, float]:
    """The chain by cause; the largest first."""
    attempts = {(attempt.task, attempt.number): attempt for attempt in history.attempts}
    found: dict[str, float] = {}
    for step in chain:
        attempt = attempts.get((step.task or "", step.attempt or 0))
        for part, length in _split(step, attempt):
            if length > 0:
                found[part] = found.get(part, 0.0) + length
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _split(step: Step, attempt: Attempt | None) -> Iterable[tuple[str, float]]:
    """What a step of the chain went into."""
    length = step.end - step.start
    if attempt is None or step.kind not in ("work", "landing", "retry"):
        yield step.kind, length
    elif step.kind == "retry" or attempt.outcome in ("failed", "rejected"):
        yield "retries", length
    elif step.kind == "landing":
        landing = length if attempt.took_s is None else min(attempt.took_s, length)
        yield "landing", landing
        yield "engine", length - landing
    else:
        engine = min(max(attempt.started - step.start, 0.0), length)
        work = length - engine
        agent = work if attempt.agent_s is None else min(attempt.agent_s, work)
        yield "engine", engine
        yield "work", agent
        yield "folders", work - agent
