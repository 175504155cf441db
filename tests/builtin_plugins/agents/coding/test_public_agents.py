"""Coding agents as npm has them, in the real sandbox: ``nox -s coding_agents`` installs them and names the folder in ``CODING_AGENTS``."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.errors import BudgetExceeded
from agent_dispatcher.extension import LlmReply, LlmRequest, Services
from agent_dispatcher.extension.components import LlmBackend
from agent_dispatcher.extension.llm import ToolCall
from agent_dispatcher.llm import Budget, MeteredLlm
from agent_dispatcher.llm.budget import Cap
from agent_dispatcher.models import ArtifactRef, Task
from agent_dispatcher.testing import AgentRun, ModelServer, run_agent_async
from agent_dispatcher.testing.model_replies import Says
from agent_dispatcher.testing.model_server import Received
from agent_dispatcher_builtins.agents.coding.acp.agent import AcpAgent
from agent_dispatcher_builtins.agents.coding.command_line.agent import CommandLineAgent
from agent_dispatcher_builtins.agents.coding.options import AcpOptions, CommandLineOptions, EventRule
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

KEY = "sk-canary-of-the-user"
TASK = Task(
    id="greet",
    title="Write hello.py, one line long: it prints the word hello",
    type="code_writing",
    produces=(ArtifactRef(type="path", name="hello.py"),),
)
LINE = "print('hello')\n"


@pytest.fixture
def installed() -> Path:
    """Where the agents are."""
    folder = os.environ.get("CODING_AGENTS")
    if not folder:
        pytest.skip("CODING_AGENTS names no folder: nox -s coding_agents makes one")
    return Path(folder)


def qwen(folder: Path, services: Services) -> AcpAgent:
    """``@qwen-code/qwen-code``, over the protocol."""
    options = AcpOptions(
        command=("node", str(folder / "node_modules/@qwen-code/qwen-code/cli.js"), "--acp"),
        read_only=(folder,),
        env={"OPENAI_BASE_URL": "{base_url}/v1", "OPENAI_API_KEY": "none", "OPENAI_MODEL": "dispatcher"},
        auth_method="openai",
    )
    return AcpAgent(options, services)


def opencode(folder: Path, services: Services) -> AcpAgent:
    """``opencode-ai``, over the protocol; without ``model`` it would ask a server of its own."""
    model = "dispatcher/dispatcher"
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": "{base_url}/v1", "apiKey": "none"},
        "models": {"dispatcher": {}},
    }
    config = {"model": model, "small_model": model, "autoupdate": False, "provider": {"dispatcher": provider}}
    options = AcpOptions(
        command=(str(folder / "node_modules/opencode-linux-x64/bin/opencode"), "acp"),
        read_only=(folder,),
        home={".config/opencode/opencode.json": json.dumps(config)},
        env={"OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_LSP_DOWNLOAD": "1"},
    )
    return AcpAgent(options, services)


def pi(folder: Path, services: Services) -> CommandLineAgent:
    """``@mariozechner/pi-coding-agent``, by lines of JSON."""
    provider = {
        "baseUrl": "{base_url}/v1",
        "api": "openai-completions",
        "apiKey": "none",
        "models": [{"id": "dispatcher", "contextWindow": 32_000, "maxTokens": 1_024}],
    }
    options = CommandLineOptions(
        command=(
            *("node", str(folder / "node_modules/@mariozechner/pi-coding-agent/dist/cli.js"), "--mode", "json"),
            *("--no-session", "--model", "dispatcher/dispatcher", "{prompt}"),
        ),
        read_only=(folder,),
        home={".pi/agent/models.json": json.dumps({"providers": {"dispatcher": provider}})},
        env={"PI_OFFLINE": "1", "PI_TELEMETRY": "0"},
        events=(
            EventRule(when={"type": "tool_execution_start"}, progress="toolName"),
            EventRule(
                when={"type": "message_end", "message.role": "assistant"},
                result="message.content.0.text",
                error="message.errorMessage",
            ),
        ),
    )
    return CommandLineAgent(options, services)


def codex(folder: Path, services: Services) -> CommandLineAgent:
    """``@openai/codex``, by lines of JSON; its own sandbox is off, as it is in ours."""
    provider = '{name="dispatcher", base_url="{base_url}/v1", wire_api="responses"}'
    settings = {
        "model_provider": '"dispatcher"',
        "model": '"dispatcher"',
        "model_providers.dispatcher": provider,
        "web_search": '"disabled"',
    }
    program = folder / "node_modules/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex"
    options = CommandLineOptions(
        command=(
            *(str(program), "exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"),
            *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            "{prompt}",
        ),
        read_only=(folder,),
        events=(
            EventRule(when={"type": "item.started", "item.type": "command_execution"}, progress="item.command"),
            EventRule(when={"type": "item.completed", "item.type": "agent_message"}, result="item.text"),
            EventRule(when={"type": "turn.failed"}, error="error.message"),
        ),
    )
    return CommandLineAgent(options, services)


AGENTS = pytest.mark.parametrize("make", [qwen, opencode, pi, codex], ids=lambda make: make.__name__)


def writes(received: Received) -> Says:
    """As a model that writes the file with whatever tool it is given for that, and is content."""
    tools = {each["function"]["name"]: each["function"] for each in received.body.get("tools") or ()}
    tool = tools.get("write_file") or tools.get("write") or tools.get("exec_command")
    messages = received.body["messages"]
    if tool is None or messages[-1]["role"] == "tool":
        return Says(text="hello.py is written.")
    if tool["name"] == "exec_command":
        command = json.dumps({"cmd": f'printf "%s\\n" "{LINE.strip()}" > hello.py'})
        return Says(tool_calls=(ToolCall(id="call_1", name="exec_command", arguments=command),))
    names = tool["parameters"]["properties"]
    path = next(name for name in ("file_path", "filePath", "path") if name in names)
    folder = re.search(r"(/[^\s\"'<>`]*/work)\b", json.dumps(messages))
    assert folder is not None, "no agent fails to tell the model where it is"
    arguments = json.dumps({path: f"{folder[1]}/hello.py", "content": LINE})
    return Says(tool_calls=(ToolCall(id="call_1", name=tool["name"], arguments=arguments),))


class Overheard:
    """A backend, and what it answered."""

    def __init__(self, backend: LlmBackend) -> None:
        self.backend = backend
        self.replies: list[LlmReply] = []

    async def complete(self, request: LlmRequest) -> LlmReply:
        """As the backend does."""
        reply = await self.backend.complete(request)
        self.replies.append(reply)
        return reply


def _run(agent: Any, tmp_path: Path, sandbox: Bubblewrap, llm: LlmBackend) -> AgentRun:
    return asyncio.run(run_agent_async(agent, TASK, folder=tmp_path / "work", sandbox=sandbox, llm=llm))


@AGENTS
def test_it_does_a_task(
    make: Callable[[Path, Services], Any],
    installed: Path,
    isolated: Bubblewrap,
    services: Callable[..., Services],
    connect: Callable[..., LlmBackend],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """From the prompt to the file, with every call counted and the user's key outside."""
    monkeypatch.setenv("CODING_KEY", KEY)
    with ModelServer(writes) as server:
        meter = MeteredLlm(connect(server, api_key_env="CODING_KEY"), "openai", Budget(run=Cap(tokens=1_000_000)))
        run = _run(make(installed, services()), tmp_path, isolated, meter)
        requests = list(server.requests)
    assert run.result.status == "done", run.result
    assert run.files == {"hello.py": LINE}
    assert run.progress
    assert "hello.py is written." in run.result.summary
    assert len(requests) == len(meter.calls) >= 2
    assert {f"Bearer {KEY}"} == {each.headers["authorization"] for each in requests}
    assert KEY not in json.dumps([dict(each.body) for each in requests])


