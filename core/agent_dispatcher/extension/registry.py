"""The plugins of one dispatcher, what they offer, and which of it is active.

Plugins offer components; configuration chooses by name, and where it is silent the components' own ranks do. The order in which
plugins are found or called decides nothing. Two registries in one process share nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from attrs import evolve

from ..codec import StructureError, close_matches, read, suggestion
from ..config import USE_KEYS, Config
from ..errors import (
    ComponentConflictError,
    ConfigError,
    DispatcherError,
    PluginError,
    PluginLoadError,
    Problem,
    Unavailable,
    UnknownComponentError,
)
from ..models import TASK_TYPES, Event, Task
from .asking import Asking, alone
from .components import AgentType, Component, Fail, Reroute, Retry, Services
from .discovery import Plugin, exclusion, load, new_manager, scan
from .hookspecs import OFFERS
from .offers import Offered, refusal
from .scope import Components

if TYPE_CHECKING:
    import click

__all__ = ["REST", "SINGLE_KINDS", "Components", "Offered", "Plugin", "Registry"]

log = logging.getLogger(__name__)

#: In a configured list: those that are active when nothing is configured.
REST = "..."
#: Kinds of which one component is active at a time.
SINGLE_KINDS = frozenset({"store", "executor", "workspace", "sandbox", "llm", "message_bus"})

_HOOKS = {kind: hook for hook, kind in OFFERS.items()}


class Registry:
    """Loads plugins and answers what they offer.

    Args:
        config: decides which plugins are loaded, which of two components of one name is meant, and what each is given as options.
        plugins: ``(name, module or object)`` pairs to use beside (or, without discovery, instead of) installed ones;
            ``[plugins]`` cannot exclude them.
        discover: whether installed plugins are looked for. Without it a plugin that fails is an error, unless the configuration
            says ``plugins.strict = false``.

    Attributes:
        warnings: what went wrong without being an error, in order; each was logged.

    Raises:
        PluginLoadError: a plugin failed and the registry is strict.
        ConfigError: ``plugins.only`` names nothing that is installed.
    """

    def __init__(self, config: Config, plugins: Sequence[tuple[str, object]] = (), discover: bool = True) -> None:
        self.config = config
        self.strict = config.plugins.strict if config.plugins.strict is not None else not discover
        self.warnings: list[str] = []
        self._manager = new_manager()
        self._plugins: dict[str, Plugin] = {}
        self._objects: dict[str, object] = {}
        self._offers: dict[str, tuple[Offered, ...]] = {}
        self._kept: dict[str, tuple[Offered, ...]] = {}
        self._reported: set[tuple[str, str]] = set()
        if discover:
            self._discover()
        for name, given in plugins:
            plugin = Plugin(name=name, source="given")
            if plugin.key in self._plugins:
                raise PluginLoadError(f"two plugins are given under the name {name!r}: give each its own", name)
            self._load(plugin, given)
        self._asking = Asking(self._manager, self._objects, self._report)

    # --- plugins ----------------------------------------------------------------------------------------------------

    def plugins(self) -> tuple[Plugin, ...]:
        """Every plugin there is, loaded or not, sorted by name and distribution. A plugin fails late if one of its offers does."""
        return tuple(sorted(self._plugins.values(), key=lambda each: (each.name, each.distribution)))

    def fingerprint(self) -> dict[str, str]:
        """Version by ``distribution:name`` of the plugins in use: equal in two processes that offer the same."""
        return {key: self._plugins[key].version for key in sorted(self._objects)}

    def _discover(self) -> None:
        found, broken = scan()
        settings = self.config.plugins
        for plugin in broken:
            self._plugins[plugin.key] = plugin
            self._warn(f"plugin {plugin}: {plugin.reason}")
        everything = [each.plugin for each in found]
        self._check_names(everything)
        for each in found:
            reason = exclusion(each.plugin, settings)
            if reason:
                self._plugins[each.plugin.key] = evolve(each.plugin, status="disabled", reason=reason)
                log.debug("plugin %s is disabled: %s", each.plugin, reason)
            else:
                self._load(each.plugin, each.entry_point)

    def _check_names(self, installed: Sequence[Plugin]) -> None:
        names = {each.name for each in installed} | {each.distribution for each in installed if each.distribution}
        settings = self.config.plugins
        unknown = [
            Problem(
                f"plugins.only names {name!r}, and no such plugin or distribution is installed",
                self.config.where("plugins.only"),
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
            self._plugins[plugin.key], self._objects[plugin.key] = load(self._manager, plugin, source)
        except PluginLoadError as error:
            self._plugins[plugin.key] = evolve(plugin, status="failed", reason=error.reason)
            if self.strict:
                raise
            self._warn(str(error))

    def _fail(self, key: str, reason: str, error: BaseException | None = None) -> None:
        plugin = self._plugins[key]
        if self.strict:
            raise PluginLoadError(f"plugin {plugin}: {reason}", plugin.name, reason) from error
        if plugin.status != "failed":
            self._plugins[key] = evolve(plugin, status="failed", reason=reason)
        self._warn(f"plugin {plugin}: {reason}")

    def _report(self, key: str, what: str, error: BaseException | None) -> None:
        """Note what a plugin did wrong while a run is on: aloud once, quietly when it does so again."""
        plugin = self._plugins[key]
        occasion = (key, what.partition(" ")[0])
        if occasion in self._reported:
            log.debug("plugin %s: %s", plugin, what)
            return
        self._reported.add(occasion)
        log.debug("plugin %s", plugin, exc_info=error)
        self._warn(f"plugin {plugin}: {what}")

    def _warn(self, text: str) -> None:
        self.warnings.append(text)
        log.warning("%s", text)

    # --- offers -----------------------------------------------------------------------------------------------------

    def offers(self, kind: str) -> tuple[Offered, ...]:
        """All components of a kind, sorted by rank and name, those without a rank last. Two may have one name."""
        if kind not in self._offers:
            offered = [each for key in self._objects for each in self._collect(kind, key)]
            self._offers[kind] = tuple(sorted(offered, key=lambda each: (each.rank, each.plugin.key)))
        return self._offers[kind]

    def _collect(self, kind: str, key: str) -> Iterable[Offered]:
        components: dict[str, Component | AgentType] = {}
        for each in self._offered_by(_HOOKS[kind], key):
            problem = refusal(kind, each)
            if not problem and each.name in components:
                problem = f"it offers {kind} {each.name!r} twice"
            if problem:
                self._fail(key, problem)
            else:
                components[each.name] = each
        return [Offered(kind, component, self._plugins[key]) for component in components.values()]

    def _offered_by(self, hook: str, key: str) -> list[Any]:
        """What one plugin's hook yields; nothing, and the plugin marked as failed, when it raises."""
        if hook not in self._plugins[key].hooks:
            return []
        try:
            (offered,) = alone(self._manager, self._objects, hook, key)() or (None,)
            if offered is None or isinstance(offered, str | bytes) or not isinstance(offered, Iterable):
                if offered is not None:
                    self._fail(key, f"{hook} returned {type(offered).__name__}, expected components to iterate over")
                return []
            return list(offered)
        except PluginLoadError:
            raise
        except (Exception, SystemExit) as error:
            self._fail(key, f"{hook} raised {type(error).__name__}: {error}", error)
            return []

    def commands(self) -> tuple[click.Command, ...]:
        """The command-line commands that plugins add, sorted by name; of two with one name the first plugin's counts."""
        import click

        commands: dict[str, tuple[click.Command, Plugin]] = {}
        for plugin in self.plugins():
            if plugin.key not in self._objects:
                continue
            for command in self._offered_by("dispatcher_commands", plugin.key):
                if not isinstance(command, click.Command) or not command.name:
                    self._fail(plugin.key, f"it offered {command!r} as a command, expected a click.Command with a name")
                elif command.name in commands:
                    self._fail(
                        plugin.key,
                        f"the command {command.name!r} is also offered by {commands[command.name][1]}: disable one",
                    )
                else:
                    commands[command.name] = (command, plugin)
        return tuple(commands[name][0] for name in sorted(commands))

    # --- choice -----------------------------------------------------------------------------------------------------

    def names(self, kind: str, configured: Sequence[str] | str | None) -> list[str]:
        """The names that are active, in order, without repetition.

        Args:
            kind: a kind of component.
            configured: a name, or names in order, where ``"..."`` stands for those with a rank that are not named; ``None``
                (and ``"auto"``) for all that have a rank, lowest first.

        Raises:
            UnknownComponentError: nobody offers a configured name.
            ComponentConflictError: two plugins offer an active name, and ``[prefer]`` does not decide.
        """
        by_rank = [each.name for each in self._preferred(kind) if each.component.default_rank is not None]
        by_rank = list(dict.fromkeys(by_rank))
        if configured is None or configured == "auto":
            names = by_rank
            certain = names[:1] if kind in SINGLE_KINDS else names
        else:
            given = [configured] if isinstance(configured, str) else list(configured)
            rest = [name for name in by_rank if name not in given]
            names = [name for each in dict.fromkeys(given) for name in (rest if each == REST else [each])]
            certain = names
        for name in certain:
            self.offered(kind, name)
        return names

    def active(self, kind: str) -> list[str]:
        """As :meth:`names` with what the configuration says about the kind."""
        return self.names(kind, self.config.use.of(kind))

    def one(self, kind: str) -> str | None:
        """The name of the one active component of a kind; ``None`` when none is configured and none has a rank."""
        names = self.active(kind)
        return names[0] if names else None

    def offered(self, kind: str, name: str) -> Offered:
        """The component of that name.

        Raises:
            UnknownComponentError: nobody offers it.
            ComponentConflictError: two plugins offer it, and ``[prefer]`` does not decide.
        """
        providers = [each for each in self._preferred(kind) if each.name == name]
        if not providers:
            raise self._unknown(kind, name)
        if len(providers) > 1:
            raise self._conflict(kind, name, providers)
        return providers[0]

    def _preferred(self, kind: str) -> tuple[Offered, ...]:
        """All offers of a kind, without those that ``[prefer]`` rules out."""
        if kind in self._kept:
            return self._kept[kind]
        offers = self.offers(kind)
        kept = []
        for each in offers:
            wanted = self.config.prefer.get(f"{kind}:{each.name}")
            if wanted is not None and not each.plugin.is_called(wanted):
                rivals = [other for other in offers if other.name == each.name and other.plugin.is_called(wanted)]
                if rivals:
                    continue
            kept.append(each)
        self._kept[kind] = tuple(kept)
        return self._kept[kind]

    def _unknown(self, kind: str, name: str) -> UnknownComponentError:
        names = sorted({each.name for each in self.offers(kind)})
        message = f"no {_words(kind)} is called {name!r}: {suggestion(name, names)}"
        path = f"use.{USE_KEYS[kind]}"
        where = self.config.where(path) if name in _as_tuple(self.config.use.of(kind)) else ""
        if where:
            message = f"{where}: {path}: {message}"
        absent = [each for each in self.plugins() if each.key not in self._objects or each.status == "failed"]
        near = [each for each in absent if each.is_called(name) or close_matches(name, [each.name])]
        matches = close_matches(name, names)
        # With a close match it is a slip of the pen; without one the plugin that should have offered it may be out of action.
        for each in (near or ([] if matches else absent))[:5]:
            state = "failed" if each.status == "failed" else "is disabled"
            message += f"\n  plugin {each} {state}: {each.reason}"
        return UnknownComponentError(message, kind=kind, component=name, matches=matches)

    def _conflict(self, kind: str, name: str, providers: Sequence[Offered]) -> ComponentConflictError:
        named = sorted({each.plugin.provider for each in providers})
        if len(named) < len(providers):  # one distribution twice: only the plugins' names tell them apart
            named = sorted(each.plugin.name for each in providers)
        key = f"{kind}:{name}"
        wanted = self.config.prefer.get(key)
        message = f"{_words(kind)} {name!r} is offered by {' and by '.join(named)}"
        if wanted is not None:
            where = self.config.where(f"prefer.{key}") or "[prefer]"
            message += f", and {where} prefers {wanted!r}, which is neither"
        message += f': choose one with [prefer] "{key}" = "{named[0]}", or disable the other plugin'
        return ComponentConflictError(message, kind=kind, component=name, providers=named)

    # --- creation ---------------------------------------------------------------------------------------------------

    def options(self, kind: str, name: str) -> Any:
        """The component's options, structured; ``None`` when it has no options class.

        Raises:
            ConfigError: with every problem in its table, each with its place.
        """
        component = self.offered(kind, name).component
        key = f"{kind}:{name}"
        table = {**self.config.options.get(key, {}), **self._project_table(key, component)}
        if component.options is None:
            if table:
                at = self.config.where(f"options.{key}")
                raise ConfigError(Problem(f"{_words(kind)} {name!r} takes no options", at, f'remove [options."{key}"]'))
            return None
        try:
            return read(table, component.options)
        except StructureError as error:
            problems = []
            for fault in error.faults:
                keys = [str(part) for part in fault.path[:1]]
                where = self.config.where(".".join(["options", key, *keys]))
                at = f'[options."{key}"]{" " if fault.path else ""}{fault.at}'
                problems.append(Problem(f"{at}: {fault.message}", where, fault.remedy))
            raise ConfigError(problems) from error

    def _project_table(self, key: str, component: Component | AgentType) -> dict[str, Any]:
        """What an untrusted project file may say to a component: the options marked as the project's own."""
        table = self.config.project_options.get(key, {})
        marked = set()
        if component.options is not None:
            marked = {each.name for each in attrs.fields(component.options) if each.metadata.get("project") is True}
        ignored = [name for name in table if name not in marked]
        if ignored and (key, "project") not in self._reported:
            self._reported.add((key, "project"))
            where = self.config.where(f"options.{key}.{ignored[0]}")
            self._warn(
                f'{where}: the project\'s file is not trusted, so this in [options."{key}"] is ignored: {", ".join(map(ascii, ignored))} '
                "(read it, then: agent-dispatcher trust)"
            )
        return {name: value for name, value in table.items() if name in marked}

    def create(self, kind: str, name: str, services: Services) -> Any:
        """A new instance of the component; the caller closes it.

        Raises:
            UnknownComponentError, ComponentConflictError: see :meth:`offered`.
            ConfigError: its options are refused.
            Unavailable: it cannot work here; ``plugin`` names where it came from.
            PluginError: its factory raised something else.
        """
        offered = self.offered(kind, name)
        options = self.options(kind, name)
        try:
            return offered.component.factory(options, services)
        except Unavailable as error:
            error.plugin = error.plugin or offered.plugin.name
            raise
        except DispatcherError:
            raise
        except Exception as error:
            raise PluginError(
                f"{_words(kind)} {name!r} of plugin {offered.plugin} could not be created: {type(error).__name__}: {error} "
                "(choose another, or tell the plugin's author)",
                offered.plugin.name,
            ) from error

    def services(self, kind: str, name: str, data_dir: Path) -> Services:
        """What a factory is given: a logger of its own, a folder, the configuration."""
        return Services(
            log=logging.getLogger(f"agent_dispatcher.{kind}.{name}"),
            data_dir=data_dir,
            config=self.config,
        )

    def scope(self, data_dir: Path) -> Components:
        """A new lifetime for components that keep their files in ``data_dir``."""
        return Components(self.create, self.services, data_dir)

    # --- everything wrong at once -----------------------------------------------------------------------------------

    def problems(self) -> tuple[Problem, ...]:
        """Everything in the configuration that does not fit what is installed; nothing is created.

        Names nobody offers, names two plugins offer, options that are refused, preferences that cannot be met.
        """
        problems: list[Problem] = []
        for kind in _HOOKS:
            try:
                self.active(kind)
            except PluginError as error:
                problems.append(Problem(str(error)))
        for key in sorted({*self.config.options, *self.config.project_options}):
            problems.extend(self._problems_of_options(key))
        problems.extend(self._problems_of_preferences())
        problems.extend(self._problems_of_task_types())
        return tuple(dict.fromkeys(problems))

    def _problems_of_options(self, key: str) -> Iterable[Problem]:
        kind, _, name = key.partition(":")
        if kind not in _HOOKS:
            return
        names = {each.name for each in self.offers(kind)}
        where = self.config.where(f"options.{key}")
        if name not in names:
            absent = any(each.key not in self._objects for each in self._plugins.values())
            if key in self.config.options and key not in self.config.optional_options and not absent:
                what = f'[options."{key}"]: no {_words(kind)} is called {name!r}'
                yield Problem(what, where, suggestion(name, names))
            elif (key, "unused") not in self._reported:
                self._reported.add((key, "unused"))
                hint = close_matches(name, names)
                meant = f": did you mean {hint[0]!r}?" if hint else ""
                self._warn(f"{where}: options for {_words(kind)} {name!a} have no effect, nothing offers it{meant}")
            return
        try:
            self.options(kind, name)
        except ConfigError as error:
            yield from error.problems
        except ComponentConflictError:
            pass  # reported where the name is active; harmless where it is not

    def _problems_of_preferences(self) -> Iterable[Problem]:
        for key, wanted in self.config.prefer.items():
            kind, _, name = key.partition(":")
            providers = [each.plugin for each in self.offers(kind) if each.name == name] if kind in _HOOKS else []
            if not any(each.is_called(wanted) for each in providers):
                offering = sorted({each.provider for each in providers})
                what = f'[prefer] "{key}": {wanted!r} offers no such component'
                remedy = f"offered by: {', '.join(offering)}" if offering else f"nothing offers {name!r}"
                if offering:
                    yield Problem(what, self.config.where(f"prefer.{key}"), remedy)
                elif (key, "prefer") not in self._reported:
                    self._reported.add((key, "prefer"))
                    self._warn(f"{what} ({remedy})")

    def _problems_of_task_types(self) -> Iterable[Problem]:
        agent_types = {each.name for each in self.offers("agent_type")}
        checks = {each.name for each in self.offers("check")}
        for name, settings in self.config.task_types.items():
            at = f"task_types.{name}"
            if settings.agent_type is not None and settings.agent_type not in agent_types:
                what = f"{at}.agent_type: no agent type is called {settings.agent_type!r}"
                yield Problem(what, self.config.where(f"{at}.agent_type"), suggestion(settings.agent_type, agent_types))
            for check in settings.checks:
                if check not in checks:
                    what = f"{at}.checks: no check is called {check!r}"
                    yield Problem(what, self.config.where(f"{at}.checks"), suggestion(check, checks))
        known = self.task_types()
        for before, following in self.config.workflow.after.items():
            for each in (before, *following):
                if each not in known:
                    what = f"workflow.after.{before}: no task type is called {each!r}"
                    yield Problem(what, self.config.where(f"workflow.after.{before}"), suggestion(each, known))

    def task_types(self) -> frozenset[str]:
        """Every task type there is: the dispatcher's, the configuration's, and those that agent types do."""
        offered = {name for each in self.offers("agent_type") for name in _task_types(each) if name != "*"}
        return frozenset({*TASK_TYPES, *self.config.task_types, *offered})

    # --- asking and telling -----------------------------------------------------------------------------------------

    def asks(self, hook: str) -> bool:
        """Whether an active plugin implements ``dispatcher_route_task``, ``dispatcher_on_task_error``, ``dispatcher_priority`` or ``dispatcher_events``."""
        return self._asking.asks(hook)

    def route_task(self, task: Task, candidates: Sequence[str]) -> str | None:
        """The agent type some plugin chose among ``candidates``; ``None`` without an opinion."""
        return self._asking.route_task(task, candidates)

    def on_task_error(
        self, task: Task, attempt: int, error: str, sort: str = "transient"
    ) -> Retry | Reroute | Fail | None:
        """What some plugin wants to follow a failed attempt; ``None`` without an opinion."""
        return self._asking.on_task_error(task, attempt, error, sort)

    def priority(self, task: Task) -> float | None:
        """The priority some plugin gives to a task; ``None`` without an opinion."""
        return self._asking.priority(task)

    def tell_events(self, events: Sequence[Event]) -> None:
        """Show a batch of recorded events to every observer; what they do cannot harm the run."""
        self._asking.tell_events(events)


def _task_types(offered: Offered) -> frozenset[str]:
    return offered.component.task_types if isinstance(offered.component, AgentType) else frozenset()


def _words(kind: str) -> str:
    return {"llm": "model backend"}.get(kind, kind.replace("_", " "))


def _as_tuple(configured: tuple[str, ...] | str | None) -> tuple[str, ...]:
    if configured is None:
        return ()
    return (configured,) if isinstance(configured, str) else configured
