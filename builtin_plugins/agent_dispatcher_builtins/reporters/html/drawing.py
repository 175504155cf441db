"""The graph of a plan as boxes and curves with coordinates, coloured by what each task is and how it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from attrs import frozen

from agent_dispatcher.models import ExecutionPlan, Task, TaskResult

from .layout import Placed, Size, place
from .text import line, wrapped
from .words import status_badge, type_class

__all__ = ["Box", "Curve", "Drawing", "Heading", "draw_groups", "draw_tasks"]

#: A phase with more tasks than this takes several columns.
_COLUMN_ROWS = 22
#: A phase with more groups than this shows the rest as one box.
_PHASE_GROUPS = 9
#: Above so many tasks the columns begin at the top.
_LEVEL_TASKS = 60
_MARGIN = 16.0
_HEAD = 34.0
_FONT = 12.0
_SMALL_FONT = 10.5
_SIZE = Size(width=184.0, height=58.0, gap=12.0, column_gap=57.0)
_WORST = ("failed", "cancelled", "blocked", "skipped", "in_progress", "pending", "ready", "completed")


@frozen(kw_only=True)
class Box:
    """A task or a group of tasks."""

    x: float
    y: float
    width: float
    height: float
    lines: tuple[str, ...]
    caption: str
    tooltip: str
    href: str
    kind: str
    tone: str
    critical: bool


@frozen(kw_only=True)
class Curve:
    """An edge: ``kind`` is ``binding``, ``advisory``, ``gate`` or ``part``."""

    path: str
    kind: str
    critical: bool
    tooltip: str


@frozen
class Heading:
    """What stands over a column."""

    x: float
    text: str


@frozen(kw_only=True)
class Drawing:
    """Everything in front of the reader, in units of one pixel at full size."""

    boxes: tuple[Box, ...]
    curves: tuple[Curve, ...]
    headings: tuple[Heading, ...]
    width: float
    height: float


def draw_tasks(plan: ExecutionPlan, results: Mapping[str, TaskResult], anchors: Mapping[str, str]) -> Drawing:
    """One box for each task.

    Args:
        results: by task id.
        anchors: by task id, where on the page its row is.
    """
    tasks = {task.id: task for task in plan.tasks}
    ids = [task.id for task in plan.tasks]
    index = {task_id: number for number, task_id in enumerate(ids)}
    gates = [(gate.test, gate.subject) for gate in plan.gates if gate.test in index and gate.subject in index]
    bundle = _bundles(index, gates)
    columns: list[list[int]] = []
    titles: list[str] = []
    for number, phase in enumerate(_phases(plan), 1):
        members = sorted((index[task_id] for task_id in phase), key=lambda node: (bundle[node], node))
        for part, start in enumerate(range(0, len(members), _COLUMN_ROWS)):
            columns.append(members[start : start + _COLUMN_ROWS])
            titles.append(f"Phase {number}" + (" (continued)" if part else ""))
    binding = [(index[d.before], index[d.after]) for d in plan.dependencies if d.strength == "binding"]
    placed = place(columns, binding, _SIZE, together=bundle, level=len(ids) <= _LEVEL_TASKS)
    critical = set(plan.critical_path)
    critical_edges = _critical_edges(plan)
    boxes = tuple(
        _task_box(tasks[task_id], results.get(task_id), placed, number, anchors[task_id], task_id in critical)
        for number, task_id in enumerate(ids)
    )
    return _drawing(boxes, _task_curves(plan, tasks, index, placed, critical_edges), placed, titles)


def _phases(plan: ExecutionPlan) -> list[list[str]]:
    """The phases of the plan; tasks that are in none come last."""
    known = {task.id for task in plan.tasks}
    phases = [[task_id for task_id in phase if task_id in known] for phase in plan.phases]
    listed = {task_id for phase in phases for task_id in phase}
    rest = [task.id for task in plan.tasks if task.id not in listed]
    return [phase for phase in (*phases, rest) if phase]


def _bundles(index: Mapping[str, int], gates: Iterable[tuple[str, str]]) -> dict[int, int]:
    """For each task the first of those it is tied to by gates: a subject and its tests are drawn beside each other."""
    root = {node: node for node in index.values()}

    def find(node: int) -> int:
        while root[node] != node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    for test, subject in gates:
        one, other = sorted((find(index[test]), find(index[subject])))
        root[other] = one
    return {node: find(node) for node in root}


def _critical_edges(plan: ExecutionPlan) -> set[tuple[str, str]]:
    """The edges that the critical path takes; a step through a gate is the gate and the edge behind its subject."""
    edges = {(d.before, d.after) for d in plan.dependencies}
    gates: dict[str, list[str]] = {}
    for gate in plan.gates:
        gates.setdefault(gate.test, []).append(gate.subject)
    found: set[tuple[str, str]] = set()
    for before, after in pairwise(plan.critical_path):
        if (before, after) in edges:
            found.add((before, after))
            continue
        for subject in gates.get(before, ()):
            if (subject, after) in edges:
                found |= {(before, subject), (subject, after)}
                break
            if after in gates and subject == after:
                found.add((before, subject))
    return found


def _task_box(task: Task, result: TaskResult | None, placed: Placed, number: int, anchor: str, critical: bool) -> Box:
    badge = status_badge(result.status if result is not None else task.status)
    name = line(f"{task.source_id} {task.title}" if task.source_id else task.title, 200) or line(task.id)
    kind = line(task.type.replace("_", " "), 24)
    tries = f", {result.attempts} attempts" if result is not None and result.attempts > 1 else ""
    note = " on the critical path" if critical else ""
    return Box(
        x=placed.x[number] - _SIZE.width / 2,
        y=placed.y[number] - _SIZE.height / 2,
        width=_SIZE.width,
        height=_SIZE.height,
        lines=wrapped(name, (_SIZE.width - 20) / _FONT, 2),
        caption=_caption(f"{badge.sign} {badge.word}{tries} · {kind}"),
        tooltip=f"{name}: {badge.word}{tries}; {kind}, expected {task.estimate_s:g} s{note}",
        href="#" + anchor,
        kind=type_class(task.type),
        tone=badge.tone,
        critical=critical,
    )


def _caption(text: str) -> str:
    return "".join(wrapped(text, (_SIZE.width - 20) / _SMALL_FONT, 1))


def _task_curves(
    plan: ExecutionPlan,
    tasks: Mapping[str, Task],
    index: Mapping[str, int],
    placed: Placed,
    critical: set[tuple[str, str]],
) -> Iterator[Curve]:
    def curve(before: str, after: str, kind: str, verb: str) -> Curve:
        return Curve(
            path=_path(placed, index[before], index[after], _SIZE),
            kind=kind,
            critical=(before, after) in critical,
            tooltip=f"{line(tasks[after].title, 60)} {verb} {line(tasks[before].title, 60)}",
        )

    for dependency in plan.dependencies:
        verb = "waits for" if dependency.strength == "binding" else "rather comes after"
        yield curve(dependency.before, dependency.after, dependency.strength, verb)
    for gate in plan.gates:
        if gate.test in index and gate.subject in index:
            yield curve(gate.test, gate.subject, "gate", "lands after")
    for task in plan.tasks:
        for child in task.children:
            if child in index:
                yield curve(child, task.id, "part", "is completed with")


def _drawing(boxes: tuple[Box, ...], curves: Iterable[Curve], placed: Placed, titles: Sequence[str]) -> Drawing:
    return Drawing(
        boxes=boxes,
        curves=tuple(sorted(curves, key=lambda curve: curve.critical)),
        headings=tuple(Heading(x, text) for x, text in zip(placed.left, titles, strict=True)),
        width=round(placed.width + 2 * _MARGIN),
        height=round(placed.height + _HEAD + 2 * _MARGIN),
    )


def _path(placed: Placed, before: int, after: int, size: Size) -> str:
    """A smooth curve from the right of one box to the left of the other; beside the column when both are in one."""
    half = size.width / 2
    x1, y1, x2, y2 = placed.x[before], placed.y[before], placed.x[after], placed.y[after]
    if abs(x1 - x2) < 1.0:
        bow = min(18.0 + abs(y2 - y1) / 12, size.column_gap * 0.8)
        right, y1, y2 = x1 + half, y1 + size.height / 5, y2 + size.height / 5
        return f"M{right:.0f} {y1:.0f}C{right + bow:.0f} {y1:.0f} {right + bow:.0f} {y2:.0f} {right:.0f} {y2:.0f}"
    if x2 < x1:
        half = -half
    points = [(x1 + half, y1), *placed.joints.get((before, after), ()), (x2 - half, y2)]
    path = f"M{points[0][0]:.0f} {points[0][1]:.0f}"
    for (ax, ay), (bx, by) in pairwise(points):
        middle = (ax + bx) / 2
        path += f"L{bx:.0f} {by:.0f}" if ay == by else f"C{middle:.0f} {ay:.0f} {middle:.0f} {by:.0f} {bx:.0f} {by:.0f}"
    return path


def draw_groups(plan: ExecutionPlan, results: Mapping[str, TaskResult], anchors: Mapping[str, str]) -> Drawing:
    """One box for all tasks of a group in a phase: the way to look at a plan of hundreds.

    Args:
        anchors: by group name, where on the page its tasks are.
    """
    tasks = {task.id: task for task in plan.tasks}
    columns: list[list[int]] = []
    cells: list[tuple[str, list[str]]] = []
    cell_of: dict[str, int] = {}
    for phase in _phases(plan):
        by_group: dict[str, list[str]] = {}
        for task_id in phase:
            by_group.setdefault(tasks[task_id].group, []).append(task_id)
        named = sorted(by_group.items(), key=lambda item: -len(item[1]))
        shown, rest = named[:_PHASE_GROUPS], named[_PHASE_GROUPS:]
        if rest:
            shown.append(("\0", [task_id for _, members in rest for task_id in members]))
        columns.append(list(range(len(cells), len(cells) + len(shown))))
        for group, members in shown:
            cell_of.update(dict.fromkeys(members, len(cells)))
            cells.append((group, members))
    edges: Counter[tuple[int, int]] = Counter()
    critical: set[tuple[int, int]] = set()
    critical_edges = _critical_edges(plan)
    for dependency in plan.dependencies:
        if dependency.strength == "binding":
            pair = cell_of[dependency.before], cell_of[dependency.after]
            edges[pair] += pair[0] != pair[1]
            if (dependency.before, dependency.after) in critical_edges:
                critical.add(pair)
    links = [pair for pair, count in edges.items() if count]
    placed = place(columns, links, _SIZE)
    on_path = set(plan.critical_path)
    boxes = tuple(
        _group_box(group, [tasks[m] for m in members], results, placed, number, anchors, on_path)
        for number, (group, members) in enumerate(cells)
    )
    curves = [
        Curve(
            path=_path(placed, *pair, _SIZE),
            kind="binding",
            critical=pair in critical,
            tooltip=f"{edges[pair]} dependencies" if edges[pair] > 1 else "1 dependency",
        )
        for pair in links
    ]
    titles = [f"Phase {number}" for number in range(1, len(columns) + 1)]
    return _drawing(boxes, curves, placed, titles)


def _group_box(
    group: str,
    members: Sequence[Task],
    results: Mapping[str, TaskResult],
    placed: Placed,
    number: int,
    anchors: Mapping[str, str],
    on_path: set[str],
) -> Box:
    statuses = Counter(results[task.id].status if task.id in results else task.status for task in members)
    worst = next((status for status in _WORST if statuses[status]), "pending")
    name = f"{len({task.group for task in members})} more groups" if group == "\0" else line(group, 200) or "no group"
    counts = ", ".join(f"{count} {status_badge(status).word}" for status, count in statuses.most_common())
    kind = Counter(task.type for task in members).most_common(1)[0][0]
    tasks = f"{len(members)} tasks" if len(members) > 1 else "1 task"
    others = len(members) - statuses["completed"]
    done = "all completed" if not others else counts
    return Box(
        x=placed.x[number] - _SIZE.width / 2,
        y=placed.y[number] - _SIZE.height / 2,
        width=_SIZE.width,
        height=_SIZE.height,
        lines=wrapped(name, (_SIZE.width - 20) / _FONT, 2),
        caption=_caption(f"{status_badge(worst).sign} {tasks}: {done}"),
        tooltip=f"{name}: {tasks}, {counts}",
        href="#" + anchors.get(group, "tasks"),
        kind=type_class(kind),
        tone=status_badge(worst).tone,
        critical=any(task.id in on_path for task in members),
    )
