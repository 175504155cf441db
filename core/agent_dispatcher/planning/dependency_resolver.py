"""Asks the active dependency rules what they see, and makes one consistent order of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from attrs import evolve, field, frozen
from attrs.validators import and_, ge, le, optional

from ..extension.components import DependencyRule, Excludes, Note, PlanningContext, Requires, Veto
from ..models import DEPENDENCY_KINDS, Dependency, Dropped, Exclusion, Reason, Specification, Task
from ._merging import Candidates, confidence, merge
from .declared import declared_edges, kinship, parents
from .execution_graph import ExecutionGraph

__all__ = ["ADVISORY_THRESHOLD", "BINDING_THRESHOLD", "DependencyResolver", "Resolution"]

log = logging.getLogger(__name__)

#: From this confidence on a dependency holds its task; below, it only orders the ready queue.
BINDING_THRESHOLD = 0.5
#: Below this confidence a dependency is dropped.
ADVISORY_THRESHOLD = 0.1
#: So many tasks can be worked on at the same time, unless somebody knows better.
WORKERS = 4


@frozen(kw_only=True)
class Resolution:
    """The order of a set of tasks.

    Attributes:
        dependencies: all of them, redundant ones included, sorted by (before, after); without cycles.
        exclusions: tasks that must not run at the same time and that no order keeps apart, sorted by resource.
        dropped: edges that were found and are not among the dependencies, sorted by (before, after).
        warnings: what rules did wrong, each naming the rule.
    """

    dependencies: tuple[Dependency, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    warnings: tuple[str, ...] = ()


_threshold = and_(ge(0.0), le(1.0))
_count: Any = optional(ge(1))


@frozen
class DependencyResolver:
    """Merges what rules see into dependencies and exclusions.

    What is only inferred never waits for a task that the source leaves out (status ``skipped``): it would wait for ever.
    Several sightings of an edge by one rule count as the surest of them; over rules ``1 - (1 - a)(1 - b)...``. An edge that the source declares is always
    binding, is never dropped for a cycle, and only a veto takes it out.

    Args:
        rules: ``(name, rule)``; their order does not matter.
        binding_threshold: from this confidence on an edge holds its task.
        advisory_threshold: below this confidence an edge is dropped.
        workers: how many tasks can be worked on at the same time, ``None`` for any number. An advisory edge is dropped if, were it to hold, the critical
            path would take longer than it does and longer than the work of the whole plan takes so many workers: it would cost time.
    """

    rules: Sequence[tuple[str, DependencyRule]]
    binding_threshold: float = field(default=BINDING_THRESHOLD, validator=_threshold, kw_only=True)
    advisory_threshold: float = field(default=ADVISORY_THRESHOLD, validator=_threshold, kw_only=True)
    workers: int | None = field(default=WORKERS, validator=_count, kw_only=True)

    async def resolve(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Resolution:
        """The order of ``tasks``, the same for the same input whatever its order.

        Args:
            tasks: with unique ids and resolved references, as the decomposer gives them.

        Raises:
            CycleError: tasks are declared to wait for each other; names the path with the declaration behind each edge.
        """
        tasks = tuple(tasks)
        answers = await asyncio.gather(*(_ask(name, rule, tasks, specification, context) for name, rule in self.rules))
        candidates = Candidates(
            declared={(edge.before, edge.after): edge.source for edge in declared_edges(tasks)},
            parts=sorted((child, parent) for child, parent in parents(tasks).items()),
        )
        judge = _Judge(tasks, candidates)
        for (name, _), answer in sorted(zip(self.rules, answers, strict=True), key=lambda pair: pair[0][0]):
            if isinstance(answer, Exception):
                said = f"{type(answer).__name__}: {answer}" if str(answer) else type(answer).__name__
                judge.warnings.append(f"dependency rule {name} failed and was left out: {said}")
                continue
            for item in answer:
                judge.take(name, item)
        dependencies, dropped, exclusions = merge(
            candidates, self.binding_threshold, self.advisory_threshold, judge.warnings
        )
        dependencies, dropped = _in_parallel(tasks, dependencies, dropped, self.workers)
        return Resolution(
            dependencies=dependencies, exclusions=exclusions, dropped=dropped, warnings=tuple(judge.warnings)
        )


def _in_parallel(
    tasks: Sequence[Task], dependencies: tuple[Dependency, ...], dropped: tuple[Dropped, ...], workers: int | None
) -> tuple[tuple[Dependency, ...], tuple[Dropped, ...]]:
    """Without the advisory edges that would cost time, had they to hold; the surest tenth of confidence is kept first."""
    tenths: dict[int, list[tuple[str, str]]] = {}
    for edge in dependencies:
        if edge.strength == "advisory":
            tenths.setdefault(int(confidence(edge.reasons) * 10), []).append((edge.before, edge.after))
    if not tenths:
        return dependencies, dropped
    graph = ExecutionGraph(tasks, dependencies)
    span, busy = graph.span_s, graph.work_s / workers if workers else 0.0
    longer = graph.lengthening([tenths[tenth] for tenth in sorted(tenths, reverse=True)], busy)

    def why(seconds: float) -> str:
        path = f"were it to hold, the critical path would take {max(span, busy) + seconds:.10g} s"
        if span >= busy:
            return f"{path}, {seconds:.10g} s longer than without it"
        return f"{path}, {seconds:.10g} s longer than the whole work takes {workers} workers"

    costly = [
        Dropped(before=edge.before, after=edge.after, kind="parallelism", why=why(seconds), reasons=edge.reasons)
        for edge in dependencies
        if (seconds := longer.get((edge.before, edge.after))) is not None
    ]
    kept = tuple(edge for edge in dependencies if (edge.before, edge.after) not in longer)
    return kept, tuple(sorted([*dropped, *costly], key=lambda item: (item.before, item.after, item.kind)))


async def _ask(
    name: str, rule: DependencyRule, tasks: tuple[Task, ...], specification: Specification, context: PlanningContext
) -> list[object] | Exception:
    """All that a rule sees, or what it raised."""
    own = evolve(context, log=logging.getLogger(f"agent_dispatcher.dependency_rule.{name}"))
    try:
        return list(await rule.find(tasks, specification, own))
    except Exception as error:  # the plugin boundary: whatever it raises is the plugin's
        log.debug("dependency rule %s failed", name, exc_info=True)
        return error


class _Judge:
    """Lets through what a rule may say, and warns about the rest."""

    def __init__(self, tasks: Sequence[Task], candidates: Candidates) -> None:
        self.candidates = candidates
        self.warnings: list[str] = []
        self._ids = {task.id for task in tasks}
        self._parents = parents(tasks)
        self._verifies = {(task.id, subject) for task in tasks for subject in task.verifies}
        self._left_out = {task.id for task in tasks if task.status == "skipped"}

    def take(self, rule: str, item: object) -> None:
        """Record one answer of ``rule``."""
        if isinstance(item, Requires):
            self._requires(rule, item)
        elif isinstance(item, Excludes):
            self._excludes(rule, item)
        elif isinstance(item, Veto):
            if self._known(rule, (item.before, item.after)):
                self.candidates.veto(item.before, item.after, f"{item.why} (rule {rule})")
        elif isinstance(item, Note):
            self.warnings.append(f"dependency rule {rule}: {item.text}")
        else:
            self._warn(rule, f"gave a {type(item).__name__}, not Requires, Excludes or Veto")

    def _requires(self, rule: str, item: Requires) -> None:
        before, after = item.before, item.after
        declared = (before, after) in self.candidates.declared
        if not self._known(rule, (before, after)):
            return
        if before == after:
            self._warn(rule, f"wants {after} to wait for itself")
        elif item.kind not in DEPENDENCY_KINDS:
            self._warn(
                rule, f"gave {before} → {after} the kind {item.kind!r}, which is none of {', '.join(DEPENDENCY_KINDS)}"
            )
        elif not _is_confidence(item.confidence):
            self._warn(
                rule, f"gave {before} → {after} the confidence {item.confidence!r}, which is not between 0 and 1"
            )
        elif not declared and ((after, before) in self._verifies or (before, after) in self._verifies):
            self._warn(rule, f"wants an order between {before} and {after}, of which one tests the other")
        elif self._parents and kinship(before, after, self._parents):
            self._warn(rule, f"wants an order between {before} and {after}, which complete together as part and whole")
        else:
            reason = Reason(
                rule=rule,
                kind=item.kind,
                confidence=float(item.confidence),
                evidence=item.evidence,
                source=item.source,
            )
            self.candidates.edge(before, after, reason)
            if before in self._left_out and not declared:
                self.candidates.veto(
                    before, after, f"{before} is left out by decision: nothing waits for it that need not"
                )

    def _excludes(self, rule: str, item: Excludes) -> None:
        members = sorted(set(item.tasks))
        if not self._known(rule, members):
            return
        if len(members) < 2:
            self._warn(rule, f"wants to keep {', '.join(members) or 'no task'} apart from nothing ({item.resource})")
            return
        reason = Reason(rule=rule, kind="resource", evidence=item.evidence, source=item.source)
        self.candidates.exclusion(tuple(members), item.resource, reason)

    def _known(self, rule: str, names: Sequence[str]) -> bool:
        unknown = sorted({name for name in names if name not in self._ids})
        for name in unknown:
            self._warn(rule, f"names {name!r}, which is no task")
        return not unknown

    def _warn(self, rule: str, what: str) -> None:
        self.warnings.append(f"dependency rule {rule} {what}: ignored")


def _is_confidence(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1
