"""Real changes that strangers wrote: every task, its number, and what is required."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher_builtins.specifications.openspec.format import OpenSpecFormat
from agent_dispatcher_builtins.specifications.openspec.options import OpenSpecOptions

SHARED = Path(__file__).parents[5] / "shared" / "specs"
SAMPLES = sorted((SHARED / "openspec").glob("*")) if SHARED.is_dir() else []
pytestmark = pytest.mark.skipif(not SAMPLES, reason="no folder 'shared' with samples beside the repository")


@pytest.fixture(params=[sample.name for sample in SAMPLES])
def sample(request: pytest.FixtureRequest) -> Path:
    """Each change in turn."""
    return SHARED / "openspec" / str(request.param)


def test_no_task_is_lost(dispatcher: AgentDispatcher, sample: Path) -> None:
    """As many as the samples' manifest counts, in the order of the file, each with the number of its line."""
    manifest = json.loads((SHARED / "manifest.json").read_text())
    (known,) = (each for each in manifest if each["name"] == sample.name and each["format"] == "openspec")
    plan = dispatcher.plan(sample)
    assert len(plan.tasks) == known["tasks"]
    lines = (sample / "tasks.md").read_text().splitlines()
    for task in plan.tasks:
        box = re.match(r"- \[(.)\] (\d+\.\d+) (.*)", lines[int(task.source.split(":")[1]) - 1])
        assert box is not None
        assert (task.source_id, task.status) == (box[2], "completed" if box[1] == "x" else "pending")
        assert task.title.startswith(box[3].strip())
    assert plan.specification.warnings == ()


def test_every_requirement_and_scenario_is_there(dispatcher: AgentDispatcher, sample: Path) -> None:
    """As many as the deltas have headings for, each scenario with its parts, and each requirement with a task."""
    text = "\n".join(file.read_text() for file in sample.glob("specs/**/*.md"))
    plan = dispatcher.plan(sample)
    found = plan.specification.requirements
    assert len(found) == len(re.findall(r"^### Requirement:", text, re.MULTILINE))
    scenarios = [scenario for each in found for scenario in each.scenarios]
    assert len(scenarios) == len(re.findall(r"^#### Scenario:", text, re.MULTILINE))
    assert all(scenario.when and scenario.then for scenario in scenarios)
    assert {each.id for each in found} == {name for task in plan.tasks for name in task.requirements}


def test_only_groups_are_in_an_order(dispatcher: AgentDispatcher, sample: Path) -> None:
    """Nothing in them is declared; each group waits for the one before it, and within a group the list orders nothing."""
    plan = dispatcher.plan(sample)
    assert not [task for task in plan.tasks if task.depends_on]
    group = {task.id: int((task.source_id or "").partition(".")[0]) for task in plan.tasks}
    listed = [each for each in plan.dependencies if any(r.rule == "phases" for r in each.reasons)]
    assert {group[each.after] - group[each.before] for each in listed} == {1}
    assert {group[each.after] for each in listed} == set(group.values()) - {1}


def test_the_order_of_groups_can_be_switched_off(sample: Path) -> None:
    """``order = "free"`` leaves every task free, for a team whose groups are themes."""
    assert OpenSpecFormat(OpenSpecOptions(order="free")).load(sample).phases == ()
