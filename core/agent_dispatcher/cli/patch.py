"""``patch``: change the plan of a run that is at work, or that is to go on later."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import PlanError, Problem, UsageError
from ._common import echo_json, output_option

if TYPE_CHECKING:
    from ..models import ExecutionPlan
    from ..planning.patching import PatchedPlan
    from ..runs.desk import RunDesk

__all__ = ["patch"]

#: How long a live run is given to answer, in seconds: it looks several times a second.
_ANSWERS_WITHIN_S = 60.0


@click.command()
@click.argument("run")
@click.argument("file", required=False, type=click.Path())
@output_option("The run's output folder, instead of its id; then only FILE is given.")
@click.option("--dry-run", is_flag=True, help="Only say what would change, or what speaks against it.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as one JSON document and nothing else.")
def patch(run: str, file: str | None, output: str | None, dry_run: bool, as_json: bool) -> int:
    """Change the plan of RUN as FILE (YAML, or JSON) says: add, remove, split and re-route tasks, add and remove dependencies.

    A run that is at work takes it at once, whole or not at all; one that is paused or was interrupted takes it when it is resumed.
    """
    from ..dispatcher import AgentDispatcher
    from ..planning.patch_file import read_patch
    from ..runs.desk import FINISHED

    name = run if file is not None else None
    wanted = read_patch(Path(file if file is not None else run))
    dispatcher = AgentDispatcher()
    desk = dispatcher.desk(name, output)
    status = desk.state().status
    if status in FINISHED:
        raise UsageError(f"run {desk.run} has ended ({status}): its plan cannot be changed any more")
    found = dispatcher.try_patch(wanted, desk.run, desk.output)
    if isinstance(found, tuple):
        raise PlanError(found, "the patch does not fit:")
    if dry_run:
        _show(desk.plan, found, as_json)
        return 0
    return _say(desk, _decided(desk, desk.patch(wanted)), as_json)


def _decided(desk: RunDesk, request: str) -> dict[str, Any] | None:
    """What the process at work on the run decided; ``None`` when there is none, or it ended before."""
    until = time.monotonic() + _ANSWERS_WITHIN_S
    while True:
        nobody = desk.owner() is None
        answer = desk.answer_to(request)
        if answer is not None or nobody or time.monotonic() > until:
            return answer
        time.sleep(0.05)


def _say(desk: RunDesk, answer: dict[str, Any] | None, as_json: bool) -> int:
    if answer is None:
        return _say_later(desk, as_json)
    if "problems" in answer:
        raise PlanError([Problem(text) for text in answer["problems"]], f"run {desk.run} refused the patch:")
    if as_json:
        keys = ("revision", "added", "removed", "split", "rerouted", "warnings")
        echo_json({"run": desk.run, "status": "applied", **{key: answer[key] for key in keys}})
        return 0
    click.echo(f"applied to run {desk.run}: its plan is now revision {answer['revision']}")
    for text in answer["warnings"]:
        click.echo(f"warning: {text}", err=True)
    return 0


def _say_later(desk: RunDesk, as_json: bool) -> int:
    """Nobody is at work on the run, or its process has not answered."""
    from ..runs.desk import FINISHED

    state = desk.state()
    if state.status in FINISHED:
        raise PlanError(Problem(f"run {desk.run} ended ({state.status}) before it took the patch: nothing was changed"))
    if as_json:
        echo_json({"run": desk.run, "status": "kept"})
        return 0
    if desk.owner() is None:
        click.echo(f"kept: run {desk.run} takes it when it goes on (agent-dispatcher resume {desk.run})")
    else:
        click.echo(
            f"kept: run {desk.run} is at work and has not answered, as when it checks the finished whole "
            f"(agent-dispatcher status {desk.run} shows whether it took it)"
        )
    return 0


def _show(before: ExecutionPlan, found: PatchedPlan, as_json: bool) -> None:
    """What would be another plan."""
    after = found.plan
    old, new = {task.id: task for task in before.tasks}, {task.id: task for task in after.tasks}
    added = [name for name in new if name not in old]
    removed = [name for name in old if name not in new]
    edges, edges_before = set(after.binding_edges()), set(before.binding_edges())
    document: dict[str, Any] = {
        "added": added,
        "removed": removed,
        "split": [split.task for split in found.patch.split],
        "rerouted": dict(found.patch.reroute),
        "now_wait": [list(edge) for edge in sorted(edges - edges_before)],
        "no_longer_wait": [list(edge) for edge in sorted(edges_before - edges) if edge[0] in new and edge[1] in new],
        "tasks": [len(old), len(new)],
        "span_s": [before.estimates.span_s, after.estimates.span_s],
        "warnings": list(found.warnings),
    }
    if as_json:
        echo_json(document)
        return
    for name in added:
        click.echo(f"+ {new[name].title} [{name}]")
    for name in removed:
        click.echo(f"- {old[name].title} [{name}]")
    for name in document["split"]:
        click.echo(f"/ {old[name].title} [{name}]: {', '.join(new[name].children)}")
    for name, agent_type in found.patch.reroute.items():
        click.echo(f"> {old[name].title} [{name}]: {agent_type}")
    for first, last in document["now_wait"]:
        click.echo(f"+ {last} waits for {first}")
    for first, last in document["no_longer_wait"]:
        click.echo(f"- {last} waits for {first}")
    click.echo(
        f"{len(old)} → {len(new)} tasks, critical path {before.estimates.span_s:g} → {after.estimates.span_s:g} s (estimated)"
    )
    for text in found.warnings:
        click.echo(f"warning: {text}", err=True)
