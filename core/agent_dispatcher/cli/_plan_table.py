"""A plan for people: one line a task, phase by phase, as wide as the terminal.

A plan that fills many screens is shown in extracts: of each phase the critical tasks and some others (the more, the fewer phases there are), of many phases
the first and the last. What is left out is counted; nothing is left out with ``full``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import click
from attrs import frozen

from ..models import ExecutionPlan, Task, used_in_words
from ..planning.task_names import TaskNames
from ._text import columns, cut, duration, pad, plain, width, wrapped

__all__ = ["print_plan"]

#: A plan of at most so many tasks is shown whole.
_WHOLE = 60
#: The least rows for a phase of a larger one.
_PHASE_ROWS = 6
_PHASES = 30
_LISTED = 5
#: Names in the last column.
_NAMED = 2
#: Columns for what a task is called.
_NAME = 32
#: The least columns for a title.
_TITLE = 12
_LINES = 12

_TYPES: Mapping[str, str] = {
    "code_writing": "code",
    "testing": "test",
    "documentation": "docs",
    "refactoring": "refactor",
    "debugging": "debug",
    "deployment": "deploy",
}
_DONE = frozenset({"completed", "skipped", "cancelled"})
_MARKS: Mapping[str, str] = {"completed": "✓", "skipped": "–", "cancelled": "–", "failed": "✗", "in_progress": "…"}


@frozen(kw_only=True)
class _Row:
    """One task as it is shown."""

    phase: str
    mark: str
    name: str
    title: str
    type: str
    time: str
    waits: Sequence[str]
    critical: bool


def print_plan(plan: ExecutionPlan, *, full: bool = False) -> None:
    """Print it.

    Args:
        full: leave nothing out, however long it is.
    """
    names = TaskNames(plan)
    _head(plan)
    _table(plan, names, full or len(plan.tasks) <= _WHOLE)
    _legend(plan)
    _notes(plan, names, full)
    for text in _warnings(plan):
        click.secho(wrapped(f"warning: {text}", "  ", first=""), fg="yellow", err=True)


def _head(plan: ExecutionPlan) -> None:
    estimates = plan.estimates
    click.secho(wrapped(plan.specification.title, "", first=""), bold=True)
    phases = _counted(len(plan.phases), "phase")
    done = sum(task.status in _DONE for task in plan.tasks)
    text = f"{_counted(len(plan.tasks), 'task')} in {phases}"
    if done:
        text += f", {done} of them done or skipped"
    if estimates.work_s:
        text += (
            f"; about {duration(estimates.work_s)} of work, {duration(estimates.span_s)} with {_counted(estimates.recommended_workers, 'worker')}"
            f" (at most {estimates.max_speedup:.1f} times faster than one by one)"
        )
    if estimates.span_range_s is not None and len(set(map(duration, estimates.span_range_s))) > 1:
        low, high = map(duration, estimates.span_range_s)
        text += f"; going by past runs between {low} and {high}"
    click.echo(wrapped(text))


# --- the table --------------------------------------------------------------------------------------------------------


def _table(plan: ExecutionPlan, names: TaskNames, whole: bool) -> None:
    rows = list(_rows(plan, names, whole))
    tasks = [row for row in rows if isinstance(row, _Row)]
    if not tasks:
        return
    room = columns()
    phase = max(5, *(len(row.phase) for row in tasks))
    name = min(max(4, *(width(row.name) for row in tasks)), _NAME)
    sort = max(4, *(width(row.type) for row in tasks))
    time = max(4, *(width(row.time) for row in tasks))
    waits = min(max(9, *(width(_some(row.waits, room)) for row in tasks)), room // 5)
    rest = room - phase - name - sort - time - 10
    if rest - waits - 2 < _TITLE:  # on a narrow terminal what a task is comes before what it waits for
        waits = 0
    title = max(_TITLE, min(rest - (waits + 2 if waits else 0), max(width(row.title) for row in tasks)))
    click.echo()
    head = f"{'phase':>{phase}}    {pad('task', name)}  {pad('', title)}  {pad('type', sort)}  {'time':>{time}}"
    click.secho(f"{head}  waits for" if waits else head, dim=True)
    for row in rows:
        if isinstance(row, str):
            click.secho(f"{'':>{phase}}    {cut(row, room - phase - 4)}", dim=True)
            continue
        line = (
            f"{row.phase:>{phase}}  {row.mark} {pad(row.name, name)}  {pad(row.title, title)}  {pad(row.type, sort)}"
            f"  {row.time:>{time}}  {_some(row.waits, waits) if waits else ''}"
        ).rstrip()
        click.secho(line, fg="red" if row.critical else None)


def _rows(plan: ExecutionPlan, names: TaskNames, whole: bool) -> Iterator[_Row | str]:
    """Rows, and lines about what is left out."""
    tasks = {task.id: task for task in plan.tasks}
    critical = set(plan.critical_path) if plan.estimates.span_s else set()
    waits = _waits(plan, names)
    last = len(plan.phases)
    most = max(_PHASE_ROWS, _WHOLE // max(1, last))
    hidden: list[str] = []
    for number, phase in enumerate(plan.phases, 1):
        if not whole and last > _PHASES and _PHASES // 2 < number <= last - _PHASES // 2:
            hidden += phase
            continue
        if hidden:
            yield f"… phases {_PHASES // 2 + 1} to {number - 1}: {_counted(len(hidden), 'task')} ({_kinds(tasks[each] for each in hidden)})"
            hidden = []
        ordered = sorted(
            phase, key=lambda each: (each not in critical, tasks[each].status in _DONE, *_order(tasks[each], names))
        )
        shown = ordered if whole or len(ordered) <= most + 1 else ordered[:most]
        for place, each in enumerate(shown):
            yield _row(tasks[each], names, f"{number}" if place == 0 else "", each in critical, waits.get(each, ()))
        rest = [tasks[each] for each in ordered[len(shown) :]]
        if rest:
            yield f"… {len(rest)} more: {_kinds(rest)}"


def _order(task: Task, names: TaskNames) -> tuple[object, ...]:
    """Like the source numbers them, ``2`` before ``10``; where it gives no names, as it lists them."""
    name = names.short(task)
    if task.source_id is None and task.source:
        file, _, line = task.source.rpartition(":")
        return (1, file, int(line) if line.isdecimal() else 0, name)
    parts = name.replace("-", ".").split(".")
    return (0, tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts), name)


def _row(task: Task, names: TaskNames, phase: str, critical: bool, waits: Sequence[str]) -> _Row:
    return _Row(
        phase=phase,
        mark=_MARKS.get(task.status) or ("*" if critical else " "),
        name=plain(names.short(task)),
        title=plain(task.title),
        type=_type(task.type),
        time="" if task.children or task.status in _DONE else duration(task.estimate_s),
        waits=waits,
        critical=critical,
    )


def _waits(plan: ExecutionPlan, names: TaskNames) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in plan.dependencies:
        if each.strength == "binding":
            found.setdefault(each.after, []).append(plain(names.short_of(each.before)))
    for task in plan.tasks:
        for child in task.children:
            found.setdefault(task.id, []).append(plain(names.short_of(child)))
    return found


def _some(waits: Sequence[str], room: int) -> str:
    """As many as there is room for, and how many more there are; names are never cut, so that they can be typed."""
    for count in range(min(len(waits), _NAMED), 0, -1):
        more = f" +{len(waits) - count}" if len(waits) > count else ""
        text = ", ".join(waits[:count]) + more
        if width(text) <= room:
            return text
    return f"{len(waits)} tasks" if len(waits) > 1 else cut("".join(waits), room)


def _type(name: str) -> str:
    return cut(plain(_TYPES.get(name, name.replace("_", " "))), 12)


def _kinds(tasks: Iterable[Task]) -> str:
    return ", ".join(f"{count} {name}" for name, count in Counter(_type(task.type) for task in tasks).most_common())


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' if count != 1 else ''}"


# --- what stands below ------------------------------------------------------------------------------------------------


def _legend(plan: ExecutionPlan) -> None:
    click.echo()
    if plan.estimates.span_s:
        done = {task.id for task in plan.tasks if task.status in _DONE}
        ahead = sum(each not in done for each in plan.critical_path)
        text = f"* on the critical path: {_counted(ahead, 'task')}, {duration(plan.estimates.span_s)} if none has to wait for a worker"
        click.echo(wrapped(text, "  ", first=""))
    marks = {_MARKS[task.status]: task.status for task in plan.tasks if task.status in _MARKS}
    if marks:
        click.echo(", ".join(f"{mark} {status.replace('_', ' ')}" for mark, status in marks.items()))


def _notes(plan: ExecutionPlan, names: TaskNames, full: bool) -> None:
    if plan.gates:
        text = f"{_counted(len(plan.gates), 'gate')}: a task and its test are written at the same time, and the task lands behind its test"
        click.echo(wrapped(text, "  ", first=""))
    for each in plan.exclusions[: None if full else _LISTED]:
        tasks = sorted(plain(names.short_of(task)) for task in each.tasks)
        listed = ", ".join(tasks[:_LINES]) + (f" and {len(tasks) - _LINES} more" if len(tasks) > _LINES else "")
        click.echo(wrapped(f"never at the same time ({each.resource}): {listed}", "  ", first=""))
    if not full and len(plan.exclusions) > _LISTED:
        click.echo(f"and {len(plan.exclusions) - _LISTED} more such groups (--full)")
    _coverage(plan, full)
    if asked := used_in_words(plan.planning_usage):
        click.echo(wrapped(asked, "  ", first=""))
    if not full and len(plan.tasks) > _WHOLE:
        click.echo("--full shows every task, --output plan.html a page to search and fold")


def _coverage(plan: ExecutionPlan, full: bool) -> None:
    requirements = plan.specification.requirements
    if not requirements:
        return
    unserved = _unserved(plan)
    if len(unserved) == len(requirements):
        click.echo(f"{_counted(len(requirements), 'requirement')}; the tasks do not say which they serve")
        return
    text = f"{len(requirements) - len(unserved)} of {_counted(len(requirements), 'requirement')} have a task"
    if unserved:
        most = len(unserved) if full else _LINES
        more = f" and {len(unserved) - most} more" if len(unserved) > most else ""
        text += f"; without one: {', '.join(unserved[:most])}{more}"
    click.echo(wrapped(text, "  ", first=""))


def _unserved(plan: ExecutionPlan) -> list[str]:
    served = {requirement for task in plan.tasks for requirement in task.requirements}
    return [each.id for each in plan.specification.requirements if each.id not in served]


def _warnings(plan: ExecutionPlan) -> list[str]:
    """All but those that say of a single requirement what is said of all together."""
    said = tuple(f"no task serves the requirement {each}" for each in _unserved(plan))
    found = dict.fromkeys([*plan.specification.warnings, *plan.warnings])
    return [text for text in found if not (said and text.endswith(said))]
