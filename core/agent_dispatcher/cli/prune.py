"""``runs prune``: remove what is kept of runs that nobody needs any more."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from ._common import echo_json, output_option

if TYPE_CHECKING:
    from ..runs.pruning import Candidate

__all__ = ["prune"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_STATUSES = ("completed", "partial", "failed", "cancelled", "paused", "executing", "initializing", "gone")
_SAID = {"removed": "removed", "would_be_removed": "would be removed", "kept": "kept"}


def _age(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", value.strip()) if value is not None else None
    if value is not None and found is None:
        raise click.BadParameter(f"{value!r} is no age: write a number with s, m, h, d or w behind it, such as 30d")
    return float(found[1]) * _UNITS[found[2]] if found else None


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@output_option("Runs of this output folder; otherwise of all that were started by you.")
@click.option(
    "--older-than",
    callback=_age,
    default=None,
    metavar="AGE",
    help="Nothing happened in them for so long: 12h, 30d, 4w.",
)
@click.option(
    "--keep", type=click.IntRange(min=0), default=0, metavar="N", help="Keep the newest N of those that are meant."
)
@click.option(
    "--status",
    "statuses",
    type=click.Choice(_STATUSES),
    multiple=True,
    help="Runs of this status (several times for more). Default: those that have ended. 'gone': the output is no longer there.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--force", is_flag=True, help="Also runs whose work is nowhere else: it is lost.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def prune(
    runs: tuple[str, ...],
    output: str | None,
    older_than: float | None,
    keep: int,
    statuses: tuple[str, ...],
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> int:
    """Remove runs: their events, reports, checkpoints, worktrees and refs. What they made stays.

    Say which: RUN, --older-than, --keep, --status, or several of these, which must all hold. A run that somebody is at work on is never removed; one whose work
    is on its own branch alone only with --force. Exits with 1 when a RUN that was named was kept.
    """
    from ..dispatcher import AgentDispatcher
    from ..runs.index import find_output
    from ..runs.pruning import ENDED, Choice

    if not (runs or older_than is not None or keep or statuses):
        raise UsageError("say which runs are to go: name them, or give --older-than, --keep or --status (see --help)")
    pruner = AgentDispatcher().pruner
    folder: Path | None = find_output(None, output) if output is not None else None
    wanted = frozenset(statuses) or (frozenset(_STATUSES) if runs else ENDED)
    choice = Choice(runs=frozenset(runs), older_than_s=older_than or 0.0, keep=keep, statuses=wanted)
    found = pruner.candidates(choice, folder)
    if runs and (
        unknown := set(runs)
        - {each.run for each in pruner.candidates(Choice(runs=choice.runs, statuses=frozenset(_STATUSES)), folder)}
    ):
        raise UsageError(
            f"no run called {', '.join(sorted(unknown))} is known{f' in {folder}' if folder else ''} (see 'agent-dispatcher runs')"
        )
    done = asyncio.run(pruner.prune(found, dry_run=dry_run, force=force))
    if as_json:
        echo_json(_document(done, dry_run))
    else:
        _print(done)
    return 1 if runs and any(each.outcome == "kept" for each in done) else 0


def _document(done: tuple[Candidate, ...], dry_run: bool) -> dict[str, Any]:
    return {
        "format": "agent-dispatcher/prune",
        "version": 1,
        "dry_run": dry_run,
        "runs": [
            {
                "run": each.run,
                "title": each.title,
                "output": str(each.output),
                "status": each.status,
                "updated_at": each.updated_at,
                "outcome": each.outcome,
                "why": list(each.why),
            }
            for each in done
        ],
    }


def _print(done: tuple[Candidate, ...]) -> None:
    from ._text import plain, wrapped

    for each in done:
        click.echo(f"{each.run}  {_SAID[each.outcome]:<16} {each.status:<12} {plain(each.title)}  ({each.output})")
        for text in each.why:
            click.echo(wrapped(text, "    "))
    counts = Counter(each.outcome for each in done)
    said = [f"{counts[outcome]} {text}" for outcome, text in _SAID.items() if counts[outcome]]
    click.echo(", ".join(said) if said else "no run is meant: nothing was removed")
