"""A coding agent keeps the contract of every agent; how it is talked to makes no difference to that."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent_dispatcher import testing
from agent_dispatcher.agents import BaseAgent
from agent_dispatcher.config import Config
from agent_dispatcher.extension import AgentType, Services
from agent_dispatcher.extension.components import Sandbox
from agent_dispatcher.models import ArtifactRef, Task
from agent_dispatcher_builtins.agents.coding.command_line.agent import CommandLineAgent
from agent_dispatcher_builtins.agents.coding.hooks import command_line_agent_type
from agent_dispatcher_builtins.agents.coding.options import CommandLineOptions
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap

pytestmark = pytest.mark.sandbox

SERVICES = Services(log=logging.getLogger("test-agent"), data_dir=Path(), config=Config())


class TestCommandLine(testing.AgentContract):
    def make_sandbox(self) -> Sandbox:
        return Bubblewrap()

    def files(self) -> Mapping[str, str]:
        return {"old.py": "x = 1\n"}

    def task(self) -> Task:
        return Task(
            id="note",
            title="Write a note",
            type="documentation",
            produces=(ArtifactRef(type="path", name="note.md"),),
        )

    def make_agent(self) -> BaseAgent:
        return CommandLineAgent(CommandLineOptions(command=("/bin/sh", "-c", "cat > note.md")), SERVICES)

    def agent_type(self) -> AgentType:
        return command_line_agent_type()
