"""Ten writers on one repository at once: everything lands or comes back with its reason, and nothing vanishes, also when the process is killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.failpoints import FAILPOINTS

DRIVER = Path(__file__).with_name("writers") / "driver.py"


def drive(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """One report per case."""
    done = subprocess.run(
        [sys.executable, str(DRIVER), str(folder), *arguments], capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_writers_on_one_repository(tmp_path: Path) -> None:
    """Imports, exports and dependencies of all ten are merged; entries of a table and a line that two change come back with all three texts; what is
    green alone and red together comes back with the output; one that never gets it right fails with its reason; the final tree passes by hand."""
    cases = drive(tmp_path, "seeds", "0", "3")
    assert [case for case in cases if case["faults"]] == [] and len(cases) == 3
    for case in cases:
        assert case["torn"] == ["shop/registry.py", "shop/settings.py"]
        assert case["conflicts"] == case["with_sides"] >= 3 and case["red_together"] >= 1
    assert max(case["together"] for case in cases) >= 2, "nothing landed together"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_at_every_failpoint_of_the_train(tmp_path: Path) -> None:
    """At its first and last hit: the next process brings the run to the same kind of end, no sealed or landed commit is lost, no sealed work is done
    again."""
    cases = drive(tmp_path, "kill", "train.")
    assert [case for case in cases if case["faults"]] == []
    killed = {case["point"].partition(":")[0] for case in cases if case["first"] == -9}
    assert killed == {name for name in FAILPOINTS if name.startswith("train.")}
