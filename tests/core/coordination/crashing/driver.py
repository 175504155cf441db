"""Kills or freezes a run at failpoints and resumes it. A program of its own, started by ``../test_crash.py``.

Prints one JSON line per case.

Usage: ``driver.py FOLDER kill``: every failpoint that a run passes, at its first and last hit.
``driver.py FOLDER freeze NAME:HIT ...``: the owner is stopped there, another takes over and ends the run, the first wakes up again.
``driver.py FOLDER wake NAME:HIT ...``: the same, but the first wakes up before the other has landed anything.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # for killed_runs

from judge import faults
from run_in_git import RUN, complete

from killed_runs import end_of, fork, git, last_hits, log_of, sealed_refs


def process(output: Path, failpoints: str) -> int:
    """Carry the run out in a child; its exit status (0 completed, -9 killed)."""
    return end_of(fork(lambda: complete(output), failpoints))


def reference_run(folder: Path) -> tuple[dict[str, int], str]:
    """A run without faults: the hits of each failpoint, and the tree it ends with."""
    trace, reference = folder / "trace", folder / "reference"
    reference.mkdir(parents=True)
    if process(reference / "out", f"trace={trace}") != 0:
        raise SystemExit("the run without faults does not complete")
    return last_hits(trace), git(reference / "out", "rev-parse", "HEAD^{tree}").strip()


def kill_everywhere(folder: Path, every_hit: bool = False) -> bool:
    """Kill a run at hits of every failpoint, the first and the last or all; whether nothing broke a promise."""
    hits, tree = reference_run(folder)
    found = faults(folder / "reference", False, {}, Counter(), tree)
    print(json.dumps({"point": "none:0", "first": 0, "sealed": 0, "faults": found}), flush=True)
    bad = bool(found)
    for name, hit in [
        (name, hit)
        for name, last in sorted(hits.items())
        for hit in (range(1, last + 1) if every_hit else sorted({1, last}))
    ]:
        case = folder / f"{name}-{hit}"
        case.mkdir()
        first = process(case / "out", f"{name}:{hit}:kill")
        sealed = sealed_refs(case / "out")
        calls = case / "calls"
        calls_before = Counter(calls.read_text().split() if calls.exists() else [])
        reached = first != 0  # else that hit was not reached this time, and the run is over
        second = process(case / "out", "") if reached else 0
        found = [] if second == 0 else [f"resume ends with {second}"]
        if not found:
            found = faults(case, first == -9, sealed, calls_before, tree)
        report = {"point": f"{name}:{hit}", "first": first, "sealed": len(sealed), "faults": found}
        print(json.dumps(report), flush=True)
        bad += bool(found)
        shutil.rmtree(case)
    return not bad


def freeze_at(folder: Path, points: list[str]) -> None:
    _, tree = reference_run(folder)
    for point in points:
        case = folder / point.replace(":", "-")
        case.mkdir()
        pid = fork(partial(complete, case / "out"), f"{point}:stop")
        os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
        time.sleep(1.1)
        second = process(case / "out", "")
        length = len(log_of(case / "out", RUN))
        os.kill(pid, signal.SIGCONT)
        first = end_of(pid)
        found = [] if second == 0 else [f"the successor ends with {second}"]
        if not found:
            found = faults(case, True, {}, Counter(), tree)
        if len(log_of(case / "out", RUN)) != length:
            found.append("the stale owner recorded something")
        print(json.dumps({"point": point, "first": first, "faults": found}), flush=True)


def wake_before_the_successor_lands(folder: Path, points: list[str]) -> None:
    """The owner is stopped, a successor takes over and is stopped before it lands anything; then the first wakes up, and finds every branch as it was."""
    _, tree = reference_run(folder)
    for point in points:
        case = folder / point.replace(":", "-")
        case.mkdir()
        pids = []
        for stop in (point, "workspace.claimed:1"):
            pids.append(fork(partial(complete, case / "out"), f"{stop}:stop"))
            os.waitid(os.P_PID, pids[-1], os.WSTOPPED | os.WNOWAIT)
            time.sleep(1.1)
        before = git(case / "out", "show-ref", "--heads")
        os.kill(pids[0], signal.SIGCONT)
        first = end_of(pids[0])
        found = [] if git(case / "out", "show-ref", "--heads") == before else ["the stale owner moved a branch"]
        os.kill(pids[1], signal.SIGCONT)
        second = end_of(pids[1])
        found += faults(case, True, {}, Counter(), tree) if second == 0 else [f"the successor ends with {second}"]
        print(json.dumps({"point": point, "first": first, "faults": found}), flush=True)


if __name__ == "__main__":
    if sys.argv[2] == "kill":
        kill_everywhere(Path(sys.argv[1]))
    elif sys.argv[2] == "kill-every-hit":
        sys.exit(not kill_everywhere(Path(sys.argv[1]), every_hit=True))
    elif sys.argv[2] == "wake":
        wake_before_the_successor_lands(Path(sys.argv[1]), sys.argv[3:])
    else:
        freeze_at(Path(sys.argv[1]), sys.argv[3:])
