"""Components that lack what the contract asks for, or have it in another shape."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from typing_extensions import override

from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.extension import Component, DispatcherSpecs, Services, hookimpl
from agent_dispatcher.extension.components import Check, DependencyRule, PlanningContext, Reporter, Requires
from agent_dispatcher.models import ExecutionPlan, Specification, Task


class HalfCheck:
    def applies(self, task: Task | None, plan: ExecutionPlan) -> bool:
        return True


class BlockingRule:
    def find(self, tasks: Sequence[Task], specification: Specification, context: PlanningContext) -> list[Requires]:
        return []


class PoorReporter:
    def write(self, plan: ExecutionPlan, folder: Path) -> Sequence[Path]:
        return []


class BlockingAgent(BaseAgent):
    @override
    def execute(self, task: Task, context: AgentContext) -> AgentResult:  # finding
        return AgentResult(status="done")


def make_check(options: None, services: Services) -> HalfCheck:
    return HalfCheck()


def make_rule(options: None, services: Services) -> BlockingRule:
    return BlockingRule()


def make_reporter(options: None, services: Services) -> PoorReporter:
    return PoorReporter()


class Hooks(DispatcherSpecs):
    @hookimpl
    @override
    def dispatcher_checks(self) -> Iterable[Component[Check]]:
        yield Component("half", "Never looks.", make_check)  # finding

    @hookimpl
    @override
    def dispatcher_dependency_rules(self) -> Iterable[Component[DependencyRule]]:
        yield Component("blocking", "Does not await.", make_rule)  # finding

    @hookimpl
    @override
    def dispatcher_reporters(self) -> Iterable[Component[Reporter]]:
        yield Component("poor", "Knows no result.", make_reporter)  # finding


plugin = Hooks()
