"""Every builtin agent passes the suite that authors of agents use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from agent_dispatcher.agents import BaseAgent, SyncAgent
from agent_dispatcher.extension import AgentType
from agent_dispatcher.extension.components import Sandbox
from agent_dispatcher.models import ArtifactRef, Specification, Task
from agent_dispatcher.testing import AgentContract
from agent_dispatcher_builtins.agents.code_writer.agent import CodeWriterAgent
from agent_dispatcher_builtins.agents.code_writer.hooks import code_writer
from agent_dispatcher_builtins.agents.researcher.agent import ResearcherAgent
from agent_dispatcher_builtins.agents.researcher.hooks import researcher
from agent_dispatcher_builtins.agents.tester.agent import TesterAgent
from agent_dispatcher_builtins.agents.tester.hooks import tester
from agent_dispatcher_builtins.languages.python.language import Python
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap


def _path(name: str) -> ArtifactRef:
    return ArtifactRef(type="path", name=name)


class AgentSuite(AgentContract):
    kind: ClassVar[str] = "code_writing"
    read: Specification

    @pytest.fixture(autouse=True)
    def _read(self, shelf: Specification) -> None:
        type(self).read = shelf

    def specification(self) -> Specification:
        return self.read

    def tasks(self) -> list[Task]:
        layout = Python().layout(self.read)
        assert layout is not None
        return [
            Task(
                id=module.name,
                title=module.title,
                type=module.type,
                requirements=module.requirements,
                produces=tuple(_path(path) for path in module.paths) + module.produces,
                verifies=module.verifies,
            )
            for module in layout.modules
        ]

    def task(self) -> Task:
        return next(task for task in self.tasks() if task.type == self.kind)

    def context(self) -> Mapping[str, Any]:
        return {"language": Python(), "promised": {task.id: task.produces for task in self.tasks()}}


class TestCodeWriter(AgentSuite):
    def make_agent(self) -> BaseAgent | SyncAgent:
        return CodeWriterAgent()

    def agent_type(self) -> AgentType:
        return next(iter(code_writer.dispatcher_agent_types()))


@pytest.mark.sandbox
class TestTester(AgentSuite):
    kind: ClassVar[str] = "testing"

    def make_agent(self) -> BaseAgent | SyncAgent:
        return TesterAgent()

    def make_sandbox(self) -> Sandbox:
        return Bubblewrap()

    def agent_type(self) -> AgentType:
        return next(iter(tester.dispatcher_agent_types()))


class TestResearcher(AgentContract):
    def make_agent(self) -> BaseAgent | SyncAgent:
        return ResearcherAgent()

    def agent_type(self) -> AgentType:
        return next(iter(researcher.dispatcher_agent_types()))

    def files(self) -> Mapping[str, str]:
        return {"pyproject.toml": '[project]\nname = "shelf"\ndependencies = ["attrs>=25"]\n'}

    def task(self) -> Task:
        return Task(id="facts", title="Research attrs", type="research", produces=(_path("docs/facts.md"),))

    def foreign_task(self) -> Task:
        return Task(id="code", title="Be kind", type="research", produces=(_path("src/kind.py"),))
