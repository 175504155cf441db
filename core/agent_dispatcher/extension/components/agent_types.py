"""Agent types: what planning knows of an agent before there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ...models import Specification, Task
from .offering import API_VERSION, Services

if TYPE_CHECKING:
    from ...agents.base_agent import BaseAgent, SyncAgent

__all__ = ["AgentType", "Available", "Wishes"]


def _names(values: Iterable[str]) -> frozenset[str]:
    return frozenset(values)


@frozen(kw_only=True)
class Available:
    """What a task could count on: names of tools, capabilities and backends that are active here.

    Attributes:
        specification: the specification of the plan.
        language: name of the language the work is done in.
        llm: name of the active model backend, ``None`` without one.
        capabilities: whatever else is there, e.g. ``sandbox``.
    """

    specification: Specification
    language: str = ""
    llm: str | None = None
    capabilities: frozenset[str] = frozenset()


@frozen(kw_only=True)
class Wishes:
    """What an agent type's options ask of planning.

    Attributes:
        language: the programming language to plan for when the specification names none, ``""`` for no wish.
        leave_out: task types that are not to be planned.
    """

    language: str = ""
    leave_out: frozenset[str] = field(default=frozenset(), converter=_names)


def _no_wishes(options: Any) -> Wishes:
    return Wishes()


def _accept_all(task: Task, available: Available) -> str | None:
    return None


@frozen(kw_only=True)
class AgentType:
    """A kind of agent. ``factory(options, services)`` gives one instance, a
    :class:`agent_dispatcher.agents.BaseAgent` or :class:`agent_dispatcher.agents.SyncAgent`.

    Attributes:
        task_types: the task types it does; ``*`` stands for any.
        capabilities: what it can do beyond its task types.
        needs: what must be there: ``llm``, ``sandbox`` or names of capabilities.
        pool: how many instances to keep, ``None`` for the configured default.
        accepts: pure; ``None`` when it can do this task, else the reason why not.
        wishes: pure; what the options (an instance of ``options``) ask of planning.
        default_rank: the first in rank that accepts a task gets it.
    """

    name: str
    summary: str
    factory: Callable[[Any, Services], BaseAgent | SyncAgent]
    task_types: frozenset[str] = field(converter=_names)
    capabilities: frozenset[str] = field(default=frozenset(), converter=_names)
    needs: frozenset[str] = field(default=frozenset(), converter=_names)
    pool: int | None = None
    accepts: Callable[[Task, Available], str | None] = _accept_all
    wishes: Callable[[Any], Wishes] = _no_wishes
    options: type | None = None
    api: int = API_VERSION
    default_rank: int | None = None
