"""Examines one plugin in a process of its own, so that whatever it does happens there.

The parent calls :func:`examine`; the child is ``python -m agent_dispatcher.extension.probe``, told on stdin which plugin to load. It answers with
one JSON document on the stdout it was started with; what the plugin prints goes to stderr.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from typing import Any

import attrs
from attrs import evolve, frozen

from ..config import Config, PluginSettings, load_config
from ..errors import ConfigError, DispatcherError
from .discovery import Plugin, scan
from .hookspecs import OFFERS
from .loaded import LoadedPlugins
from .offers import Offered
from .options import lacks, read_options
from .registry import Registry

__all__ = ["Examination", "examine"]

_MAX_ANSWER_BYTES = 4 * 1024 * 1024


@frozen(kw_only=True)
class Examination:
    """What came out when a plugin was loaded by itself.

    Attributes:
        plugin: the record; ``loaded`` or ``failed`` with the first reason.
        import_s: seconds it took to import and register.
        components: what it offers, as plain data.
        commands: names of the commands it adds.
        problems: everything that is wrong with it.
    """

    plugin: Plugin
    import_s: float = 0.0
    components: tuple[dict[str, Any], ...] = ()
    commands: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def examine(plugin: Plugin, timeout_s: float = 30.0) -> Examination:
    """Load an installed plugin in a child process and ask for all it offers.

    A plugin that crashes, hangs or ends the process is a failed one; nothing is imported here.
    """
    # -P: the current folder may be a stranger's clone, and must not be where modules come from.
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        output, errors = child.communicate(plugin.key.encode(), timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        return _failed(plugin, f"it was not done within {timeout_s:g} seconds")
    except BaseException:
        os.killpg(child.pid, signal.SIGKILL)
        raise
    try:
        answer = json.loads(output[:_MAX_ANSWER_BYTES])
        return Examination(
            plugin=evolve(plugin, status=answer["status"], reason=answer["reason"], hooks=tuple(answer["hooks"])),
            import_s=answer["import_s"],
            components=tuple(answer["components"]),
            commands=tuple(answer["commands"]),
            problems=tuple(answer["problems"]),
        )
    except (ValueError, KeyError, TypeError):
        last = errors.decode(errors="replace").strip().splitlines()[-1:]
        ended = f"signal {-child.returncode}" if child.returncode < 0 else f"code {child.returncode}"
        return _failed(plugin, f"its process ended with {ended}: {last[0] if last else 'no message'}")


def _failed(plugin: Plugin, reason: str) -> Examination:
    return Examination(plugin=evolve(plugin, status="failed", reason=reason), problems=(reason,))


# --- in the child ---------------------------------------------------------------------------------------------------


def _main() -> None:
    answer_to = os.dup(1)
    os.dup2(2, 1)
    logging.disable(logging.CRITICAL)
    key = sys.stdin.read()
    found = next(each for each in scan()[0] if each.plugin.key == key)
    began = time.perf_counter()
    registry = Registry(
        Config(plugins=PluginSettings(strict=False)), [(found.plugin.name, found.entry_point)], discover=False
    )
    import_s = time.perf_counter() - began
    components = [_described(each) for kind in OFFERS.values() for each in registry.offers(kind)]
    commands = [command.name for command in registry.commands()]
    (plugin,) = registry.plugins()
    answer = {
        "status": plugin.status,
        "reason": plugin.reason,
        "hooks": plugin.hooks,
        "import_s": round(import_s, 4),
        "components": components,
        "commands": commands,
        "problems": [
            each.removeprefix(f"plugin {plugin}").removeprefix(" was not loaded").removeprefix(": ")
            for each in registry.warnings
        ]
        + _refused_options(registry),
    }
    with os.fdopen(answer_to, "w", encoding="utf-8") as stream:
        json.dump(answer, stream)


def _refused_options(registry: Registry) -> list[str]:
    """What the user's configuration says to what is offered here and is refused, or cannot be had."""
    try:
        config = load_config()
        plugins = LoadedPlugins(config, (), discover=False)
    except DispatcherError:
        return []  # the configuration as a whole, of which the parent speaks
    problems = []
    for kind in OFFERS.values():
        for offered in registry.offers(kind):
            if f"{kind}:{offered.name}" in config.options:
                try:
                    missing = lacks(read_options(offered, config, plugins))
                    problems += [f'[options."{kind}:{offered.name}"]: {missing}'] if missing else []
                except ConfigError as error:
                    problems += [str(each) for each in error.problems]
    return problems


def _described(offered: Offered) -> dict[str, Any]:
    component = offered.component
    described: dict[str, Any] = {
        "kind": offered.kind,
        "name": component.name,
        "summary": component.summary,
        "default_rank": component.default_rank,
        "options": [_described_option(each) for each in attrs.fields(component.options)] if component.options else [],
    }
    if offered.kind == "agent_type":
        described["task_types"] = sorted(getattr(component, "task_types", ()))
    return described


def _described_option(option: Any) -> dict[str, Any]:
    default = option.default
    if default is attrs.NOTHING:
        shown = None
    elif isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        shown = "(computed)"
    else:
        shown = repr(default)
    kind = option.type if isinstance(option.type, str) else getattr(option.type, "__name__", str(option.type))
    return {
        "name": option.name,
        "type": kind,
        "required": default is attrs.NOTHING,
        "default": shown,
        "project": option.metadata.get("project") is True,
    }


if __name__ == "__main__":
    _main()
