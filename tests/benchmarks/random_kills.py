"""Kill the main job at random moments, resume it, and compare with a run that nobody disturbed.

::

    python tests/benchmarks/random_kills.py --kills 3 [--seed 7] [--specification docs/examples/lending-library]

Prints one JSON line per kill and exits with 1 when a resumed run did not end ``completed`` with the same tree and one commit per task.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--specification", default=str(ROOT / "docs/examples/lending-library"))
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        whole = Path(folder, "undisturbed")
        run(arguments.specification, whole)
        duration_s = time.monotonic() - began
        expected = tree(whole)
        for number in range(1, arguments.kills + 1):
            output = Path(folder, f"killed-{number}")
            moment_s = chance.uniform(0.5, duration_s)
            found = killed_run(arguments.specification, output, moment_s)
            same = found["status"] == "completed" and tree(output) == expected
            once = len(landed_tasks(output)) == len(set(landed_tasks(output))) == len(found["tasks"])
            bad += not (same and once)
            line = {"measure": "random-kill", "seed": arguments.seed, "moment_s": round(moment_s, 2)}
            print(json.dumps({**line, "status": found["status"], "same_tree": same, "landed_once": once}), flush=True)
    return 1 if bad else 0


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "agent_dispatcher", *arguments]


def run(specification: str, output: Path) -> dict[str, Any]:
    done = subprocess.run(
        command("run", specification, "--output", str(output), "--json"), capture_output=True, text=True, check=True
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def killed_run(specification: str, output: Path, moment_s: float) -> dict[str, Any]:
    """Start, kill the process (and nothing else) after ``moment_s``, resume until it ends."""
    process = subprocess.Popen(
        command("run", specification, "--output", str(output), "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        stdout, _ = process.communicate(timeout=moment_s)
        result: dict[str, Any] = json.loads(stdout)
        return result
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    if not (output / ".dispatcher" / "state.db").exists() or not started(output):
        return run(specification, output)  # killed before the run existed: starting anew is all there is to do
    done = subprocess.run(command("resume", "--output", str(output), "--json"), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"resume failed with {done.returncode}: {done.stderr}")
    resumed: dict[str, Any] = json.loads(done.stdout)
    return resumed


def started(output: Path) -> bool:
    done = subprocess.run(command("status", "--output", str(output), "--json"), capture_output=True, text=True)
    return done.returncode == 0


def git(output: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(output), *arguments], capture_output=True, text=True, check=True).stdout


def tree(output: Path) -> str:
    return git(output, "rev-parse", "HEAD^{tree}").strip()


def landed_tasks(output: Path) -> list[str]:
    return git(output, "log", "--format=%(trailers:key=Dispatcher-Task,valueonly)").split()


if __name__ == "__main__":
    sys.exit(main())
