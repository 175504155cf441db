"""A plugin as it should be: every sort of hook, a component with all of its methods, an agent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from attrs import frozen
from typing_extensions import override

from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.extension import AgentType, Component, DispatcherSpecs, Fail, Retry, Services, hookimpl
from agent_dispatcher.extension.components import DependencyRule, PlanningContext, Reporter, Requires
from agent_dispatcher.models import Event, ExecutionPlan, ExecutionResult, Specification, Task


@frozen(kw_only=True)
class Options:
    title: str = "Tasks"


class CountReporter:
    def __init__(self, options: Options) -> None:
        self._options = options

    def write(
        self, result: ExecutionResult, plan: ExecutionPlan, events: Sequence[Event], folder: Path
    ) -> Sequence[Path]:
        path = folder / "count.txt"
        path.write_text(f"{self._options.title}: {len(plan.tasks)}\n", encoding="utf-8")
        return [path]


class NameRule:
    async def find(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Iterable[Requires]:
        return [Requires("setup", task.id) for task in tasks if task.id != "setup"]


class NoteAgent(BaseAgent):
    @override
    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        context.workspace.write_text("note.md", task.title)
        return AgentResult(status="done")


def make_reporter(options: Options, services: Services) -> Reporter:
    return CountReporter(options)


def make_rule(options: None, services: Services) -> NameRule:
    return NameRule()


def make_agent(options: None, services: Services) -> NoteAgent:
    return NoteAgent()


class Hooks(DispatcherSpecs):
    @hookimpl
    @override
    def dispatcher_reporters(self) -> Iterable[Component[Reporter]]:
        yield Component("count", "Counts tasks.", make_reporter, options=Options)

    @hookimpl
    @override
    def dispatcher_dependency_rules(self) -> Iterable[Component[DependencyRule]]:
        yield Component("names", "Puts the set-up first.", make_rule, default_rank=70)

    @hookimpl
    @override
    def dispatcher_agent_types(self) -> Iterable[AgentType]:
        yield AgentType(name="noter", summary="Writes notes.", factory=make_agent, task_types=["note"])

    @hookimpl
    @override
    def dispatcher_on_task_error(self, task: Task, attempt: int, error: str, sort: str) -> Retry | Fail | None:
        return Retry(delay_s=1.0) if attempt < 3 else Fail()

    @hookimpl
    @override
    def dispatcher_priority(self, task: Task) -> float | None:
        return 1.0 if task.type == "note" else None

    @hookimpl
    @override
    def dispatcher_events(self, events: Sequence[Event]) -> None:
        print(len(events))


plugin = Hooks()
