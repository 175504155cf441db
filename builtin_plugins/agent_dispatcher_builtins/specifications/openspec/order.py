"""What the place in the list says about the order of the work.

OpenSpec has no word for what waits for what, but it asks authors to group tasks under numbered headings and to write down first what must be done first. So the
groups are steps, each behind the one before it; within a group the place in the list decides only who goes first::

    1.1 ─┐  ┌─ 2.1 ─┐
    1.2 ─┼─▶┤       ├─▶ 3.1
    1.3 ─┘  └─ 2.2 ─┘
"""

from __future__ import annotations

from agent_dispatcher.models import PhaseOrder, TaskPhase

from ..checklist import Checklist

__all__ = ["GROUP_CONFIDENCE", "by_groups", "one_by_one"]

#: How far the order of the groups is trusted: enough to hold tasks; authors are told to keep to it, and do not always.
GROUP_CONFIDENCE = 0.6


def by_groups(checklist: Checklist) -> list[TaskPhase]:
    """A phase for each heading that has tasks, behind the one before it; tasks are places. None where there are not two."""
    found = _groups(checklist)
    if len(found) < 2:
        return []
    phases: list[TaskPhase] = []
    for heading, places in found.items():
        where = checklist.page.where(checklist.entries[places[0]].line)
        after: tuple[PhaseOrder, ...] = ()
        if phases:
            why = f'"{heading}" is listed behind "{phases[-1].name}", and OpenSpec lists first what must be done first'
            after = (PhaseOrder(phase=phases[-1].name, why=why, source=where, confidence=GROUP_CONFIDENCE),)
        tasks = tuple(str(place) for place in places)
        phases.append(TaskPhase(name=heading, tasks=tasks, after=after, source=where, free=True))
    return phases


def one_by_one(checklist: Checklist) -> list[TaskPhase]:
    """One phase, in which each task waits for all that are listed before it; tasks are places."""
    places = [place for places in _groups(checklist).values() for place in places]
    if len(places) < 2:
        return []
    where = checklist.page.where(checklist.entries[places[0]].line)
    return [TaskPhase(name="the list", tasks=tuple(map(str, places)), source=where)]


def _groups(checklist: Checklist) -> dict[str, list[int]]:
    """The tasks that have work of their own, by the heading they stand under, both in the order of the list."""
    wholes = set(checklist.children())
    found: dict[str, list[int]] = {}
    for place, entry in enumerate(checklist.entries):
        if place not in wholes and not entry.struck:
            found.setdefault(checklist.heading(entry).strip() or "what has no heading", []).append(place)
    return found
