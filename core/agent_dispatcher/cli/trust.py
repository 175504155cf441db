"""``trust``: the user vouches for a project's configuration file after having seen what it would change."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from ..errors import ConfigError, Problem, UsageError

__all__ = ["trust"]


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=".")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--revoke", is_flag=True, help="Trust the file no longer.")
def trust(path: Path, yes: bool, dry_run: bool, revoke: bool) -> int:
    """Trust the configuration of the project in PATH (a folder, or the file itself).

    Shows every key that an untrusted file may not set, then records the file's digest. A change to the file ends the trust.
    """
    from ..config import base_config, is_trusted, project_file, restrict, revoke_trust
    from ..config import trust as record

    folder = path if path.is_dir() else path.parent
    project = project_file(folder)
    if project is None or (not path.is_dir() and project.path.name != path.name):
        if not path.exists():
            raise UsageError(f"{path} does not exist")
        raise UsageError(
            f"{path} holds no configuration: expected agent-dispatcher.toml, or [tool.agent-dispatcher] in pyproject.toml"
        )
    if revoke:
        known = revoke_trust(project, os.environ)
        click.echo(f"{project.path} is no longer trusted" if known else f"{project.path} was not trusted")
        return 0
    if is_trusted(project, os.environ):
        click.echo(f"{project.path} is trusted already")
        return 0
    restricted = restrict(project.layer.data, base_config(os.environ))
    paths = [*restricted.ignored, *(f"options.{name}" for name in restricted.options)]
    if paths:
        click.echo(f"{project.path} would also be allowed to set:")
        for dotted in paths:
            for key, value in _leaves(dotted, _at(project.layer.data, dotted)):
                click.echo(f"  {_shown(key)} = {_shown(value)}")
    else:
        click.echo(f"{project.path} sets nothing that needs trust")
    if dry_run:
        return 0
    if not yes and sys.stdin.isatty() and not click.confirm("Trust it?"):
        click.echo("nothing was changed")
        return 1
    click.echo(f"trusted; recorded in {record(project, os.environ)}")
    # What the file says in full is checked only now that it counts.
    try:
        _check(folder)
    except ConfigError as error:
        raise ConfigError(
            [Problem(each.what, each.where, each.remedy) for each in error.problems], "but it is refused:"
        ) from error
    return 0


def _check(folder: Path) -> None:
    from ..config import load_config

    load_config(folder)


def _at(data: Mapping[str, Any], dotted: str) -> Any:
    """The value at a path of keys, any of which may itself hold dots."""
    if dotted in data:
        return data[dotted]
    for key, value in data.items():
        if dotted.startswith(f"{key}.") and isinstance(value, Mapping):
            return _at(value, dotted.removeprefix(f"{key}."))
    return None


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from _leaves(f"{path}.{key}", each)
    else:
        yield path, json.dumps(value, default=str)


def _shown(text: str) -> str:
    """Text of the file, fit for a terminal: control characters are spelled out."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
