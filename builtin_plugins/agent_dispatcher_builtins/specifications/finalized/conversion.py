"""From the refinement stage's output to a specification."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from agent_dispatcher.errors import Problem
from agent_dispatcher.models import PRIORITIES, FinalizedSpecification, Requirement

__all__ = ["Places", "blockers", "requirements_of", "text_of"]

#: The place of each entry of a list of dicts: ``(field, index)`` to ``file:line``.
Places = Mapping[tuple[str, int], str]

_PRIORITIES = {"must": "critical", "must have": "critical", "should": "high", "could": "low", "optional": "low", "p0": "critical", "p1": "high", "p2": "medium", "p3": "low"}  # fmt: skip
_RESOLVED = (("resolved_edge_cases", "edge case"), ("resolved_contradictions", "contradiction"))


def blockers(finalized: FinalizedSpecification, places: Places | None = None) -> tuple[Problem, ...]:
    """What speaks against dispatching it, each with its place where it has one; empty when nothing does."""
    where = places or {}
    found = []
    if not finalized.ready_for_dispatch:
        found.append(Problem("ready_for_dispatch is false", where.get(("ready_for_dispatch", 0), "")))
    if not finalized.complete_requirement_set:
        found.append(Problem("complete_requirement_set is false", where.get(("complete_requirement_set", 0), "")))
    if not finalized.requirements:
        found.append(Problem("it has no requirements", where.get(("requirements", -1), "")))
    for field, name in _RESOLVED:
        for index, item in enumerate(getattr(finalized, field)):
            if item.get("resolved") is False:
                found.append(Problem(f"{name} {text_of(item)!r} is not resolved", where.get((field, index), "")))
    return tuple(found)


def requirements_of(
    finalized: FinalizedSpecification, places: Places, problems: list[Problem], warnings: list[str]
) -> tuple[tuple[Requirement, ...], tuple[str, ...]]:
    """Its requirements, with edge cases and resolved contradictions at the requirement each relates to.

    Returns:
        The requirements, and what relates to none of them, as sentences: a warning names each.
    """
    items = finalized.requirements
    ids = [str(item.get("id") or f"R{number}").strip() for number, item in enumerate(items, start=1)]
    _refuse_faults(items, ids, places, problems)
    loose: list[str] = []
    cases = _related(finalized, "resolved_edge_cases", ids, places, warnings, loose)
    settled = _related(finalized, "resolved_contradictions", ids, places, warnings, loose)
    requirements = tuple(
        Requirement(
            id=requirement_id,
            text=text_of(item),
            priority=_priority(item, places.get(("requirements", index), ""), warnings),
            edge_cases=tuple(cases.get(index, ())),
            constraints=tuple(settled.get(index, ())),
            source=places.get(("requirements", index), ""),
        )
        for index, (requirement_id, item) in enumerate(zip(ids, items, strict=True))
    )
    return requirements, tuple(loose)


def _refuse_faults(
    items: Sequence[Mapping[str, Any]], ids: Sequence[str], places: Places, problems: list[Problem]
) -> None:
    first: dict[str, int] = {}
    for index, (requirement_id, item) in enumerate(zip(ids, items, strict=True)):
        where = places.get(("requirements", index), "")
        if not text_of(item):
            problems.append(Problem(f"requirement {requirement_id} says nothing", where, "give its 'content'"))
        other = first.setdefault(requirement_id, index)
        if other != index:
            also = places.get(("requirements", other), "")
            problems.append(
                Problem(
                    f"the requirement id {requirement_id!r} is taken twice" + (f", first at {also}" if also else ""),
                    where,
                    "give each requirement its own id",
                )
            )


def _related(
    finalized: FinalizedSpecification,
    field: str,
    ids: Sequence[str],
    places: Places,
    warnings: list[str],
    loose: list[str],
) -> dict[int, list[str]]:
    """Index of a requirement to the sentences that relate to it."""
    by_name = {_plain(text_of(item)): index for index, item in reversed(list(enumerate(finalized.requirements)))}
    by_name |= {_plain(name): index for index, name in reversed(list(enumerate(ids)))}
    found: dict[int, list[str]] = {}
    for position, item in enumerate(getattr(finalized, field)):
        answer = item.get("handling") or item.get("resolution") or ""
        sentence = f"{text_of(item)}: {answer}".rstrip(": ")
        related = item.get("related_requirement", item.get("related_requirements"))
        names = related if isinstance(related, list) else [related]
        targets = {by_name[_plain(str(name))] for name in names if _plain(str(name)) in by_name}
        for index in sorted(targets):
            found.setdefault(index, []).append(sentence)
        if not targets:
            loose.append(sentence)
            place = places.get((field, position), "")
            said = f"relates to {related!r}, which is no requirement" if related else "relates to no requirement"
            warnings.append(f"{place + ': ' if place else ''}{sentence!r} {said}: kept in the summary")
    return found


def _priority(item: Mapping[str, Any], place: str, warnings: list[str]) -> str:
    word = str(item.get("priority") or "medium").strip().lower()
    if word in PRIORITIES:
        return word
    if word not in _PRIORITIES:
        warnings.append(f"{place + ': ' if place else ''}the priority {word!r} is not known: taken as medium")
    return _PRIORITIES.get(word, "medium")


def text_of(item: Mapping[str, Any]) -> str:
    """What an entry says, under any of the names that refinement sessions give it."""
    return str(item.get("content") or item.get("description") or item.get("text") or "").strip()


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().lower()
