"""``timeline``: who did what when in a run, what waited for what, and where the time went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ._common import echo_json, output_option, run_argument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..models import ExecutionPlan
    from ..planning.task_names import TaskNames
    from ..reporting.history import Attempt
    from ..reporting.timeline import PathTask, Timeline

__all__ = ["timeline"]

#: So many lanes and tasks are shown; ``--json`` gives all.
_LANES = 24
_TASKS = 30
_LABEL = 18
#: So many tasks of a path.
_PATH = 8


@click.command()
@run_argument
@output_option("The run's output folder, instead of its id.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (stable, versioned), with every attempt and wait.")
def timeline(run: str | None, output: str | None, as_json: bool) -> int:
    """Show who did what when in RUN, what each task waited for, and where the time went (default: the newest run of the nearest output folder)."""
    from ..dispatcher import AgentDispatcher
    from ..planning.task_names import TaskNames
    from ..reporting.timeline import make_timeline

    log = AgentDispatcher().log_of(run, output)
    found = make_timeline(log.plan, log.events)
    if as_json:
        echo_json(_document(log.run, found))
        return 0
    names = TaskNames(log.plan)
    _print_head(log.run, log.plan, found)
    _print_lanes(found, names)
    _print_waits(found, names)
    _print_parts(found)
    _print_paths(found, names)
    return 0


def _print_head(run: str, plan: ExecutionPlan, found: Timeline) -> None:
    from ._text import duration, plain, wrapped

    click.secho(wrapped(f"{plain(plan.specification.title)}: {duration(found.length)}", "  ", first=""), bold=True)
    text = f"{run}: {len(found.history.attempts)} attempts"
    if found.workers and found.busy_s + found.idle_s > 0:
        share = 100 * found.busy_s / (found.busy_s + found.idle_s)
        text += f" in {found.workers} places, {share:.0f} % busy ({duration(found.idle_s)} idle)"
    click.echo(wrapped(text, "  ", first=""))


# --- who did what when ------------------------------------------------------------------------------------------------


def _print_lanes(found: Timeline, names: TaskNames) -> None:
    from ._text import columns, pad, plain

    if not found.length:
        return
    room = columns() - _LABEL - 2
    lanes = _lanes(found.history.attempts)
    click.echo()
    click.secho(f"{'':<{_LABEL}}  {_axis(found.length, room)}", dim=True)
    for agent, attempts in lanes[:_LANES]:
        click.echo(f"{pad(plain(agent), _LABEL)}  {_bars(attempts, found.length, room, names)}".rstrip())
    if len(lanes) > _LANES:
        click.echo(f"… and {len(lanes) - _LANES} more agents")
    landings = [" "] * room
    for attempt in found.history.attempts:
        for span in attempt.spans:
            if span.kind == "landing":
                first, last = _cells(span.start, span.end, found.length, room)
                landings[first:last] = ("▓" if attempt.outcome == "landed" else "x") * (last - first)
    click.echo(f"{'landing':<{_LABEL}}  {''.join(landings)}".rstrip())


def _lanes(attempts: Sequence[Attempt]) -> list[tuple[str, list[Attempt]]]:
    """A lane for each agent, and as many as it takes for one that did several things at once; in the order they began."""
    lanes: list[tuple[str, list[Attempt]]] = []
    for attempt in attempts:
        name = attempt.agent or "agent"
        for agent, lane in lanes:
            if agent == name and lane[-1].worked_until <= attempt.started + 1e-6:
                lane.append(attempt)
                break
        else:
            lanes.append((name, [attempt]))
    return sorted(lanes, key=lambda lane: (lane[1][0].started, lane[0]))


def _bars(attempts: Sequence[Attempt], length: float, room: int, names: TaskNames) -> str:
    """Work that landed is solid, other work is crossed out; a task's name where there is room for it."""
    from ._text import plain, width

    cells = ["·"] * room
    for attempt in attempts:
        first, last = _cells(attempt.started, attempt.worked_until, length, room)
        size = last - first
        fill = "x" if attempt.outcome in ("failed", "rejected") else "█"
        name = plain(names.short_of(attempt.task))
        if width(name) == len(name) <= size - 2:
            cells[first:last] = fill + name + fill * (size - 1 - len(name))
        else:
            cells[first:last] = fill * size
    return "".join(cells)


def _cells(start: float, end: float, length: float, room: int) -> tuple[int, int]:
    first = min(int(start / length * room), room - 1)
    return first, min(max(round(end / length * room), first + 1), room)


def _axis(length: float, room: int) -> str:
    from ._text import duration

    middle, end = duration(length / 2), duration(length)
    return f"0{middle:^{room - 1 - len(end)}}{end}"


# --- what waited for what ---------------------------------------------------------------------------------------------


