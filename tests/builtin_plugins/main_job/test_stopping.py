"""Signals, ``retry`` and what there is too little of, as a user has it: real processes, real signals, a real repository."""

from __future__ import annotations

import contextlib
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

PLUGIN = """
import asyncio, os
from pathlib import Path
from agent_dispatcher.agents import AgentResult, BaseAgent
from agent_dispatcher.extension import AgentType, Component, Limits, hookimpl
from agent_dispatcher.models import Evidence


class Patient(BaseAgent):
    async def execute(self, task, context):
        site = Path(os.environ["SITE"])
        with (site / "began").open("a") as began:
            began.write(f"{task.source_id}\\n")
        while (site / "hold").exists():
            await asyncio.sleep(0.02)
        if (site / "fail").exists():
            return AgentResult(status="failed", error="the well is dry", permanent=True)
        context.workspace.write_text(f"{task.id}.txt", task.title)
        return AgentResult(status="done", summary=task.title)


class Endless:
    # A suite that does not end.

    def applies(self, task, plan):
        return task is None

    async def check(self, task, context):
        if context.on_the_way:
            return Evidence(id="", check="endless", passed=True, details={"vacuous": True})
        (Path(os.environ["SITE"]) / "checking").touch()
        await context.sandbox.run(["sleep", os.environ["NAP"]], cwd=context.tree.path, limits=Limits(timeout_s=600.0))
        return Evidence(id="", check="endless", passed=True)


@hookimpl
def dispatcher_checks():
    yield Component("endless", "Sleeps.", lambda options, services: Endless())


@hookimpl
def dispatcher_agent_types():
    yield AgentType(name="patient", summary="Waits.", factory=lambda options, services: Patient(),
                    task_types={"code_writing", "testing"}, default_rank=0)
"""

TASKS = {
    "tasks": [
        {"id": 1, "title": "Dig the pond", "status": "pending", "dependencies": []},
        {"id": 2, "title": "Fill the pond", "status": "pending", "dependencies": [1]},
    ]
}


