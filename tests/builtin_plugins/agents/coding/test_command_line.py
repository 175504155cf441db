"""A real command as an agent, in the real sandbox."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_dispatcher.errors import Unavailable
from agent_dispatcher.extension import Services
from agent_dispatcher.testing import AgentRun, ModelServer, ScriptedBackend, run_agent_async
from agent_dispatcher_builtins.agents import coding
from agent_dispatcher_builtins.agents.coding.command_line.agent import CommandLineAgent
from agent_dispatcher_builtins.agents.coding.options import CodingAgentOptions, CommandLineOptions, EventRule
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap
from agent_dispatcher_builtins.sandboxes.unprotected import Unprotected

pytestmark = pytest.mark.sandbox

Drive = Callable[..., AgentRun]
Failed = Callable[[AgentRun], str]

RULES = (
    EventRule(when={"type": "step"}, progress="text"),
    EventRule(when={"type": "end"}, result="text", input_tokens="used.in", output_tokens="used.out"),
    EventRule(when={"type": "error"}, error="text"),
)
PROGRAM = """
import json, sys, pathlib
prompt = sys.stdin.read() if len(sys.argv) < 2 else sys.argv[1]
print(json.dumps({"type": "step", "text": "reading"}), flush=True)
pathlib.Path("prompt.txt").write_text(prompt)
print("not json")
print(json.dumps({"type": "end", "text": "wrote it", "used": {"in": 40, "out": 2}}))
"""
ASK = """
import json, os, urllib.request
body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]}).encode()
request = urllib.request.Request(os.environ["URL"] + "/v1/chat/completions", body, {"Authorization": "Bearer mine"})
said = json.load(urllib.request.urlopen(request, timeout=20))["choices"][0]["message"]["content"]
open("said.txt", "w").write(said)
print(json.dumps({"type": "end", "text": "asked", "used": {"in": 40, "out": 2}}))
"""


@pytest.mark.parametrize("given", [(), ("{prompt}",)])
def test_a_command_is_told_and_heard(command_line: Drive, given: tuple[str, ...]) -> None:
    """The prompt comes by input or by argument; lines become progress and result; what the command says about tokens is not believed where calls are counted."""
    run = command_line(sys.executable, "-c", PROGRAM, *given, options={"events": RULES}, llm=ScriptedBackend([]))
    assert run.result.status == "done", run.result
    assert "Do as the test says" in run.files["prompt.txt"]
    assert [text for _, text in run.progress] == ["reading"]
    assert run.result.summary == "wrote prompt.txt; asked the model 0 times: wrote it"
    assert run.result.tokens == 0


def test_the_exit_code_counts(command_line: Drive, failed: Failed) -> None:
    """A command that fails has failed, also with files in the folder, and its last words are the reason."""
    assert "code 3: oh no" in failed(command_line("/bin/sh", "-c", "echo x > a; echo oh no >&2; exit 3"))
    assert command_line("/bin/sh", "-c", "echo y > a; exit 3", options={"good_codes": (3,)}).result.status == "done"


def test_a_line_that_says_so_is_a_failure(command_line: Drive, failed: Failed) -> None:
    """Exit code 0 is not success when the program says that it failed."""
    line = '{"type": "error", "text": "no idea"}'
    assert failed(command_line("/bin/sh", "-c", f"echo x > a; echo '{line}'", options={"events": RULES})) == "no idea"


def test_nothing_outlives_the_attempt(command_line: Drive) -> None:
    """What a command leaves behind in the background ends with it, and is not waited for."""
    began = time.monotonic()
    options = {"env": {"MARK": f"left-behind-{os.getpid()}"}}
    run = command_line("/bin/sh", "-c", "setsid sleep 300 >/dev/null 2>&1 & echo $! > started", options=options)
    assert run.result.status == "done", run.result
    assert int(run.files["started"]) > 1
    ended = time.monotonic()
    assert ended - began < 30
    while left := [each for each in Path("/proc").glob("[0-9]*/environ") if options["env"]["MARK"] in _text(each)]:
        assert time.monotonic() - ended < 10, left
        time.sleep(0.02)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def test_each_attempt_has_a_home_of_its_own(command_line: Drive) -> None:
    """With the files the options put there, and nothing from the attempt before."""
    options = {"home": {".config/agent.json": '{"url": "{base_url}", "at": "{folder}"}'}}
    command = (
        "/bin/sh",
        "-c",
        'cat "$HOME/.config/agent.json" > "$RANDOM-config"; ls -A "$HOME" > list; touch "$HOME/left"',
    )
    for _ in range(2):
        run = command_line(*command, options=options, llm=ScriptedBackend([]))
        assert run.files["list"] == ".config\n"
    config = next(text for path, text in run.files.items() if path.endswith("-config"))
    assert config.startswith('{"url": "http://127.0.0.1:')
    assert '/work"}' in config


def test_there_is_no_network(command_line: Drive, failed: Failed) -> None:
    """A program that needs no model is given no server, and reaches nothing."""
    run = command_line(sys.executable, "-c", "import socket; socket.create_connection(('1.1.1.1', 80), 2)")
    assert "unreachable" in failed(run)


def test_a_program_that_wants_a_model_is_not_started_without_one(command_line: Drive, failed: Failed) -> None:
    """The reason is the configuration, and not whatever the program makes of an empty address."""
    run = command_line("/bin/sh", "-c", "touch a", options={"env": {"URL": "{base_url}"}})
    assert "[use] llm" in failed(run)
    assert (run.files, run.result.permanent) == ({}, True)


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.05, 0.2, 0.6])
def test_cancelled_at_any_moment_nothing_is_left(
    isolated: Bubblewrap,
    services: Callable[..., Services],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    after_s: float,
) -> None:
    """No task, no descriptor, no folder: whether the program was still being started, or at work."""
    agent = CommandLineAgent(CommandLineOptions(command=("/bin/sh", "-c", "sleep 60")), services())

    async def cancel() -> int:
        attempt = asyncio.ensure_future(
            run_agent_async(agent, folder=tmp_path / "w", sandbox=isolated, llm=ScriptedBackend([]))
        )
        await asyncio.sleep(after_s)
        attempt.cancel()
        await asyncio.wait({attempt}, timeout=10)
        assert attempt.cancelled()
        return len(asyncio.all_tasks())

    asyncio.run(asyncio.sleep(0))
    with tempfile.TemporaryDirectory() as places:  # a short path: sockets lie in it
        monkeypatch.setattr(tempfile, "tempdir", places)
        descriptors = _descriptors()
        assert asyncio.run(cancel()) == 1
        assert _descriptors() == descriptors
        assert not list(Path(places).glob("ad-*/session"))
        monkeypatch.undo()


def test_past_the_count_only_where_it_is_allowed(command_line: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request reaches the configured server with the user's key in place of the program's; the result says that nobody counted."""
    monkeypatch.setenv("UNMETERED_KEY", "sk-canary-unmetered")
    with ModelServer(["past the count"]) as server:
        options = {
            "unmetered_url": server.origin,
            "unmetered_key_env": "UNMETERED_KEY",
            "events": RULES,
            "env": {"URL": "{base_url}"},
        }
        command = (sys.executable, "-c", ASK)
        with pytest.raises(Unavailable, match="allow_unmetered"):
            command_line(*command, options=options)
        run = command_line(*command, options=options, budget={"allow_unmetered": True})
        (request,) = server.requests
    assert run.files["said.txt"] == "past the count"
    assert request.headers["authorization"] == "Bearer sk-canary-unmetered"
    assert "past count and budget" in run.result.summary
    assert run.result.tokens == 42


