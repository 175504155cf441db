"""An execution plan: tasks in an order that says why. Field names are those of the plan JSON."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen
from attrs.validators import and_, ge, in_, le

from .specification import Specification
from .task import Task
from .usage import ModelUse, PlanningCall

__all__ = [
    "DEPENDENCY_KINDS",
    "DROP_KINDS",
    "Dependency",
    "Dropped",
    "Estimates",
    "Exclusion",
    "ExecutionPlan",
    "Gate",
    "Reason",
]

DEPENDENCY_KINDS = ("data", "logical", "resource")
DROP_KINDS = ("redundant", "cycle", "veto", "threshold", "parallelism", "patch")


@frozen(kw_only=True)
class Reason:
    """Why a rule wants an edge.

    Attributes:
        rule: name of the dependency rule.
        kind: one of :data:`DEPENDENCY_KINDS`.
        confidence: above 0, at most 1.
        evidence: a sentence that quotes what the rule saw.
        source: ``file:line`` of what it saw.
    """

    rule: str
    kind: str = field(default="logical", validator=in_(DEPENDENCY_KINDS))
    confidence: float = field(default=1.0, validator=and_(ge(0.0), le(1.0)))
    evidence: str = ""
    source: str = ""


@frozen(kw_only=True, weakref_slot=False)
class Dependency:
    """``after`` waits for ``before``. A ``binding`` one holds the task, an ``advisory`` one only orders the ready queue."""

    before: str
    after: str
    strength: str = field(default="binding", validator=in_(("binding", "advisory")))
    reasons: tuple[Reason, ...] = ()


@frozen(kw_only=True)
class Exclusion:
    """Tasks that must not be in progress at the same time, because of ``resource``."""

    tasks: tuple[str, ...]
    resource: str
    reasons: tuple[Reason, ...] = ()


@frozen(kw_only=True)
class Gate:
    """``subject`` may land only after ``test``, which verifies it, has landed."""

    test: str
    subject: str


@frozen(kw_only=True)
class Dropped:
    """An edge that was found but is not in the plan, and why.

    A ``redundant`` one still binds: it is implied by the path that ``why`` gives.
    """

    before: str
    after: str
    kind: str = field(validator=in_(DROP_KINDS))
    why: str = ""
    reasons: tuple[Reason, ...] = ()


@frozen(kw_only=True)
class Estimates:
    """What the plan will take.

    Attributes:
        work_s: the sum of all durations.
        span_s: the duration of the critical path.
        max_speedup: ``work_s / span_s``.
        recommended_workers: the fewest workers that come close to the least time.
        width: how many tasks that need an agent the widest phase holds.
        cost_usd: ``None`` when no price is known.
        work_range_s, span_range_s, cost_range_usd: from a good run to a bad one (a quarter of past tasks of each kind took no more than the low
            end counts, nine tenths no more than the high end); ``None`` while no past run says anything.
    """

    work_s: float = 0.0
    span_s: float = 0.0
    max_speedup: float = 1.0
    recommended_workers: int = 1
    width: int = 0
    cost_usd: float | None = None
    work_range_s: tuple[float, float] | None = None
    span_range_s: tuple[float, float] | None = None
    cost_range_usd: tuple[float, float] | None = None


@frozen(kw_only=True)
class ExecutionPlan:
    """Everything a run needs to know, decided before it starts.

    Attributes:
        specification: what the plan was made from (the plan JSON holds only its summary).
        tasks: in the order of the source, then of derivation.
        dependencies: the reduced view, sorted by (before, after).
        dropped: edges left out; the ``redundant`` ones belong to the full binding set.
        phases: task ids by the earliest step in which they can run.
        critical_path: task ids of a longest path by estimated duration, gates counted.
        warnings: what the user should know before running it.
        planning_usage: what making the plan asked of language models, by purpose and model.
        planning_calls: the same call by call, in the order in which they were asked.
        said: digest to text of what was asked and answered; empty where a run has it on record.
    """

    specification: Specification
    tasks: tuple[Task, ...]
    dependencies: tuple[Dependency, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    gates: tuple[Gate, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    phases: tuple[tuple[str, ...], ...] = ()
    critical_path: tuple[str, ...] = ()
    estimates: Estimates = field(factory=Estimates)
    warnings: tuple[str, ...] = ()
    planning_usage: tuple[ModelUse, ...] = ()
    planning_calls: tuple[PlanningCall, ...] = ()
    said: Mapping[str, str] = field(factory=dict, eq=False, repr=False)

    def task(self, task_id: str) -> Task:
        """The task with that id, or with that ``source_id``; :class:`KeyError` if there is none."""
        for task in self.tasks:
            if task.id == task_id:
                return task
        for task in self.tasks:
            if task.source_id == task_id:
                return task
        raise KeyError(task_id)

    def binding_edges(self) -> tuple[tuple[str, str], ...]:
        """All binding ``(before, after)`` pairs, redundant ones included, sorted."""
        edges = {(d.before, d.after) for d in self.dependencies if d.strength == "binding"}
        edges.update((d.before, d.after) for d in self.dropped if d.kind == "redundant")
        return tuple(sorted(edges))
