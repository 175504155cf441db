"""What runs took, in figures that can be compared: throughput, waits, use of the places, retries, and what was spent, by requirement, agent type and model.

Everything is computed from logs, in one pass over each, and over several runs as over one: counts and sums add up, spreads are of all attempts together.
What each figure means stands beside it; the same words are in the docs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from ..models import Event, ExecutionPlan, ModelCost
from .costs import Costs, sum_usd, total_usd
from .history import SPAN_KINDS, Attempt
from .timeline import make_timeline

__all__ = ["Group", "Metrics", "Spread", "gather"]


@frozen(kw_only=True)
class Spread:
    """How long something took, over ``count`` attempts that had any of it: together, and of each the median, the 95th in a hundred, the longest. Seconds."""

    count: int = 0
    total_s: float = 0.0
    p50_s: float = 0.0
    p95_s: float = 0.0
    max_s: float = 0.0

    @classmethod
    def of(cls, lengths: Iterable[float]) -> Spread:
        """Quantiles are lengths that occurred: the smallest that at least such a share does not exceed."""
        line = sorted(lengths)
        if not line:
            return cls()

        def quantile(percent: int) -> float:
            return line[-(-len(line) * percent // 100) - 1]

        return cls(count=len(line), total_s=sum(line), p50_s=quantile(50), p95_s=quantile(95), max_s=line[-1])


@frozen(kw_only=True)
class Group:
    """The attempts that share something.

    Attributes:
        name: of the requirement, agent type or model; ``""`` for those that have none.
        tasks: that had an attempt (of a model: that asked it).
        completed: of these, those that were completed.
        attempts, retries: as in :class:`Metrics`; 0 of a model.
        work_s: in the hands of agents and their folders, of all attempts, whatever became of them; 0 of a model.
        calls: of language models, ``unpriced`` those of unknown price.
        tokens, cost_usd: as in :class:`Metrics`.
    """

    name: str
    tasks: int = 0
    completed: int = 0
    attempts: int = 0
    retries: int = 0
    work_s: float = 0.0
    calls: int = 0
    unpriced: int = 0
    tokens: int = 0
    cost_usd: float | None = None


@frozen(kw_only=True)
class Metrics:
    """Figures of one run or several.

    Attributes:
        runs: their ids.
        at_work_s: seconds from the first event to the last while a process was at work; the time between a process's end and a resume is not in it.
        tasks, completed: tasks of the plans as they are now, and how many of them are completed.
        per_minute: completed tasks for each minute at work; ``None`` when no time passed.
        places_s: places for attempts times the seconds a process was at work; ``busy_s`` is how much of it attempts worked (from their start until their work was sealed or
            they failed).
        utilization: ``busy_s / places_s``, 0 to 1; ``None`` where there was no place.
        attempts: that were started.
        retries: attempts of a task after its first.
        failures: why attempts came to nothing -> how many: the reasons of ``attempt.failed``, and ``rejected`` (refused at the landing).
        waits: what attempts waited for (see ``timeline``) -> how long those waited that did.
        work: how long attempts worked.
        landing: how long merging and checking took.
        tokens: what calls of language models count as in the budget (a call that may have been billed and was not answered counts as its worst case), with what agents
            say that they used themselves; what planning took included.
        cost_usd: the same in US dollars, of the calls whose price is known; ``None`` when none is. ``unpriced`` is how many calls are of unknown price.
        by_requirement: a task that serves several requirements counts in full for each, so these do not add up to the whole.
        by_agent_type, by_model: these do; planning is of no agent type.
    """

    runs: tuple[str, ...] = ()
    at_work_s: float = 0.0
    tasks: int = 0
    completed: int = 0
    per_minute: float | None = None
    places_s: float = 0.0
    busy_s: float = 0.0
    utilization: float | None = None
    attempts: int = 0
    retries: int = 0
    failures: Mapping[str, int] = field(factory=dict)
    waits: Mapping[str, Spread] = field(factory=dict)
    work: Spread = field(factory=Spread)
    landing: Spread = field(factory=Spread)
    tokens: int = 0
    cost_usd: float | None = None
    unpriced: int = 0
    by_requirement: tuple[Group, ...] = ()
    by_agent_type: tuple[Group, ...] = ()
    by_model: tuple[Group, ...] = ()


@define
class _Sum:
    """A group while it is gathered; tasks are counted once for each run."""

    tasks: set[tuple[int, str]] = field(factory=set)
    completed: set[tuple[int, str]] = field(factory=set)
    attempts: int = 0
    retries: int = 0
    work_s: float = 0.0
    own_tokens: int = 0
    own_usd: float | None = None
    rows: list[ModelCost] = field(factory=list)

    def group(self, name: str) -> Group:
        return Group(
            name=name,
            tasks=len(self.tasks),
            completed=len(self.completed),
            attempts=self.attempts,
            retries=self.retries,
            work_s=self.work_s,
            calls=sum(row.calls for row in self.rows),
            unpriced=sum(row.unpriced for row in self.rows),
            tokens=self.own_tokens + sum(row.tokens for row in self.rows),
            cost_usd=sum_usd((self.own_usd, total_usd(self.rows))),
        )


def gather(runs: Iterable[tuple[ExecutionPlan, Sequence[Event]]]) -> Metrics:
    """The figures of the runs together.

    Args:
        runs: the plan of each, every patch in it, and its whole log.
    """
    gathered = _Gathered()
    for plan, events in runs:
        gathered.take(plan, events)
    return gathered.metrics()


class _Gathered:
    def __init__(self) -> None:
        self.runs: list[str] = []
        self.at_work_s = self.places_s = self.busy_s = 0.0
        self.tasks = self.completed = 0
        self.failures = Counter[str]()
        self.waits: dict[str, list[float]] = {}
        self.work: list[float] = []
        self.landing: list[float] = []
        self.whole = _Sum()
        self.by_requirement: dict[str, _Sum] = {}
        self.by_agent_type: dict[str, _Sum] = {}
        self.by_model: dict[str, _Sum] = {}

    def take(self, plan: ExecutionPlan, events: Sequence[Event]) -> None:
        if not events:
            return
        number = len(self.runs)
        self.runs.append(events[0].run)
        found = make_timeline(plan, events)
        at_work = found.length - sum(until - since for since, until in found.history.gaps)
        self.at_work_s += at_work
        self.places_s += found.workers * at_work
        self.busy_s += found.busy_s
        requirements = {task.id: task.requirements or ("",) for task in plan.tasks}
        own, costs, completed = _spent(events)
        done = {task.id for task in plan.tasks if task.id in completed or task.status == "completed"}
        self.tasks += len(plan.tasks)
        self.completed += len(done)
        for attempt in found.history.attempts:
            groups = [self.whole, self.by_agent_type.setdefault(attempt.agent_type, _Sum())]
            groups += [self.by_requirement.setdefault(name, _Sum()) for name in requirements.get(attempt.task, ("",))]
            self._attempt(attempt, groups, (number, attempt.task), attempt.task in done)
            tokens, usd = own.get((attempt.task, attempt.number), (0, None))
            for group in groups:
                group.own_tokens += tokens
                group.own_usd = sum_usd((group.own_usd, usd))
        for row in costs.rows(plan.planning_usage):
            groups = [self.whole, self.by_model.setdefault(row.model, _Sum())]
            if row.task:
                groups.append(self.by_agent_type.setdefault(row.agent_type, _Sum()))
                groups += [self.by_requirement.setdefault(name, _Sum()) for name in requirements.get(row.task, ("",))]
                groups[1].tasks.add((number, row.task))
                if row.task in done:
                    groups[1].completed.add((number, row.task))
            for group in groups:
                group.rows.append(row)

    def _attempt(self, attempt: Attempt, groups: Iterable[_Sum], task: tuple[int, str], done: bool) -> None:
        lengths: dict[str, float] = {}
        for span in attempt.spans:
            lengths[span.kind] = lengths.get(span.kind, 0.0) + span.length
        work = lengths.pop("work", 0.0)
        self.work.append(work)
        if "landing" in lengths:
            self.landing.append(lengths.pop("landing"))
        for kind, length in lengths.items():
            self.waits.setdefault(kind, []).append(length)
        if attempt.outcome == "failed":
            self.failures[attempt.reason or "failed"] += 1
        elif attempt.outcome == "rejected":
            self.failures["rejected"] += 1
        for group in groups:
            group.tasks.add(task)
            if done:
                group.completed.add(task)
            group.attempts += 1
            group.retries += attempt.number > 1
            group.work_s += work

    def metrics(self) -> Metrics:
        whole = self.whole.group("")
        return Metrics(
            runs=tuple(self.runs),
            at_work_s=self.at_work_s,
            tasks=self.tasks,
            completed=self.completed,
            per_minute=60 * self.completed / self.at_work_s if self.at_work_s > 0 else None,
            places_s=self.places_s,
            busy_s=self.busy_s,
            utilization=min(self.busy_s / self.places_s, 1.0) if self.places_s > 0 else None,
            attempts=whole.attempts,
            retries=whole.retries,
            failures=dict(sorted(self.failures.items())),
            waits={kind: Spread.of(self.waits[kind]) for kind in SPAN_KINDS if kind in self.waits},
            work=Spread.of(self.work),
            landing=Spread.of(self.landing),
            tokens=whole.tokens,
            cost_usd=whole.cost_usd,
            unpriced=whole.unpriced,
            by_requirement=_groups(self.by_requirement),
            by_agent_type=_groups(self.by_agent_type),
            by_model=_groups(self.by_model),
        )


def _groups(sums: Mapping[str, _Sum]) -> tuple[Group, ...]:
    return tuple(found.group(name) for name, found in sorted(sums.items()))


def _spent(events: Iterable[Event]) -> tuple[dict[tuple[str, int], tuple[int, float | None]], Costs, set[str]]:
    """What agents say that they used themselves, by task and attempt; the calls of models; and which tasks were completed."""
    own: dict[tuple[str, int], tuple[int, float | None]] = {}
    costs, completed = Costs(), set[str]()
    for event in events:
        kind, data = event.type, event.data
        if kind == "attempt.sealed" and event.task is not None:
            said: tuple[int, Any] = (int(data.get("tokens") or 0), data.get("cost_usd"))
            if said != (0, None):
                own[event.task, event.attempt or 0] = said
        elif kind == "task.completed" and event.task is not None:
            completed.add(event.task)
        elif kind.startswith("model."):
            costs.take(event)
    return own, costs, completed
