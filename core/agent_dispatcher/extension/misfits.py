"""Everything in the configuration that does not fit what is installed, found before anything is created."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..codec import close_matches, suggestion
from ..errors import ComponentConflictError, ConfigError, PluginError, Problem
from .choice_errors import words
from .loaded import LoadedPlugins
from .offers import KINDS
from .options import lacks

if TYPE_CHECKING:
    from .registry import Registry

__all__ = ["misfits"]


def misfits(registry: Registry, plugins: LoadedPlugins) -> tuple[Problem, ...]:
    """Names nobody offers, names two plugins offer, options that are refused, preferences that cannot be met; each once.

    What may be meant for a plugin that is not there has no effect and is no error: ``plugins`` hears of it as a warning.
    """
    problems = [
        *_of_choices(registry),
        *_of_options(registry, plugins),
        *_of_preferences(registry, plugins),
        *_of_task_types(registry),
    ]
    return tuple(dict.fromkeys(problems))


def _of_choices(registry: Registry) -> Iterable[Problem]:
    for kind in KINDS:
        try:
            registry.active(kind)
        except PluginError as error:
            yield Problem(str(error))


def _of_options(registry: Registry, plugins: LoadedPlugins) -> Iterable[Problem]:
    config = registry.config
    for key in sorted({*config.options, *config.project_options}):
        kind, _, name = key.partition(":")
        if kind not in KINDS:
            continue
        names = {each.name for each in registry.offers(kind)}
        if name in names:
            try:
                missing = lacks(registry.options(kind, name))
                if missing:
                    where = config.where(f"options.{key}")
                    plugins.warn_once((key, "lacks"), f"{where}: {words(kind)} {name!r} is not whole: {missing}")
            except ConfigError as error:
                yield from error.problems
            except ComponentConflictError:
                pass  # reported where the name is active; harmless where it is not
            continue
        where = config.where(f"options.{key}")
        if key in config.options and key not in config.optional_options and not plugins.not_in_use():
            yield Problem(f'[options."{key}"]: no {words(kind)} is called {name!r}', where, suggestion(name, names))
        else:
            hint = close_matches(name, names)
            meant = f": did you mean {hint[0]!r}?" if hint else ""
            what = f"{where}: options for {words(kind)} {name!a} have no effect, nothing offers it{meant}"
            plugins.warn_once((key, "unused"), what)


def _of_preferences(registry: Registry, plugins: LoadedPlugins) -> Iterable[Problem]:
    for key, wanted in registry.config.prefer.items():
        kind, _, name = key.partition(":")
        providers = [each.plugin for each in registry.offers(kind) if each.name == name] if kind in KINDS else []
        if not any(each.is_called(wanted) for each in providers):
            offering = sorted({each.provider for each in providers})
            what = f'[prefer] "{key}": {wanted!r} offers no such component'
            if offering:
                yield Problem(what, registry.config.where(f"prefer.{key}"), f"offered by: {', '.join(offering)}")
            else:
                plugins.warn_once((key, "prefer"), f"{what} (nothing offers {name!r})")


def _of_task_types(registry: Registry) -> Iterable[Problem]:
    config = registry.config
    agent_types = {each.name for each in registry.offers("agent_type")}
    checks = {each.name for each in registry.offers("check")}
    for name, settings in config.task_types.items():
        at = f"task_types.{name}"
        if settings.agent_type is not None and settings.agent_type not in agent_types:
            what = f"{at}.agent_type: no agent type is called {settings.agent_type!r}"
            yield Problem(what, config.where(f"{at}.agent_type"), suggestion(settings.agent_type, agent_types))
        for check in settings.checks:
            if check not in checks:
                what = f"{at}.checks: no check is called {check!r}"
                yield Problem(what, config.where(f"{at}.checks"), suggestion(check, checks))
    known = registry.task_types()
    for before, following in config.workflow.after.items():
        for each in (before, *following):
            if each not in known:
                what = f"workflow.after.{before}: no task type is called {each!r}"
                yield Problem(what, config.where(f"workflow.after.{before}"), suggestion(each, known))
