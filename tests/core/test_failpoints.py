"""Failpoints do nothing unless the environment arms them, and then exactly what it says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
from agent_dispatcher.failpoints import FailpointReached, failpoint
for name in ("x", "y", "x", "y"):
    try:
        failpoint(name)
    except FailpointReached as reached:
        print("raised", reached)
    print(name, flush=True)
"""


def run(armed: str | None) -> tuple[int, list[str]]:
    env = {**os.environ, "AD_FAILPOINTS": armed or ""}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.split()


@pytest.mark.parametrize(
    ("armed", "expected"),
    [
        (None, (0, ["x", "y", "x", "y"])),
        ("z:1", (0, ["x", "y", "x", "y"])),
        ("x:3", (0, ["x", "y", "x", "y"])),
        ("x:2", (-signal.SIGKILL, ["x", "y"])),
        ("x:1:raise,y:2:raise", (0, ["raised", "x", "x", "y", "x", "raised", "y", "y"])),
    ],
)
def test_armed_hits_act_and_no_others(armed: str | None, expected: tuple[int, list[str]]) -> None:
    """Only the named hit of the named point does something; kill is the default."""
    assert run(armed) == expected


def test_trace_lists_every_hit(tmp_path: Path) -> None:
    """A trace names each hit in order, so that a harness knows what it can arm."""
    trace = tmp_path / "trace"
    assert run(f"trace={trace}")[0] == 0
    assert trace.read_text().split() == ["x:1", "y:1", "x:2", "y:2"]
