"""A proxy that real clients talk to, a sandbox that has proved itself, and coding agents that do as they are told."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.agents import AgentResult
from agent_dispatcher.config import Config
from agent_dispatcher.config.values import BudgetSettings
from agent_dispatcher.errors import SandboxUnavailable
from agent_dispatcher.extension import Services
from agent_dispatcher.extension.components import LlmBackend
from agent_dispatcher.models import Task
from agent_dispatcher.testing import AgentRun, ModelServer, run_agent_async
from agent_dispatcher_builtins.agents.coding.acp.agent import AcpAgent
from agent_dispatcher_builtins.agents.coding.command_line.agent import CommandLineAgent
from agent_dispatcher_builtins.agents.coding.options import AcpOptions, CommandLineOptions
from agent_dispatcher_builtins.agents.coding.proxy.server import ModelProxy
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap

Serve = Callable[..., AbstractAsyncContextManager[tuple[ModelProxy, str]]]
Drive = Callable[..., AgentRun]
HERE = Path(__file__).parent


@pytest.fixture
def serve() -> Serve:
    """``async with serve(backend, ...) as (proxy, origin)``: a proxy on loopback."""

    @asynccontextmanager
    async def make(backend: LlmBackend, **limits: int) -> AsyncIterator[tuple[ModelProxy, str]]:
        proxy = ModelProxy(backend, **limits)
        server = await asyncio.start_server(proxy.connections.serve, "127.0.0.1", 0)
        async with server:
            yield proxy, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            await proxy.connections.aclose()

    return make


@pytest.fixture(scope="session")
def isolated() -> Bubblewrap:
    """A sandbox that has proved itself."""
    sandbox = Bubblewrap()
    try:
        asyncio.run(sandbox.probe())
    except SandboxUnavailable as error:
        if os.environ.get("CI") or "does not isolate" in str(error):
            pytest.fail(f"the sandbox must work here: {error}")
        pytest.skip(str(error))
    return sandbox


@pytest.fixture
def services() -> Callable[..., Services]:
    """``services(**budget)``: what a factory is given."""

    def make(**budget: Any) -> Services:
        config = Config(budget=BudgetSettings(**budget))
        return Services(log=logging.getLogger("test-agent"), data_dir=Path(), config=config)

    return make


@pytest.fixture
def connect() -> Callable[..., LlmBackend]:
    """``connect(server, **options)``: the backend ``openai`` for a server of the test."""
    pytest.importorskip("openai", reason="pip install 'agent-dispatcher[openai]'")
    from agent_dispatcher_builtins.llm_backends.openai.backend import OpenAIBackend
    from agent_dispatcher_builtins.llm_backends.options import OpenAIOptions

    def make(server: ModelServer, **options: Any) -> LlmBackend:
        services = Services(log=logging.getLogger("test-backend"), data_dir=Path(), config=Config())
        return OpenAIBackend.open(OpenAIOptions(model="m", base_url=server.base_url, **options), services)

    return make


@pytest.fixture
def acp(isolated: Bubblewrap, services: Callable[..., Services], tmp_path: Path) -> Drive:
    """``acp(*acts, **more)``: what comes of a task when an agent over the protocol does these acts, see ``acp_program.py``."""

    def drive(*acts: Any, options: dict[str, Any] | None = None, **more: Any) -> AgentRun:
        import sys

        text = (HERE / "acp_program.py").read_text(encoding="utf-8")
        model = {"MODEL_URL": "{base_url}/v1"} if "llm" in more else {}
        given = {"env": {"ACTS": json.dumps(acts), **model}, **(options or {})}
        agent = AcpAgent(AcpOptions(command=(sys.executable, "-c", text), **given), services())
        return asyncio.run(_run(agent, tmp_path / "work", isolated, **more))

    return drive


@pytest.fixture
def command_line(isolated: Bubblewrap, services: Callable[..., Services], tmp_path: Path) -> Drive:
    """``command_line(*command, options=..., budget=..., **more)``: what comes of a task when this command does it."""

    def drive(
        *command: str, options: dict[str, Any] | None = None, budget: dict[str, Any] | None = None, **more: Any
    ) -> AgentRun:
        agent = CommandLineAgent(CommandLineOptions(command=command, **(options or {})), services(**(budget or {})))
        return asyncio.run(_run(agent, tmp_path / "work", isolated, **more))

    return drive


async def _run(agent: Any, folder: Path, sandbox: Bubblewrap, task: Task | None = None, **more: Any) -> AgentRun:
    task = task or Task(id="t", title="Do as the test says", type="code_writing")
    return await run_agent_async(agent, task, folder=folder, sandbox=sandbox, **more)


@pytest.fixture
def failed() -> Callable[[AgentRun], str]:
    """``failed(run)``: why it failed."""

    def why(run: AgentRun) -> str:
        result: AgentResult = run.result
        assert result.status == "failed", result
        return str(result.error)

    return why
