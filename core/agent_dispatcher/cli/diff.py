"""``diff``: what a changed specification changes in the plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ._common import echo_json
from ._text import columns, cut, duration, wrapped

if TYPE_CHECKING:
    from ..models import ExecutionPlan, Requirement, Task
    from ..planning.plan_diff import Edge, PlanDiff
    from ..planning.task_names import TaskNames

__all__ = ["diff"]

_MANY = 20
#: What changes as work goes on and durations are learned, though the task is the same.
_QUIET = frozenset({"status", "estimate_s"})


@click.command()
@click.argument("before")
@click.argument("after")
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON (stable, versioned).")
def diff(before: str, after: str, as_json: bool) -> int:
    """Compare two plans: which tasks, orders, requirements and times differ.

    BEFORE and AFTER are plan files, specifications or runs. A task that was only worded anew or renumbered counts as changed, not as removed and
    added. The exit code is 0 whether they differ or not.
    """
    from ..dispatcher import AgentDispatcher
    from ..planning.plan_diff import compare, diff_to_json
    from ._plan_source import plan_to_look_at

    dispatcher = AgentDispatcher()
    old, new = (plan_to_look_at(dispatcher, each, quiet=as_json) for each in (before, after))
    found = compare(old, new)
    if as_json:
        echo_json(diff_to_json(found))
    else:
        _print(found, old, new)
    return 0


def _print(found: PlanDiff, old: ExecutionPlan, new: ExecutionPlan) -> None:
    from ..planning.task_names import TaskNames

    if found.same:
        click.echo(f"no difference: {found.kept} tasks")
        return
    earlier, later = TaskNames(old), TaskNames(new)
    click.secho(
        f"tasks: {len(found.added)} added, {len(found.removed)} removed, {len(found.changed)} changed, {found.kept} as they were",
        bold=True,
    )
    _tasks("+", "green", found.added, later)
    _tasks("-", "red", found.removed, earlier)
    changed = [each for each in found.changed if not _QUIET.issuperset(each.fields)]
    quiet = [each for each in found.changed if _QUIET.issuperset(each.fields)]
    for each in changed[:_MANY]:
        _line("~", "yellow", f"{later.label(each.after)} ({', '.join(_field(name) for name in each.fields)})")
        if each.before.title != each.after.title:
            _line(" ", None, f"  was: {earlier.label(each.before)}")
    _more(len(changed))
    if quiet:
        shown = ", ".join(later.short(each.after) for each in quiet[:_MANY])
        more = f" and {len(quiet) - _MANY} more" if len(quiet) > _MANY else ""
        _line("~", "yellow", f"in status or estimate alone: {shown}{more}")
    _edges("+", "green", found.edges_added, later)
    _edges("-", "red", found.edges_removed, earlier)
    _requirements(found)
    _figures(found, earlier, later)


def _tasks(sign: str, colour: str, tasks: Sequence[Task], names: TaskNames) -> None:
    for task in tasks[:_MANY]:
        _line(sign, colour, names.label(task) + (f" ({task.source})" if task.source else ""))
    _more(len(tasks))


def _edges(sign: str, colour: str, edges: Sequence[Edge], names: TaskNames) -> None:
    real = [edge for edge in edges if not edge.implied]
    if not edges:
        return
    word = "added" if sign == "+" else "removed"
    implied = len(edges) - len(real)
    note = f" (and {implied} that change no order, as other paths say the same)" if implied else ""
    click.secho(f"orders {word}: {len(real)}{note}", bold=True)
    for edge in real[:_MANY]:
        verb = "waits for" if edge.strength == "binding" else "rather comes after"
        why = "; ".join(
            f"{reason.rule}{f': {reason.evidence}' if reason.evidence else ''}{f' ({reason.source})' if reason.source else ''}"
            for reason in edge.reasons[:2]
        )
        room = columns() // 2 - 10
        _line(sign, colour, f"{cut(names.label(edge.after), room)} {verb} {cut(names.label(edge.before), room)}")
        if why:
            _line(" ", None, f"  {why}")
    _more(len(real))


def _requirements(found: PlanDiff) -> None:
    if not found.affected:
        return
    click.secho(f"requirements affected: {', '.join(found.affected)}", bold=True)
    for sign, colour, requirements in (
        ("+", "green", found.requirements_added),
        ("-", "red", found.requirements_removed),
    ):
        for each in requirements[:_MANY]:
            _line(sign, colour, _requirement(each))
        _more(len(requirements))
    for early, late in found.requirements_changed[:_MANY]:
        _line("~", "yellow", _requirement(late))
        _line(" ", None, f"  was: {early.text}")
    _more(len(found.requirements_changed))


def _requirement(requirement: Requirement) -> str:
    return f"{requirement.id} {requirement.text}"


def _figures(found: PlanDiff, earlier: TaskNames, later: TaskNames) -> None:
    old, new = found.estimates_before, found.estimates_after
    click.secho("estimates:", bold=True)
    for name, before, after in (
        ("critical path", duration(old.span_s), duration(new.span_s)),
        ("work", duration(old.work_s), duration(new.work_s)),
        ("workers", str(old.recommended_workers), str(new.recommended_workers)),
    ):
        click.echo(f"  {name:<14}{before if before == after else f'{before} -> {after}'}")
    was = [earlier.short(task) for task in found.path_before]
    now = [later.short(task) for task in found.path_after]
    if was != now:
        _line(" ", None, f"critical path was {' → '.join(was)}")
        _line(" ", None, f"          and is {' → '.join(now)}")


def _line(sign: str, colour: str | None, text: str) -> None:
    click.secho(wrapped(text, "      ", first=f"  {sign} "), fg=colour)


def _more(count: int) -> None:
    if count > _MANY:
        click.echo(f"    … and {count - _MANY} more (--json gives all)")


def _field(name: str) -> str:
    return {"estimate_s": "estimate", "agent_type": "agent type"}.get(name, name)
