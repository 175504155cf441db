"""The disk itself fails: whichever write, flush or truncation of a run the system refuses, nothing is lost and the run is resumed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).with_name("system_calls")
COMPILER = shutil.which("cc") or shutil.which("gcc")
#: Every so many calls are tried; the session ``faults`` tries all.
STEP = int(os.environ.get("AD_SYSTEM_CALLS_STEP", "11"))


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system calls are intercepted as Linux allows it")
@pytest.mark.skipif(COMPILER is None, reason="there is no C compiler to build the interception with")
def test_the_nth_system_call_fails_until_a_run_passes_untouched(tmp_path: Path) -> None:
    """Input/output errors and full disks at the level of the system, below SQLite: each run either goes on, or stops with an error of ours; each is resumed and
    completes, every result recorded once, what was recorded before untouched."""
    shim = tmp_path / "shim.so"
    subprocess.run([str(COMPILER), "-shared", "-fPIC", "-O1", "-o", shim, HERE / "shim.c", "-ldl"], check=True)
    env = {**os.environ, "LD_PRELOAD": str(shim)}
    argv = [sys.executable, str(HERE / "driver.py"), str(tmp_path), str(STEP)]
    done = subprocess.run(argv, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["found"] == []
    assert summary["calls"] > 50 and summary["tried"] >= summary["calls"] // STEP
    assert summary["firsts"]["StoreError"] > summary["tried"] // 4, "most failures of the disk reach the store"
