"""The options of a component: its own table in the configuration, read into its own class."""

from __future__ import annotations

from typing import Any

import attrs

from ..codec import StructureError, read
from ..config import Config
from ..errors import ConfigError, Problem
from .choice_errors import words
from .loaded import LoadedPlugins
from .offers import Offered

__all__ = ["lacks", "read_options"]


def read_options(offered: Offered, config: Config, plugins: LoadedPlugins) -> Any:
    """The component's options, structured; ``None`` when it has no options class.

    Args:
        plugins: hears, once, of what a project file that nobody trusts may not say.

    Raises:
        ConfigError: with every problem in its table, each with its place.
    """
    key, wanted = f"{offered.kind}:{offered.name}", offered.component.options
    table = {**config.options.get(key, {}), **_project_table(key, wanted, config, plugins)}
    if wanted is None:
        if table:
            what = f"{words(offered.kind)} {offered.name!r} takes no options"
            raise ConfigError(Problem(what, config.where(f"options.{key}"), f'remove [options."{key}"]'))
        return None
    try:
        return read(table, wanted)
    except StructureError as error:
        problems = []
        for fault in error.faults:
            keys = [str(part) for part in fault.path[:1]]
            where = config.where(".".join(["options", key, *keys]))
            at = f'[options."{key}"]{" " if fault.path else ""}{fault.at}'
            problems.append(Problem(f"{at}: {fault.message}", where, fault.remedy))
        raise ConfigError(problems) from error


def lacks(options: Any, *, with_model: bool = True) -> str:
    """What a component needs and this machine does not have; ``""`` where nothing is missing.

    A component says it in a method ``lacks(*, with_model)`` of its options. It is no error of the configuration: what else is configured works.

    Args:
        with_model: whether a model is used.
    """
    say = getattr(options, "lacks", None)
    if not callable(say):
        return ""
    try:
        return str(say(with_model=with_model) or "")
    except Exception as error:  # the plugin boundary: whatever it raises is the plugin's
        return f"failed when asked what it lacks: {type(error).__name__}: {error}"


def _project_table(key: str, wanted: type | None, config: Config, plugins: LoadedPlugins) -> dict[str, Any]:
    """What an untrusted project file may say to a component: the options marked as the project's own."""
    table = config.project_options.get(key, {})
    marked = set()
    if wanted is not None:
        marked = {each.name for each in attrs.fields(wanted) if each.metadata.get("project") is True}
    ignored = [name for name in table if name not in marked]
    if ignored:
        where = config.where(f"options.{key}.{ignored[0]}")
        plugins.warn_once(
            (key, "project"),
            f'{where}: the project\'s file is not trusted, so this in [options."{key}"] is ignored: {", ".join(map(ascii, ignored))} '
            "(read it, then: agent-dispatcher trust)",
        )
    return {name: value for name, value in table.items() if name in marked}