@define
class Site:
    """A folder with a plugin whose agents wait while the file ``hold`` is there, and fail while ``fail`` is."""

    dispatch: Callable[..., Any]
    folder: Path
    process: subprocess.Popen[str] | None = None
    env: dict[str, str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.env = {"PYTHONPATH": str(self.folder / "plugins"), "SITE": str(self.folder), "LANG": "C.UTF-8"}
        self.env["NAP"] = f"300.{id(self)}"

    def call(self, *arguments: str) -> Any:
        return self.dispatch(*arguments, env=self.env, cwd=self.folder)

    def configure(self, text: str, checks: str = "") -> None:
        config = self.folder / "home" / ".config" / "agent-dispatcher" / "config.toml"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(f'[use]\nchecks = [{checks}]\nagent_types = ["patient"]\n' + text)

    def begin(self) -> subprocess.Popen[str]:
        """Start the run; its first task is at work."""
        (self.folder / "hold").touch()
        command = [sys.executable, "-m", "agent_dispatcher", "run", "tasks.json", "--output", "out"]
        home = {"HOME": str(self.folder / "home"), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", **self.env}
        self.process = subprocess.Popen(
            command, cwd=self.folder, env=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        until = time.monotonic() + 90
        while not self.began():
            assert time.monotonic() < until and self.process.poll() is None, self.process.communicate()
            time.sleep(0.05)
        return self.process

    def began(self) -> list[str]:
        """Ids of the tasks whose bodies began, in order."""
        log = self.folder / "began"
        return log.read_text().split() if log.exists() else []

    def go(self) -> None:
        (self.folder / "hold").unlink()

    def is_checking(self) -> bool:
        """Whether a process of the final checks is alive."""
        nap = self.env["NAP"].encode()
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if nap in line.read_bytes().split(b"\0"):
                    return True
        return False

    def landed(self) -> list[str]:
        done = subprocess.run(
            ["git", "-C", self.folder / "out", "log", "--all", "--reverse", "--format=%s"],
            capture_output=True,
            text=True,
            check=True,
        )
        titles = {task["title"] for task in TASKS["tasks"]}
        return [line for line in done.stdout.splitlines() if line in titles]


@pytest.fixture
def site(dispatch: Callable[..., Any], tmp_path: Path) -> Iterator[Site]:
    info = tmp_path / "plugins" / "patient-1.0.dist-info"
    info.mkdir(parents=True)
    (tmp_path / "plugins" / "patient_agents.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: patient\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[agent_dispatcher.plugins]\npatient = patient_agents\n")
    (tmp_path / "tasks.json").write_text(json.dumps(TASKS))
    made = Site(dispatch, tmp_path)
    made.configure("")
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.communicate()


def test_the_first_signal_lets_agents_finish(site: Site) -> None:
    """Ctrl-C: the task in progress lands, the next does not begin, the exit code is 130, and a resume does the rest only."""
    process = site.begin()
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    site.go()
    _, said = process.communicate(timeout=60)
    assert (process.returncode, site.began(), site.landed()) == (130, ["1"], ["Dig the pond"])
    assert "what is in progress ends and lands" in said and "agent-dispatcher resume" in said
    told = site.call("status", "--output", "out")
    assert "stopped by SIGINT" in told.stdout
    resumed = site.call("resume", "--output", "out")
    assert resumed.code == 0, resumed.stderr
    assert (site.began(), site.landed()) == (["1", "2"], ["Dig the pond", "Fill the pond"])


def test_the_second_signal_ends_the_agents(site: Site) -> None:
    """Twice: the agent is ended at once and nothing of it is kept, the exit code is 143, and a resume does its task again."""
    process = site.begin()
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - began < 20
    assert (process.returncode, site.landed()) == (143, [])
    assert "agents are ended" in said
    site.go()
    resumed = site.call("resume", "--output", "out")
    assert resumed.code == 0, resumed.stderr
    assert (site.began(), site.landed()) == (["1", "1", "2"], ["Dig the pond", "Fill the pond"])


def test_the_second_signal_ends_the_final_checks(site: Site) -> None:
    """The first lets the suite go on; the second ends its processes at once, and the run can be resumed."""
    site.configure("", checks='"endless"')
    process = site.begin()
    site.go()
    until = time.monotonic() + 90
    while not site.is_checking():
        assert time.monotonic() < until and process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None and site.is_checking()
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    while site.is_checking() and time.monotonic() < began + 20:
        time.sleep(0.02)
    took_s = time.monotonic() - began
    process.communicate(timeout=60)
    assert (process.returncode, set(site.landed())) == (130, {"Dig the pond", "Fill the pond"})
    assert took_s < 10
    assert "paused" in site.call("status", "--output", "out").stdout
    site.configure("")
    resumed = site.call("resume", "--output", "out", "--json")
    assert resumed.code == 0, resumed.stderr
    assert site.began() == ["1", "2"]


def test_retry_takes_up_what_failed_and_what_it_blocked(site: Site) -> None:
    """A failed run is over for ``resume``; ``retry --failed`` does its failed task again and then the blocked one. The log can be replayed."""
    (site.folder / "fail").touch()
    failed = site.call("run", "tasks.json", "--output", "out", "--json")
    assert failed.code == 1
    assert [task["status"] for task in failed.document["tasks"]] == ["failed", "blocked"]
    assert site.call("resume", "--output", "out").code == 1
    vague = site.call("retry", "--output", "out")
    assert vague.code == 2 and "--failed" in vague.stderr
    (site.folder / "fail").unlink()
    again = site.call("retry", "--failed", "--output", "out", "--json")
    assert again.code == 0, again.stderr
    assert [task["status"] for task in again.document["tasks"]] == ["completed", "completed"]
    assert (site.began(), site.landed()) == (["1", "1", "2"], ["Dig the pond", "Fill the pond"])
    assert (site.folder / "out").joinpath(f"{again.document['tasks'][1]['id']}.txt").read_text() == "Fill the pond"
    replayed = site.call("replay", again.document["run"])
    assert replayed.code == 0, replayed.stdout + replayed.stderr
    assert site.call("retry", "--failed", "--output", "out").code == 0
    assert site.began() == ["1", "1", "2"]


def test_a_run_that_was_given_up_can_be_taken_up_again(site: Site) -> None:
    """``cancel`` ends the agents (exit code 1); a resume of the run does what was given up."""
    process = site.begin()
    assert site.call("cancel", "--output", "out").code == 0
    process.communicate(timeout=60)
    assert (process.returncode, site.landed()) == (1, [])
    site.go()
    resumed = site.call("resume", "--output", "out")
    assert resumed.code == 0, resumed.stdout + resumed.stderr
    assert site.landed() == ["Dig the pond", "Fill the pond"]


def test_a_run_whose_time_is_over_goes_on_with_resume(site: Site) -> None:
    """``max_execution_time`` ends the agents and pauses the run (exit code 5); what a resume gets is the same time again."""
    site.configure("")
    config = site.folder / "home" / ".config" / "agent-dispatcher" / "config.toml"
    config.write_text("max_execution_time = 2\n" + config.read_text())
    process = site.begin()
    out, said = process.communicate(timeout=60)
    assert process.returncode == 5, said
    assert "max_execution_time of 2 s was reached" in out + said
    site.go()
    config.write_text(config.read_text().replace("= 2\n", "= 600\n"))
    assert site.call("resume", "--output", "out").code == 0
    assert site.landed() == ["Dig the pond", "Fill the pond"]


def test_more_than_there_is_is_refused_before_anything_begins(site: Site) -> None:
    """A task type that needs more of a resource than the configuration gives: exit code 3, with task, amounts and what to do."""
    site.configure("[resources]\ngpu = 1\n[task_types.code_writing]\nneeds = {gpu = 2}\n")
    refused = site.call("run", "tasks.json", "--output", "out")
    assert refused.code == 3
    assert "needs 2 of 'gpu', and there are only 1" in refused.stderr and "[resources]" in refused.stderr
    assert not (site.folder / "out").exists()
    site.configure("[resources]\ngpus = 1\n[task_types.code_writing]\nneeds = {gpu = 1}\n")
    unknown = site.call("validate", "tasks.json")
    assert unknown.code == 3 and "there is no such resource" in unknown.stdout + unknown.stderr
