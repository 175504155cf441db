"""A run that is recorded in a store, as a command finds it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.cli.main import main
from agent_dispatcher.extension import AgentType, Retry, hookimpl
from agent_dispatcher.models import Task


class Flaky(BaseAgent):
    """Does everything at the second attempt at the latest."""

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        await asyncio.sleep(0.05)
        if task.id == "store" and context.attempt == 1:
            return AgentResult(status="failed", error="the disk was not there yet")
        return AgentResult(status="done", summary="did it")


class Plugin:
    @hookimpl
    def dispatcher_agent_types(self) -> Iterator[AgentType]:
        yield AgentType(
            name="flaky",
            summary="Does anything, sometimes later.",
            factory=lambda options, services: Flaky(),
            task_types=["*"],
            default_rank=0,
        )

    @hookimpl
    def dispatcher_on_task_error(self, task: Task, attempt: int, error: str, sort: str) -> Retry:
        return Retry(delay_s=0.1)


@frozen
class Recorded:
    """Where a run is, and what it is called."""

    run: str
    output: Path


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """A completed run: ``model`` before ``store`` (failed once) before ``page``, and ``notes`` beside them."""
    config = {"use": {"workspace": "none"}, "coordinator": {"max_workers": 2}}
    dispatcher = AgentDispatcher(config, plugins=[("flaky", Plugin())])
    tasks = [
        {"id": name, "title": f"Write the {name}", "type": "odd_job"} for name in ("model", "store", "page", "notes")
    ]
    plan = dispatcher.plan_tasks(tasks, [("model", "store"), ("store", "page")], title="Shelf")
    output = tmp_path_factory.mktemp("recorded") / "out"
    result = dispatcher.execute(plan, output=output)
    assert result.status == "completed"
    return Recorded(result.run, output)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line on a terminal of 80 columns; exit code, stdout and stderr."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: Any) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([str(each) for each in arguments])
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run
