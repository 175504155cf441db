"""A real agent of the Agent Client Protocol, in the real sandbox."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.errors import BackendError, BudgetExceeded
from agent_dispatcher.extension import Services
from agent_dispatcher.llm import Budget, MeteredLlm
from agent_dispatcher.llm.budget import Cap
from agent_dispatcher.models import ArtifactRef, Task
from agent_dispatcher.testing import AgentRun, ModelServer, ScriptedBackend, run_agent_async
from agent_dispatcher_builtins.agents.coding.acp.agent import AcpAgent
from agent_dispatcher_builtins.agents.coding.options import AcpOptions
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap

pytest.importorskip("acp", reason="pip install 'agent-dispatcher[acp]'")
pytestmark = pytest.mark.sandbox

Drive = Callable[..., AgentRun]
Failed = Callable[[AgentRun], str]
KEY = "sk-canary-3f9a77c1"


def _seen(run: AgentRun) -> Any:
    """What the agent saw, by its last message."""
    assert run.result.status == "done", run.result
    return json.loads(run.result.summary.partition(": ")[2].partition(" (refused")[0])


def test_a_session_from_prompt_to_files(acp: Drive) -> None:
    """The agent is given the task, works with files and commands of the dispatcher's, tells what it does, and what it wrote is the result."""
    run = acp(
        ["plan"],
        ["ask_write", "{cwd}/src/a.py", "print('hi')\n"],
        ["ask_read", "{cwd}/src/a.py"],
        ["terminal", "python3", "src/a.py"],
        ["terminal", "cat src/a.py | wc -l"],
        ["write", "notes.md", "by itself\n"],
        files={"old.py": "x = 1\n"},
    )
    _, _, read, ran, line, _ = _seen(run)
    assert (read, ran, line) == ("print('hi')\n", [0, "hi\n"], [0, "1\n"])
    assert {"notes.md", "old.py", "src/a.py"} == set(run.files)
    assert [(each.path, each.type) for each in run.result.artifacts] == [("notes.md", "doc"), ("src/a.py", "code")]
    assert run.progress[0] == (pytest.approx(0.5, abs=0.1), "write it")


def test_the_prompt_says_what_there_is_to_know(acp: Drive) -> None:
    """Task, promised outputs, and what was wrong the last time; the words of the task are marked as such."""
    task = Task(
        id="t",
        title="Write the page",
        description="As on the wall.",
        type="documentation",
        produces=(ArtifactRef(type="path", name="page.md"),),
    )
    prompt = acp(["save_prompt", "prompt.md"], task=task, feedback="page.md is missing").files["prompt.md"]
    assert re.search(r"\(documentation\):\n<title-\w+>\nWrite the page\n</title-", prompt)
    assert prompt.index("\n<description-") < prompt.index("As on the wall.") < prompt.index("\n</description-")
    assert "- path page.md" in prompt
    assert re.search(r"<checks-\w+>\npage.md is missing\n</checks-", prompt)


def test_permission_is_given_by_policy(acp: Drive) -> None:
    """For this once, for what lies in the folder; a refusal is in the result."""
    asked = [("edit", "{cwd}/a.py"), ("execute", ""), ("edit", "/etc/passwd"), ("fetch", "")]
    run = acp(*(["permission", *each] for each in asked), ["write", "a.py", "x"])
    assert _seen(run)[:4] == ["yes", "yes", "no", "no"]
    assert "(refused: edit /etc/passwd; fetch )" in run.result.summary


