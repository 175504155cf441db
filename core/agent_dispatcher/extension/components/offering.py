"""What every component is offered with, and what its factory is given."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from attrs import frozen

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    #: What a component's factory makes.
    _Made_co = TypeVar("_Made_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    _Made_co = TypeVar("_Made_co", covariant=True)

__all__ = ["API_VERSION", "Component", "Services"]

#: Version of the contracts in this package. A component says which one it was written for.
API_VERSION = 1


def _nothing_else(kind: str, name: str) -> Any:
    raise LookupError(f"no {kind} {name!r}: these services belong to no lifetime")


@frozen(kw_only=True)
class Services:
    """What the core gives a factory.

    Attributes:
        log: a logger named after the component.
        data_dir: where the component may keep files: ``<output>/.dispatcher`` for the kinds that live as long as a run (stores,
            workspaces, executors, sandboxes, message buses, agents), ``agent-dispatcher/components`` of the user's state folder for the others. It may not exist yet.
        config: the whole configuration (a :class:`agent_dispatcher.config.Config`).
        component: ``component(kind, name)`` gives another component of the same lifetime, created when it is first asked for; for
            components that stand before another one. Raises as a factory does.
    """

    log: logging.Logger
    data_dir: Path
    config: Any
    component: Callable[[str, str], Any] = _nothing_else


@frozen
class Component(Generic[_Made_co]):
    """Something a plugin offers under a name; configuration chooses by that name.

    Type checkers know it by what its factory makes: offering ``Component[Reporter]`` as a store is an error they find.

    Attributes:
        name: kebab case, unique in its kind.
        summary: one sentence.
        factory: called as ``factory(options, services)`` when the component is first needed; does the heavy imports;
            raises :class:`agent_dispatcher.errors.Unavailable` when it cannot work here.
        options: an attrs class its configuration table is structured into; ``None`` when it has no options.
        api: the :data:`API_VERSION` it was written for.
        default_rank: orders components when configuration names none, lowest first; ``None`` means only by name.
    """

    name: str
    summary: str
    factory: Callable[[Any, Services], _Made_co]
    options: type | None = None
    api: int = API_VERSION
    default_rank: int | None = None
