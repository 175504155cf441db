"""The whole coordination in virtual time under seeded faults: every interleaving that was tried keeps every promise.

What is judged, and when, stands in ``seeded/judge.py``; ``seeded/driver.py`` shows any of these runs again, event by event.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.coordination.lifecycle import ATTEMPT_STEPS, TASK_STEPS

DRIVER = Path(__file__).with_name("seeded") / "driver.py"


def drive(*arguments: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What was found, and the summary."""
    done = subprocess.run([sys.executable, str(DRIVER), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1) and done.stdout, done.stdout + done.stderr
    *found, summary = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return found, summary


@pytest.mark.slow
def test_500_seeds_keep_every_promise() -> None:
    """Agents that fail, raise, hang, decline, lie and ignore their cancellation, refused landings, errors of store and workspace, kills,
    people who approve, refuse, patch, pause, cancel and interrupt: dependencies hold, results are recorded once, exclusions never overlap,
    no agent is idle while a task could run, statuses are those of the log, messages arrive in order, every run ends. Tasks and attempts take the steps that the
    engine's table has, each of them."""
    found, summary = drive("seeds", "0", "500")
    assert found == []
    assert summary["seeds"] == 500
    assert {"completed", "failed", "partial", "cancelled"} <= set(summary["ends"])
    # Every step of the engine's table is taken and no other; what those runs do not do is in test_lifecycle.py. The next attempt of a task is another one.
    elsewhere = {("pending", "skipped"), ("blocked", "in_progress"), ("cancelled", "in_progress")}
    assert {tuple(step) for step in summary["steps"]["tasks"]} | elsewhere == TASK_STEPS
    assert {tuple(step) for step in summary["steps"]["attempts"]} - {("ended", "running")} == ATTEMPT_STEPS


@pytest.mark.parametrize("seed", [4619, 13347])
def test_what_a_seed_once_found_stays_mended(seed: int) -> None:
    """A landing that is broken off is the one that is going on, whoever serves the lane."""
    assert drive("seeds", str(seed), str(seed + 1))[0] == []


def test_a_seed_reproduces_its_interleaving() -> None:
    """The same seeds give the same events at the same times in another process, also where agents are ended by their limits; other seeds do not."""
    shown = [drive("seeds", *seeds)[-1]["digest"] for seeds in (("5", "25"), ("5", "25"), ("25", "45"))]
    assert shown[0] == shown[1] != shown[2]


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("idle", "could run, and"),
        ("exclusions", "are at work at once"),
        ("order", "and the log says"),
        ("twice", "times"),
    ],
)
def test_what_is_broken_on_purpose_is_found(part: str, said: str) -> None:
    """The judge sees an idle agent, overlapping exclusions, a record that is left out, and a result that is recorded twice."""
    found, _ = drive("broken", part, "0", "12")
    assert any(said in violation for case in found for violation in case["violations"])


@pytest.mark.slow
def test_killed_around_the_commit_of_every_type_of_event() -> None:
    """There is no transition at whose commit a run was not killed, before and after it, and then resumed to its end."""
    found, summary = drive("types", "0", "1000")
    assert found == []
    assert summary["missing"] == []
    assert summary["points"] >= 10


@pytest.mark.slow
def test_the_nth_operation_fails_until_a_run_passes_untouched() -> None:
    """Whichever write, start of an agent, message, sealing or landing fails: the run is resumed to its end and nothing is lost."""
    found, summary = drive("nth", "0", "5")
    assert found == []
    assert summary["reached"].keys() >= {"append", "renew", "open", "execute", "publish", "seal", "stage", "land"}


@pytest.mark.slow
def test_lost_tail_of_the_log() -> None:
    """When the last transactions are gone, as after a power cut, what landed is found in the workspace and not done again."""
    found, summary = drive("tails", "0", "20")
    assert found == []
    assert summary["cases"] > 100 and summary["adopted"] > 100
