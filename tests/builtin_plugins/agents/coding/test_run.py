"""Coding agents in whole runs: landed like any work, refused like any work, paused by the budget and resumed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher import AgentDispatcher, ExecutionResult
from agent_dispatcher.testing import ScriptedBackend

pytestmark = pytest.mark.sandbox

#: Asks the model for a file's text, and writes that.
WRITER = """
import json, os, sys, urllib.request
body = json.dumps({"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "x"}]}).encode()
request = urllib.request.Request(os.environ["URL"] + "/v1/chat/completions", body)
said = json.load(urllib.request.urlopen(request, timeout=20))["choices"][0]["message"]["content"]
with open(sys.argv[1], "w") as file:
    file.write(said)
"""


def _run(output: Path, backend: ScriptedBackend, path: str = "greeting.py", **more: Any) -> ExecutionResult:
    dispatcher = _dispatcher(backend, path, **more)
    task = {
        "id": "one",
        "title": "Greet",
        "type": "code_writing",
        "produces": [{"type": "path", "name": "greeting.py"}],
    }
    return dispatcher.execute(dispatcher.plan_tasks([task], []), output=output)


def _dispatcher(backend: ScriptedBackend, path: str = "greeting.py", **more: Any) -> AgentDispatcher:
    return AgentDispatcher(
        {
            "llm_client": backend,
            "use": {"agent_types": ["command-line"]},
            "options": {
                "agent_type:command-line": {
                    "command": [sys.executable, "-c", WRITER, path],
                    "env": {"URL": "{base_url}"},
                }
            },
            "coordinator": {"max_attempts": 2, "backoff_base_s": 0.01},
            **more,
        }
    )


def test_the_work_of_a_coding_agent_lands(tmp_path: Path) -> None:
    """Checked, committed, and its calls are in the run's record."""
    backend = ScriptedBackend(lambda request: "GREETING = 'hello'\n")
    result = _run(tmp_path / "out", backend)
    assert result.status == "completed", result
    assert (tmp_path / "out" / "greeting.py").read_text() == "GREETING = 'hello'\n"
    assert result.metrics.tokens > 0
    assert len(backend.requests) == 1


@pytest.mark.parametrize(
    ("text", "path", "why"),
    [("GREETING = 'hello'\n", "other.py", "greeting.py"), ("def greet():\n    pass\n", "greeting.py", "greet")],
)
def test_what_it_says_is_not_believed(tmp_path: Path, text: str, path: str, why: str) -> None:
    """It ended with code 0: without the promised file, and with a stub in it, it is refused like any other agent."""
    result = _run(tmp_path / "out", ScriptedBackend(lambda request: text), path)
    (task,) = result.task_results
    assert result.status == "failed"
    assert why in str(task.error)


#: Writes the key that it was given, and on the second attempt, since it was told of that, where to read it.
CARELESS = """
import os, sys
said = "TOKEN_NAME = 'SERVICE_TOKEN'" if "greeting.py:1" in sys.argv[1] else f"TOKEN = {os.environ['SERVICE_TOKEN']!r}"
with open("greeting.py", "w") as file:
    file.write(said + "\\n")
"""


def test_a_key_that_it_was_given_is_not_committed(tmp_path: Path) -> None:
    """The agent is told file and line and mends it; the key is in no object of the repository, and in no file of the run."""
    key = b"canary-4f1c9d27c4aa"
    options = {"command": [sys.executable, "-c", CARELESS, "{prompt}"], "env": {"SERVICE_TOKEN": key.decode()}}
    result = _run(tmp_path / "out", ScriptedBackend(lambda request: ""), options={"agent_type:command-line": options})
    assert result.status == "completed", result
    assert [each.attempts for each in result.task_results] == [2]
    assert (tmp_path / "out" / "greeting.py").read_text() == "TOKEN_NAME = 'SERVICE_TOKEN'\n"
    git = ["git", "-C", str(tmp_path / "out"), "cat-file", "--batch-all-objects", "--batch"]
    assert key not in subprocess.run(git, capture_output=True, check=True).stdout
    files = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert [each for each in files if key in each.read_bytes()] == []


def test_a_call_that_can_never_fit_fails_its_task_alone(tmp_path: Path) -> None:
    """The call is not made and the reason is said; with more to spend the same run goes on to its end."""
    backend = ScriptedBackend(lambda request: "GREETING = 'hello'\n")
    result = _run(tmp_path / "out", backend, budget={"max_tokens": 50})
    assert (result.status, backend.requests) == ("failed", [])
    assert "raise budget.max_tokens" in str(result.task_results[0].error)
    resumed = _dispatcher(backend, budget={"max_tokens": 5_000}).resume(result.run, retry=True)
    assert (resumed.status, len(backend.requests)) == ("completed", 1)
