"""What the page of a plan holds, as values that the template writes down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

__all__ = ["Box", "Cell", "Curve", "Heading", "Lane", "Name", "PlanPage", "Row", "Why"]


@frozen(kw_only=True)
class Box:
    """A task on the board; ``y`` is within its lane."""

    number: int
    lane: int
    x: int
    y: int
    lines: tuple[str, ...]
    caption: str
    label: str
    kind: str
    critical: bool
    done: bool


@frozen(kw_only=True)
class Cell:
    """What stands for the tasks of a lane in a phase while the lane is folded."""

    lane: int
    phase: int
    lines: tuple[str, ...]
    label: str
    kind: str
    critical: bool


@frozen(kw_only=True)
class Curve:
    """An edge: ``kind`` is ``binding``, ``advisory``, ``gate`` or ``part``; ``path`` is for the unfolded board."""

    number: int
    before: int
    after: int
    kind: str
    critical: bool
    path: str


@frozen(kw_only=True)
class Lane:
    """A group: ``top`` and ``height`` are those of the unfolded board."""

    number: int
    name: str
    note: str
    top: int
    height: int


@frozen
class Heading:
    """What stands over a phase."""

    x: int
    text: str


@frozen
class Name:
    """A task that is spoken of, with a link to where it is explained."""

    number: int
    text: str


@frozen(kw_only=True)
class Why:
    """An edge in words; ``number`` is that of its curve, -1 for one that is not drawn."""

    number: int
    other: Name
    verb: str
    note: str
    reasons: tuple[tuple[str, str, str], ...]


@frozen(kw_only=True)
class Row:
    """A task in words."""

    number: int
    name: str
    title: str
    kind: str
    type: str
    critical: bool
    facts: tuple[tuple[str, str], ...]
    description: str
    requirements: tuple[tuple[str, str], ...]
    waits: tuple[Why, ...]
    followers: tuple[Name, ...]
    excludes: tuple[str, ...]
    left_out: tuple[Why, ...]


@frozen(kw_only=True)
class PlanPage:
    """Everything on the page."""

    title: str
    sentence: str
    tiles: tuple[tuple[str, str, str], ...]
    boxes: tuple[Box, ...]
    cells: tuple[Cell, ...]
    curves: tuple[Curve, ...]
    lanes: tuple[Lane, ...]
    headings: tuple[Heading, ...]
    width: int
    height: int
    kinds: tuple[tuple[str, str, int], ...]
    critical: tuple[Name, ...]
    requirements: tuple[tuple[str, str, tuple[Name, ...]], ...]
    rows: tuple[Row, ...]
    warnings: tuple[str, ...]
    geometry: Mapping[str, Any]
