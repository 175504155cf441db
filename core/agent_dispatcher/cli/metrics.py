"""``metrics``: how fast runs were, what they waited for, and what they spent on what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from ._common import echo_json, output_option

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ..dispatcher import AgentDispatcher
    from ..reporting.metrics import Group, Metrics, Spread
    from ..runs.records import RunLog

__all__ = ["metrics"]

#: So many rows of a table are shown; ``--json`` gives all.
_ROWS = 12
_NAME = 22


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@output_option("The output folder of the runs, instead of their ids.")
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="All runs of the output folder, or without --output all that were started by you.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON (stable, versioned), with every figure.")
def metrics(runs: tuple[str, ...], output: str | None, every: bool, as_json: bool) -> int:
    """Show throughput, waits, use of the places, retries and costs of RUN, or of several together (default: the newest run of the nearest output folder)."""
    from ..dispatcher import AgentDispatcher
    from ..reporting.metrics import gather

    if runs and every:
        raise UsageError("--all and RUN cannot both be given")
    dispatcher = AgentDispatcher()
    chosen = _all(dispatcher, output) if every else [(run, output) for run in runs or (None,)]
    found = gather((log.plan, log.events) for log in _logs(dispatcher, chosen))
    if as_json:
        echo_json(_document(found))
    else:
        _print(found)
    return 0


def _all(dispatcher: AgentDispatcher, output: str | None) -> list[tuple[str | None, str | Path | None]]:
    from ..runs.index import STATE_FOLDER, find_output, known_runs

    if output is not None:
        folder = find_output(None, output)
        return [(row.run, folder) for row in dispatcher.runs_in(folder)]
    return [(known.run, known.output) for known in known_runs() if (known.output / STATE_FOLDER).is_dir()]


def _logs(dispatcher: AgentDispatcher, chosen: Sequence[tuple[str | None, str | Path | None]]) -> Iterator[RunLog]:
    """One at a time, so that only one log is in memory."""
    for run, output in chosen:
        yield dispatcher.log_of(run, output)


def _document(found: Metrics) -> dict[str, Any]:
    from attrs import asdict

    return {"format": "agent-dispatcher/metrics", "version": 1, **asdict(found)}


def _print(found: Metrics) -> None:
    from ..reporting.history import SPAN_KINDS
    from ._text import duration

    if not found.runs:
        click.echo("no run is recorded")
        return
    click.secho(found.runs[0] if len(found.runs) == 1 else f"{len(found.runs)} runs", bold=True)
    pace = f", {found.per_minute:.1f} a minute" if found.per_minute is not None else ""
    click.echo(f"{found.completed} of {found.tasks} tasks completed in {duration(found.at_work_s)} at work{pace}")
    if found.utilization is not None:
        click.echo(f"places: {100 * found.utilization:.0f} % busy")
    reasons = ", ".join(f"{count} {reason}" for reason, count in found.failures.items())
    click.echo(f"{found.attempts} attempts, {found.retries} of them again{f' ({reasons})' if reasons else ''}")
    if found.tokens or found.cost_usd is not None or found.unpriced:
        click.echo(f"{found.tokens:,} tokens, {_usd(found.cost_usd, found.unpriced)}")
    rows = [("agents at work", found.work), ("landing", found.landing)]
    rows += [(SPAN_KINDS[kind], spread) for kind, spread in found.waits.items()]
    click.echo()
    click.secho(f"{'':<50}{'median':>9}{'95 %':>9}{'longest':>9}", dim=True)
    for text, spread in rows:
        if spread.count:
            click.echo(f"{text:<50}{_spread(spread)}")
    for title, groups in (
        ("by requirement", found.by_requirement),
        ("by agent type", found.by_agent_type),
        ("by model", found.by_model),
    ):
        _print_groups(title, groups)


def _spread(spread: Spread) -> str:
    return "".join(f"{_short(length):>9}" for length in (spread.p50_s, spread.p95_s, spread.max_s))


def _short(seconds: float) -> str:
    return (
        f"{seconds * 1000:.0f} ms"
        if seconds < 1
        else f"{seconds:.1f} s"
        if seconds < 100
        else f"{seconds / 60:.0f} min"
    )


def _print_groups(title: str, groups: Sequence[Group]) -> None:
    from ._text import pad, plain

    if not groups:
        return
    click.echo()
    click.secho(f"{title:<{_NAME}}{'done':>9}{'attempts':>10}{'again':>7}{'work':>9}{'tokens':>11}  cost", dim=True)
    ranked = sorted(groups, key=lambda group: (-(group.cost_usd or 0.0), -group.tokens, -group.work_s, group.name))
    for group in ranked[:_ROWS]:
        name = pad(plain(group.name) or "(none)", _NAME)
        done = f"{group.completed}/{group.tasks}"
        work = f"{done:>9}{group.attempts:>10}{group.retries:>7}{_short(group.work_s):>9}"
        spent = f"{group.tokens:>11,}  {_price(group)}" if group.calls or group.tokens else ""
        click.echo(f"{name}{work}{spent}".rstrip())
    if len(groups) > _ROWS:
        click.echo(f"… and {len(groups) - _ROWS} more")


def _price(group: Group) -> str:
    """In a table: a question mark stands for calls of unknown price."""
    known = f"${group.cost_usd:.4f}" if group.cost_usd is not None else ""
    return f"{known} ?".strip() if group.unpriced else known


def _usd(cost: float | None, unpriced: int) -> str:
    known = f"${cost:.4f}" if cost is not None else "price unknown"
    return f"{known} + {unpriced} of unknown price" if cost is not None and unpriced else known
