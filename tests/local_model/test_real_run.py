"""A real model of 1.5 billion parameters writes a small package in a whole run: six functions in three modules, and their tests.

The specification (``textkit``) is divided into six tasks; the model writes, is told what is wrong, and writes again; what it wrote is tried in the sandbox, tested,
landed in a git repository and reported. Everything it was asked and answered is recorded beside this file, and the run plays back without it to the same tree.

The recording answers only the prompts it was made with. After a change of a prompt, of what stands in one or of the specification, record again::

    RECORD=1 nox -s local_model -- tests/local_model

It takes ten minutes on a machine that does nothing else. On a busy one ``LOCAL_MODEL_THREADS=1`` is faster: threads that share too few cores wait for each other.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.models import ExecutionResult
from agent_dispatcher_builtins import default_plugins

HERE = Path(__file__).parent
SPECIFICATION = HERE / "textkit"
RECORDING = HERE / "textkit.jsonl"
TREE = HERE / "textkit.json"
MODEL = os.environ.get("LOCAL_MODEL", "")
AGAIN = "what the model is told has changed: RECORD=1 nox -s local_model -- tests/local_model"
README = "# Textkit\n\nThe tests: `PYTHONPATH=src python -m pytest`\n"


def git(folder: Path, *arguments: str) -> str:
    """What git says in a repository, as somebody."""
    somebody = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
    command = ["git", "-C", str(folder), *somebody, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def repository(folder: Path) -> Path:
    """A repository with a page in it."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "README.md").write_text(README)
    git(folder, "add", "README.md")
    git(folder, "commit", "-q", "-m", "Begin")
    return folder


def build(output: Path, recording: Path, mode: str, places: int) -> ExecutionResult:
    """Run the specification on ``output``, with so many agents at a time."""
    asked: dict[str, Any] = {"max_input_tokens": 3000, "max_output_tokens": 700}
    options: dict[str, Any] = {
        "llm:recorded": {"file": str(recording), "mode": mode, "backend": "local" if mode == "record" else ""},
        "agent_type:code-writer": asked,
        "agent_type:tester": asked,
    }
    if mode == "record":
        threads = int(os.environ.get("LOCAL_MODEL_THREADS", "0"))
        patience = {"total_s": 7200.0, "first_byte_s": 3600.0, "idle_s": 600.0}
        options["llm:local"] = {"model": MODEL, "threads": threads, **patience}
    config = {
        "use": {"llm": "recorded", "decomposers": ["listed", "pattern"]},
        "max_parallel_agents": places,
        "coordinator": {"agent_timeout": 7200},
        "options": options,
    }
    return AgentDispatcher(config, plugins=default_plugins(), discover=False).dispatch(
        SPECIFICATION, output=str(output)
    )


def landed(output: Path) -> str:
    """The branch of the run; that of the repository stays as it is."""
    assert git(output, "rev-list", "--count", "main") == "1"
    return git(output, "for-each-ref", "--format=%(refname:short)", "refs/heads/dispatcher")


def files(output: Path) -> dict[str, str]:
    """What has landed."""
    branch = landed(output)
    names = git(output, "ls-tree", "-r", "--name-only", branch).splitlines()
    return {name: git(output, "show", f"{branch}:{name}") for name in names}


def holds(result: ExecutionResult, output: Path) -> None:
    """Everything was done and landed, every requirement is met with evidence, and the tests pass by hand, outside of the dispatcher."""
    assert result.status == "completed", (AGAIN, [(each.id, each.status, each.error) for each in result.task_results])
    assert len(result.task_results) == 6
    assert {each.id: each.verdict for each in result.requirements} == {f"FR-00{n}": "met" for n in range(1, 7)}
    assert git(output, "status", "--porcelain") == ""
    written = files(output)
    for module, names in {
        "words": ("slugify", "initials"),
        "numbers": ("to_roman", "digit_sum"),
        "lists": ("chunks", "merge_intervals"),
    }.items():
        assert all(f"def {name}(" in written[f"src/textkit/{module}.py"] for name in names)
        assert all(f"{name}(" in written[f"tests/test_{module}.py"] for name in names)
    by_hand = output.parent / "by-hand"
    shutil.rmtree(by_hand, ignore_errors=True)
    git(output.parent, "clone", "-q", "--branch", landed(output), str(output), str(by_hand))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=by_hand,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


@pytest.mark.sandbox
@pytest.mark.parametrize("places", [2, 6])
def test_what_a_real_model_wrote_is_written_again(tmp_path: Path, places: int) -> None:
    """Played back without model, key or network: to the letter the same files, however many agents work at a time, and wherever."""
    output = repository(tmp_path / f"with {places} places" / "textkit")
    result = build(output, RECORDING, "replay", places)
    holds(result, output)
    assert files(output) == json.loads(TREE.read_text())


def test_no_prompt_depends_on_where_and_when_it_was_asked() -> None:
    """Nothing had to be normalized: no path, time, run id, address or secret stands in any; every prompt is of its task alone. The recording is small."""
    exchanges = [json.loads(line) for line in RECORDING.read_text().splitlines()]
    assert len(exchanges) >= 6
    assert [each["key"] for each in exchanges] == [each["exact"] for each in exchanges]
    for each in exchanges:
        asked = "\n".join(message["content"] for message in each["request"]["messages"][1:2])
        named = [module for module in ("words", "numbers", "lists") if f"{module}.py" in asked]
        assert len(named) == 1, asked
    assert RECORDING.stat().st_size < 2_000_000


@pytest.mark.sandbox
@pytest.mark.local_model
@pytest.mark.skipif(not MODEL, reason="needs a model file in LOCAL_MODEL: nox -s local_model brings one")
@pytest.mark.timeout(7200)
def test_a_real_model_writes_a_package(tmp_path: Path) -> None:
    """Asked afresh, and played back to the same tree; with RECORD set the recording and the tree beside this file are those."""
    recording = tmp_path / "textkit.jsonl"
    output = repository(tmp_path / "asked" / "textkit")
    holds(build(output, recording, "record", 3), output)
    again = repository(tmp_path / "played" / "textkit")
    holds(build(again, recording, "replay", 2), again)
    assert files(again) == files(output)
    if os.environ.get("RECORD"):
        RECORDING.write_bytes(recording.read_bytes())
        TREE.write_text(json.dumps(files(output), indent=1) + "\n")
