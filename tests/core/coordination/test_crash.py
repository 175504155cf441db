"""Runs that are killed or frozen at any point end as if nothing had happened."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import agent_dispatcher
import agent_dispatcher_builtins
from agent_dispatcher.failpoints import FAILPOINTS
from agent_dispatcher.models.event import EVENT_TYPES

DRIVER = Path(__file__).with_name("crashing") / "driver.py"


def drive(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """One report per case."""
    done = subprocess.run(
        [sys.executable, str(DRIVER), str(folder), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_failpoint_is_listed_and_every_listed_one_exists() -> None:
    """The list of failpoints and the code agree."""
    named: set[str] = set()
    for package in (agent_dispatcher, agent_dispatcher_builtins):
        for path in Path(str(package.__path__[0])).rglob("*.py"):
            named.update(re.findall(r'(?<!`)failpoint\("([^"]+)"\)', path.read_text(encoding="utf-8")))
    assert named == FAILPOINTS


def test_every_transition_is_recorded_between_failpoints() -> None:
    """Whatever is appended to a log is a known type of event, and there is one place where events are recorded, with a failpoint on either side.

    That a run is killed there for each of the types: ``test_seeded_runs.py``.
    """
    sources = {path: path.read_text(encoding="utf-8") for path in Path(str(agent_dispatcher.__path__[0])).rglob("*.py")}
    appended = {
        kind for text in sources.values() for kind in re.findall(r'\bappend\(\s*"([a-z]+\.[a-z]+|message)"', text)
    }
    assert appended <= set(EVENT_TYPES)
    assert len(appended) >= len(EVENT_TYPES) - 4, "types that are appended by a name in a variable"
    recording = {
        path.name: text for path, text in sources.items() if "store.append(" in text and "testing" not in path.parts
    }
    assert sorted(recording) == ["checkpoints.py", "state_manager.py"], (
        "one records a run, the other takes up a log that was recorded elsewhere"
    )
    assert recording["checkpoints.py"].count("store.append(") == 1
    assert recording["state_manager.py"].count("store.append(") == 1
    assert re.search(
        r'failpoint\("flush.before"\).*store\.append\(.*failpoint\("flush.after"\)',
        recording["state_manager.py"],
        re.DOTALL,
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_kill_at_every_failpoint(tmp_path: Path) -> None:
    """Killed at the first and last hit of every failpoint (but those of batches) of a run in git of three tasks and one that an agent adds, with an attempt that fails, tasks
    that exclude each other, an approval, and a cancellation that is taken back, a resume completes it: same tree, each result recorded once, the plan patched once, no sealed or landed commit lost, no sealed work done again, the source says once
    and everywhere what is finished."""
    cases = drive(tmp_path, "kill")
    assert [case for case in cases if case["faults"]] == []
    killed = {case["point"].partition(":")[0] for case in cases if case["first"] == -9}
    of_batches = {name for name in FAILPOINTS if name.startswith("train.")}  # see test_ten_writers.py
    of_unpacking = {name for name in FAILPOINTS if name.startswith("unpack.")}  # see test_checkpoints.py
    assert killed == FAILPOINTS - of_batches - of_unpacking
    assert sum(case["sealed"] > 0 for case in cases) >= 10


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_frozen_owner_cannot_spoil_what_its_successor_did(tmp_path: Path) -> None:
    """An owner that is stopped, taken over and woken again records nothing, and never reports that the run completed."""
    points = [
        "attempt.performed:1",
        "seal.after:2",
        "flush.before:4",
        "landing.recorded:2",
        "workspace.landed:3",
        "statuses.land:1",
        "statuses.landed:1",
        "finish.before:1",
        "finish.after:1",
        "finish.recorded:1",
        "approval.requested:1",
        "approval.decided:1",
        "patch.proposed:1",
        "patch.recorded:1",
    ]
    cases = drive(tmp_path, "freeze", *points)
    assert [case for case in cases if case["faults"]] == []
    assert {case["point"]: case["first"] for case in cases} == dict.fromkeys(points, 7)


def test_a_stale_owner_moves_no_branch(tmp_path: Path) -> None:
    """Stopped right before git is told to move a branch, taken over, and woken before the successor has done anything: git refuses, and it ends as
    one that was taken over."""
    points = ["workspace.land:2", "workspace.checked_out:1"]
    cases = drive(tmp_path, "wake", *points)
    assert {case["point"]: (case["first"], case["faults"]) for case in cases} == dict.fromkeys(points, (7, []))
