"""What is written down of finished runs, and read back when planning."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from agent_dispatcher.models import Event, ExecutionPlan, Specification, Task
from agent_dispatcher.planning.history import Kind
from agent_dispatcher.reporting import build_report
from agent_dispatcher.runs.history import learn, remember_durations


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "agent-dispatcher" / "durations"


def remember(run: str, *seconds: float) -> None:
    """A run whose tasks took so long."""
    tasks = [Task(id=f"t{number}", title="t") for number in range(len(seconds))]
    events = []
    for each, taken in zip(tasks, seconds, strict=True):
        events += [
            Event(run=run, type="attempt.started", at=0.0, task=each.id, data={"agent_type": "writer"}),
            Event(run=run, type="attempt.sealed", at=0.0, task=each.id, data={"duration_s": taken, "cost_usd": 0.5}),
            Event(run=run, type="task.completed", at=0.0, task=each.id),
        ]
    plan = ExecutionPlan(specification=Specification(id="s", title="s"), tasks=tuple(tasks))
    remember_durations(run, build_report(plan, run, events)[1])


KIND = Kind("writer", "code_writing", 0)


def test_what_runs_took_is_found_again() -> None:
    """Over several runs, each counted once however often it is reported, and only the newest."""
    remember("20260101-a", 900.0, 900.0, 900.0)
    remember("20260102-b", 1.0, 2.0, 3.0)
    remember("20260103-c", 4.0, 5.0)
    remember("20260103-c", 4.0, 5.0)
    spread = learn(2).seconds[KIND]
    assert (spread.count, spread.p50) == (5, 3.0)
    assert learn(2).cost_usd[KIND].p90 == 0.5
    assert learn(3).seconds[KIND].count == 8
    assert learn(1).seconds == learn(0).seconds == {}


def test_a_large_run_is_kept_in_few_numbers(folder: Path) -> None:
    """Spread evenly, so that the quantiles stay."""
    remember("r", *map(float, range(1001)))
    assert (folder / "r.json").stat().st_size < 1000
    spread = learn(1).seconds[KIND]
    assert spread.count == 16
    assert (spread.p25, spread.p50, spread.p90) == pytest.approx((250, 500, 900), abs=2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '{"version": 2}',
        '{"version": 1, "kinds": [{"agent_type": "writer"}]}',
        '{"version": 1, "kinds": [{"agent_type": "w", "task_type": "t", "band": 0, "took": [[NaN, null]]}]}',
        '{"version": 1, "kinds": [{"agent_type": "w", "task_type": "t", "band": 0, "took": [[-1, null]]}]}',
        '{"version": 1, "kinds": [{"agent_type": "w", "task_type": "t", "band": 0, "took": 3}]}',
    ],
)
def test_a_damaged_file_loses_only_itself(folder: Path, text: str) -> None:
    """The others count."""
    remember("20260101-a", 1.0, 2.0, 3.0, 4.0, 5.0)
    (folder / "20260102-b.json").write_text(text)
    assert learn(9).seconds[KIND].count == 5


def test_nothing_is_written_for_a_run_that_completed_nothing(folder: Path) -> None:
    """And a folder that cannot be written is no error."""
    remember_durations("r", [])
    assert not folder.exists()
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    remember("r", 1.0)
    assert learn(5).seconds == {}


def test_reading_what_was_learned_takes_milliseconds(folder: Path) -> None:
    """Twenty runs of ten kinds of tasks: planning has no reason to be slower by it."""
    took = [[float(number), 0.01] for number in range(16)]
    kinds = [{"agent_type": "w", "task_type": f"t{n}", "band": 0, "took": took} for n in range(10)]
    folder.mkdir(parents=True)
    for run in range(20):
        (folder / f"{run:02}.json").write_text(json.dumps({"version": 1, "kinds": kinds}))
    started = time.process_time()
    assert len(learn(20).seconds) == 10
    assert time.process_time() - started < 0.5
