"""Real specifications that strangers wrote: every task, its number, and what it serves."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from agent_dispatcher import AgentDispatcher

SHARED = Path(__file__).parents[5] / "shared" / "specs"
SAMPLES = sorted((SHARED / "kiro").glob("*")) if SHARED.is_dir() else []
pytestmark = pytest.mark.skipif(not SAMPLES, reason="no folder 'shared' with samples beside the repository")


@pytest.fixture(params=[sample.name for sample in SAMPLES])
def sample(request: pytest.FixtureRequest) -> Path:
    """Each folder in turn."""
    return SHARED / "kiro" / str(request.param)


def test_no_task_is_lost(dispatcher: AgentDispatcher, sample: Path) -> None:
    """As many as the samples' manifest counts, in the order of the file, each with the number of its line."""
    manifest = json.loads((SHARED / "manifest.json").read_text())
    (known,) = (each for each in manifest if each["name"] == sample.name and each["format"] == "kiro")
    plan = dispatcher.plan(sample)
    assert len(plan.tasks) == known["tasks"]
    lines = (sample / "tasks.md").read_text().splitlines()
    for task in plan.tasks:
        line = lines[int(task.source.split(":")[1]) - 1]
        box = re.fullmatch(r"\s*- \[(.)\](\*?) (?:(\d+(?:\.\d+)*)\.? )?.*", line)
        assert box is not None
        assert task.source_id == box[3]
        assert task.status == ("completed" if box[1] == "x" else "skipped" if box[2] else "pending")


def test_requirements_are_those_that_tasks_name(dispatcher: AgentDispatcher, sample: Path) -> None:
    """Nothing that a task names is unknown, and no warning speaks of one."""
    plan = dispatcher.plan(sample)
    known = {each.id for each in plan.specification.requirements}
    assert known
    assert any(task.requirements for task in plan.tasks)
    assert {name for task in plan.tasks for name in task.requirements} <= known
    assert not [each for each in plan.specification.warnings if "which is not there" in each]


def test_no_order_is_invented(dispatcher: AgentDispatcher, sample: Path) -> None:
    """Nothing in them is declared; a checkpoint stands behind all before it and is the only thing the list orders."""
    plan = dispatcher.plan(sample)
    assert not [task for task in plan.tasks if task.depends_on]
    checkpoints = [task.id for task in plan.tasks if "heckpoint" in task.title]
    ordered = {each.after for each in plan.dependencies if any(reason.rule == "phases" for reason in each.reasons)}
    assert ordered == set(checkpoints)
