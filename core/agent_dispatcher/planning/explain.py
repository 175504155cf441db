"""Says why: why a task waits for another, or why both may run at the same time; everything about one task; which edges cost the most time.

Nothing here is guessed or found again: an explanation is read off the plan, which holds what every rule saw and all that was dropped, and costs are
computed from it (:mod:`.edge_costs`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from attrs import evolve, frozen

from ..models import Dependency, Dropped, Exclusion, ExecutionPlan, Reason, Requirement, Task
from ._merging import confidence
from .dependency_resolver import BINDING_THRESHOLD
from .edge_costs import EdgeCosts, Link

__all__ = ["Explainer", "Hop", "PairExplanation", "RuleCost", "SerialExplanation", "TaskExplanation"]


@frozen(kw_only=True)
class Hop:
    """One step of a wait: ``after`` waits for ``before``.

    Attributes:
        kind: ``dependency``, ``gate`` (``after`` lands only after its test ``before``) or ``part`` (it completes with its part).
        strength: ``binding`` or ``advisory`` (which holds nothing); gates and parts always bind.
        confidence: of all rules together; ``None`` where no rule was asked.
        reasons: the surest first.
        saved_s: how much shorter the critical path would be without this one step, everything else as it is.
        critical: whether it lies on a critical path.
        implied: for a redundant one the path that implies it, else ``""``.
    """

    before: str
    after: str
    kind: str = "dependency"
    strength: str = "binding"
    confidence: float | None = None
    reasons: tuple[Reason, ...] = ()
    saved_s: float = 0.0
    critical: bool = False
    implied: str = ""


@frozen(kw_only=True)
class PairExplanation:
    """Two tasks, and what there is between them.

    Attributes:
        before, after: if one waits, ``after`` does; else in the order they were asked for.
        relation: ``waits`` (it starts after the other has landed), ``lands_after`` (both may be at work, one lands first), or ``independent``.
        together: whether both may be at work at the same time.
        path: the shortest chain of steps by which ``after`` waits; one step when it waits directly, empty when it does not.
        direct: the step between the two themselves, also when a longer path implies it; ``None`` without one.
        advisory: orders among ready tasks that hold nothing.
        exclusions: what keeps the two apart without ordering them.
        dropped: edges between the two, in either direction, that were seen and left out.
        warnings: what the plan warns about both.
        span_s: seconds on the critical path.
        span_without_s: the same without ``direct``, or ``None`` without it.
    """

    before: Task
    after: Task
    relation: str
    together: bool
    path: tuple[Hop, ...] = ()
    direct: Hop | None = None
    advisory: tuple[Hop, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    warnings: tuple[str, ...] = ()
    span_s: float = 0.0
    span_without_s: float | None = None


@frozen(kw_only=True)
class TaskExplanation:
    """Everything the plan knows about a task.

    Attributes:
        requirements: those it serves that the specification has.
        phase: the earliest step in which it can run, from 1.
        start_s: its earliest start, seconds from the beginning.
        slack_s: how many seconds later it may start without anything getting done later.
        critical: whether it is on the plan's critical path.
        waits_for, waited_for_by: steps to and from it, what is implied left out; advisory ones come last.
        also_waits_for: orders that are implied by others, which bind all the same.
        dropped: edges to or from it that were seen and left out, but for the redundant ones.
        parent: the task it is a part of.
        warnings: those of the plan that name it or its place.
    """

    task: Task
    requirements: tuple[Requirement, ...] = ()
    phase: int = 0
    start_s: float = 0.0
    slack_s: float = 0.0
    critical: bool = False
    waits_for: tuple[Hop, ...] = ()
    waited_for_by: tuple[Hop, ...] = ()
    also_waits_for: tuple[Hop, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    parent: Task | None = None
    warnings: tuple[str, ...] = ()


@frozen(kw_only=True)
class RuleCost:
    """What everything costs that binds only because of one rule: ``edges`` of them, without which the critical path is ``saved_s`` shorter."""

    rule: str
    edges: int
    saved_s: float


@frozen(kw_only=True)
class SerialExplanation:
    """Why the work is not done sooner.

    Attributes:
        span_s: seconds on the critical path, ``work_s`` seconds of all work.
        edges: the steps on critical paths; those that cost most, the weakest evidence first, then the others.
        rules: sorted by what they cost, the most first.
    """

    span_s: float
    work_s: float
    edges: tuple[Hop, ...] = ()
    rules: tuple[RuleCost, ...] = ()


class Explainer:
    """Answers questions about one plan; what several answers need is computed once."""

    def __init__(self, plan: ExecutionPlan) -> None:
        self.plan = plan
        self._tasks = {task.id: task for task in plan.tasks}

    # --- two tasks ----------------------------------------------------------------------------------------------------

    def pair(self, first: Task, second: Task) -> PairExplanation:
        """What there is between two different tasks of the plan, in whichever direction."""
        for relation, holding in (("waits", False), ("lands_after", True)):
            for before, after in ((first, second), (second, first)):
                path = self._path(before.id, after.id, holding=holding)
                if path:
                    return self._between(before, after, relation, path)
        return self._between(first, second, "independent", ())

    def _between(self, before: Task, after: Task, relation: str, path: Sequence[Link]) -> PairExplanation:
        both = {before.id, after.id}
        exclusions = tuple(each for each in self.plan.exclusions if both <= set(each.tasks))
        direct = self._direct(before.id, after.id) if relation != "independent" else None
        span = self._costs.span_s
        return PairExplanation(
            before=before,
            after=after,
            relation=relation,
            together=relation != "waits" and not exclusions and not (before.children or after.children),
            path=tuple(self._hop(link) for link in path),
            direct=direct,
            advisory=tuple(
                self._advisory_hop(each)
                for each in self._advisory
                if {each.before, each.after} == both and (relation == "independent" or each.before == before.id)
            ),
            exclusions=exclusions,
            dropped=tuple(each for each in self.plan.dropped if {each.before, each.after} == both),
            warnings=tuple(text for text in self.plan.warnings if all(_names(text, self._tasks[one]) for one in both)),
            span_s=span,
            span_without_s=span - direct.saved_s if direct is not None else None,
        )

    def _direct(self, before: str, after: str) -> Hop | None:
        for kind in ("dependency", "gate", "part"):
            link = Link(before, after, kind)
            if link in self._known_links:
                return self._hop(link)
        return None

    def _path(self, before: str, after: str, *, holding: bool) -> list[Link]:
        """The fewest steps from the landing of ``before`` to the start of ``after`` (with ``holding`` to its landing); implied ones are not used."""
        came: dict[tuple[str, bool], tuple[tuple[str, bool], Link | None]] = {}
        begin, goal = (before, True), (after, holding)
        queue = deque([begin])
        while queue:
            node = queue.popleft()
            if node == goal and node != begin:
                break
            for target, link in self._steps(node):
                if target not in came and target != begin:
                    came[target] = (node, link)
                    queue.append(target)
        else:
            return []
        path: list[Link] = []
        while node != begin:
            node, link = came[node]
            if link is not None:
                path.append(link)
        return path[::-1]

    def _steps(self, node: tuple[str, bool]) -> Iterator[tuple[tuple[str, bool], Link | None]]:
        """From a start to the landing of the same task; from a landing to what it holds."""
        task, landed = node
        if not landed:
            yield (task, True), None
            return
        for link in self._leaving.get(task, ()):
            yield (link.after, link.kind != "dependency"), link

    # --- one task -----------------------------------------------------------------------------------------------------

    def task(self, task: Task) -> TaskExplanation:
        """Everything the plan knows about a task."""
        followers = [self._hop(link) for link in self._leaving.get(task.id, ())]
        followers += [self._advisory_hop(each) for each in self._advisory if each.before == task.id]
        wanted = set(task.requirements)
        return TaskExplanation(
            task=task,
            requirements=tuple(each for each in self.plan.specification.requirements if each.id in wanted),
            phase=self._phase.get(task.id, 0),
            start_s=self._costs.start_s(task.id),
            slack_s=self._costs.slack_s(task.id),
            critical=task.id in self.plan.critical_path,
            waits_for=self.incoming(task.id),
            waited_for_by=tuple(followers),
            also_waits_for=tuple(
                self._hop(Link(each.before, each.after))
                for each in self.plan.dropped
                if each.kind == "redundant" and each.after == task.id
            ),
            exclusions=tuple(each for each in self.plan.exclusions if task.id in each.tasks),
            dropped=tuple(
                each for each in self.plan.dropped if each.kind != "redundant" and task.id in (each.before, each.after)
            ),
            parent=next((each for each in self.plan.tasks if task.id in each.children), None),
            warnings=tuple(
                text
                for text in (*self.plan.specification.warnings, *self.plan.warnings)
                if _names(text, task) or (task.source and text.startswith(f"{task.source}:"))
            ),
        )

    # --- all of them --------------------------------------------------------------------------------------------------

    def serial(self, most: int | None = None) -> SerialExplanation:
        """The edges on critical paths: of those that save time if they were not there the ``most`` costly ones, weakest evidence first; then those that
        alone save nothing, as another path is as long. Gates, which no rule decides, come after dependencies of the same sort. Nobody waits for what is
        completed."""
        critical = [self._hop(link) for link in self._leaving_all() if self._costs.is_critical(link)]
        critical = [hop for hop in critical if hop.kind != "part" and self._tasks[hop.before].status != "completed"]
        costly = sorted((hop for hop in critical if hop.saved_s), key=lambda hop: (-hop.saved_s, _weakest(hop)))[:most]
        costly.sort(key=lambda hop: (_weakest(hop)[:2], -hop.saved_s, _weakest(hop)))
        idle = sorted((hop for hop in critical if not hop.saved_s), key=_weakest)
        return SerialExplanation(
            span_s=self._costs.span_s,
            work_s=self.plan.estimates.work_s,
            edges=(*costly, *idle),
            rules=self._rules(),
        )

    def _rules(self) -> tuple[RuleCost, ...]:
        edges = {(each.before, each.after): each.reasons for each in self._binding}
        found = []
        for rule in sorted({reason.rule for reasons in edges.values() for reason in reasons}):
            gone = {edge for edge, reasons in edges.items() if not _binds_without(rule, reasons)}
            if gone:
                without = EdgeCosts(self.plan, keep=lambda before, after, gone=gone: (before, after) not in gone)  # type: ignore[misc]
                found.append(RuleCost(rule=rule, edges=len(gone), saved_s=self._costs.span_s - without.span_s))
        return tuple(sorted(found, key=lambda each: (-each.saved_s, each.rule)))

    # --- shared -------------------------------------------------------------------------------------------------------

    def incoming(self, task_id: str) -> tuple[Hop, ...]:
        """The steps by which a task waits, sorted, what is implied left out; then the advisory ones."""
        binding = [self._hop(link) for link in self._entering.get(task_id, ())]
        return (*binding, *self._advisory_entering.get(task_id, ()))

    def start_s(self, task_id: str) -> float:
        """The earliest start of a task, seconds from the beginning."""
        return self._costs.start_s(task_id)

    def slack_s(self, task_id: str) -> float:
        """How many seconds later a task may start without anything getting done later."""
        return self._costs.slack_s(task_id)

    def _hop(self, link: Link) -> Hop:
        saved, critical = self._costs.saved_s(link), self._costs.is_critical(link)
        hop = Hop(before=link.before, after=link.after, kind=link.kind, saved_s=saved, critical=critical)
        if link.kind != "dependency":
            return hop
        found = self._reasons[link.before, link.after]
        return evolve(hop, reasons=found.reasons, confidence=_sure(found.reasons), implied=self._implied.get(link, ""))

    def _advisory_hop(self, edge: Dependency) -> Hop:
        return Hop(
            before=edge.before,
            after=edge.after,
            strength="advisory",
            reasons=edge.reasons,
            confidence=_sure(edge.reasons),
        )

    @cached_property
    def _costs(self) -> EdgeCosts:
        return EdgeCosts(self.plan)

    @cached_property
    def _binding(self) -> tuple[Dependency | Dropped, ...]:
        """The full binding set: what the plan shows, and what is implied."""
        kept = [each for each in self.plan.dependencies if each.strength == "binding"]
        return (*kept, *(each for each in self.plan.dropped if each.kind == "redundant"))

    @cached_property
    def _advisory(self) -> tuple[Dependency, ...]:
        return tuple(each for each in self.plan.dependencies if each.strength == "advisory")

    @cached_property
    def _advisory_entering(self) -> Mapping[str, list[Hop]]:
        found: dict[str, list[Hop]] = {}
        for each in self._advisory:
            found.setdefault(each.after, []).append(self._advisory_hop(each))
        return found

    @cached_property
    def _reasons(self) -> Mapping[tuple[str, str], Dependency | Dropped]:
        return {(each.before, each.after): each for each in reversed(self._binding)}

    @cached_property
    def _implied(self) -> Mapping[Link, str]:
        return {Link(each.before, each.after): each.why for each in self.plan.dropped if each.kind == "redundant"}

    @cached_property
    def _known_links(self) -> frozenset[Link]:
        return frozenset(self._costs.links)

    def _leaving_all(self) -> Iterable[Link]:
        found = sorted(self._known_links, key=lambda link: (link.kind, link.before, link.after))
        return (link for link in found if link not in self._implied)

    @cached_property
    def _leaving(self) -> Mapping[str, list[Link]]:
        found: dict[str, list[Link]] = {}
        for link in self._leaving_all():
            found.setdefault(link.before, []).append(link)
        return found

    @cached_property
    def _entering(self) -> Mapping[str, list[Link]]:
        found: dict[str, list[Link]] = {}
        for link in self._leaving_all():
            found.setdefault(link.after, []).append(link)
        return found

    @cached_property
    def _phase(self) -> Mapping[str, int]:
        return {task_id: number for number, phase in enumerate(self.plan.phases, 1) for task_id in phase}


def _sure(reasons: Sequence[Reason]) -> float | None:
    return round(confidence(reasons), 6) if reasons else None


def _weakest(hop: Hop) -> tuple[bool, float, str, str]:
    """Sorts by evidence, weakest first; a gate has none that could be questioned."""
    return (hop.kind != "dependency", hop.confidence or 0.0, hop.before, hop.after)


def _binds_without(rule: str, reasons: Sequence[Reason]) -> bool:
    """Whether an edge would still bind if the rule said nothing."""
    rest = [reason for reason in reasons if reason.rule != rule]
    return len(rest) == len(reasons) or (bool(rest) and confidence(rest) >= BINDING_THRESHOLD)


def _names(text: str, task: Task) -> bool:
    """Whether a warning speaks of the task: by its id, or by its own id in the source as a word."""
    words = text.replace(",", " ").replace(":", " ").replace("(", " ").replace(")", " ").replace("'", " ").split()
    return task.id in text or (task.source_id is not None and not task.source_id.isdigit() and task.source_id in words)
