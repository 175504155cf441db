"""``convert``: a plan in the words of another format."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

from ..errors import UsageError

__all__ = ["convert"]


@click.command()
@click.argument("source", type=click.Path())
@click.option(
    "--to", "to", required=True, metavar="FORMAT", help="The format to write; an unknown one lists those there are."
)
@click.option(
    "--output",
    "-o",
    type=click.Path(),
    default=None,
    metavar="PATH",
    help="The file to write, or the folder for its files; without it one file goes to stdout.",
)
@click.option("--force", is_flag=True, help="Write over files that are there.")
def convert(source: str, to: str, output: str | None, force: bool) -> int:
    """Plan SOURCE (a specification in any format, or a plan file) and write the plan as a specification of another format.

    What that format cannot say is told on stderr: it is read back, and compared with the plan.
    """
    from ..dispatcher import AgentDispatcher
    from ._plan_source import load_plan

    dispatcher = AgentDispatcher()
    dispatcher.plan_writer(to)
    made = dispatcher.convert(load_plan(dispatcher, source), to)
    if output is None and len(made.files) > 1:
        raise UsageError(f"{to} writes {', '.join(made.files)}: name the folder for them with --output")
    if output is None:
        click.echo(next(iter(made.files.values())), nl=False)
    else:
        _write(_places(made.files, output), force=force)
    if made.losses:
        click.echo(f"{to} does not hold all of the plan; not in what was written:", err=True)
        for loss in made.losses:
            click.echo(f"  {loss}", err=True)
    return 0


def _places(files: Mapping[str, str], output: str) -> dict[Path, str]:
    """Where each text goes: a single one to ``output`` itself, unless that is a folder; several below it."""
    target = Path(output)
    if len(files) == 1 and not target.is_dir() and not output.endswith(("/", os.sep)):
        return {target: next(iter(files.values()))}
    if target.exists() and not target.is_dir():
        raise UsageError(f"{output} is a file, and {len(files)} files are to be written: name a folder")
    return {target / name: text for name, text in files.items()}


def _write(places: Mapping[Path, str], *, force: bool) -> None:
    """All files or, when one of them is there already and ``force`` does not allow it, none."""
    there = [str(place) for place in places if place.is_symlink() or place.exists()]
    if there and not force:
        raise UsageError(f"{', '.join(there)}: is there already; --force writes over it")
    for place, text in places.items():
        if place.is_symlink() or place.is_dir():
            raise UsageError(f"{place} is a {'link' if place.is_symlink() else 'folder'}, and is not written over")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8", newline="")
        except OSError as error:
            raise UsageError(f"{place} cannot be written: {error.strerror or error}") from error
        click.echo(f"written to {place}", err=True)