def _print_waits(found: Timeline, names: TaskNames) -> None:
    from ._text import duration, pad, plain, width, wrapped

    attempts = found.history.attempts
    if not attempts:
        return
    shown = attempts
    if len(attempts) > _TASKS:
        shown = tuple(sorted(attempts, key=lambda each: -_waited(each))[:_TASKS])
    name = min(max(width(_called(each, names)) for each in shown), 24)
    click.echo()
    click.secho(f"{pad('task', name)}  {'begun':>9}  {'work':>9}  waited for", dim=True)
    for each in shown:
        work = duration(max(each.worked_until - each.started, 0.0))
        waits = ", ".join(
            f"{span.kind} {duration(span.length)}{f' ({plain(names.short_of(span.on))})' if span.on else ''}"
            for span in each.spans
            if span.kind not in ("work", "landing")
        )
        sign = {"failed": "failed; ", "rejected": "rejected; "}.get(each.outcome, "")
        head = f"{pad(_called(each, names), name)}  {duration(each.started):>9}  {work:>9}  "
        click.echo(wrapped(f"{sign}{waits or '-'}", " " * width(head), first=head))
    if len(attempts) > len(shown):
        click.echo(f"… the {len(shown)} that waited longest of {len(attempts)}")


def _called(attempt: Attempt, names: TaskNames) -> str:
    from ._text import plain

    return plain(names.short_of(attempt.task)) + (f" ({attempt.number})" if attempt.number > 1 else "")


def _waited(attempt: Attempt) -> float:
    return sum(span.length for span in attempt.spans if span.kind not in ("work", "landing", "dependency"))


# --- where the time went ----------------------------------------------------------------------------------------------


def _print_parts(found: Timeline) -> None:
    from ..reporting.timeline import PARTS
    from ._text import columns, cut, duration

    if not found.parts:
        return
    click.echo()
    click.secho("where the time went, along what decided how long the run took", dim=True)
    for part, length in found.parts.items():
        if length >= 0.0005:
            share = 100 * length / found.length if found.length else 0.0
            click.echo(cut(f"  {_exact(length):>9}  {share:>3.0f} %  {PARTS.get(part, part)}", columns()))
    if found.waits.get("worker"):
        text = f"  all tasks together waited {duration(found.waits['worker'])} for a free agent"
        click.echo(cut(text, columns()))


def _exact(seconds: float) -> str:
    from ._text import duration

    return f"{seconds * 1000:.0f} ms" if seconds < 1 else duration(seconds)


def _print_paths(found: Timeline, names: TaskNames) -> None:
    from ._text import duration, plain, wrapped

    def listed(path: Sequence[PathTask]) -> str:
        longest = sorted(path, key=lambda each: -(each.actual_s or 0.0))[:_PATH]
        shown = [
            f"{plain(names.short_of(each.task))} "
            f"{'never begun' if each.actual_s is None else duration(each.actual_s)} (planned {duration(each.estimate_s)})"
            for each in path
            if each in longest
        ]
        more = f"; the {len(shown)} longest of {len(path)} tasks" if len(shown) < len(path) else ""
        return " → ".join(shown) + more

    if not found.actual:
        return
    click.echo()
    click.echo(
        wrapped(f"critical path as planned, {duration(found.planned_s)}: {listed(found.planned)}", "  ", first="")
    )
    click.echo(wrapped(f"critical path as it came, {duration(found.length)}: {listed(found.actual)}", "  ", first=""))


# --- for programs -----------------------------------------------------------------------------------------------------


def _document(run: str, found: Timeline) -> dict[str, Any]:
    return {
        "format": "agent-dispatcher/timeline",
        "version": 1,
        "run": run,
        "started_at": found.history.started_at,
        "length_s": found.length,
        "ended": found.history.ended,
        "workers": found.workers,
        "busy_s": found.busy_s,
        "idle_s": found.idle_s,
        "attempts": [
            {
                "task": each.task,
                "attempt": each.number,
                "agent_type": each.agent_type,
                "agent": each.agent,
                "outcome": each.outcome,
                "reason": each.reason,
                "started_s": each.started,
                "worked_until_s": each.worked_until,
                "ended_s": each.ended,
                "agent_s": each.agent_s,
                "spans": [
                    {"kind": span.kind, "start_s": span.start, "end_s": span.end, "on": span.on} for span in each.spans
                ],
            }
            for each in found.history.attempts
        ],
        "waits_s": dict(found.waits),
        "parts_s": dict(found.parts),
        "chain": [
            {"kind": step.kind, "task": step.task, "attempt": step.attempt, "start_s": step.start, "end_s": step.end}
            for step in found.chain
        ],
        "planned_path": [_path_task(each) for each in found.planned],
        "actual_path": [_path_task(each) for each in found.actual],
        "planned_s": found.planned_s,
        "stopped": [{"start_s": since, "end_s": until} for since, until in found.history.gaps],
    }


def _path_task(each: PathTask) -> dict[str, Any]:
    return {"task": each.task, "estimate_s": each.estimate_s, "actual_s": each.actual_s}
