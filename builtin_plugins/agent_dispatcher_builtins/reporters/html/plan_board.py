"""The board of a plan's page: a box for each task, a lane for each group, a curve for each edge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from agent_dispatcher.models import Task
from agent_dispatcher.planning.explain import Hop

from .lanes import arrange
from .plan_facts import PlanFacts, counted, seconds
from .plan_values import Box, Cell, Curve, Heading, Lane
from .text import line, wrapped
from .words import status_badge, type_class

__all__ = ["HEIGHT", "WIDTH", "PlanBoard", "curve_path"]

WIDTH, HEIGHT = 188, 50
_GAP_X, _GAP_Y = 56, 12
_HEAD, _TOP, _MARGIN = 30, 34, 16
_FONT = 11.5
#: From so many tasks on the page opens with its groups folded.
_FOLDED_TASKS = 120


class PlanBoard:
    """Draws the plan; where boxes go is arranged in :mod:`.lanes`."""

    def __init__(self, facts: PlanFacts) -> None:
        self.facts = facts
        links = [(facts.index[hop.before], facts.index[hop.after]) for hop in facts.hops]
        self.board = arrange(facts.phase, facts.lane, links)

    def headings(self) -> tuple[Heading, ...]:
        """The phases, over their first columns."""
        return tuple(
            Heading(_MARGIN + first * (WIDTH + _GAP_X), f"Phase {place}")
            for place, first in enumerate(self.board.columns[:-1], 1)
        )

    def size(self, lanes: Sequence[Lane]) -> tuple[int, int]:
        """Width and height of the unfolded board."""
        width = 2 * _MARGIN + max(self.board.columns[-1] * (WIDTH + _GAP_X) - _GAP_X, WIDTH)
        return width, _TOP + sum(lane.height for lane in lanes) + _MARGIN

    def lanes(self) -> tuple[Lane, ...]:
        """The groups, from top to bottom."""
        found, top = [], _TOP
        for place in self.board.lanes:
            members = [task for task, lane in zip(self.facts.plan.tasks, self.facts.lane, strict=True) if lane == place]
            height = _HEAD + self.board.rows[place] * (HEIGHT + _GAP_Y) + 8
            work = sum(task.estimate_s for task in members if not task.children)
            name = self.facts.groups[place] or ("All tasks" if len(self.facts.groups) == 1 else "No group")
            tasks = f"{len(members)} tasks" if len(members) != 1 else "1 task"
            found.append(
                Lane(number=place, name=line(name, 80), note=f"{tasks}, {seconds(work)}", top=top, height=height)
            )
            top += height
        return tuple(found)

    def box(self, task: Task) -> Box:
        """A task, where it stands."""
        place = self.facts.index[task.id]
        name = line(self.facts.names.label(task), 200)
        kind = line(task.type.replace("_", " "), 24)
        badge = status_badge(task.status)
        done = task.status in ("completed", "skipped", "cancelled")
        state = f"{badge.sign} {badge.word} · " if task.status != "pending" else ""
        critical = task.id in self.facts.critical
        time = "with its parts" if task.children else seconds(task.estimate_s)
        return Box(
            number=place,
            lane=self.facts.lane[place],
            x=_MARGIN + self.board.column[place] * (WIDTH + _GAP_X),
            y=_HEAD + self.board.row[place] * (HEIGHT + _GAP_Y),
            lines=wrapped(name, (WIDTH - 18) / _FONT, 2),
            caption="".join(wrapped(f"{state}{kind} · {time}", (WIDTH - 18) / 10.0, 1)),
            label=f"{name}: {kind}, {time}{', on the critical path' if critical else ''}",
            kind=type_class(task.type),
            critical=critical,
            done=done,
        )

    def cells(self) -> tuple[tuple[Cell, ...], list[int]]:
        """What stands for the tasks while lanes are folded, and the number of the cell of each task."""
        members: dict[tuple[int, int], list[int]] = {}
        for place, key in enumerate(zip(self.facts.lane, self.facts.phase, strict=True)):
            members.setdefault(key, []).append(place)
        cells: list[Cell] = []
        cell_of = [0] * len(self.facts.plan.tasks)
        for (lane, phase), nodes in sorted(members.items()):
            tasks = [self.facts.plan.tasks[node] for node in nodes]
            for node in nodes:
                cell_of[node] = len(cells)
            cells.append(self._cell(lane, phase, tasks))
        return tuple(cells), cell_of

    def _cell(self, lane: int, phase: int, tasks: Sequence[Task]) -> Cell:
        kinds = Counter(line(task.type.replace("_", " "), 24) for task in tasks)
        listed = ", ".join(f"{count} {name}" for name, count in kinds.most_common())
        work = seconds(sum(task.estimate_s for task in tasks if not task.children))
        first = line(self.facts.names.label(tasks[0]), 200) if len(tasks) == 1 else f"{len(tasks)} tasks · {work}"
        second = f"{kinds.most_common(1)[0][0]} · {work}" if len(tasks) == 1 else listed
        return Cell(
            lane=lane,
            phase=phase,
            lines=(*wrapped(first, (WIDTH - 18) / _FONT, 1), *wrapped(second, (WIDTH - 18) / 10.0, 1)),
            label=f"{counted(len(tasks), 'task', 'tasks')} of {self.facts.groups[lane] or 'no group'} in phase {phase + 1}: {listed}",
            kind=type_class(Counter(task.type for task in tasks).most_common(1)[0][0]),
            critical=any(task.id in self.facts.critical for task in tasks),
        )

    def curve(self, place: int, hop: Hop, boxes: Sequence[Box], tops: Mapping[int, int]) -> Curve:
        """An edge between boxes.

        Args:
            tops: of the lanes, by number.
        """
        before, after = boxes[self.facts.index[hop.before]], boxes[self.facts.index[hop.after]]
        start = before.x, tops[before.lane] + before.y
        end = after.x, tops[after.lane] + after.y
        kind = hop.kind if hop.kind != "dependency" else hop.strength
        return Curve(
            number=place,
            before=before.number,
            after=after.number,
            kind=kind,
            critical=hop.critical and before.critical and after.critical,
            path=curve_path(*start, *end),
        )

    def geometry(
        self, boxes: Sequence[Box], cells: Sequence[Cell], cell_of: Sequence[int], lanes: Sequence[Lane], width: int
    ) -> dict[str, Any]:
        """What the script needs to fold lanes: numbers and names of styles, no text."""
        return {
            "box": [WIDTH, HEIGHT],
            "head": _HEAD,
            "top": _TOP,
            "margin": _MARGIN,
            "width": width,
            "gap": _GAP_X,
            "phases": len(self.board.columns) - 1,
            "lanes": [[lane.number, lane.height, self._wide(lane.number)] for lane in lanes],
            "folded": len(boxes) >= _FOLDED_TASKS and len(lanes) > 1,
            "foldedHeight": _HEAD + HEIGHT + _GAP_Y,
            "nodes": [
                [box.lane, *self._column(box.number), box.y, cell, int(box.critical), box.kind]
                for box, cell in zip(boxes, cell_of, strict=True)
            ],
            "cells": [[cell.lane, cell.phase] for cell in cells],
            "edges": [[self.facts.index[hop.before], self.facts.index[hop.after]] for hop in self.facts.hops],
        }

    def _column(self, node: int) -> tuple[int, int]:
        """The phase of a task, and its column within the phase."""
        phase = self.facts.phase[node]
        return phase, self.board.column[node] - self.board.columns[phase]

    def _wide(self, lane: int) -> list[int]:
        """How many columns a lane needs in each phase when it is not folded."""
        wide = [1] * (len(self.board.columns) - 1)
        for node, place in enumerate(self.facts.lane):
            if place == lane:
                phase, column = self._column(node)
                wide[phase] = max(wide[phase], column + 1)
        return wide


def curve_path(x1: int, y1: int, x2: int, y2: int) -> str:
    """From the right of one box to the left of another; around the right when that is not further right. The script draws the same."""
    x1, y1, y2 = x1 + WIDTH, y1 + HEIGHT // 2, y2 + HEIGHT // 2
    if x2 < x1:
        return f"M{x1} {y1}C{x1 + 36} {y1} {x2 + WIDTH + 36} {y2} {x2 + WIDTH} {y2}"
    bend = max(24, (x2 - x1) // 2)
    return f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
