"""``checkpoint``: write all of a run into one file."""

from __future__ import annotations

import click

from ._common import echo_json, output_option, run_argument

__all__ = ["checkpoint"]


@click.command()
@run_argument
@output_option("The run's output folder, instead of its id.")
@click.option(
    "--to",
    type=click.Path(dir_okay=False),
    default=None,
    metavar="FILE",
    help="Default: a new file in the run's folder of checkpoints.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def checkpoint(run: str | None, output: str | None, to: str | None, as_json: bool) -> int:
    """Write all of RUN into one file (default: the unfinished run of the nearest output folder).

    'resume FILE' goes on with it on any machine that has this program, and a clone of the repository if the run works in one of yours. The run may be at work
    meanwhile; pause it first, so that nothing is done twice.
    """
    from ..dispatcher import AgentDispatcher

    path = AgentDispatcher().checkpoint(run, output, to)
    if as_json:
        echo_json({"file": str(path), "bytes": path.stat().st_size})
    else:
        click.echo(f"{path}: 'agent-dispatcher resume {path.name}' goes on with it")
    return 0
