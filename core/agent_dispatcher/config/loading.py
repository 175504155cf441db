"""One :class:`Config` out of all sources, each later one over the ones before:

defaults, the user's file, the project's file, a dict from Python, environment variables, flags.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

from attrs import define, evolve, field

from ..codec import StructureError, read, suggestion
from ..errors import ConfigError, Problem
from .circles import find_circle
from .sources import (
    Layer,
    ProjectFile,
    environment_layer,
    mapping_layer,
    project_file,
    user_layer,
)
from .trust import is_trusted
from .untrusted import restrict
from .values import ONLY_BY_FLAG, ONLY_FROM_PYTHON, SECTIONS, USE_KEYS, Config, place_of, top_level_keys

__all__ = ["base_config", "load_config"]

log = logging.getLogger(__name__)

_PYTHON = "the configuration given from Python"
_FLAGS = "the command line"


def load_config(
    project_dir: Path | str | None = None,
    overrides: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    use_files: bool = True,
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """The configuration that holds.

    Args:
        project_dir: the folder whose ``agent-dispatcher.toml`` or ``pyproject.toml`` is the project's; the current one by default.
        overrides: nested tables given by a program, in the form of a file or with the architecture's own keys (``llm_client``,
            ``agent_factory`` with ``<name>_config``).
        env: the environment; ``os.environ`` by default.
        use_files: whether the user's and the project's file are read at all.
        flags: what the command line sets, in the same form; stronger than everything else.

    Returns:
        The configuration; ``warnings`` in it are logged already.

    Raises:
        ConfigError: with every problem found in all sources, each with its place.
    """
    env = os.environ if env is None else env
    merged = _Merged()
    if use_files:
        base = base_config(env)
        if layer := user_layer(env):
            merged.add(layer, of_file=True)
        project = project_file(Path(project_dir) if project_dir is not None else Path.cwd())
        if project is not None and is_trusted(project, env):
            merged.add(project.layer, of_file=True)
        elif project is not None:
            _add_untrusted(merged, project, base)
    if overrides:
        merged.add(mapping_layer(overrides, _PYTHON))
    layer, warnings, problems = environment_layer(env)
    merged.warnings.extend(warnings)
    merged.problems.extend(problems)
    merged.add(layer)
    if flags:
        merged.add(mapping_layer(flags, _FLAGS))
    config = merged.config()
    for warning in config.warnings:
        log.warning("%s", warning)
    return config


def base_config(env: Mapping[str, str]) -> Config:
    """Defaults and the user's own file: what an untrusted project file is measured against.

    Raises:
        ConfigError: with every problem of the user's file.
    """
    merged = _Merged()
    if layer := user_layer(env):
        merged.add(layer, of_file=True)
    return merged.config()


def _add_untrusted(merged: _Merged, project: ProjectFile, base: Config) -> None:
    layer = _architecture_form(project.layer)[0]
    restricted = restrict(layer.data, base)
    merged.project_options = {name: dict(table) for name, table in restricted.options.items()}
    merged.sources.update({path: at for path, at in layer.sources.items() if path.startswith("options.")})
    merged.add(evolve(layer, data=restricted.data), of_file=True)
    if restricted.ignored:
        names = [f"{_shown(path)} ({why})" if why else _shown(path) for path, why in restricted.ignored.items()]
        merged.warnings.append(
            f"{project.path} is not trusted, so this in it is ignored: {', '.join(names)} "
            f"(read it, then: agent-dispatcher trust {project.path})"
        )


def _architecture_form(layer: Layer) -> tuple[Layer, frozenset[str]]:
    """``agent_factory.<name>_config`` as ``options."agent_type:<name>"``; also the names of the tables that were moved."""
    factory = layer.data.get("agent_factory")
    if not isinstance(factory, Mapping) or not any(str(key).endswith("_config") for key in factory):
        return layer, frozenset()
    sources = dict(layer.sources)
    kept = {}
    options = dict(layer.data.get("options", {}))
    moved = set()
    for key, value in factory.items():
        if not str(key).endswith("_config"):
            kept[key] = value
            continue
        name = f"agent_type:{str(key).removesuffix('_config').replace('_', '-')}"
        moved.add(name)
        options[name] = {**value, **options.get(name, {})} if isinstance(value, Mapping) else value
        old = f"agent_factory.{key}"
        place = layer.where(old)
        sources.setdefault(f"options.{name}", place if place != layer.name else f"{layer.name}: {old}")
        for path, at in layer.sources.items():
            if path.startswith(f"{old}."):
                sources.setdefault(f"options.{name}{path.removeprefix(old)}", at)
    data = {**layer.data, "agent_factory": kept, "options": options}
    return evolve(layer, data=data, sources=sources), frozenset(moved)


@define
class _Merged:
    """Sources on top of each other, with the place of every key and everything that is wrong so far."""

    data: dict[str, Any] = field(factory=dict)
    sources: dict[str, str] = field(factory=dict)
    project_options: dict[str, dict[str, Any]] = field(factory=dict)
    optional_options: set[str] = field(factory=set)
    warnings: list[str] = field(factory=list)
    problems: list[Problem] = field(factory=list)

    def add(self, layer: Layer, of_file: bool = False) -> None:
        """Lay one source over the ones before."""
        layer, moved = _architecture_form(layer)
        named = layer.data.get("options")
        self.optional_options |= moved
        if isinstance(named, Mapping):
            self.optional_options -= set(named) - moved
        data = dict(layer.data)
        for key in list(data):
            problem = self._refusal(key, layer, of_file)
            if problem:
                self.problems.append(problem)
                del data[key]
        self._lay(data, self.data, (), layer)

    def _refusal(self, key: object, layer: Layer, of_file: bool) -> Problem | None:
        where = layer.where(str(key))
        if key not in top_level_keys():
            return Problem(f"unknown key {_shown(key)!r}", where, suggestion(str(key), top_level_keys()))
        if of_file and key in ONLY_BY_FLAG:
            return Problem(f"{key} can only be given as a flag", where, f"use --{str(key).replace('_', '-')}")
        if of_file and key in ONLY_FROM_PYTHON:
            return Problem(f"{key} can only be given from Python", where, 'choose a backend by name: [use] llm = "..."')
        return None

    def _lay(self, upper: Mapping[str, Any], lower: dict[str, Any], path: tuple[str, ...], layer: Layer) -> None:
        for key, value in upper.items():
            at = (*path, str(key))
            dotted = ".".join(at)
            below = lower.get(key)
            # Tables are laid over each other down to the keys of one component's options; what is inside one of those is its own affair.
            if isinstance(value, Mapping) and len(at) < 3 and at[0] in SECTIONS:
                table = dict(below) if isinstance(below, Mapping) else {}
                lower[key] = table
                if not value:
                    self.sources.setdefault(dotted, layer.where(dotted))
                self._lay(value, table, at, layer)
            else:
                lower[key] = value
                self.sources[dotted] = layer.where(dotted)
                if at[0] == "options" and len(at) == 3:
                    self.project_options.get(at[1], {}).pop(at[2], None)

    def config(self) -> Config:
        """The whole as a value.

        Raises:
            ConfigError: anything in any source is wrong.
        """
        config = Config()
        try:
            config = read(self.data, Config)
        except StructureError as error:
            for fault in error.faults:
                where = self._where(fault.path)
                self.problems.append(Problem(f"{fault.at}: {fault.message}", where, fault.remedy))
        self.problems.extend(self._problems_of_names("options", [*self._table("options"), *self.project_options]))
        self.problems.extend(self._problems_of_names("prefer", self._table("prefer")))
        self.problems.extend(self._problems_of_client())
        self.problems.extend(self._problems_of_workflow(config))
        self.problems.extend(self._problems_of_planning(config))
        if self.problems:
            raise ConfigError(
                sorted(self.problems, key=_place), "the configuration is refused:" if len(self.problems) > 1 else ""
            )
        return evolve(
            config,
            project_options={name: table for name, table in self.project_options.items() if table},
            optional_options=frozenset(self.optional_options),
            sources=dict(self.sources),
            warnings=tuple(self.warnings),
        )

    def _where(self, path: Iterable[str | int]) -> str:
        keys = takewhile(lambda part: isinstance(part, str), path)
        return place_of(".".join(map(str, keys)), self.sources)

    def _problems_of_names(self, section: str, names: Iterable[str]) -> Iterable[Problem]:
        kinds = sorted(USE_KEYS)
        for name in names:
            kind, colon, component = name.partition(":")
            at = f"{section}.{_shown(name)}"
            if not colon or not component:
                yield Problem(
                    f'{at}: expected "<kind>:<name>"', self._where((section, name)), f"kinds: {', '.join(kinds)}"
                )
            elif kind not in kinds:
                yield Problem(
                    f"{at}: there is no kind {_shown(kind)!r}", self._where((section, name)), suggestion(kind, kinds)
                )

    def _problems_of_workflow(self, config: Config) -> Iterable[Problem]:
        circle = find_circle(config.workflow.after)
        if circle:
            where = self._where(("workflow", "after", circle[0]))
            yield Problem(
                f"workflow.after goes round in a circle: {_shown(' → '.join(circle))}", where, "leave one of them out"
            )

    def _problems_of_planning(self, config: Config) -> Iterable[Problem]:
        lower, upper = config.planning.advisory_threshold, config.planning.binding_threshold
        if lower > upper:
            where = self._where(("planning", "advisory_threshold")) or self._where(("planning", "binding_threshold"))
            yield Problem(
                f"planning.advisory_threshold ({lower:g}) is above planning.binding_threshold ({upper:g})",
                where,
                "give advisory_threshold the smaller number, or both the same if nothing is to be advisory",
            )

    def _table(self, name: str) -> Mapping[str, Any]:
        table = self.data.get(name)
        return table if isinstance(table, Mapping) else {}

    def _problems_of_client(self) -> Iterable[Problem]:
        client = self.data.get("llm_client")
        if client is None or callable(getattr(client, "complete", None)):
            return
        where = self._where(("llm_client",))
        if not callable(client):
            what = (
                f"llm_client: expected a model backend (it has complete()) or a function, found {type(client).__name__}"
            )
            yield Problem(what, where)
        elif self._table("budget").get("allow_unmetered") is not True:
            what = "llm_client is a plain function: what it spends cannot be measured"
            yield Problem(what, where, "give a model backend, or allow it with budget.allow_unmetered = true")


def _shown(text: object) -> str:
    """A key of an untrusted file, fit for a terminal."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in str(text))


def _place(problem: Problem) -> tuple[str, int, str]:
    file, _, line = problem.where.rpartition(":")
    return (file, int(line), problem.what) if file and line.isdigit() else (problem.where, 0, problem.what)
