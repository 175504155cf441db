"""``retry``: take up again what failed in a run."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from ._common import output_option, run_argument
from .run import carry_out

if TYPE_CHECKING:
    from ..models import ExecutionResult

__all__ = ["retry"]


@click.command()
@run_argument
@click.option("--failed", is_flag=True, help="Every task that failed, and every task that was blocked by one.")
@output_option("The run's output folder, instead of its id.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document and nothing else.")
@click.option("--unsafe-no-sandbox", is_flag=True, help="Run generated code WITHOUT a sandbox.")
def retry(run: str | None, failed: bool, output: str | None, as_json: bool, unsafe_no_sandbox: bool) -> int:
    """Take up the failed tasks of RUN again (default: the run of the nearest output folder), with all their attempts.

    What is completed stays completed; the run may have ended.
    """
    from ..dispatcher import AgentDispatcher

    if not failed:
        raise UsageError("say what to retry: --failed takes up every failed task, and what was blocked by one")
    dispatcher = AgentDispatcher()
    plan = dispatcher.plan_of(run, output)
    desk = dispatcher.desk(run, output)

    def start(**hooks: Any) -> Awaitable[ExecutionResult]:
        return dispatcher.resume_async(run, output, retry=True, unsafe_no_sandbox=unsafe_no_sandbox, **hooks)

    return carry_out(start, plan, as_json, desk.state().tasks)
