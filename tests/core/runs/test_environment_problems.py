"""What commands need on a repository and cannot have is said before a run, whoever reads the repository."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.errors import Unavailable
from agent_dispatcher.extension import AgentType, Component, Environment, hookimpl
from agent_dispatcher.models import Task


class _Writer(BaseAgent):
    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        raise AssertionError("nothing is run")


class _Unreadable:
    """A language that cannot read what the repository asks for."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    def __getattr__(self, name: str) -> object:
        return lambda *_, **__: None

    async def environment(self, tree: Path) -> Environment:
        if self._error is not None:
            raise self._error
        return Environment()


class _Plugin:
    def __init__(self, error: Exception | None) -> None:
        self._error = error

    @hookimpl
    def dispatcher_languages(self) -> Iterable[Component]:
        yield Component("tongue", "A language.", lambda options, services: _Unreadable(self._error), default_rank=1)

    @hookimpl
    def dispatcher_agent_types(self) -> Iterable[AgentType]:
        yield AgentType(
            name="writer",
            summary="Writes.",
            task_types=frozenset({"code_writing"}),
            factory=lambda options, services: _Writer(),
            needs=frozenset({"sandbox"}),
        )


@pytest.mark.parametrize(
    ("error", "said", "remedy"),
    [
        (None, None, None),
        (Unavailable("no registry answers", remedy="see the network"), "as it is: no registry answers", "the network"),
        (ValueError("unknown marker"), "failed with ValueError: unknown marker", "author of the language's plugin"),
    ],
    ids=["has all", "says why not", "breaks"],
)
def test_what_the_repository_cannot_have_is_a_problem(
    tmp_path: Path, error: Exception | None, said: str | None, remedy: str | None
) -> None:
    """With the reason and what to do; a plugin that breaks there is one problem more and no crash."""
    dispatcher = AgentDispatcher(
        {"use": {"language": "tongue", "agent_types": ["writer"], "checks": []}}, plugins=[("tongue", _Plugin(error))]
    )
    plan = dispatcher.plan_tasks([{"id": "a", "title": "A", "type": "code_writing"}])
    found = [each for each in dispatcher.problems(plan, output=tmp_path) if "commands cannot run" in each.what]
    assert len(found) == (said is not None)
    for each in found:
        assert str(said) in each.what and str(remedy) in each.remedy
