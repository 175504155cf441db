"""A plan is written as its file's name says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent_dispatcher.errors import UsageError
from agent_dispatcher.models import ExecutionPlan
from agent_dispatcher.planning.plan_file import write_plan
from agent_dispatcher.planning.plan_json import plan_as_written
from agent_dispatcher.planning.planner import plan_tasks

PLAN = plan_tasks([{"id": "a"}])


class Lines:
    """Shows a plan as a line a task."""

    plan_suffix = ".txt"

    def render_plan(self, plan: ExecutionPlan) -> str:
        return "".join(f"{task.id}\n" for task in plan.tasks)


class Others(Lines):
    """Comes later, so it is not asked."""

    def render_plan(self, plan: ExecutionPlan) -> str:
        return "other"


def test_json_is_a_plan_file(tmp_path: Path) -> None:
    """What is written can be read, whoever else would write such files."""
    write_plan(PLAN, tmp_path / "plan.json", [Lines()])
    read = plan_as_written(json.loads((tmp_path / "plan.json").read_text()), plan_path=tmp_path / "plan.json")
    assert read.tasks == PLAN.tasks


def test_other_files_are_left_to_who_shows_plans(tmp_path: Path) -> None:
    """The first whose suffix fits, in whatever case it was typed."""
    write_plan(PLAN, tmp_path / "plan.TXT", [Lines(), Others()])
    assert (tmp_path / "plan.TXT").read_text() == "a\n"


@pytest.mark.parametrize("name", ["plan.pdf", "plan"])
def test_what_nobody_writes_is_refused(tmp_path: Path, name: str) -> None:
    """The message lists what there is; nothing is written."""
    with pytest.raises(UsageError, match=r"a plan can be written as \.json, \.txt, not as"):
        write_plan(PLAN, tmp_path / name, [Lines()])
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """It is not made."""
    with pytest.raises(UsageError, match="there is no folder"):
        write_plan(PLAN, tmp_path / "nowhere" / "plan.json")
