"""``patch`` as a user has it: one process is at work on a run, another changes its plan."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

Dispatch = Callable[..., Any]

PLUGIN = """
import os, time
from pathlib import Path
from agent_dispatcher.agents import AgentResult, SyncAgent
from agent_dispatcher.extension import AgentType, hookimpl


class Slow(SyncAgent):
    def execute(self, task, context):
        go = Path(os.environ["GO"])
        while not go.exists():
            time.sleep(0.02)
        context.workspace.write_text(f"{task.id}.txt", task.title)
        return AgentResult(status="done", summary=task.title)


def type_of(name, rank):
    return AgentType(name=name, summary="Waits.", factory=lambda options, services: Slow(),
                     task_types={"code_writing", "testing"}, default_rank=rank)


@hookimpl
def dispatcher_agent_types():
    return [type_of("slow", 1), type_of("other", 2)]
"""

TASKS = {
    "tasks": [
        {"id": 1, "title": "Dig the pond", "status": "pending", "dependencies": []},
        {"id": 2, "title": "Fill the pond", "status": "pending", "dependencies": [1]},
        {"id": 3, "title": "Buy fish", "status": "pending", "dependencies": [2]},
    ]
}

PATCH = """\
why: the water ran out at the bottom
add:
  - title: Line the pond
    depends_on: [1]
add_dependencies:
  - [line-the-pond, 2]
split:
  - task: 3
    into:
      - title: Choose fish
      - {title: Carry fish, depends_on: [choose-fish]}
