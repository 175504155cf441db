"""What the plugins offer, judged before anybody relies on it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs
from attrs import frozen

from .components import API_VERSION, AgentType, Component
from .discovery import Plugin
from .hookspecs import OFFERS
from .loaded import LoadedPlugins

if TYPE_CHECKING:
    import click

__all__ = ["KINDS", "Offered", "Offers", "refusal"]

_HOOKS = {kind: hook for hook, kind in OFFERS.items()}
#: Every kind of component.
KINDS = tuple(_HOOKS)

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
#: Names with a meaning of their own in configuration.
_RESERVED = ("auto",)


@frozen
class Offered:
    """A component and the plugin it comes from."""

    kind: str
    component: Component | AgentType
    plugin: Plugin

    @property
    def name(self) -> str:
        """The component's name."""
        return self.component.name

    @property
    def rank(self) -> tuple[bool, int, str]:
        """Sorts by rank, then name; those that are active only by name come last."""
        rank = self.component.default_rank
        return (rank is None, rank or 0, self.component.name)


class Offers:
    """What the plugins in use offer. Each is asked once for each kind, when it is first needed; what is refused marks its plugin as failed."""

    def __init__(self, plugins: LoadedPlugins) -> None:
        self._plugins = plugins
        self._of_kind: dict[str, tuple[Offered, ...]] = {}

    def of(self, kind: str) -> tuple[Offered, ...]:
        """All components of a kind, sorted by rank and name, those without a rank last. Two may have one name."""
        if kind not in self._of_kind:
            asked = [plugin.key for plugin in self._plugins.in_use() if _HOOKS[kind] in plugin.hooks]
            offered = [each for key in asked for each in self._collect(kind, key)]
            self._of_kind[kind] = tuple(sorted(offered, key=lambda each: (each.rank, each.plugin.key)))
        return self._of_kind[kind]

    def _collect(self, kind: str, key: str) -> Iterable[Offered]:
        components: dict[str, Component | AgentType] = {}
        for each in self._plugins.offered_by(_HOOKS[kind], key):
            problem = refusal(kind, each)
            if not problem and each.name in components:
                problem = f"it offers {kind} {each.name!r} twice"
            if problem:
                self._plugins.fail(key, problem)
            else:
                components[each.name] = each
        plugin = self._plugins.of(key)
        return [Offered(kind, component, plugin) for component in components.values()]

    def commands(self) -> tuple[click.Command, ...]:
        """The command-line commands that plugins add, sorted by name; of two with one name the first plugin's counts."""
        import click

        commands: dict[str, tuple[click.Command, Plugin]] = {}
        for plugin in sorted(self._plugins.in_use(), key=lambda each: (each.name, each.distribution)):
            for command in self._plugins.offered_by("dispatcher_commands", plugin.key):
                if not isinstance(command, click.Command) or not command.name:
                    what = f"it offered {command!r} as a command, expected a click.Command with a name"
                    self._plugins.fail(plugin.key, what)
                elif command.name in commands:
                    what = f"the command {command.name!r} is also offered by {commands[command.name][1]}: disable one"
                    self._plugins.fail(plugin.key, what)
                else:
                    commands[command.name] = (command, plugin)
        return tuple(commands[name][0] for name in sorted(commands))


def refusal(kind: str, offered: object) -> str:
    """Why something a plugin offered as a component of that kind cannot be one; ``""`` if it can."""
    expected = AgentType if kind == "agent_type" else Component
    if not isinstance(offered, Component | AgentType) or not isinstance(offered, expected):
        return f"it offered {_shown(offered)} as {kind}, expected {expected.__name__}(...)"
    return "; ".join(_problems(kind, offered))


def _problems(kind: str, component: Component | AgentType) -> Iterable[str]:
    subject = f"{kind} {component.name!r}"
    if not isinstance(component.name, str) or not _NAME.fullmatch(component.name):
        yield f"{subject}: the name is not in kebab case (my-component)"
    elif component.name in _RESERVED:
        yield f"{subject}: the name is reserved"
    if component.api != API_VERSION:
        # What else is wrong may be right in that version.
        yield (
            f"{subject} is written for version {component.api} of the plugin API, this dispatcher has version {API_VERSION}: "
            "install versions that fit each other"
        )
        return
    if not callable(component.factory):
        yield f"{subject}: the factory cannot be called"
    if component.options is not None and not (isinstance(component.options, type) and attrs.has(component.options)):
        yield f"{subject}: options is not an attrs class"
    rank = component.default_rank
    if rank is not None and (not isinstance(rank, int) or isinstance(rank, bool)):
        yield f"{subject}: default_rank is not an integer"
    if isinstance(component, AgentType):
        yield from _problems_of_agent_type(subject, component)


def _problems_of_agent_type(subject: str, component: AgentType) -> Iterable[str]:
    for name in ("task_types", "capabilities", "needs"):
        if not all(isinstance(each, str) for each in getattr(component, name)):
            yield f"{subject}: {name} does not hold texts only"
    if not component.task_types:
        yield f"{subject}: task_types is empty, so it could do nothing"
    elif len(component.task_types) > 1 and all(len(each) == 1 for each in component.task_types):
        yield f"{subject}: task_types holds single letters: give a set of texts, not one text"
    if component.pool is not None and (not isinstance(component.pool, int) or component.pool < 0):
        yield f"{subject}: pool is not a number of instances"
    for name in ("accepts", "wishes"):
        if not callable(getattr(component, name)):
            yield f"{subject}: {name} cannot be called"


def _shown(value: object) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
