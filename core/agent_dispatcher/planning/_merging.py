"""Candidate edges to dependencies: confidence, vetoes, thresholds, cycles. Deterministic whatever order candidates came in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from attrs import define, field

from ..models import Dependency, Dropped, Exclusion, Reason
from ._cycles import cycle_error, path_text
from ._growing import GrowingOrder
from ._order import components, shortest_cycle, topological_order
from .reach import reached

__all__ = ["Candidates", "confidence", "merge"]

Edge = tuple[str, str]


@define(kw_only=True)
class Candidates:
    """What the rules saw.

    Attributes:
        declared: edges the source declares -> ``file:line``.
        parts: ``(child, parent)``: orders that are not dependencies, but close cycles like them.
    """

    declared: Mapping[Edge, str]
    parts: Sequence[Edge]
    edges: dict[Edge, list[Reason]] = field(factory=dict)
    exclusions: dict[tuple[tuple[str, ...], str], list[Reason]] = field(factory=dict)
    vetoes: dict[Edge, list[str]] = field(factory=dict)

    def edge(self, before: str, after: str, reason: Reason) -> None:
        """Add a sighting of an edge."""
        self.edges.setdefault((before, after), []).append(reason)

    def exclusion(self, members: tuple[str, ...], resource: str, reason: Reason) -> None:
        """Add a sighting of an exclusion; ``members`` sorted."""
        self.exclusions.setdefault((members, resource), []).append(reason)

    def veto(self, before: str, after: str, why: str) -> None:
        """Forbid an edge."""
        self.vetoes.setdefault((before, after), []).append(why)


def confidence(reasons: Sequence[Reason]) -> float:
    """The surest sighting of each rule, combined over rules as independent."""
    surest: dict[str, float] = {}
    for reason in reasons:
        surest[reason.rule] = max(surest.get(reason.rule, 0.0), reason.confidence)
    return 1.0 - prod(1.0 - value for _, value in sorted(surest.items()))


def merge(
    candidates: Candidates, binding: float, advisory: float, warnings: list[str]
) -> tuple[tuple[Dependency, ...], tuple[Dropped, ...], tuple[Exclusion, ...]]:
    """Dependencies, what was dropped, and exclusions.

    Args:
        warnings: where to add what the user should know.

    Raises:
        CycleError: declared edges alone form a cycle.
    """
    reasons = {edge: _sorted(found) for edge, found in sorted(candidates.edges.items())}
    weight = {edge: confidence(found) for edge, found in reasons.items()}
    dropped: list[Dropped] = []
    kept: list[Edge] = []
    for edge, found in reasons.items():
        declared = edge in candidates.declared
        if edge in candidates.vetoes:
            why = "; ".join(sorted(set(candidates.vetoes[edge])))
            dropped.append(_dropped(edge, "veto", why, found))
            if declared:
                place = candidates.declared[edge]
                where = f"{place}: " if place else ""
                warnings.append(f"{where}the declared order {edge[0]} → {edge[1]} is not kept: {why}")
        elif not declared and weight[edge] < advisory:
            why = f"confidence {weight[edge]:.2f} is below {advisory:g}"
            dropped.append(_dropped(edge, "threshold", why, found))
        else:
            kept.append(edge)
    closing = _break_cycles(kept, weight, candidates, reasons)
    dependencies = []
    for edge in kept:
        if edge in closing:
            dropped.append(_dropped(edge, "cycle", closing[edge], reasons[edge]))
            continue
        strong = edge in candidates.declared or weight[edge] >= binding
        dependencies.append(
            Dependency(
                before=edge[0], after=edge[1], strength="binding" if strong else "advisory", reasons=reasons[edge]
            )
        )
    dropped.sort(key=lambda item: (item.before, item.after, item.kind))
    return tuple(dependencies), tuple(dropped), _exclusions(candidates, dependencies)


def _dropped(edge: Edge, kind: str, why: str, reasons: tuple[Reason, ...]) -> Dropped:
    return Dropped(before=edge[0], after=edge[1], kind=kind, why=why, reasons=reasons)


def _sorted(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """Without repetitions, the surest first."""
    return tuple(sorted(set(reasons), key=lambda r: (-r.confidence, r.rule, r.kind, r.evidence, r.source)))


def _break_cycles(
    edges: Sequence[Edge],
    weight: Mapping[Edge, float],
    candidates: Candidates,
    reasons: Mapping[Edge, tuple[Reason, ...]],
) -> dict[Edge, str]:
    """The edges to drop, each with the path that it would close to a cycle.

    Declared edges stay. The others are put in again from the surest to the weakest, each unless what is there already leads the other way: so in every cycle the
    weakest edge goes, and none goes without need.
    """
    names = sorted({name for edge in (*edges, *candidates.parts) for name in edge})
    number = {name: index for index, name in enumerate(names)}
    everything = _adjacency(len(names), [(number[b], number[a]) for b, a in (*edges, *candidates.parts)])
    if len(topological_order(everything)) == len(names):
        return {}
    fixed = [edge for edge in edges if edge in candidates.declared]
    after = _adjacency(len(names), [(number[b], number[a]) for b, a in (*fixed, *candidates.parts)])
    tangled = components(after)
    if tangled:
        cycle = [names[node] for node in shortest_cycle(after, tangled[0])]
        raise cycle_error(cycle, lambda b, a: reasons.get((b, a)) or (_part(b, a),))
    component_of = {node: index for index, nodes in enumerate(components(everything)) for node in nodes}
    growing = GrowingOrder(after, topological_order(after))
    closing: dict[Edge, str] = {}
    loose = (edge for edge in edges if edge not in candidates.declared)
    for edge in sorted(loose, key=lambda edge: (-weight[edge], edge)):
        before, following = number[edge[0]], number[edge[1]]
        if component_of.get(before, -1) != component_of.get(following, -2):
            continue  # no cycle leads over it
        path = growing.add(before, following)
        if path is not None:
            closing[edge] = path_text([names[node] for node in path])
    return closing


def _part(child: str, parent: str) -> Reason:
    return Reason(rule="children", evidence=f"{parent} completes only with its part {child}")


def _adjacency(size: int, edges: Sequence[tuple[int, int]]) -> list[list[int]]:
    after: list[list[int]] = [[] for _ in range(size)]
    for before, following in edges:
        after[before].append(following)
    return after


def _exclusions(candidates: Candidates, dependencies: Sequence[Dependency]) -> tuple[Exclusion, ...]:
    """Without the members that binding dependencies order against all others of their exclusion."""
    if not candidates.exclusions:
        return ()
    following: dict[str, list[str]] = {}
    for dependency in dependencies:
        if dependency.strength == "binding":
            following.setdefault(dependency.before, []).append(dependency.after)
    result = []
    for (members, resource), reasons in sorted(
        candidates.exclusions.items(), key=lambda item: (item[0][1], item[0][0])
    ):
        behind = {member: reached(member, following) & set(members) for member in members}
        loose = [
            member
            for member in members
            if any(other != member and other not in behind[member] and member not in behind[other] for other in members)
        ]
        if loose:
            result.append(Exclusion(tasks=tuple(loose), resource=resource, reasons=_sorted(reasons)))
    return tuple(result)
