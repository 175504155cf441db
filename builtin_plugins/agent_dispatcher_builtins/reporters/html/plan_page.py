"""What the page of a plan shows, as values: the board with its boxes and curves, and for every task and edge the explanation in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from agent_dispatcher.models import Dropped, Exclusion, ExecutionPlan, Reason, Requirement, Task
from agent_dispatcher.planning.explain import Explainer, Hop
from agent_dispatcher.planning.task_names import TaskNames

from .lanes import Board, arrange
from .text import line, number, wrapped
from .text import seconds as exact_seconds
from .words import status_badge, type_class

__all__ = ["Box", "Cell", "Curve", "Lane", "PlanPage", "make_plan_page"]

WIDTH, HEIGHT = 188, 50
_GAP_X, _GAP_Y = 56, 12
_HEAD, _TOP, _MARGIN = 30, 34, 16
_FONT = 11.5
#: From so many tasks on the page opens with its groups folded.
_FOLDED_TASKS = 120
_DESCRIPTION = 1500
_DROPPED = {
    "redundant": "implied by",
    "cycle": "it would close a cycle with",
    "veto": "vetoed:",
    "threshold": "too unsure:",
    "parallelism": "it would make the work longer:",
    "patch": "taken out by a patch:",
}


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


def make_plan_page(plan: ExecutionPlan) -> PlanPage:
    """The page of a plan."""
    return _Maker(plan).page()


class _Maker:
    """Holds what the parts of one page share."""

    def __init__(self, plan: ExecutionPlan) -> None:
        self.plan = plan
        self.names = TaskNames(plan)
        self.explainer = Explainer(plan)
        self.index = {task.id: number for number, task in enumerate(plan.tasks)}
        self.critical = frozenset(plan.critical_path) if plan.estimates.span_s else frozenset()
        self.hops = [hop for task in plan.tasks for hop in self.explainer.incoming(task.id)]
        self.phase = {task_id: number for number, phase in enumerate(plan.phases) for task_id in phase}
        groups = list(dict.fromkeys(line(task.group, 200) for task in plan.tasks))
        self.groups = groups or [""]
        self.lane = [groups.index(line(task.group, 200)) for task in plan.tasks]
        self.board = self._board()

    def _board(self) -> Board:
        phase = [self.phase.get(task.id, len(self.plan.phases)) for task in self.plan.tasks]
        links = [(self.index[hop.before], self.index[hop.after]) for hop in self.hops]
        return arrange(phase, self.lane, links)

    def page(self) -> PlanPage:
        plan, estimates = self.plan, self.plan.estimates
        lanes = self._lanes()
        boxes = tuple(self._box(task) for task in plan.tasks)
        cells, cell_of = self._cells()
        tops = {lane.number: lane.top for lane in lanes}
        curves = tuple(self._curve(number, hop, boxes, tops) for number, hop in enumerate(self.hops))
        kinds = Counter(type_class(task.type) for task in plan.tasks)
        words = {type_class(task.type): line(task.type.replace("_", " "), 24) for task in reversed(plan.tasks)}
        width = 2 * _MARGIN + max(self.board.columns[-1] * (WIDTH + _GAP_X) - _GAP_X, WIDTH)
        return PlanPage(
            title=line(plan.specification.title, 200) or "Plan",
            sentence=self._sentence(),
            tiles=(
                ("Tasks", number(len(plan.tasks)), f"in {len(plan.phases)} phases"),
                ("Work", seconds(estimates.work_s), "one after the other"),
                ("Critical path", seconds(estimates.span_s), f"{len(self.critical)} tasks"),
                (
                    "Workers",
                    number(estimates.recommended_workers),
                    f"up to {estimates.max_speedup:.1f} times faster",
                ),
                *self._coverage(),
            ),
            boxes=boxes,
            cells=cells,
            curves=tuple(sorted(curves, key=lambda curve: (curve.critical, curve.number))),
            lanes=lanes,
            headings=tuple(
                Heading(_MARGIN + first * (WIDTH + _GAP_X), f"Phase {place}")
                for place, first in enumerate(self.board.columns[:-1], 1)
            ),
            width=width,
            height=_TOP + sum(lane.height for lane in lanes) + _MARGIN,
            kinds=tuple((kind, words[kind], count) for kind, count in kinds.most_common()),
            critical=tuple(self._name(task_id) for task_id in plan.critical_path if self.critical),
            requirements=self._requirements(),
            rows=self._rows(),
            warnings=tuple(line(text, 600) for text in (*plan.specification.warnings, *plan.warnings)),
            geometry=self._geometry(boxes, cells, cell_of, lanes, width),
        )

    def _sentence(self) -> str:
        edges = sum(hop.kind == "dependency" for hop in self.hops)
        parts = [
            _counted(edges, "dependency", "dependencies") + " drawn",
            _counted(len(self.plan.dropped), "other", "others") + " seen and left out",
        ]
        if self.plan.gates:
            parts.append(_counted(len(self.plan.gates), "gate", "gates") + " (a test lands before what it tests)")
        if self.plan.exclusions:
            parts.append(_counted(len(self.plan.exclusions), "group", "groups") + " of tasks that never run together")
        return ", ".join(parts) + "."

    def _coverage(self) -> Iterable[tuple[str, str, str]]:
        requirements = self.plan.specification.requirements
        served = {each for task in self.plan.tasks for each in task.requirements}
        if requirements:
            count = sum(each.id in served for each in requirements)
            yield "Requirements", f"{count} of {len(requirements)}", "are named by a task"

    # --- the board ----------------------------------------------------------------------------------------------------

    def _lanes(self) -> tuple[Lane, ...]:
        found, top = [], _TOP
        for place in self.board.lanes:
            members = [task for task, lane in zip(self.plan.tasks, self.lane, strict=True) if lane == place]
            height = _HEAD + self.board.rows[place] * (HEIGHT + _GAP_Y) + 8
            work = sum(task.estimate_s for task in members if not task.children)
            name = self.groups[place] or ("All tasks" if len(self.groups) == 1 else "No group")
            tasks = f"{len(members)} tasks" if len(members) != 1 else "1 task"
            found.append(
                Lane(number=place, name=line(name, 80), note=f"{tasks}, {seconds(work)}", top=top, height=height)
            )
            top += height
        return tuple(found)

    def _box(self, task: Task) -> Box:
        place = self.index[task.id]
        name = line(self.names.label(task), 200)
        kind = line(task.type.replace("_", " "), 24)
        badge = status_badge(task.status)
        done = task.status in ("completed", "skipped", "cancelled")
        state = f"{badge.sign} {badge.word} · " if task.status != "pending" else ""
        critical = task.id in self.critical
        time = "with its parts" if task.children else seconds(task.estimate_s)
        return Box(
            number=place,
            lane=self.lane[place],
            x=_MARGIN + self.board.column[place] * (WIDTH + _GAP_X),
            y=_HEAD + self.board.row[place] * (HEIGHT + _GAP_Y),
            lines=wrapped(name, (WIDTH - 18) / _FONT, 2),
            caption="".join(wrapped(f"{state}{kind} · {time}", (WIDTH - 18) / 10.0, 1)),
            label=f"{name}: {kind}, {time}{', on the critical path' if critical else ''}",
            kind=type_class(task.type),
            critical=critical,
            done=done,
        )

    def _cells(self) -> tuple[tuple[Cell, ...], list[int]]:
        members: dict[tuple[int, int], list[int]] = {}
        for place, task in enumerate(self.plan.tasks):
            key = (self.lane[place], self.phase.get(task.id, len(self.plan.phases)))
            members.setdefault(key, []).append(place)
        cells: list[Cell] = []
        cell_of = [0] * len(self.plan.tasks)
        for (lane, phase), nodes in sorted(members.items()):
            tasks = [self.plan.tasks[node] for node in nodes]
            for node in nodes:
                cell_of[node] = len(cells)
            cells.append(self._cell(lane, phase, tasks))
        return tuple(cells), cell_of

    def _cell(self, lane: int, phase: int, tasks: Sequence[Task]) -> Cell:
        kinds = Counter(line(task.type.replace("_", " "), 24) for task in tasks)
        listed = ", ".join(f"{count} {name}" for name, count in kinds.most_common())
        work = seconds(sum(task.estimate_s for task in tasks if not task.children))
        first = line(self.names.label(tasks[0]), 200) if len(tasks) == 1 else f"{len(tasks)} tasks · {work}"
        second = f"{kinds.most_common(1)[0][0]} · {work}" if len(tasks) == 1 else listed
        return Cell(
            lane=lane,
            phase=phase,
            lines=(*wrapped(first, (WIDTH - 18) / _FONT, 1), *wrapped(second, (WIDTH - 18) / 10.0, 1)),
            label=f"{_counted(len(tasks), 'task', 'tasks')} of {self.groups[lane] or 'no group'} in phase {phase + 1}: {listed}",
            kind=type_class(Counter(task.type for task in tasks).most_common(1)[0][0]),
            critical=any(task.id in self.critical for task in tasks),
        )

    def _curve(self, place: int, hop: Hop, boxes: Sequence[Box], tops: Mapping[int, int]) -> Curve:
        before, after = boxes[self.index[hop.before]], boxes[self.index[hop.after]]
        start = before.x, tops[before.lane] + before.y
        end = after.x, tops[after.lane] + after.y
        kind = hop.kind if hop.kind != "dependency" else hop.strength
        return Curve(
            number=place,
            before=before.number,
            after=after.number,
            kind=kind,
            critical=hop.critical and before.critical and after.critical,
            path=curve(*start, *end),
        )

    def _geometry(
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
            "edges": [[self.index[hop.before], self.index[hop.after]] for hop in self.hops],
        }

    def _column(self, node: int) -> tuple[int, int]:
        """The phase of a task, and its column within the phase."""
        phase = self.phase.get(self.plan.tasks[node].id, len(self.plan.phases))
        return phase, self.board.column[node] - self.board.columns[phase]

    def _wide(self, lane: int) -> list[int]:
        """How many columns a lane needs in each phase when it is not folded."""
        wide = [1] * (len(self.board.columns) - 1)
        for node, place in enumerate(self.lane):
            if place == lane:
                phase, column = self._column(node)
                wide[phase] = max(wide[phase], column + 1)
        return wide

    # --- words --------------------------------------------------------------------------------------------------------

    def _name(self, task_id: str) -> Name:
        place = self.index[task_id]
        return Name(place, line(self.names.label(self.plan.tasks[place]), 120))

    def _rows(self) -> tuple[Row, ...]:
        waits: dict[str, list[Why]] = {}
        followers: dict[str, list[Name]] = {}
        for place, hop in enumerate(self.hops):
            waits.setdefault(hop.after, []).append(self._why(place, hop))
            followers.setdefault(hop.before, []).append(self._name(hop.after))
        left_out: dict[str, list[Why]] = {}
        for dropped in self.plan.dropped:
            if dropped.before in self.index and dropped.after in self.index:
                left_out.setdefault(dropped.after, []).append(self._left_out(dropped))
        apart: dict[str, list[Exclusion]] = {}
        for exclusion in self.plan.exclusions:
            for task_id in exclusion.tasks:
                apart.setdefault(task_id, []).append(exclusion)
        texts = {each.id: each for each in self.plan.specification.requirements}
        return tuple(
            Row(
                number=place,
                name=line(self.names.short(task), 80),
                title=line(task.title, 300) or line(task.id),
                kind=type_class(task.type),
                type=line(task.type.replace("_", " "), 40),
                critical=task.id in self.critical,
                facts=tuple(self._facts(task)),
                description=line(task.description, _DESCRIPTION) if task.description != task.title else "",
                requirements=tuple(_requirement(each, texts.get(each)) for each in task.requirements),
                waits=tuple(waits.get(task.id, ())),
                followers=tuple(followers.get(task.id, ())),
                excludes=tuple(self._apart(task, each) for each in apart.get(task.id, ())),
                left_out=tuple(left_out.get(task.id, ())),
            )
            for place, task in enumerate(self.plan.tasks)
        )

    def _facts(self, task: Task) -> Iterable[tuple[str, str]]:
        if task.status != "pending":
            yield "Status", status_badge(task.status).word
        if not task.children:
            slack = self.explainer.slack_s(task.id)
            later = "on a critical path" if not slack else f"may start {seconds(slack)} later at no cost"
            yield (
                "Time",
                f"about {seconds(task.estimate_s)}, from {seconds(self.explainer.start_s(task.id))} on; {later}",
            )
        yield "Phase", str(self.phase.get(task.id, len(self.plan.phases)) + 1)
        if task.group:
            yield "Group", line(task.group, 200)
        if task.produces:
            yield "Promises", line(", ".join(f"{each.type} {each.name}" for each in task.produces), 600)
        if task.consumes:
            yield "Needs", line(", ".join(f"{each.type} {each.name}" for each in task.consumes), 600)
        yield "Id", line(task.id, 200)
        if task.source:
            yield "Read from", line(task.source, 200)

    def _why(self, place: int, hop: Hop) -> Why:
        verb = {
            "gate": "lands after its test",
            "part": "is completed with its part",
            "dependency": "waits for" if hop.strength == "binding" else "rather comes after",
        }[hop.kind]
        notes = [f"confidence {hop.confidence:.2f}"] if hop.confidence is not None else []
        if hop.saved_s:
            notes.append(f"without it everything is done {seconds(hop.saved_s)} sooner")
        elif hop.critical:
            notes.append("on a critical path, beside others as long")
        return Why(
            number=place,
            other=self._name(hop.before),
            verb=verb,
            note=", ".join(notes),
            reasons=tuple(_reason(each) for each in hop.reasons),
        )

    def _left_out(self, dropped: Dropped) -> Why:
        said = " → ".join(self.names.short_of(step) for step in dropped.why.split(" → "))
        return Why(
            number=-1,
            other=self._name(dropped.before),
            verb="behind",
            note=line(f"{_DROPPED.get(dropped.kind, dropped.kind)} {said}", 400),
            reasons=tuple(_reason(each) for each in dropped.reasons[:3]),
        )

    def _apart(self, task: Task, exclusion: Exclusion) -> str:
        others = [self.names.short_of(each) for each in exclusion.tasks if each != task.id]
        more = f" and {len(others) - 12} more" if len(others) > 12 else ""
        return line(f"{', '.join(others[:12])}{more} ({exclusion.resource})", 400)

    def _requirements(self) -> tuple[tuple[str, str, tuple[Name, ...]], ...]:
        serving: dict[str, list[str]] = {}
        for task in self.plan.tasks:
            for each in task.requirements:
                serving.setdefault(each, []).append(task.id)
        return tuple(
            (line(each.id, 80), line(each.text, 600), tuple(self._name(task) for task in serving.get(each.id, ())))
            for each in self.plan.specification.requirements
        )


def seconds(value: float) -> str:
    """A duration without seconds that say nothing: ``5 min``, not ``5 min 0 s``."""
    return exact_seconds(value).replace(" min 0 s", " min").replace(".0 s", " s")


def _requirement(name: str, found: Requirement | None) -> tuple[str, str]:
    return line(name, 80), line(found.text, 600) if found is not None else ""


def _counted(count: int, one: str, many: str) -> str:
    return f"{number(count)} {one if count == 1 else many}"


def _reason(reason: Reason) -> tuple[str, str, str]:
    """What a rule says, in parts: who, what, where."""
    return (
        line(f"{reason.rule} ({reason.kind}, {reason.confidence:.2f})", 80),
        line(reason.evidence, 500),
        line(reason.source, 200),
    )


def curve(x1: int, y1: int, x2: int, y2: int) -> str:
    """From the right of one box to the left of another; around the right when that is not further right. The script draws the same."""
    x1, y1, y2 = x1 + WIDTH, y1 + HEIGHT // 2, y2 + HEIGHT // 2
    if x2 < x1:
        return f"M{x1} {y1}C{x1 + 36} {y1} {x2 + WIDTH + 36} {y2} {x2 + WIDTH} {y2}"
    bend = max(24, (x2 - x1) // 2)
    return f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
