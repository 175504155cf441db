"""``replay``: carry a run out again from its log, and show it as it was at any moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from ._common import echo_json, output_option, run_argument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..coordination.replay import Replay
    from ..models import Event
    from ..planning.task_names import TaskNames

__all__ = ["replay"]

#: Exit code when nothing of the log can be replayed.
_REFUSED = 3


@click.command()
@run_argument
@output_option("The run's output folder, instead of its id.")
@click.option("--until", type=int, default=None, metavar="SEQ", help="Show the run as it was behind event SEQ.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (stable, versioned).")
def replay(run: str | None, output: str | None, until: int | None, as_json: bool) -> int:
    """Carry RUN out again from its log alone, without agents or models, and compare every decision (default: the newest run of the nearest
    output folder).

    Exit codes: 0 the log and the engine say the same, 1 they differ, 3 the log is of a version that did not record what a replay needs.
    """
    from ..coordination.replay import replay as carry_out_again
    from ..dispatcher import AgentDispatcher

    log = AgentDispatcher().log_of(run, output)
    if until is not None and not 1 <= until <= len(log.events):
        raise UsageError(f"--until {until}: run {log.run} has events 1 to {len(log.events)}")
    found = carry_out_again(log.begun, log.events, until=until)
    if as_json:
        echo_json(_document(log.run, found, log.events, show=until is not None))
    else:
        if until is not None:
            _print_moment(found, log.events)
        _print_answer(log.run, found, log.events)
    if found.difference is not None:
        return 1
    return 0 if found.processes or not found.unchecked else _REFUSED


def _print_answer(run: str, found: Replay, events: Sequence[Event]) -> None:
    from ._text import plain, wrapped

    for text in found.unchecked:
        click.secho(wrapped(f"not checked: {text}", "  ", first=""), fg="yellow")
    difference = found.difference
    if difference is None:
        same = "nothing of it could be replayed"
        if found.processes:
            same = (
                f"the same {found.decisions:,} decisions in {found.turns:,} turns of the engine, "
                f"{found.processes} {'process' if found.processes == 1 else 'processes'}"
            )
        click.echo(wrapped(f"{run}, events 1 to {found.last_seq}: {same}", "  ", first=""))
        return
    click.secho(f"{run} differs at event {difference.seq}", fg="red", bold=True)
    click.echo(wrapped(f"the engine says: {difference.expected}", "    ", first="  "))
    click.echo(wrapped(f"the log has: {difference.found}", "    ", first="  "))
    for event in _around(events, difference.seq):
        mark = ">" if event.seq == difference.seq else " "
        attempt = f" attempt {event.attempt}" if event.attempt is not None else ""
        click.echo(f"{mark} {event.seq:>6}  {event.type:<18} {plain(event.task or '')}{attempt}")


def _around(events: Sequence[Event], seq: int) -> list[Event]:
    return [event for event in events if seq - 4 <= event.seq <= seq + 2]


# --- a moment ---------------------------------------------------------------------------------------------------------


def _print_moment(found: Replay, events: Sequence[Event]) -> None:
    from ..planning.task_names import TaskNames
    from ._text import columns, cut, pad, plain

    names, state, snapshot = TaskNames(found.plan), found.state, found.snapshot
    began, at = events[0].at, events[found.last_seq - 1].at
    click.secho(f"behind event {found.last_seq}, {at - began:.3f} s after the start: {state.status}", bold=True)
    rows = [(plain(names.short(task)), plain(task.title), *_row(found, task.id)) for task in found.plan.tasks]
    name = min(max(len(row[0]) for row in rows), 24) if rows else 0
    for short, title, status, note in rows:
        head = f"  {pad(short, name)}  {status:<11}  "
        click.echo(cut(f"{head}{note or title}", columns()))
    if snapshot is None:
        return
    for label, tasks in _lists(found):
        if tasks:
            click.echo(cut(f"{label + ':':<22} {', '.join(_named(names, tasks))}", columns()))
    for task, (resource, holder) in snapshot.excluded.items():
        text = f"{_one(names, task)} (until {_one(names, holder)} gives up {plain(resource)})"
        click.echo(cut(f"{'waits for a rival:':<22} {text}", columns()))
    for task, resource in snapshot.short.items():
        click.echo(cut(f"{'waits for:':<22} {_one(names, task)} ({plain(resource)})", columns()))
    for resource, holder in snapshot.holders:
        click.echo(cut(f"{'holds alone:':<22} {_one(names, holder)} ({plain(resource)})", columns()))
    if snapshot.stopping:
        click.echo(f"{'stopping:':<22} {snapshot.stopping}")


def _row(found: Replay, task: str) -> tuple[str, str]:
    known, snapshot = found.state.task(task), found.snapshot
    status = known.status if snapshot is None else snapshot.statuses[task]
    note = f"attempt {known.attempts} by {known.agent or known.agent_type or '?'}" if known.attempts else ""
    if status in ("failed", "blocked", "skipped") and known.error:
        note = known.error.splitlines()[0]
    return status, note


def _lists(found: Replay) -> tuple[tuple[str, Sequence[str]], ...]:
    assert found.snapshot is not None
    seen = found.snapshot
    return (
        ("running", seen.running),
        ("ready, in order", seen.ready),
        ("wait to be retried", seen.resting),
        ("wait for a gate", seen.gated),
        ("landing", seen.landing),
        ("wait to land", seen.lane),
        ("wait for approval", seen.held),
    )


def _named(names: TaskNames, tasks: Sequence[str]) -> list[str]:
    return [_one(names, task) for task in tasks]


def _one(names: TaskNames, task: str) -> str:
    from ._text import plain

    return plain(names.short_of(task))


def _document(run: str, found: Replay, events: Sequence[Event], *, show: bool) -> dict[str, Any]:
    from attrs import asdict

    difference = found.difference
    document: dict[str, Any] = {
        "format": "agent-dispatcher/replay",
        "version": 1,
        "run": run,
        "same": difference is None,
        "last_seq": found.last_seq,
        "processes": found.processes,
        "turns": found.turns,
        "decisions": found.decisions,
        "difference": None if difference is None else asdict(difference),
        "unchecked": list(found.unchecked),
    }
    if show:
        document["at"] = events[found.last_seq - 1].at
        document["status"] = found.state.status
        document["tasks"] = [
            {
                "id": task.id,
                "status": _row(found, task.id)[0],
                "attempt": found.state.task(task.id).attempts,
                "agent": found.state.task(task.id).agent,
            }
            for task in found.plan.tasks
        ]
        document["engine"] = None if found.snapshot is None else _engine(found)
    return document


def _engine(found: Replay) -> dict[str, Any]:
    assert found.snapshot is not None
    seen = found.snapshot
    return {
        "running": list(seen.running),
        "ready": list(seen.ready),
        "excluded": [
            {"task": task, "resource": resource, "holder": holder} for task, (resource, holder) in seen.excluded.items()
        ],
        "short": [{"task": task, "resource": resource} for task, resource in seen.short.items()],
        "resting": list(seen.resting),
        "gated": list(seen.gated),
        "lane": list(seen.lane),
        "landing": list(seen.landing),
        "held": list(seen.held),
        "exclusions": [{"resource": resource, "holder": holder} for resource, holder in seen.holders],
        "stopping": seen.stopping,
    }
