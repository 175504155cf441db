"""What the tests of the rules that read prose share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from attrs import evolve

from agent_dispatcher.extension import PlanningContext, Requires
from agent_dispatcher.extension.components import DependencyRule
from agent_dispatcher.models import Specification, Task

Find = Callable[..., list[Requires]]


@pytest.fixture
def listed() -> Callable[..., Task]:
    """A task of a list: ``listed("id", "Title", "Description")``."""

    def make(name: str, title: str, description: str = "", **values: Any) -> Task:
        return Task(id=name, title=title, description=description, source=f"{name}.md:1", **values)

    return make


@pytest.fixture
def ask() -> Find:
    """What a rule says about a list of tasks that a source gives: ``ask(rule, *tasks)``; ``specification`` and ``context`` take more values."""

    def find(
        rule: DependencyRule,
        *tasks: Task,
        specification: dict[str, Any] | None = None,
        context: dict[str, Any] | None = None,
    ) -> list[Requires]:
        source = Specification(id="s", title="S", tasks=tasks)
        source = evolve(source, **(specification or {}))
        about = PlanningContext(specification=source, log=logging.getLogger("rules"), **(context or {}))
        found: Sequence[Any] = list(asyncio.run(_find(rule, tasks, source, about)))
        return list(found)

    return find


async def _find(rule: DependencyRule, tasks: Sequence[Task], source: Specification, about: PlanningContext) -> Any:
    return await rule.find(tasks, source, about)
