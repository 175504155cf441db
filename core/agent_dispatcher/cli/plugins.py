"""``plugins``: which plugins there are, what each offers, whether they are well, and a new one to begin with.

Nothing here imports a plugin: ``list`` reads metadata, ``show`` and ``doctor`` load each in a process of its own.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from ._common import echo_json

if TYPE_CHECKING:
    from ..config import Config
    from ..extension.discovery import Plugin
    from ..extension.probe import Examination

__all__ = ["plugins"]

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_timeout_option = click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    help="Seconds each plugin may take to load.",
)


@click.group()
def plugins() -> None:
    """List, show and examine plugins."""


@plugins.command("list")
@_json_option
def list_command(as_json: bool) -> None:
    """List the installed plugins. Reads their metadata only; none is imported."""
    records, _ = _records()
    if as_json:
        echo_json(_document([_plain(each) for each in records]))
        return
    rows = [(each.name, f"{each.distribution} {each.version}".strip(), _status(each), each.reason) for each in records]
    _table(("NAME", "DISTRIBUTION", "STATUS", ""), rows)


@plugins.command("show")
@click.argument("name")
@_timeout_option
@_json_option
def show_command(name: str, timeout_s: float, as_json: bool) -> int:
    """Show what the plugin NAME (or every plugin of the distribution NAME) offers, with its options."""
    from ..codec import suggestion

    records, _ = _records()
    chosen = [each for each in records if each.is_called(name)]
    if not chosen:
        names = {each.name for each in records} | {each.distribution for each in records}
        raise UsageError(f"no plugin or distribution is called {name!r}: {suggestion(name, names)}")
    examined = _examined(chosen, timeout_s)
    if as_json:
        echo_json(_document([_plain_examination(each) for each in examined]))
    else:
        click.echo("\n\n".join("\n".join(_description(each)) for each in examined))
    return 1 if any(each.problems for each in examined) else 0


@plugins.command("doctor")
@_timeout_option
@_json_option
def doctor_command(timeout_s: float, as_json: bool) -> int:
    """Load each plugin in a process of its own and report what is wrong. Exits with 1 if anything is."""
    records, config = _records()
    examined = _examined(records, timeout_s)
    conflicts = _conflicts(examined, config)
    unwell = [each for each in examined if each.problems]
    if as_json:
        echo_json({**_document([_plain_examination(each) for each in examined]), "conflicts": conflicts})
    else:
        rows = [(each.plugin.name, each.plugin.status, _seconds(each), _summary(each)) for each in examined]
        _table(("NAME", "STATUS", "IMPORT", "OFFERS"), rows)
        for each in unwell:
            for problem in each.problems:
                click.echo(f"\nplugin {each.plugin}: {problem}")
        for conflict in conflicts:
            click.echo(f"\n{conflict}")
        count = sum(len(each.problems) for each in unwell) + len(conflicts)
        click.echo(f"\n{count} problem{'s' if count > 1 else ''}" if count else "\nall is well")
    return 1 if unwell or conflicts else 0


def _kind(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """One of the kinds, also when it is written as in a configuration (``dependency_rule``)."""
    from ..codec import suggestion
    from .plugins_new import KINDS

    kind = value.replace("_", "-")
    if kind not in KINDS:
        raise click.BadParameter(f"there is no kind {value!r}: {suggestion(kind, KINDS)}", context, parameter)
    return kind


@plugins.command("new")
@click.argument("kind", callback=_kind)
@click.argument("name")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder in which the project's folder is made; the current one by default.",
)
def new_command(kind: str, name: str, output: Path) -> None:
    """Make a plugin project called NAME: installable, typed, tested, and already doing something.

    KIND is one of: agent-type, check, command, decomposer, dependency-rule, executor, language, llm, message-bus, observer, policy, reporter,
    sandbox, specification-format, store, validator, workspace.
    """
    from .plugins_new import new_project

    project = new_project(kind, name, output)
    # never a bare name: pip would look for it in an index, and install what a stranger has put there
    folder = project if project.is_absolute() else f"./{project}"
    click.echo(
        f"made {project}\n\nnext:\n  pip install '{folder}[test]'\n  pytest {folder}\n  agent-dispatcher plugins show {name}"
    )


def _records() -> tuple[list[Plugin], Config]:
    """Every installed plugin, disabled ones marked, and the configuration that says so."""
    from attrs import evolve

    from ..config import load_config
    from ..extension.discovery import exclusion, scan

    config = load_config()
    found, broken = scan()
    records = list(broken)
    for each in found:
        reason = exclusion(each.plugin, config.plugins)
        records.append(evolve(each.plugin, status="disabled", reason=reason) if reason else each.plugin)
    return sorted(records, key=lambda each: (each.name, each.distribution)), config


def _examined(records: Sequence[Plugin], timeout_s: float) -> list[Examination]:
    from ..extension.probe import Examination, examine

    def one(plugin: Plugin) -> Examination:
        if plugin.status == "not loaded":
            return examine(plugin, timeout_s)
        return Examination(plugin=plugin, problems=(plugin.reason,) if plugin.status == "failed" else ())

    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        return list(pool.map(one, records))


def _conflicts(examined: Iterable[Examination], config: Config) -> list[str]:
    """Components that several plugins offer under one name and between which nothing decides."""
    providers: dict[str, list[Plugin]] = defaultdict(list)
    for each in examined:
        for component in each.components:
            providers[f"{component['kind']}:{component['name']}"].append(each.plugin)
    return [
        f"{key} is offered by {' and by '.join(str(plugin) for plugin in offering)}: "
        f'choose one with [prefer] "{key}" = "{offering[0].provider}", or disable the other'
        for key, offering in sorted(providers.items())
        if len(offering) > 1 and sum(plugin.is_called(config.prefer.get(key, "")) for plugin in offering) != 1
    ]


def _status(plugin: Plugin) -> str:
    """What a reader of the list wants to know of a plugin that nobody has loaded: whether it would be."""
    return "enabled" if plugin.status == "not loaded" else plugin.status


def _plain(plugin: Plugin) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "entry_point": plugin.value,
        "status": _status(plugin),
        "reason": plugin.reason,
    }


def _plain_examination(examination: Examination) -> dict[str, Any]:
    return {
        **_plain(examination.plugin),
        "hooks": list(examination.plugin.hooks),
        "import_s": examination.import_s,
        "components": list(examination.components),
        "commands": list(examination.commands),
        "problems": list(examination.problems),
    }


def _document(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {"format": "agent-dispatcher/plugins", "version": 1, "plugins": entries}


def _seconds(examination: Examination) -> str:
    return f"{examination.import_s:.3f} s" if examination.plugin.hooks else "-"


def _summary(examination: Examination) -> str:
    offers = [f"{each['kind']} {each['name']}" for each in examination.components]
    offers += [f"command {name}" for name in examination.commands]
    return ", ".join(offers) or ("" if examination.problems else examination.plugin.reason)


def _description(examination: Examination) -> Iterable[str]:
    plugin = examination.plugin
    yield f"{plugin.name}: plugin of {plugin.distribution} {plugin.version}"
    yield f"  entry point  {plugin.value}"
    yield f"  status       {plugin.status}{f': {plugin.reason}' if plugin.reason else ''}"
    for component in examination.components:
        rank = component["default_rank"]
        active = f"rank {rank}" if rank is not None else "only by name"
        yield f"  {component['kind']} {component['name']} ({active}): {component['summary']}"
        if component.get("task_types"):
            yield f"    does {', '.join(component['task_types'])}"
        for option in component["options"]:
            value = "required" if option["required"] else f"default {option['default']}"
            project = ", may be set by a project" if option["project"] else ""
            yield f"    {option['name']} ({option['type']}): {value}{project}"
    for name in examination.commands:
        yield f"  command {name}"
    for problem in examination.problems:
        if problem == plugin.reason:
            continue
        yield f"  problem: {problem}"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    if not rows:
        click.echo("no plugins are installed")
        return
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
