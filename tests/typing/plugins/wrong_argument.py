"""Arguments of the wrong type, in hooks and in what they are answered with."""

from __future__ import annotations

from collections.abc import Iterable

from typing_extensions import override

from agent_dispatcher.extension import Component, DispatcherSpecs, Retry, hookimpl
from agent_dispatcher.extension.components import PlanValidator
from agent_dispatcher.models import ExecutionPlan, Task


class Content:
    def problems(self, plan: ExecutionPlan) -> Iterable[str]:
        return ()


def make(options: None) -> Content:
    return Content()


class Hooks(DispatcherSpecs):
    @hookimpl
    @override
    def dispatcher_validators(self) -> Iterable[Component[PlanValidator]]:
        yield Component("content", "Is content.", make)  # finding
        yield Component("content", 7, lambda options, services: Content())  # finding

    @hookimpl
    @override
    def dispatcher_priority(self, task: str) -> float | None:  # finding
        return None

    @hookimpl
    @override
    def dispatcher_on_task_error(self, task: Task, attempt: int, error: str, sort: str) -> Retry | None:
        return Retry(delay_s="soon")  # finding


plugin = Hooks()