def test_without_a_sandbox_that_isolates_nothing_is_run(services: Callable[..., Services], tmp_path: Path) -> None:
    """Also where the user's flag lets other commands run without one: a coding agent is not."""
    agent = CommandLineAgent(CommandLineOptions(command=("/bin/sh", "-c", "echo x > a")), services())
    run = asyncio.run(run_agent_async(agent, folder=tmp_path / "w", sandbox=Unprotected()))
    assert (run.result.status, run.result.permanent, run.files) == ("failed", True, {})
    assert "tier none" in str(run.result.error)


@pytest.mark.parametrize(
    "options",
    [
        {"command": ()},
        {"read_only": (Path("relative"),)},
        {"home": {"../escape": ""}},
        {"home": {"/etc/passwd": ""}},
        {"env": {"a b": ""}},
        {"unmetered_url": "ftp://example.org"},
        {"unmetered_url": "https://user@example.org"},
        {"unmetered_key_env": "no name"},
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, object]) -> None:
    """Before anything is started."""
    with pytest.raises(ValueError):
        CommandLineOptions(**{"command": ("agent",), **options})  # type: ignore[arg-type]
    assert CodingAgentOptions(command=("agent",)).unmetered_url == ""


def test_what_is_not_read_does_not_take_along_what_was_said(tmp_path: Path) -> None:
    """An agent that ends without reading all it was told is heard, also by a dispatcher that was busy meanwhile."""
    text = Path(coding.__file__).with_name("_inside.py").read_text(encoding="utf-8")
    wanted = {"command": ["/bin/sh", "-c", "echo said it"], "env": {}, "home": {}, "memory_bytes": None}

    async def session() -> bytes:
        heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(json.dumps(wanted).encode() + b"\n" + b"much to read\n" * 400_000)
            writer.write_eof()
            time.sleep(1)  # busy: the loop stands still
            try:
                heard.set_result(await reader.read())
            except OSError as error:
                heard.set_exception(error)
            writer.close()

        server = await asyncio.start_unix_server(serve, tmp_path / "socket")
        words = (sys.executable, "-I", "-S", "-c", text, str(tmp_path / "socket"))
        process = await asyncio.create_subprocess_exec(*words, cwd=tmp_path)
        said = await asyncio.wait_for(heard, 60)
        await process.wait()
        server.close()
        return said

    assert asyncio.run(session()) == b"said it\n"
