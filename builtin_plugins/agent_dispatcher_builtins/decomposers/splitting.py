"""Cuts the requirements of a component into tasks, until each is small enough for one piece of work.

A task is *atomic* when it is about one component, serves at most :data:`MOST_REQUIREMENTS` requirements, promises at most :data:`MOST_FILES` files and has a
complexity of at most :data:`MOST_COMPLEXITY`. What must be changed together stays together: requirements under one heading as long as they fit, and neighbours
that name the same thing in code, unless they alone are twice too many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from attrs import evolve

from agent_dispatcher.models import Requirement, Scenario

from .clusters import Unit
from .effort import FILE, SHARE, weight
from .wording import names

__all__ = ["MOST_COMPLEXITY", "MOST_FILES", "MOST_REQUIREMENTS", "split"]

MOST_REQUIREMENTS = 8
MOST_FILES = 4
MOST_COMPLEXITY = 5.0
#: The weight that makes that complexity, with as many files as there may be.
_MOST_WEIGHT = (MOST_COMPLEXITY - 1 - FILE * (MOST_FILES - 1)) / SHARE


def split(units: Sequence[Unit]) -> list[tuple[Requirement, ...]]:
    """The requirements of each task, in their order. One that is too large by itself comes in several, each time with a part of what hangs on it."""
    parts: list[list[Requirement]] = []
    for unit in units:
        for piece in _pieces([slice_ for each in unit.requirements for slice_ in _slices(each)]):
            if parts and _fits([*parts[-1], *piece]):
                parts[-1] += piece
            else:
                parts.append(list(piece))
    return [tuple(each) for each in parts]


def _fits(requirements: Sequence[Requirement]) -> bool:
    ids = {each.id for each in requirements}
    return len(ids) == len(requirements) <= MOST_REQUIREMENTS and weight(requirements) <= _MOST_WEIGHT


def _pieces(requirements: Sequence[Requirement]) -> list[list[Requirement]]:
    """One piece if it fits, else pieces of about equal weight."""
    if _fits(requirements):
        return [list(requirements)]
    whole = weight(requirements)
    number = max(math.ceil(len(requirements) / MOST_REQUIREMENTS), math.ceil(whole / _MOST_WEIGHT), 2)
    target = whole / number
    pieces: list[list[Requirement]] = []
    current: list[Requirement] = []
    for each in requirements:
        if current:
            wider = [*current, each]
            bound = (
                _together(current[-1], each) and len(wider) < 2 * MOST_REQUIREMENTS and weight(wider) < 2 * _MOST_WEIGHT
            )
            half = (weight(current) + weight(wider)) / 2
            if not bound and (not _fits(wider) or half > target):
                pieces.append(current)
                current = []
        current.append(each)
    return [*pieces, current]


def _together(one: Requirement, other: Requirement) -> bool:
    """Whether two requirements name the same thing in code."""
    return one.id != other.id and not set(names(one.text)).isdisjoint(names(other.text))


def _slices(requirement: Requirement) -> list[Requirement]:
    """A requirement with more scenarios, edge cases and constraints than one task takes, cut into several with the same id and text."""
    details: list[Scenario | tuple[str, str]] = [
        *requirement.scenarios,
        *(("edge case", each) for each in requirement.edge_cases),
        *(("constraint", each) for each in requirement.constraints),
    ]
    number = min(len(details) // 2, math.ceil(weight([requirement]) / _MOST_WEIGHT))
    if number < 2:
        return [requirement]
    size = math.ceil(len(details) / number)
    return [_with(requirement, details[start : start + size]) for start in range(0, len(details), size)]


def _with(requirement: Requirement, details: Sequence[Scenario | tuple[str, str]]) -> Requirement:
    """The requirement with only these details."""
    return evolve(
        requirement,
        scenarios=tuple(each for each in details if isinstance(each, Scenario)),
        edge_cases=tuple(each[1] for each in details if not isinstance(each, Scenario) and each[0] == "edge case"),
        constraints=tuple(each[1] for each in details if not isinstance(each, Scenario) and each[0] == "constraint"),
    )
