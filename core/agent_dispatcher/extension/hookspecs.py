"""The hooks. Each *offers* components (called once per dispatcher and plugin, in the dispatcher's process, when a name of that kind is
first looked up), *asks* for an opinion, or *tells* what happened.

An offer yields components and does no work: heavy imports belong into a component's ``factory``. A plugin whose hook raises is recorded as failed
with the reason and harms no other. Nothing depends on the order in which plugins are called, except among the asking hooks, where
the first opinion wins and ``tryfirst`` / ``trylast`` apply.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import pluggy

from ..models import Event, Task
from .components import (
    AgentType,
    Check,
    Component,
    Decomposer,
    DependencyRule,
    Executor,
    Fail,
    Language,
    LlmBackend,
    MessageBusComponent,
    PlanValidator,
    Reporter,
    Reroute,
    Retry,
    Sandbox,
    SpecificationFormat,
    Store,
    Workspace,
)

if TYPE_CHECKING:
    import click

__all__ = ["OFFERS", "PROJECT", "DispatcherSpecs", "hookimpl", "hookspec"]

#: pluggy's project name.
PROJECT = "agent_dispatcher"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

#: Offering hook -> the kind of component it offers, as configuration and error messages name it.
OFFERS: dict[str, str] = {
    "dispatcher_specification_formats": "specification_format",
    "dispatcher_decomposers": "decomposer",
    "dispatcher_dependency_rules": "dependency_rule",
    "dispatcher_agent_types": "agent_type",
    "dispatcher_llm_backends": "llm",
    "dispatcher_stores": "store",
    "dispatcher_executors": "executor",
    "dispatcher_workspaces": "workspace",
    "dispatcher_sandboxes": "sandbox",
    "dispatcher_checks": "check",
    "dispatcher_languages": "language",
    "dispatcher_message_buses": "message_bus",
    "dispatcher_validators": "validator",
    "dispatcher_reporters": "reporter",
}


class DispatcherSpecs:
    """All hook specifications. A class plugin may inherit from it to have its signatures type-checked."""

    @hookspec
    def dispatcher_specification_formats(self) -> Iterable[Component[SpecificationFormat]]:
        """Offer readers of specification formats (:class:`SpecificationFormat`)."""
        yield from ()

    @hookspec
    def dispatcher_decomposers(self) -> Iterable[Component[Decomposer]]:
        """Offer decomposers (:class:`Decomposer`)."""
        yield from ()

    @hookspec
    def dispatcher_dependency_rules(self) -> Iterable[Component[DependencyRule]]:
        """Offer dependency rules (:class:`DependencyRule`)."""
        yield from ()

    @hookspec
    def dispatcher_agent_types(self) -> Iterable[AgentType]:
        """Offer agent types (:class:`AgentType`, not :class:`Component`)."""
        yield from ()

    @hookspec
    def dispatcher_llm_backends(self) -> Iterable[Component[LlmBackend]]:
        """Offer language-model backends (:class:`LlmBackend`)."""
        yield from ()

    @hookspec
    def dispatcher_stores(self) -> Iterable[Component[Store]]:
        """Offer stores (:class:`Store`)."""
        yield from ()

    @hookspec
    def dispatcher_executors(self) -> Iterable[Component[Executor]]:
        """Offer executors (:class:`Executor`)."""
        yield from ()

    @hookspec
    def dispatcher_workspaces(self) -> Iterable[Component[Workspace]]:
        """Offer workspaces (:class:`Workspace`)."""
        yield from ()

    @hookspec
    def dispatcher_sandboxes(self) -> Iterable[Component[Sandbox]]:
        """Offer sandboxes (:class:`Sandbox`)."""
        yield from ()

    @hookspec
    def dispatcher_checks(self) -> Iterable[Component[Check]]:
        """Offer checks (:class:`Check`)."""
        yield from ()

    @hookspec
    def dispatcher_languages(self) -> Iterable[Component[Language]]:
        """Offer programming languages (:class:`Language`)."""
        yield from ()

    @hookspec
    def dispatcher_message_buses(self) -> Iterable[Component[MessageBusComponent]]:
        """Offer message buses (:class:`MessageBusComponent`)."""
        yield from ()

    @hookspec
    def dispatcher_validators(self) -> Iterable[Component[PlanValidator]]:
        """Offer validators of plans (:class:`PlanValidator`)."""
        yield from ()

    @hookspec
    def dispatcher_reporters(self) -> Iterable[Component[Reporter]]:
        """Offer reporters (:class:`Reporter`)."""
        yield from ()

    @hookspec
    def dispatcher_commands(self) -> Iterable[click.Command]:
        """Offer commands for ``agent-dispatcher``; called only when a command is looked up that is not the dispatcher's own, or for the list of all."""
        yield from ()

    @hookspec(firstresult=True)
    def dispatcher_route_task(self, task: Task, candidates: Sequence[str]) -> str | None:
        """Choose the agent type for a task among ``candidates`` (those that accept it, in rank); ``None`` is no opinion. Called once per task at validation."""

    @hookspec(firstresult=True)
    def dispatcher_on_task_error(
        self, task: Task, attempt: int, error: str, sort: str
    ) -> Retry | Reroute | Fail | None:
        """Decide what follows a failed attempt; ``None`` is no opinion. Called once per failure; the answer enters the engine inside the event.

        ``sort`` is one of ``transient``, ``rate_limit``, ``outage``, ``permanent``, ``poison`` and ``budget``; an implementation may leave it out of
        its arguments.
        """

    @hookspec(firstresult=True)
    def dispatcher_priority(self, task: Task) -> float | None:
        """A priority for a task, higher first; ``None`` is no opinion. Called once per task when a run starts."""

    @hookspec
    def dispatcher_events(self, events: Sequence[Event]) -> None:
        """See a batch of events after it was recorded. Called in order, once per batch and plugin; the result is ignored, an exception is logged."""