@AGENTS
def test_a_cap_holds(
    make: Callable[[Path, Services], Any],
    installed: Path,
    isolated: Bubblewrap,
    services: Callable[..., Services],
    tmp_path: Path,
) -> None:
    """Whatever the agent does about a refusal, the model is not asked, and the attempt ends by the budget."""

    class Never:
        async def complete(self, request: Any) -> LlmReply:
            raise AssertionError("the model was asked")

    meter = MeteredLlm(Never(), "never", Budget(run=Cap(tokens=500)))
    with pytest.raises(BudgetExceeded):
        _run(make(installed, services()), tmp_path, isolated, meter)
    assert meter.calls == []


@pytest.mark.local_model
def test_with_a_real_model(
    installed: Path, isolated: Bubblewrap, services: Callable[..., Services], tmp_path: Path
) -> None:
    """A small model on this machine and the agent with the shortest prompt: the file is there. A model that calls no tool cannot show that, and it is said."""
    path = os.environ.get("LOCAL_MODEL")
    if not path:
        pytest.skip("LOCAL_MODEL names no model file")
    from agent_dispatcher_builtins.llm_backends.local.backend import LocalBackend
    from agent_dispatcher_builtins.llm_backends.options import LocalOptions

    backend = Overheard(LocalBackend.open(LocalOptions(model=Path(path), context_tokens=16_384), services()))
    meter = MeteredLlm(backend, "local", Budget(run=Cap(tokens=200_000)))
    run = _run(pi(installed, services()), tmp_path, isolated, meter)
    (use,) = meter.used()
    assert use.calls - use.failed == len(backend.replies) >= 1
    assert use.output_tokens == sum(each.usage.output_tokens for each in backend.replies) > 0
    if not any(each.tool_calls for each in backend.replies):
        assert run.result.status == "failed"
        assert "without changing a file" in str(run.result.error)
        pytest.skip(f"this model calls no tools, and so wrote nothing: {backend.replies[-1].text[:200]!r}")
    assert run.result.status == "done", run.result
    assert "hello" in run.files["hello.py"]
