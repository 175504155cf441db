"""The suite for agents finds planted faults."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.extension import AgentType
from agent_dispatcher.extension.components import Available
from agent_dispatcher.models import Artifact, ArtifactRef, Task
from agent_dispatcher.testing import AgentContract

Broken = Callable[..., dict[str, str]]
NOTE = Task(id="note", title="Write a note", type="documentation", produces=(ArtifactRef(type="path", name="note.md"),))


class Writer(BaseAgent):
    """Writes what is promised: what the faulty ones are made from."""

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        if task.type != "documentation":
            return AgentResult(status="declined", error="this is no documentation")
        context.progress(0.5, "writing")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await self.work(context)
        return self.result()

    async def work(self, context: AgentContext) -> None:
        context.workspace.write_text("note.md", "a note")

    def result(self) -> Any:
        made = Artifact(name="note", type="doc", path="note.md", task="note")
        return AgentResult(status="done", summary="wrote a note", artifacts=(made,))


class SaysDone(Writer):
    async def work(self, context: AgentContext) -> None:
        return None

    def result(self) -> Any:
        return AgentResult(status="done")


class ReturnsText(Writer):
    def result(self) -> Any:
        return "done"


class TouchesMore(Writer):
    async def work(self, context: AgentContext) -> None:
        await super().work(context)
        context.workspace.write_text("README.md", "mine now")


class WritesBeside(Writer):
    async def work(self, context: AgentContext) -> None:
        await super().work(context)
        Path("stray.txt").write_text("x")


class UsesTemporaryFiles(Writer):
    async def work(self, context: AgentContext) -> None:
        await super().work(context)
        os.close(tempfile.mkstemp()[0])


class ChangesVariables(Writer):
    async def work(self, context: AgentContext) -> None:
        await super().work(context)
        os.environ["NOTE_WRITTEN"] = "1"


class OnlyOnce(Writer):
    used = False

    async def work(self, context: AgentContext) -> None:
        if not self.used:
            await super().work(context)
        self.used = True


class BlocksTheLoop(Writer):
    async def work(self, context: AgentContext) -> None:
        time.sleep(1.3)
        await super().work(context)


class ProgressInPercent(Writer):
    async def work(self, context: AgentContext) -> None:
        context.progress(80, "nearly there")
        await super().work(context)


class SwallowsCancelling(Writer):
    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        try:
            await asyncio.sleep(0.5)
        except asyncio.CancelledError:
            return AgentResult(status="failed", error="cancelled")
        return await super().execute(task, context)


class DoesAnything(Writer):
    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        await self.work(context)
        result: AgentResult = self.result()
        return result


class NamesNoFile(Writer):
    def result(self) -> Any:
        made = Artifact(name="note", type="doc", path="elsewhere.md", task="note")
        return AgentResult(status="done", artifacts=(made,))


class AgentSuite(AgentContract):
    component: ClassVar[type[Writer]] = Writer
    accepts: ClassVar[Any] = staticmethod(
        lambda task, available: None if task.type == "documentation" else "no documentation"
    )

    def make_agent(self) -> BaseAgent:
        return self.component()

    def task(self) -> Task:
        return NOTE

    def files(self) -> dict[str, str]:
        return {"README.md": "yours"}

    def foreign_task(self) -> Task:
        return Task(id="code", title="Write code", type="code_writing")

    def agent_type(self) -> AgentType:
        return AgentType(
            name="writer", summary="Writes.", factory=lambda o, s: Writer(), task_types={"*"}, accepts=self.accepts
        )


@pytest.mark.parametrize(
    ("agent", "promise"),
    [
        (SaysDone, "test_it_does_its_task"),
        (ReturnsText, "test_its_result_can_be_recorded"),
        (NamesNoFile, "test_its_result_can_be_recorded"),
        (TouchesMore, "test_it_writes_only_what_it_promised"),
        (WritesBeside, "test_it_stays_in_its_workspace"),
        (UsesTemporaryFiles, "test_it_stays_in_its_workspace"),
        (ChangesVariables, "test_it_stays_in_its_workspace"),
        (OnlyOnce, "test_it_can_be_used_again"),
        (BlocksTheLoop, "test_the_event_loop_goes_on"),
        (ProgressInPercent, "test_progress_is_a_fraction"),
        (SwallowsCancelling, "test_cancelling_ends_it"),
        (DoesAnything, "test_foreign_tasks_are_not_done"),
    ],
)
def test_faults_of_agents_are_found(
    broken_promises: Broken, agent: type, promise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The promise that the fault breaks is reported."""
    monkeypatch.delenv("NOTE_WRITTEN", raising=False)
    assert promise in broken_promises(type("Faulty", (AgentSuite,), {"component": agent}), promise)
    os.environ.pop("NOTE_WRITTEN", None)


def test_faults_of_agent_types_are_found(broken_promises: Broken) -> None:
    """An ``accepts`` that takes everything is reported."""

    def everything(task: Task, available: Available) -> str | None:
        return None

    suite = type("Faulty", (AgentSuite,), {"accepts": staticmethod(everything)})
    assert "test_its_type_says_what_it_does" in broken_promises(suite)


def test_a_sound_agent_passes(broken_promises: Broken) -> None:
    """What the faulty ones are made from breaks nothing."""
    assert broken_promises(AgentSuite) == {}
