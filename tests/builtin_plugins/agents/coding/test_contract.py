"""Both agent types keep the contract of every agent."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent_dispatcher import testing
from agent_dispatcher.agents import BaseAgent
from agent_dispatcher.config import Config
from agent_dispatcher.extension import AgentType, Services
from agent_dispatcher.extension.components import Sandbox
from agent_dispatcher.models import ArtifactRef, Task
from agent_dispatcher_builtins.agents.coding.acp.agent import AcpAgent
from agent_dispatcher_builtins.agents.coding.command_line.agent import CommandLineAgent
from agent_dispatcher_builtins.agents.coding.hooks import acp_agent_type, command_line_agent_type
from agent_dispatcher_builtins.agents.coding.options import AcpOptions, CommandLineOptions
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap

pytestmark = pytest.mark.sandbox

SERVICES = Services(log=logging.getLogger("test-agent"), data_dir=Path(), config=Config())
PROGRAM = Path(__file__).parent / "acp_program.py"


class _Suite(testing.AgentContract):
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


class TestCommandLine(_Suite):
    def make_agent(self) -> BaseAgent:
        return CommandLineAgent(CommandLineOptions(command=("/bin/sh", "-c", "cat > note.md")), SERVICES)

    def agent_type(self) -> AgentType:
        return command_line_agent_type()


class TestAcp(_Suite):
    def make_agent(self) -> BaseAgent:
        command = (sys.executable, "-c", PROGRAM.read_text(encoding="utf-8"))
        env = {"ACTS": json.dumps([["save_prompt", "note.md"]])}
        return AcpAgent(AcpOptions(command=command, env=env), SERVICES)

    def agent_type(self) -> AgentType:
        return acp_agent_type()
