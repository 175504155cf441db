"""The last lines of a run: what came of it, what was proven, where it is, and what to do next."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ..models import ExecutionResult, TaskResult
from ..reporting.costs import cost_in_words
from ..reporting.stated_examples import UNPROVEN, examples_in_words

__all__ = ["print_summary"]

_COLOURS = {"completed": "green", "partial": "yellow", "failed": "red", "cancelled": "yellow", "paused": "yellow"}


def print_summary(result: ExecutionResult) -> None:
    """Print the outcome for a person."""
    completed = sum(task.status == "completed" for task in result.task_results)
    click.echo()
    click.secho(
        f"{result.status.upper()}: {completed} of {len(result.task_results)} tasks in {result.metrics.wall_s:.1f} s",
        fg=_COLOURS.get(result.status),
        bold=True,
    )
    if result.reason and result.status in ("paused", "cancelled"):
        click.echo(f"  {result.reason}")
    _requirements(result)
    for evidence in result.final_evidence:
        click.echo(f"  final check {evidence.check}: {evidence.summary or ('passed' if evidence.passed else 'failed')}")
    if result.metrics.work_s:
        click.echo(
            f"  speed-up {result.metrics.speedup:.2f} (work of agents and checks / wall time), at most {result.metrics.max_speedup:.2f} for this plan"
        )
    if spent := cost_in_words(result.metrics):
        click.echo(f"  language models: {spent}")
    for task in result.task_results:
        if task.status in ("failed", "skipped"):
            _problem(task)
    blocked = [task for task in result.task_results if task.status == "blocked"]
    if blocked:
        click.echo(f"  blocked by these: {', '.join(task.title or task.id for task in blocked)}")
    for warning in result.warnings:
        click.secho(f"  warning: {warning}", fg="yellow")
    _next(result)
    if result.status == "paused":
        if any(task.approval == "requested" for task in result.task_results) or "approval" in result.reason:
            click.echo(f"  next:   agent-dispatcher status {result.run}, then agent-dispatcher approve {result.run}")
        else:
            click.echo(f"  next:   agent-dispatcher resume {result.run}")


def _requirements(result: ExecutionResult) -> None:
    if not result.requirements:
        return
    met = [r for r in result.requirements if r.verdict == "met"]
    said = f" by checks that passed; {UNPROVEN}" if met else ""
    click.echo(f"  requirements: {len(met)} of {len(result.requirements)} met{said}")
    if examples := examples_in_words(result):
        click.echo(f"    {examples}")
    for requirement in result.requirements:
        if requirement.verdict != "met":
            click.secho(f"    {requirement.id}: {requirement.verdict.replace('_', ' ')}", fg="red")


def _problem(task: TaskResult) -> None:
    click.secho(f"  {task.status}: {task.title or task.id}", fg="red" if task.status == "failed" else "yellow")
    for line in (task.error or "").splitlines()[:20]:
        click.echo(f"    {line}")


def _next(result: ExecutionResult) -> None:
    output = Path(result.output)
    try:
        shown = os.path.relpath(output)
    except ValueError:
        shown = str(output)
    if len(shown) > len(str(output)):
        shown = str(output)
    click.echo(f"  code:   {shown}" + (f" (branch {result.branch})" if result.branch else ""))
    folder = Path(".dispatcher", "runs", result.run)
    for report in sorted((output / folder).glob("report.*")):
        click.echo(f"  report: {Path(shown) / folder / report.name}")
