"""``run`` and ``resume``: carry a plan out, show how it goes, print what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import BudgetExceeded, UsageError
from ._common import EXIT_CODES, echo_json, fresh_option, output_option, run_argument

if TYPE_CHECKING:
    from ..coordination.coordinator import Coordinator
    from ..coordination.run_state import TaskState
    from ..dispatcher import AgentDispatcher
    from ..models import ExecutionPlan, ExecutionResult

__all__ = ["carry_out", "resume", "run"]

_UNSAFE = "Run generated code WITHOUT a sandbox: it can read and change everything you can."
_SANDBOX = "The sandbox to use, by name, instead of the configured one; 'plugins list' shows what is there."


@click.command()
@click.argument("source", type=click.Path())
@output_option(
    "Root of the repository to work in: a new or empty folder, or an existing repository. Default: ./<title>."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document and nothing else.")
@fresh_option
@click.option("--allow-partial", is_flag=True, help="Leave out tasks that no agent can do, and say so.")
@click.option("--write-back", is_flag=True, help="Set the statuses of finished tasks in SOURCE itself, too.")
@click.option("--sandbox", metavar="NAME", default=None, help=_SANDBOX)
@click.option("--unsafe-no-sandbox", is_flag=True, help=_UNSAFE)
def run(
    source: str,
    output: str | None,
    as_json: bool,
    fresh: bool,
    allow_partial: bool,
    write_back: bool,
    sandbox: str | None,
    unsafe_no_sandbox: bool,
) -> int:
    """Turn SOURCE (a specification, or a plan written by 'plan --output') into verified, working code."""
    from ._plan_source import load_plan

    dispatcher = _dispatcher(sandbox)
    plan = load_plan(dispatcher, source, fresh=fresh, quiet=as_json)
    _warn_unsafe(unsafe_no_sandbox)
    if not any(task.status == "pending" for task in plan.tasks):
        return _nothing_to_do(plan, as_json)
    unlimited = dispatcher.no_limit()
    if unlimited:
        click.secho(f"note: {unlimited}", fg="yellow", err=True)

    def start(**hooks: Any) -> Awaitable[ExecutionResult]:
        return dispatcher.execute_async(
            plan,
            output,
            allow_partial=allow_partial,
            write_back=write_back,
            unsafe_no_sandbox=unsafe_no_sandbox,
            **hooks,
        )

    return carry_out(start, plan, as_json)


@click.command()
@run_argument
@output_option("The run's output folder, instead of its id.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document and nothing else.")
@click.option("--sandbox", metavar="NAME", default=None, help=_SANDBOX)
@click.option("--unsafe-no-sandbox", is_flag=True, help=_UNSAFE)
def resume(run: str | None, output: str | None, as_json: bool, sandbox: str | None, unsafe_no_sandbox: bool) -> int:
    """Go on with RUN (an id, or a checkpoint file; default: the unfinished run of the nearest output folder)."""
    dispatcher = _dispatcher(sandbox)
    _warn_unsafe(unsafe_no_sandbox)
    if run is not None and Path(run).is_file():
        run, unpacked = dispatcher.unpack(run, output)
        output = str(unpacked)
        click.echo(f"run {run} was unpacked into {output}", err=True)
    session_plan = dispatcher.plan_of(run, output)
    desk = dispatcher.desk(run, output)

    def start(**hooks: Any) -> Awaitable[ExecutionResult]:
        return dispatcher.resume_async(run, output, unsafe_no_sandbox=unsafe_no_sandbox, **hooks)

    return carry_out(start, session_plan, as_json, desk.state().tasks)


def _dispatcher(sandbox: str | None) -> AgentDispatcher:
    """A dispatcher for the current folder; what a flag says is stronger than every file."""
    from ..config import load_config
    from ..dispatcher import AgentDispatcher

    return AgentDispatcher(load_config(flags={"use": {"sandbox": sandbox}}) if sandbox else None)


def _warn_unsafe(unsafe: bool) -> None:
    if unsafe:
        click.secho("WARNING: no sandbox. Generated code runs with all your rights.", fg="red", bold=True, err=True)


def _nothing_to_do(plan: ExecutionPlan, as_json: bool) -> int:
    if as_json:
        from ..reporting import build_result, result_to_json

        document = result_to_json(build_result(plan, "", ()))
        echo_json({**document, "status": "completed"})
    else:
        left_out = sum(task.status != "completed" for task in plan.tasks)
        done = f"all {len(plan.tasks)} tasks are completed"
        if left_out:
            done = f"{len(plan.tasks) - left_out} tasks are completed, {left_out} are left out"
        click.echo(f"{plan.specification.title}: nothing to do, {done}.")
    return 0


def carry_out(
    start: Callable[..., Awaitable[ExecutionResult]],
    plan: ExecutionPlan,
    as_json: bool,
    known: Mapping[str, TaskState] | None = None,
) -> int:
    """Run ``start`` with progress and signals; print the outcome; return the exit code.

    Args:
        known: task id to what earlier processes made of it.
    """
    from ..collecting import rare_collections
    from ..coordination.run_to_end import run_to_end
    from .progress import progress_display

    with progress_display(plan, quiet=as_json, known=known or {}) as display, rare_collections():
        interrupted, result = run_to_end(_with_signals(start, display.events, display.started))
    if interrupted is not None:
        where = f" (agent-dispatcher resume {display.run})" if display.run else ""
        click.echo(f"interrupted: everything finished is kept; go on with 'agent-dispatcher resume'{where}", err=True)
        if as_json and result is not None:
            from ..reporting import result_to_json

            echo_json(result_to_json(result))
        return _leave_soon(128 + interrupted)
    assert result is not None
    if as_json:
        from ..reporting import result_to_json

        echo_json(result_to_json(result))
    else:
        from .summary import print_summary

        print_summary(result)
    return BudgetExceeded.exit_code if result.stopped_by == "budget" else EXIT_CODES[result.status]


def _leave_soon(code: int) -> int:
    """The exit code of an interrupted run; the process does not wait for threads that do not end: all that counts is on record."""
    if any(each is not threading.main_thread() and not each.daemon for each in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    return code


async def _with_signals(
    start: Callable[..., Awaitable[ExecutionResult]], on_events: Any, on_start: Any
) -> tuple[int | None, ExecutionResult | None]:
    """Run until done, or until a signal stops it: the first lets agents finish their tasks, the second ends them, the third does not wait.

    Returns:
        The signal that kept the run from ending, and what came of it (``None`` when it was broken off).
    """
    received: list[int] = []
    at_work: list[Coordinator] = []

    async def carry() -> ExecutionResult:
        return await start(on_events=on_events, on_start=on_start, on_coordinator=at_work.append)

    task = asyncio.ensure_future(carry())

    def interrupt(number: int) -> None:
        received.append(number)
        if len(received) == 1 and at_work:
            text = "stopping: what is in progress ends and lands, nothing new begins (again to end it now) ..."
            at_work[0].pause(f"stopped by {signal.Signals(number).name}")
        elif len(received) <= 2 and not task.cancelling():
            text = "stopping: agents are ended, what is finished is kept (again to stop at once) ..."
            task.cancel()
        else:
            os._exit(128 + number)
        click.echo(text, err=True)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError):
            loop.add_signal_handler(number, interrupt, int(number))
    try:
        result = await task
        return received[0] if received and result.status == "paused" else None, result
    except asyncio.CancelledError:
        if not received:
            raise
        return received[0], None


def _require(path: str) -> Path:
    found = Path(path)
    if not found.exists():
        raise UsageError(f"{path}: there is no such file or folder")
    return found