def test_what_it_asks_for_is_on_record(acp: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Permissions and files, given or refused, in their order; an agent that asks without end does not fill the record."""
    monkeypatch.setattr("agent_dispatcher_builtins.agents.coding.acp.client._MOST_ASKED", 5)
    asked: list[tuple[str, str, bool]] = []
    acts = [["permission", "execute", ""], ["permission", "fetch", ""], ["ask_write", "{cwd}/a.py", "x"]]
    acts += [["ask_read", "{cwd}/a.py"], ["ask_read", "/etc/shadow"], ["ask_read", "{cwd}/a.py"]]
    acp(*acts, asked=lambda *each: asked.append(each))
    assert [(what, granted) for what, _, granted in asked] == [
        ("permission", True),
        ("permission", False),
        ("write", True),
        ("read", True),
        ("read", False),
    ]
    assert (asked[1][1], asked[4][1]) == ("fetch ", "/etc/shadow")


def test_no_file_outside_is_written_or_read(acp: Drive, tmp_path: Path) -> None:
    """The guard answers every request, also one that looks harmless."""
    paths = ["/etc/shadow", "{cwd}/../outside.py", "{cwd}/.git/config", "{cwd}"]
    acts = [[act, path, *text] for path in paths for act, text in (("ask_write", ["gotcha"]), ("ask_read", []))]
    seen = _seen(acp(*acts, ["write", "a.py", "x"]))
    assert [each.startswith("error:") for each in seen[:-1]] == [True] * 8
    assert not (tmp_path / "outside.py").exists()


def test_commands_start_in_the_folder_only(acp: Drive) -> None:
    """A terminal elsewhere is refused, and one in the folder reaches nothing outside."""
    run = acp(["terminal", "touch /outside || echo held"], ["write", "a.py", "x"])
    assert "held" in _seen(run)[0][1]


def test_each_process_has_its_memory(acp: Drive) -> None:
    """What the agent starts itself and what it has run for it are held to it; addresses that nobody writes to do not count."""
    reserve = "import mmap as m; m.mmap(-1, 2**33, flags=m.MAP_PRIVATE | m.MAP_ANONYMOUS, prot=m.PROT_READ); print(1)"
    take = "try: print(len(bytearray(2**29)))\nexcept MemoryError: print(0)"
    acts = [[act, "python3", "-c", code] for act in ("terminal", "spawn") for code in (reserve, take)]
    held = _seen(acp(*acts, ["write", "a.py", "x"], options={"memory_bytes": 2**28}))
    assert held[:-1] == [[0, "1\n"], [0, "0\n"]] * 2


def test_an_agent_that_changed_nothing_has_failed(acp: Drive, failed: Failed) -> None:
    """Whatever it says; writing what was there already is nothing, too."""
    assert "without changing a file" in failed(acp(["write", "a.py", "x"], files={"a.py": "x"}))


def test_an_agent_that_stops_early_has_failed(acp: Drive, failed: Failed) -> None:
    """Also with files in the folder."""
    options = {"env": {"ACTS": json.dumps([["write", "a.py", "x"]]), "STOP": "refusal"}}
    assert "would not do the task" in failed(acp(options=options))


def test_an_agent_that_dies_has_failed_with_its_last_words(acp: Drive, failed: Failed) -> None:
    """Exit code and the end of what it printed."""
    why = failed(acp(["write", "a.py", "x"], ["die", 7]))
    assert "code 7" in why
    assert "this is the end" in why


def test_a_program_that_is_not_there_is_named(isolated: Bubblewrap, services: Any, tmp_path: Path) -> None:
    """And nothing hangs."""
    agent = AcpAgent(AcpOptions(command=("/opt/no/such-agent", "--acp")), services())
    run = asyncio.run(run_agent_async(agent, folder=tmp_path / "w", sandbox=isolated))
    assert "/opt/no/such-agent: No such file or directory" in str(run.result.error)


def test_what_is_no_message_harms_nobody(acp: Drive, caplog: pytest.LogCaptureFixture) -> None:
    """Programs greet and warn where only messages belong; the user's terminal hears nothing of it."""
    env = {"ACTS": json.dumps([["write", "a.py", "x"]]), "GREETING": "Welcome!\n[1, 2]\n7\n" + "x" * 1_000}
    assert acp(options={"env": env}).result.status == "done"
    assert not caplog.records


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("print('Welcome!')", "code 0; it printed: Welcome!"),
        ('import sys; sys.stdin.readline(); print(\'{"id": 0, "result": {}}\'); sys.stdin.readline()', "the protocol"),
        ('import sys; sys.stdin.readline(); print(\'{"id": 0, "error": {"code": -1, "message": "no"}}\')', "no"),
    ],
)
def test_a_program_that_does_not_speak_the_protocol_is_told_apart(
    isolated: Bubblewrap, services: Callable[..., Services], tmp_path: Path, program: str, why: str
) -> None:
    """One line that says what it did instead."""
    agent = AcpAgent(AcpOptions(command=("/usr/bin/env", "python3", "-u", "-c", program), timeout_s=20), services())
    run = asyncio.run(run_agent_async(agent, folder=tmp_path / "w", sandbox=isolated))
    assert run.result.status == "failed"
    assert why in str(run.result.error)
    assert "\n" not in str(run.result.error)


