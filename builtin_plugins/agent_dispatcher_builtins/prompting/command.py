"""The command ``agent-dispatcher prompts``: what models are asked with, to be read and replaced."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from agent_dispatcher.errors import UsageError

from .packaged import PACKAGED, PackagedPrompt

__all__ = ["prompts_command"]


@click.command("prompts", help="List the packaged prompts, print the one called NAME, or write them out to be changed.")
@click.argument("name", required=False)
@click.option(
    "--write",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the templates into this folder; no file that is there is overwritten.",
)
def prompts_command(name: str | None, folder: Path | None) -> None:
    chosen = tuple(each for each in PACKAGED if name in (None, each.name))
    if not chosen:
        raise UsageError(f"there is no prompt {name!r}: there are {', '.join(each.name for each in PACKAGED)}")
    if folder is not None:
        _write(chosen, folder)
    elif name is not None:
        click.echo(chosen[0].text, nl=False)
    else:
        for each in chosen:
            click.echo(f"{each.name}: {each.summary}")
            click.echo(f'  replaced by {each.option} in [options."{each.component}"]')
            click.echo(f"  gets {each.values}")


def _write(chosen: Iterable[PackagedPrompt], folder: Path) -> None:
    texts = {folder / each.name: each.text for each in chosen}
    there = [str(path) for path in texts if path.exists()]
    if there:
        raise UsageError(f"{', '.join(there)} is there already: name another folder, or move it away")
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
        click.echo(str(path))
