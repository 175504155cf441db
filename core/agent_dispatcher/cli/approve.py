"""``approve``: agree to a plan, or to work before it lands, or refuse it with a reason; then the run goes on."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from ._common import output_option

if TYPE_CHECKING:
    from ..dispatcher import AgentDispatcher
    from ..models import ExecutionResult
    from ..runs.desk import RunDesk, Waiting

__all__ = ["approve", "describe"]

#: How long to wait for a live run to take the answer, in seconds.
_TAKEN_WITHIN_S = 10.0


@click.command()
@click.argument("run", required=False)
@click.argument("task", required=False)
@output_option("The run's output folder, instead of its id.")
@click.option("--reject", metavar="WHY", default=None, help="Refuse it; the next attempt is told WHY.")
@click.option("--no-resume", is_flag=True, help="Only leave the answer; 'resume' will act on it.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the result of the run as one JSON document and nothing else."
)
@click.option("--unsafe-no-sandbox", is_flag=True, help="Go on WITHOUT a sandbox, as in 'run'.")
def approve(
    run: str | None,
    task: str | None,
    output: str | None,
    reject: str | None,
    no_resume: bool,
    as_json: bool,
    unsafe_no_sandbox: bool,
) -> int:
    """Approve what waits in RUN: the work of TASK, or everything that waits (the plan, or sealed work).

    A run that is at work takes the answer by itself; one that ended as paused goes on here.
    """
    from ..dispatcher import AgentDispatcher

    if reject is not None and not reject.strip():
        raise UsageError("--reject needs a reason: it is what the next attempt is told")
    dispatcher = AgentDispatcher()
    desk, task = _desk(dispatcher, run, task, output)
    chosen = _chosen(desk, task)
    for waiting in chosen:
        desk.answer(waiting, refused=reject)
        if not as_json:
            click.echo(f"{'refused' if reject is not None else 'approved'}: {describe(waiting)}")
    if no_resume:
        return 0
    if _taken(desk, chosen):
        if not as_json:
            click.echo(f"run {desk.run} is at work and goes on with it")
        return 0
    return _resume(dispatcher, desk, as_json, unsafe_no_sandbox)


def describe(waiting: Waiting) -> str:
    """One line for a person: what waits, and what the checks said."""
    if waiting.task is None:
        return waiting.title
    said = "; ".join(f"{each.check}: {each.summary or 'passed'}" for each in waiting.evidence) or "no check ran"
    return f"{waiting.title} [{waiting.task.id}], attempt {waiting.attempt} ({said})"


def _desk(
    dispatcher: AgentDispatcher, run: str | None, task: str | None, output: str | None
) -> tuple[RunDesk, str | None]:
    """The run, and the task if one is meant. A single word is a run's id where it is one, else a task of the run at hand."""
    if run is None or task is not None:
        return dispatcher.desk(run, output), task
    try:
        return dispatcher.desk(run, output), None
    except UsageError as error:
        try:
            desk = dispatcher.desk(None, output)
            desk.plan.task(run)
        except (UsageError, KeyError):
            raise error from None
        return desk, run


def _chosen(desk: RunDesk, task: str | None) -> Sequence[Waiting]:
    waiting = desk.waiting()
    if not waiting:
        raise UsageError(f"nothing waits for approval in run {desk.run} (see 'agent-dispatcher status {desk.run}')")
    if task is None:
        return waiting
    found = [each for each in waiting if each.task is not None and task in (each.task.id, each.task.source_id)]
    if not found:
        names = ", ".join(each.task.id if each.task is not None else "the plan" for each in waiting)
        raise UsageError(f"task {task} does not wait for approval in run {desk.run} (waiting: {names})")
    return found


def _taken(desk: RunDesk, chosen: Sequence[Waiting]) -> bool:
    """Whether a process that is at work took the answers; it may also end before it does."""
    until = time.monotonic() + _TAKEN_WITHIN_S
    while desk.owner() is not None:
        if not any(desk.is_open(each) for each in chosen) or time.monotonic() > until:
            return True
        time.sleep(0.05)
    return False


def _resume(dispatcher: AgentDispatcher, desk: RunDesk, as_json: bool, unsafe_no_sandbox: bool) -> int:
    from .run import carry_out

    def start(**hooks: Any) -> Awaitable[ExecutionResult]:
        return dispatcher.resume_async(desk.run, desk.output, unsafe_no_sandbox=unsafe_no_sandbox, **hooks)

    return carry_out(start, desk.plan, as_json, desk.state().tasks)