def test_time_is_up(acp: Drive, failed: Failed) -> None:
    """The limit ends the sandbox, and the attempt says so."""
    options = {"timeout_s": 2.0, "env": {"ACTS": json.dumps([["sleep", 60]])}}
    assert "limit of timeout_s" in failed(acp(options=options))


def test_cancelling_leaves_no_process(isolated: Bubblewrap, services: Callable[..., Services], tmp_path: Path) -> None:
    """The agent is told, and gone when the attempt has ended."""
    folder = tmp_path / "work"
    program = (Path(__file__).parent / "acp_program.py").read_text(encoding="utf-8")
    env = {"ACTS": json.dumps([["sleep", 600]]), "MARK": f"mark-{os.getpid()}"}
    import sys

    async def cancel() -> float:
        agent = AcpAgent(AcpOptions(command=(sys.executable, "-c", program), env=env), services())
        running = asyncio.ensure_future(run_agent_async(agent, folder=folder, sandbox=isolated))
        while not (folder / "begun").exists():
            await asyncio.sleep(0.05)
            assert not running.done(), running.result()
        assert _marked(env["MARK"]), "the test looks in the wrong place"
        began = asyncio.get_running_loop().time()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return asyncio.get_running_loop().time() - began

    assert asyncio.run(cancel()) < 60
    assert _marked(env["MARK"]) == []
    assert (folder / "cancelled").exists()


def _marked(mark: str) -> list[str]:
    """Processes with the mark in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def test_models_are_asked_through_the_count(acp: Drive, monkeypatch: pytest.MonkeyPatch, connect: Any) -> None:
    """A real server of models behind a real client: the call is counted, the server gets the key, and the sandbox has it nowhere."""
    monkeypatch.setenv("CODING_KEY", KEY)
    with ModelServer(["from the model"]) as server:
        backend = connect(server, api_key_env="CODING_KEY")
        meter = MeteredLlm(backend, "openai", Budget(run=Cap(tokens=100_000)), task="t", agent="acp")
        run = acp(["model", "hello"], ["write", "a.py", "x"], ["snoop", KEY[::-1]], llm=meter)
        said, _, (found, looked, names, home) = _seen(run)
        (request,) = server.requests
    assert said == "from the model"
    assert (found, len(meter.calls)) == ([], 1)
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert looked > 5
    assert "CODING_KEY" not in names
    assert home.startswith("/tmp/home-")


def test_the_budget_ends_the_attempt(acp: Drive) -> None:
    """The call that does not fit reaches no model, and the run hears of it instead of a failure of the agent."""
    backend = ScriptedBackend(lambda request: "yes")
    meter = MeteredLlm(backend, "scripted", Budget(run=Cap(tokens=10_000)), task="t", agent="acp")
    with pytest.raises(BudgetExceeded, match="10,000"):
        acp(["model", "a"], ["write", "a.py", "x"], ["model", "b" * 9_000], ["sleep", 60], llm=meter)
    assert len(backend.requests) == len(meter.calls) == 1


def test_a_model_that_fails_is_not_the_agents_failure(acp: Drive) -> None:
    """An agent that gave up because the model was out is tried again as after any outage."""
    backend = ScriptedBackend([BackendError("nobody there", sort="outage")])
    with pytest.raises(BackendError, match="nobody there") as error:
        acp(["model", "a"], llm=backend)
    assert error.value.sort == "outage"
