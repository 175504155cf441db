"""``runs``, ``status``, ``report``: what is recorded about runs."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import StoreError, UsageError
from ..runs.index import STATE_FOLDER, find_output, known_runs
from ._common import echo_json, output_option, run_argument
from .prune import prune

if TYPE_CHECKING:
    from ..models import ExecutionMetrics
    from ..runs.desk import RunDesk, Waiting

__all__ = ["report", "runs", "status"]


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def runs(context: click.Context, as_json: bool) -> int:
    """List the runs that were started by you, newest last; 'runs prune' removes some."""
    from ..dispatcher import AgentDispatcher

    if context.invoked_subcommand is not None:
        return 0
    dispatcher = AgentDispatcher()
    rows = []
    for known in known_runs():
        state = "gone"
        if (known.output / STATE_FOLDER).is_dir():
            try:
                found = {listed.run: listed.status for listed in dispatcher.runs_in(known.output)}
                state = found.get(known.run, "gone")
            except StoreError as error:
                state = f"unreadable: {error}"
        rows.append((known.run, state, known.title, str(known.output), known.started_at))
    if as_json:
        keys = ("run", "status", "title", "output", "started_at")
        echo_json([dict(zip(keys, row, strict=True)) for row in rows])
        return 0
    if not rows:
        click.echo("no runs yet: start one with 'agent-dispatcher run SOURCE'")
    for run, state, title, output, started in rows:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(started))
        click.echo(f"{run}  {when}  {state:<12} {title}  ({output})")
    return 0


runs.add_command(prune)


@click.command()
@run_argument
@output_option("The run's output folder, instead of its id.")
@click.option("--json", "as_json", is_flag=True, help="Print the result so far as JSON.")
def status(run: str | None, output: str | None, as_json: bool) -> int:
    """Show where RUN stands (default: the newest run of the nearest output folder)."""
    from ..dispatcher import AgentDispatcher
    from ..reporting import result_to_json

    dispatcher = AgentDispatcher()
    result = dispatcher.result_of(run, output)
    if as_json:
        echo_json(result_to_json(result))
        return 0
    counts = Counter(task.status for task in result.task_results)
    click.secho(f"{result.specification.title}: {result.status}", bold=True)
    click.echo(f"run {result.run} in {result.output}")
    if result.reason and result.status in ("paused", "cancelled", "failed"):
        click.echo(result.reason)
    click.echo(", ".join(f"{count} {state.replace('_', ' ')}" for state, count in sorted(counts.items())))
    desk = dispatcher.desk(result.run, result.output)
    if spent := _spent(result.metrics, desk):
        click.echo(f"language models so far: {spent}")
    for line in _silent_backends(desk):
        click.secho(line, fg="yellow")
    for revision in result.revisions:
        click.echo(f"plan revision {revision.number} by {revision.by}{f': {revision.why}' if revision.why else ''}")
    for task in result.task_results:
        note = f"  {(task.error or '').splitlines()[0]}" if task.error else ""
        note = "  waits for approval" if task.status == "in_progress" and task.approval == "requested" else note
        added = f"  (added by {task.added_by})" if task.added_by else ""
        click.echo(f"  {task.status:<12} {task.title or task.id}{added}{note}")
    for waiting in desk.waiting():
        _print_waiting(waiting, result.run)
    return 0


def _spent(metrics: ExecutionMetrics, desk: RunDesk) -> str:
    """What models have used; what is only reserved for calls that are under way is said apart, as long as somebody is at work on the run."""
    from ..reporting.costs import cost_in_words, spending_in_words

    state = desk.state()
    under_way = state.spending.under_way()
    if state.status != "executing" or not under_way.tokens or desk.owner() is None:
        return cost_in_words(metrics)
    return spending_in_words(metrics, tokens=under_way.tokens, nano_usd=under_way.nano_usd, unpriced=under_way.unpriced)


def _silent_backends(desk: RunDesk) -> list[str]:
    """A line for each language-model backend that does not answer at present: since when, when it is tried again, who waits for it."""
    state = desk.state()
    if state.status != "executing":
        return []
    lines = []
    for backend, event in sorted(state.circuits.items()):
        since = time.strftime("%H:%M:%S", time.localtime(event.at))
        if event.data["state"] == "half_open":
            lines.append(
                f"backend {backend} did not answer and is being tried again since {since}, with one task at a time"
            )
            continue
        again = time.strftime("%H:%M:%S", time.localtime(event.at + event.data["wait_s"]))
        why = f": {event.data['why'].splitlines()[0]}" if event.data.get("why") else ""
        lines.append(f"backend {backend} does not answer since {since}, tasks that need it wait until {again}{why}")
    return lines


def _print_waiting(waiting: Waiting, run: str) -> None:
    """What a person is asked, what they can look at, and how they answer."""
    if waiting.task is None:
        click.secho("waiting for approval of the plan", bold=True)
        click.echo(f"  look at it: agent-dispatcher graph {run}")
        click.echo(f"  approve:    agent-dispatcher approve {run}   (or --reject WHY)")
        return
    click.secho(f"waiting for approval: {waiting.title} [{waiting.task.id}], attempt {waiting.attempt}", bold=True)
    for evidence in waiting.evidence:
        mark = "passed" if evidence.passed else "expected red" if evidence.expected_red else "failed"
        click.echo(f"  {mark}: {evidence.check}{f' ({evidence.summary})' if evidence.summary else ''}")
    if not waiting.evidence:
        click.echo("  no check had anything to look at")
    if waiting.diff:
        click.echo(f"  look at it: {waiting.diff}")
    click.echo(f"  approve:    agent-dispatcher approve {run} {waiting.task.id}   (or --reject WHY)")


@click.command()
@run_argument
@output_option("The run's output folder, instead of its id.")
@click.option("--json", "as_json", is_flag=True, help="Print result.json.")
def report(run: str | None, output: str | None, as_json: bool) -> int:
    """Print the report of RUN (default: the newest finished run of the nearest output folder)."""
    folder = find_output(run, output) / STATE_FOLDER / "runs"
    name = "result.json" if as_json else "report.md"
    found = _report_file(folder, run, name)
    click.echo(found.read_text(encoding="utf-8"), nl=False)
    return 0


def _report_file(folder: Path, run: str | None, name: str) -> Path:
    candidates = [folder / run / name] if run is not None else sorted(folder.glob(f"*/{name}"))
    existing = [path for path in candidates if path.is_file()]
    if not existing:
        raise UsageError(f"no {name} in {folder}: the run has not finished (see 'agent-dispatcher status')")
    return existing[-1]
