"""The plugins of one dispatcher, what they offer, and which of it is active.

Plugins offer components; configuration chooses by name, and where it is silent the components' own ranks do. The order in which
plugins are found or called decides nothing. Two registries in one process share nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import Config
from ..errors import DispatcherError, PluginError, Problem, Unavailable
from ..models import TASK_TYPES, Event, Task
from .choice_errors import conflicting, unknown, words
from .components import AgentType, Fail, Reroute, Retry, Services
from .discovery import Plugin
from .loaded import LoadedPlugins
from .misfits import misfits
from .offers import Offered, Offers
from .options import read_options
from .scope import Components

if TYPE_CHECKING:
    import click

__all__ = ["REST", "SINGLE_KINDS", "Components", "Offered", "Plugin", "Registry"]

#: In a configured list: those that are active when nothing is configured.
REST = "..."
#: Kinds of which one component is active at a time.
SINGLE_KINDS = frozenset({"store", "executor", "workspace", "sandbox", "llm", "message_bus"})


class Registry:
    """Loads plugins and answers what they offer.

    Args:
        config: decides which plugins are loaded, which of two components of one name is meant, and what each is given as options.
        plugins: ``(name, module or object)`` pairs to use beside (or, without discovery, instead of) installed ones;
            ``[plugins]`` cannot exclude them.
        discover: whether installed plugins are looked for. Without it a plugin that fails is an error, unless the configuration
            says ``plugins.strict = false``.

    Raises:
        PluginLoadError: a plugin failed and the registry is strict.
        ConfigError: ``plugins.only`` names nothing that is installed.
    """

    def __init__(self, config: Config, plugins: Sequence[tuple[str, object]] = (), discover: bool = True) -> None:
        self.config = config
        self._loaded = LoadedPlugins(config, plugins, discover)
        self._offers = Offers(self._loaded)
        self._kept: dict[str, tuple[Offered, ...]] = {}
        self._asking = self._loaded.asking()

    # --- plugins and what they offer --------------------------------------------------------------------------------

    @property
    def warnings(self) -> Sequence[str]:
        """What went wrong without being an error, in order; each was logged."""
        return self._loaded.warnings

    def plugins(self) -> tuple[Plugin, ...]:
        """Every plugin there is, loaded or not, sorted by name and distribution. A plugin fails late if one of its offers does."""
        return self._loaded.all()

    def fingerprint(self) -> dict[str, str]:
        """Version by ``distribution:name`` of the plugins in use: equal in two processes that offer the same."""
        return self._loaded.fingerprint()

    def offers(self, kind: str) -> tuple[Offered, ...]:
        """All components of a kind, sorted by rank and name, those without a rank last. Two may have one name."""
        return self._offers.of(kind)

    def commands(self) -> tuple[click.Command, ...]:
        """The command-line commands that plugins add, sorted by name; of two with one name the first plugin's counts."""
        return self._offers.commands()

    def task_types(self) -> frozenset[str]:
        """Every task type there is: the dispatcher's, the configuration's, and those that agent types do."""
        offered = {name for each in self.offers("agent_type") for name in _task_types(each) if name != "*"}
        return frozenset({*TASK_TYPES, *self.config.task_types, *offered})

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
            raise unknown(kind, name, self.offers(kind), self.config, self._loaded)
        if len(providers) > 1:
            raise conflicting(kind, name, providers, self.config)
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

    # --- creation ---------------------------------------------------------------------------------------------------

    def options(self, kind: str, name: str) -> Any:
        """The component's options, structured; ``None`` when it has no options class.

        Raises:
            ConfigError: with every problem in its table, each with its place.
        """
        return read_options(self.offered(kind, name), self.config, self._loaded)

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
                f"{words(kind)} {name!r} of plugin {offered.plugin} could not be created: {type(error).__name__}: {error} "
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

    def problems(self) -> tuple[Problem, ...]:
        """Everything in the configuration that does not fit what is installed; nothing is created.

        Names nobody offers, names two plugins offer, options that are refused, preferences that cannot be met.
        """
        return misfits(self, self._loaded)

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
