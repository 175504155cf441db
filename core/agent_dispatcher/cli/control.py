"""``pause`` and ``cancel``: ask the process that is at work on a run."""

from __future__ import annotations

import click

from ._common import output_option, run_argument

__all__ = ["cancel", "pause"]


@click.command()
@run_argument
@output_option("The run's output folder, instead of its id.")
def pause(run: str | None, output: str | None) -> int:
    """Let RUN finish and land what is in progress and begin nothing new; 'resume' goes on."""
    _ask("pause", run, output, "what is in progress ends and lands, nothing new begins")
    return 0


@click.command()
@run_argument
@output_option("The run's output folder, instead of its id.")
def cancel(run: str | None, output: str | None) -> int:
    """End the agents of RUN and give up what is not completed. What has landed stays, and so does sealed work, under its own refs."""
    _ask("cancel", run, output, "its agents are ended, what has landed stays")
    return 0


def _ask(command: str, run: str | None, output: str | None, what_follows: str) -> None:
    from ..dispatcher import AgentDispatcher

    desk = AgentDispatcher().desk(run, output)
    owner = desk.ask(command)
    click.echo(f"asked run {desk.run} (process {owner.pid} on {owner.host}) to {command}: {what_follows}")
