"""Finds plugins and brings them in, one at a time, so that a broken one is named and harms nobody.

Finding (:func:`scan`) reads metadata only. What is disabled is sorted out by name (:func:`exclusion`) before anything is imported. Loading
(:func:`load`) imports one plugin, registers it and takes it out again if anything about it is wrong. Nothing happens at import of this
module and nothing is kept in it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from importlib import metadata
from typing import TypeGuard

import pluggy
from attrs import evolve, field, frozen
from attrs.validators import in_

from ..codec import suggestion
from ..config import PluginSettings
from ..errors import PluginLoadError
from .hookspecs import PROJECT, DispatcherSpecs

__all__ = ["DISTRIBUTION", "GROUP", "Found", "Plugin", "exclusion", "load", "new_manager", "normalized", "scan"]

#: The entry-point group of all plugins.
GROUP = "agent_dispatcher.plugins"
#: The distribution the dispatcher itself is installed as.
DISTRIBUTION = "agent-dispatcher"


@frozen(kw_only=True)
class Plugin:
    """What is known of a plugin.

    Attributes:
        name: of its entry point, or the one it was given under.
        distribution: the installed project it belongs to, ``""`` for a given one.
        version: of the distribution.
        value: what the entry point names (``package.module:attribute``).
        source: ``entry point``, or ``given`` for one that a program handed over.
        status: ``not loaded``, ``disabled``, ``loaded``, or ``failed``: it could not be loaded, or something it offered was refused.
        reason: why it is disabled or failed.
        hooks: the hooks it implements, sorted; known once it is loaded.
    """

    name: str
    distribution: str = ""
    version: str = ""
    value: str = ""
    source: str = field(default="entry point", validator=in_(("entry point", "given")))
    status: str = field(default="not loaded", validator=in_(("not loaded", "disabled", "loaded", "failed")))
    reason: str = ""
    hooks: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Unique among the plugins of one registry: two distributions may use one name."""
        return f"{normalized(self.distribution)}:{self.name}"

    @property
    def provider(self) -> str:
        """Whom to name in a conflict: the distribution, or the plugin where there is none."""
        return self.distribution or self.name

    def __str__(self) -> str:
        origin = f"{self.distribution} {self.version}".strip()
        return f"{self.name!r} of {origin}" if origin else f"{self.name!r}"

    def is_called(self, name: str) -> bool:
        """Whether configuration means this plugin (or its distribution) by ``name``."""
        return name == self.name or (bool(self.distribution) and normalized(name) == normalized(self.distribution))


@frozen
class Found:
    """A plugin with what has to be loaded to have it."""

    plugin: Plugin
    entry_point: metadata.EntryPoint


