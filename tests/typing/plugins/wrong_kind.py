"""A reporter offered as a store, a component where an agent type is asked for, a rule where an agent is to be made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from typing_extensions import override

from agent_dispatcher.extension import AgentType, Component, DispatcherSpecs, Services, hookimpl
from agent_dispatcher.extension.components import Reporter, Store
from agent_dispatcher.models import Event, ExecutionPlan, ExecutionResult


class EmptyReporter:
    def write(
        self, result: ExecutionResult, plan: ExecutionPlan, events: Sequence[Event], folder: Path
    ) -> Sequence[Path]:
        return []


def make(options: None, services: Services) -> Reporter:
    return EmptyReporter()


class Hooks(DispatcherSpecs):
    @hookimpl
    @override
    def dispatcher_stores(self) -> Iterable[Component[Store]]:
        yield Component("empty", "Reports nothing.", make)  # finding

    @hookimpl
    @override
    def dispatcher_agent_types(self) -> Iterable[AgentType]:
        yield Component("empty", "Reports nothing.", make)  # finding
        yield AgentType(name="empty", summary="Reports nothing.", factory=make, task_types=["none"])  # finding


class Reporters(DispatcherSpecs):
    @hookimpl
    @override
    def dispatcher_workspaces(self) -> Iterable[Component[Reporter]]:  # finding
        yield Component("empty", "Reports nothing.", make)


plugins = [Hooks(), Reporters()]
