"""The plugins of one registry: which there are, which are in use, and what each of them did wrong.

Finding and importing them is the work of :mod:`.discovery`; what came of it is kept here, from the first scan to the last complaint of a run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from attrs import evolve

from ..codec import close_matches, suggestion
from ..config import Config
from ..errors import ConfigError, PluginLoadError, Problem
from .asking import Asking, alone
from .discovery import Plugin, exclusion, load, new_manager, scan

__all__ = ["LoadedPlugins"]

log = logging.getLogger(__name__)


class LoadedPlugins:
    """Loads plugins, remembers the state of each, and calls their hooks one plugin at a time.

    Args:
        config: decides which are loaded, and whether one that fails is an error.
        given: ``(name, module or object)`` pairs to use beside those that are found.
        discover: whether installed plugins are looked for; without it one that fails is an error unless the configuration says otherwise.

    Attributes:
        warnings: what went wrong without being an error, in order; each was logged.

    Raises:
        PluginLoadError: a plugin failed and that is an error.
        ConfigError: ``plugins.only`` names nothing that is installed.
    """

    def __init__(self, config: Config, given: Sequence[tuple[str, object]], discover: bool) -> None:
        self.warnings: list[str] = []
        self._config = config
        self._strict = config.plugins.strict if config.plugins.strict is not None else not discover
        self._manager = new_manager()
        self._records: dict[str, Plugin] = {}
        self._objects: dict[str, object] = {}
        self._reported: set[tuple[str, str]] = set()
        if discover:
            self._discover()
        for name, each in given:
            plugin = Plugin(name=name, source="given")
            if plugin.key in self._records:
                raise PluginLoadError(f"two plugins are given under the name {name!r}: give each its own", name)
            self._load(plugin, each)

    # --- what there is ----------------------------------------------------------------------------------------------

    def all(self) -> tuple[Plugin, ...]:
        """Every plugin there is, loaded or not, sorted by name and distribution."""
        return tuple(sorted(self._records.values(), key=lambda each: (each.name, each.distribution)))

    def of(self, key: str) -> Plugin:
        """The plugin with that key, as it is now."""
        return self._records[key]

    def in_use(self) -> tuple[Plugin, ...]:
        """The plugins whose hooks are called, in the order they were loaded; one of them fails late if one of its offers does."""
        return tuple(self._records[key] for key in self._objects)

    def not_in_use(self) -> tuple[Plugin, ...]:
        """The plugins that were kept out or could not be loaded, sorted by name and distribution."""
        return tuple(each for each in self.all() if each.key not in self._objects)

    def fingerprint(self) -> dict[str, str]:
        """Version by ``distribution:name`` of the plugins in use: equal in two processes that offer the same."""
        return {key: self._records[key].version for key in sorted(self._objects)}

    # --- their hooks ------------------------------------------------------------------------------------------------

    def offered_by(self, hook: str, key: str) -> list[Any]:
        """What one plugin's hook yields; nothing, and the plugin marked as failed, when it raises."""
        if hook not in self._records[key].hooks:
            return []
        try:
            (offered,) = alone(self._manager, self._objects, hook, key)() or (None,)
            if offered is None or isinstance(offered, str | bytes) or not isinstance(offered, Iterable):
                if offered is not None:
                    self.fail(key, f"{hook} returned {type(offered).__name__}, expected components to iterate over")
                return []
            return list(offered)
        except PluginLoadError:
            raise
        except (Exception, SystemExit) as error:
            self.fail(key, f"{hook} raised {type(error).__name__}: {error}", error)
            return []

    def asking(self) -> Asking:
        """Those of their hooks that ask for an opinion or tell what happened."""
        return Asking(self._manager, self._objects, self._report)

    # --- what went wrong --------------------------------------------------------------------------------------------

    def fail(self, key: str, reason: str, error: BaseException | None = None) -> None:
        """Mark a plugin as failed for what it offered; its other offers stay.

        Raises:
            PluginLoadError: a plugin that fails is an error.
        """
        plugin = self._records[key]
        if self._strict:
            raise PluginLoadError(f"plugin {plugin}: {reason}", plugin.name, reason) from error
        if plugin.status != "failed":
            self._records[key] = evolve(plugin, status="failed", reason=reason)
        self._warn(f"plugin {plugin}: {reason}")

    def warn_once(self, occasion: tuple[str, str], text: str) -> None:
        """Warn, unless it was done on that occasion before."""
        if occasion not in self._reported:
            self._reported.add(occasion)
            self._warn(text)

    def _report(self, key: str, what: str, error: BaseException | None) -> None:
        """Note what a plugin did wrong while a run is on: aloud once, quietly when it does so again."""
        plugin = self._records[key]
        occasion = (key, what.partition(" ")[0])
        if occasion in self._reported:
            log.debug("plugin %s: %s", plugin, what)
            return
        log.debug("plugin %s", plugin, exc_info=error)
        self.warn_once(occasion, f"plugin {plugin}: {what}")

    def _warn(self, text: str) -> None:
        self.warnings.append(text)
        log.warning("%s", text)

    # --- loading ----------------------------------------------------------------------------------------------------

    def _discover(self) -> None:
        found, broken = scan()
        for plugin in broken:
            self._records[plugin.key] = plugin
            self._warn(f"plugin {plugin}: {plugin.reason}")
        self._check_names([each.plugin for each in found])
        for each in found:
            reason = exclusion(each.plugin, self._config.plugins)
            if reason:
                self._records[each.plugin.key] = evolve(each.plugin, status="disabled", reason=reason)
                log.debug("plugin %s is disabled: %s", each.plugin, reason)
            else:
                self._load(each.plugin, each.entry_point)

    def _check_names(self, installed: Sequence[Plugin]) -> None:
        names = {each.name for each in installed} | {each.distribution for each in installed if each.distribution}
        settings = self._config.plugins
        unknown = [
            Problem(
                f"plugins.only names {name!r}, and no such plugin or distribution is installed",
                self._config.where("plugins.only"),
                suggestion(name, names),
            )
            for name in settings.only or ()
            if not any(plugin.is_called(name) for plugin in installed)
        ]
        if unknown:
            raise ConfigError(unknown)
        for name in settings.disable:
            if not any(plugin.is_called(name) for plugin in installed):
                hint = close_matches(name, names)
                meant = f": did you mean {hint[0]!r}?" if hint else ""
                self._warn(f"plugins.disable names {name!r}, and no such plugin or distribution is installed{meant}")

    def _load(self, plugin: Plugin, source: object) -> None:
        try:
            self._records[plugin.key], self._objects[plugin.key] = load(self._manager, plugin, source)
        except PluginLoadError as error:
            self._records[plugin.key] = evolve(plugin, status="failed", reason=error.reason)
            if self._strict:
                raise
            self._warn(str(error))