def normalized(distribution: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def scan() -> tuple[tuple[Found, ...], tuple[Plugin, ...]]:
    """All plugins that are installed, sorted by name and distribution; nothing is imported.

    Returns:
        Those found, and a failed record for each distribution whose metadata cannot be read but speak of plugins.
    """
    broken: list[Plugin] = []
    entry_points: Iterable[metadata.EntryPoint]
    try:
        entry_points = metadata.entry_points(group=GROUP)
    except Exception:  # one unreadable distribution must not hide all others
        entry_points = _scan_each(broken)
    facts: dict[
        int, tuple[str, str]
    ] = {}  # a distribution may have many plugins, and to read what it says of itself takes time
    found = [Found(_record(entry_point, facts), entry_point) for entry_point in entry_points]
    return tuple(sorted(found, key=lambda each: (each.plugin.name, each.plugin.distribution))), tuple(broken)


def _scan_each(broken: list[Plugin]) -> list[metadata.EntryPoint]:
    entry_points: list[metadata.EntryPoint] = []
    seen: set[str] = set()
    for distribution in metadata.distributions():
        name, version = _name_and_version(distribution)
        if normalized(name) in seen:
            continue
        seen.add(normalized(name))
        try:
            entry_points.extend(each for each in distribution.entry_points if each.group == GROUP)
        except Exception as error:
            if GROUP in (distribution.read_text("entry_points.txt") or ""):
                reason = f"its entry_points.txt cannot be read: {_described(error)}"
                broken.append(Plugin(name=name, distribution=name, version=version, status="failed", reason=reason))
    return entry_points


def _record(entry_point: metadata.EntryPoint, facts: dict[int, tuple[str, str]]) -> Plugin:
    """The record of what was found; ``facts`` has name and version of each distribution, by its ``id``."""
    distribution = entry_point.dist
    if distribution is None:
        name = version = ""
    else:
        if id(distribution) not in facts:
            facts[id(distribution)] = _name_and_version(distribution)
        name, version = facts[id(distribution)]
    return Plugin(name=entry_point.name, distribution=name, version=version, value=entry_point.value)


def _name_and_version(distribution: metadata.Distribution) -> tuple[str, str]:
    try:
        said = distribution.metadata
        return str(said["Name"] or "unknown"), str(said["Version"] or "")
    except Exception:
        return "unknown", ""


def exclusion(plugin: Plugin, settings: PluginSettings) -> str:
    """Why the configuration keeps this plugin out, ``""`` if it does not."""
    for name in settings.disable:
        if plugin.is_called(name):
            return f"{name!r} is in plugins.disable"
    if settings.only is not None and not any(plugin.is_called(name) for name in settings.only):
        return "it is not in plugins.only"
    if not settings.third_party and normalized(plugin.distribution) != DISTRIBUTION:
        return "plugins.third_party is false"
    return ""


def new_manager() -> pluggy.PluginManager:
    """A plugin manager that knows the hooks and no plugin."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(DispatcherSpecs)
    return manager


def load(manager: pluggy.PluginManager, plugin: Plugin, source: metadata.EntryPoint | object) -> tuple[Plugin, object]:
    """Import (where ``source`` is an entry point) and register one plugin.

    Returns:
        The record with status ``loaded``, and what was registered under ``plugin.key``.

    Raises:
        PluginLoadError: it cannot be used; the manager is as it was before.
    """
    target = source
    if _is_entry_point(source):
        try:
            target = source.load()
        except (Exception, SystemExit) as error:
            raise _refused(plugin, f"it cannot be imported: {_described(error)}") from error
    problem = _unusable(target)
    if problem:
        raise _refused(plugin, problem)
    try:
        manager.register(target, name=plugin.key)
        hooks = _checked_hooks(manager, plugin.key)
    except (Exception, SystemExit) as error:
        if manager.get_plugin(plugin.key) is not None:
            manager.unregister(name=plugin.key)
        raise _refused(plugin, _registration_problem(error)) from error
    return evolve(plugin, status="loaded", reason="", hooks=hooks), target


def _is_entry_point(source: object) -> TypeGuard[metadata.EntryPoint]:
    """Also the backport's: once something has imported ``importlib_metadata`` (``keyring`` does), the standard library's finder gives those."""
    return type(source).__name__ == "EntryPoint" and hasattr(source, "load")


def _unusable(target: object) -> str:
    if inspect.isclass(target):
        return f"it names the class {target.__name__}: name a module or an instance"
    try:
        hash(target)
    except TypeError:
        return f"its object of class {type(target).__name__} is not hashable: define __hash__, or leave __eq__ alone"
    return ""


class _Refusal(Exception):
    """What is wrong with the hooks of a plugin, ready to be shown."""


def _checked_hooks(manager: pluggy.PluginManager, key: str) -> tuple[str, ...]:
    target = manager.get_plugin(key)
    hooks = []
    for caller in manager.get_hookcallers(target) or ():
        implementations = [each for each in caller.get_hookimpls() if each.plugin_name == key]
        if not caller.has_spec():
            if all(each.optionalhook for each in implementations):
                continue
            raise _Refusal(f"there is no hook {caller.name!r}: {suggestion(caller.name, _hook_names())}")
        for each in implementations:
            if each.wrapper or each.hookwrapper:
                raise _Refusal(
                    f"{caller.name} is a wrapper: plugins are called one at a time, so there is nothing to wrap"
                )
            if inspect.iscoroutinefunction(each.function):
                raise _Refusal(
                    f"{caller.name} is async: hooks are plain functions, the components they offer may await"
                )
        hooks.append(caller.name)
    if not hooks:
        unmarked = [name for name in _hook_names() if _is_unmarked_hook(target, name)]
        hint = f"{unmarked[0]} is not marked with @hookimpl" if unmarked else "mark its hooks with @hookimpl"
        raise _Refusal(f"it implements no hook: {hint}")
    return tuple(sorted(hooks))


def _is_unmarked_hook(target: object, name: str) -> bool:
    function = inspect.getattr_static(target, name, None)
    return function is not None and function is not getattr(DispatcherSpecs, name)


def _hook_names() -> Sequence[str]:
    return [name for name in vars(DispatcherSpecs) if name.startswith("dispatcher_")]


def _registration_problem(error: BaseException) -> str:
    if isinstance(error, _Refusal):
        return str(error)
    if isinstance(error, pluggy.PluginValidationError):
        # pluggy's text begins with our own key for the plugin, which tells the reader nothing.
        text = re.sub(r"^Plugin '[^']*' for hook", "hook", str(error))
        return f"its hooks do not fit: {' '.join(text.split())}"
    return f"it cannot be registered: {_described(error)}"


def _described(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _refused(plugin: Plugin, reason: str) -> PluginLoadError:
    return PluginLoadError(f"plugin {plugin} was not loaded: {reason}", plugin.name, reason)