"""


@define
class Site:
    """A run with agents that wait until they are told to go on."""

    dispatch: Dispatch
    folder: Path
    env: dict[str, str]
    process: subprocess.Popen[str] | None = None
    output: Path = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.output = self.folder / "out"

    def call(self, *arguments: str | Path) -> Any:
        return self.dispatch(*arguments, env=self.env, cwd=self.folder)

    def patch(self, text: str, *options: str) -> Any:
        file = self.folder / "patch.yaml"
        file.write_text(text)
        return self.call("patch", file, "--output", self.output, *options)

    def begin(self) -> None:
        """Start the run and wait until its first task is at work."""
        command = [sys.executable, "-m", "agent_dispatcher", "run", "tasks.json", "--output", "out", "--json"]
        home = {"HOME": str(self.folder / "home"), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", **self.env}
        self.process = subprocess.Popen(
            command, cwd=self.folder, env=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        until = time.monotonic() + 60
        while "in_progress" not in self.statuses().values():
            assert time.monotonic() < until and self.process.poll() is None, self.process.communicate()
            time.sleep(0.1)

    def statuses(self) -> dict[str, str]:
        told = self.call("status", "--output", self.output, "--json")
        return {task["title"]: task["status"] for task in told.document["tasks"]} if told.code == 0 else {}

    def go(self) -> None:
        Path(self.env["GO"]).touch()

    def end(self) -> Any:
        assert self.process is not None
        out, err = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, err
        return json.loads(out)


@pytest.fixture
def site(dispatch: Dispatch, tmp_path: Path) -> Iterator[Site]:
    plugins = tmp_path / "plugins"
    info = plugins / "slow-1.0.dist-info"
    info.mkdir(parents=True)
    (plugins / "slow_agents.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slow\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[agent_dispatcher.plugins]\nslow = slow_agents\n")
    config = tmp_path / "home" / ".config" / "agent-dispatcher" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[use]\nchecks = []\nagent_types = ["slow", "other"]\n[coordinator]\nbackoff_base_s = 0.0\n')
    (tmp_path / "tasks.json").write_text(json.dumps(TASKS))
    made = Site(dispatch, tmp_path, {"PYTHONPATH": str(plugins), "GO": str(tmp_path / "go"), "LANG": "C.UTF-8"})
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.communicate()


def test_another_process_patches_a_run_at_work(site: Site) -> None:
    """The plan changes while its first task is at work; what was added and split is done at the end, and the result says who changed what."""
    site.begin()
    trial = site.patch(PATCH, "--dry-run")
    assert trial.code == 0, trial.stderr
    assert "+ Line the pond [line-the-pond]" in trial.stdout
    assert "3 → 6 tasks" in trial.stdout
    refused = site.patch("remove: [1]\nreroute: {2: nobody}\n")
    assert refused.code == 3
    assert "is in progress and cannot be removed" in refused.stderr
    assert "nobody: is not active" in refused.stderr
    answer = site.patch(PATCH, "--json")
    assert answer.code == 0, answer.stderr
    assert (answer.document["status"], answer.document["revision"]) == ("applied", 1)
    again = site.patch(PATCH)
    assert again.code == 3 and "there is one of that name already" in again.stderr
    site.go()
    result = site.end()
    assert result["status"] == "completed"
    ended = [(task["title"], task["status"]) for task in result["tasks"]]
    assert ended == [
        (title, "completed")
        for title in ("Dig the pond", "Fill the pond", "Buy fish", "Choose fish", "Carry fish", "Line the pond")
    ]
    assert [bool(task["added_by"]) for task in result["tasks"]] == [False, False, False, True, True, True]
    assert [(each["number"], each["why"], each["split"]) for each in result["revisions"]] == [
        (1, "the water ran out at the bottom", [result["tasks"][2]["id"]])
    ]
    commits = subprocess.run(
        ["git", "-C", site.output, "log", "--reverse", "--format=%s"], capture_output=True, text=True, check=True
    ).stdout
    order = [line for line in commits.splitlines() if line in {title for title, _ in ended}]
    assert order == ["Dig the pond", "Line the pond", "Fill the pond", "Choose fish", "Carry fish"]
    for command in ("status", "report", "graph"):
        told = site.call(command, result["run"])
        assert told.code == 0 and "Line the pond" in told.stdout, (command, told)
        assert ("the water ran out" in told.stdout) is (command != "graph")
    late = site.patch("remove: [2]\n")
    assert late.code == 2 and "has ended (completed)" in late.stderr


def test_a_run_at_rest_takes_its_patch_when_it_goes_on(site: Site) -> None:
    """A run that was interrupted keeps what it is asked for; ``resume`` applies it before anything begins."""
    site.begin()
    assert site.process is not None
    site.process.send_signal(signal.SIGTERM)
    site.go()
    assert site.process.wait(60) == 143
    kept = site.patch("why: fish are enough\nremove: [2]\nreroute: {3: other}\n")
    assert kept.code == 0 and "kept: run" in kept.stdout, kept
    resumed = site.call("resume", "--output", site.output, "--json")
    assert resumed.code == 0, resumed.stderr
    assert [(task["title"], task["agent"]) for task in resumed.document["tasks"]] == [
        ("Dig the pond", "slow"),
        ("Buy fish", "other"),
    ]
    assert [len(each["removed"]) for each in resumed.document["revisions"]] == [1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("add:\n  - title: x\n    colour: red\n", ":3: add[0]"),
        ("- add\n", ":1: a patch is a mapping, and this is a list"),
        ("add: [\n", "malformed YAML"),
        ("format: agent-dispatcher/plan\n", ":1: the format of this file is agent-dispatcher/plan"),
        ("why: x\nreroute: [1]\n", ":2: reroute: expected a table of keys and values, found a list"),
        ("split:\n  - {task: 1, into: [{title: only}]}\n", ":2: split[0]"),
    ],
)
def test_a_file_that_is_no_patch(dispatch: Dispatch, tmp_path: Path, text: str, expected: str) -> None:
    """Says what is wrong and on which line; no run is looked for."""
    file = tmp_path / "patch.yaml"
    file.write_text(text)
    ended = dispatch("patch", "some-run", file)
    assert ended.code == 3
    assert f"{file}" in ended.stderr and expected in ended.stderr
    assert "Traceback" not in ended.stderr
