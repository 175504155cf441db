"""Real task lists are planned as their authors wrote them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher_builtins import default_plugins
from agent_dispatcher_builtins.specifications.task_master.reader import TaskMasterFormat

from ..orders import ordered


def listed(folder: Path) -> list[dict[str, Any]]:
    document = json.loads((folder / "tasks.json").read_text(encoding="utf-8"))
    tasks: list[dict[str, Any]] = document["tasks"] if "tasks" in document else document["master"]["tasks"]
    return tasks


@pytest.fixture(scope="session")
def manifest(samples: Path) -> list[dict[str, Any]]:
    entries = json.loads((samples / "manifest.json").read_text(encoding="utf-8"))
    return [entry for entry in entries if entry["format"] == "taskmaster"]


def test_every_sample_is_planned_whole(samples: Path, manifest: list[dict[str, Any]]) -> None:
    """Each task is there under its own id and no other is; the counts are the manifest's; each declared order is kept, and the rule for
    declared orders reports those and nothing else; nothing in the files was left unread."""
    assert manifest
    for entry in manifest:
        folder = samples.parent / entry["sample"]
        plan = AgentDispatcher({}, plugins=default_plugins(), discover=False).plan(folder)
        tasks = listed(folder)
        assert [task.source_id for task in plan.tasks] == [str(task["id"]) for task in tasks]
        assert len(plan.tasks) == entry["tasks"]
        declared = {(str(before), str(task["id"])) for task in tasks for before in task["dependencies"]}
        assert len(declared) == entry["explicit_edges"]
        assert declared <= ordered(plan)
        names = {task.id: task.source_id for task in plan.tasks}
        reported = {
            (names[each.before], names[each.after])
            for each in (*plan.dependencies, *plan.dropped)
            if any(reason.rule == "declared" for reason in each.reasons)
        }
        assert reported == declared
        assert [len(task.steps) for task in plan.tasks] == [len(task["subtasks"]) for task in tasks]
        assert sum(len(step.depends_on) for task in plan.tasks for step in task.steps) == entry["subtask_edges"]
        assert plan.specification.warnings == ()
        assert plan.specification.summary


def test_places_are_true(samples: Path, manifest: list[dict[str, Any]]) -> None:
    """The line a task remembers is where its mapping begins, and that of a dependency is where its number stands."""
    for entry in manifest:
        folder = samples.parent / entry["sample"]
        lines = (folder / "tasks.json").read_text(encoding="utf-8").splitlines()
        specification = TaskMasterFormat().load(folder)
        names = {task.id: task.source_id for task in specification.tasks}
        for task in specification.tasks:
            start = int(task.source.rpartition(":")[2])
            assert lines[start - 1].strip() == "{"
            assert lines[start].strip() == f'"id": {task.source_id},'
            for each in task.depends_on:
                line = lines[int(each.source.rpartition(":")[2]) - 1]
                assert line.strip().strip(",") == names[each.task]


def test_statuses_of_samples_round_trip(samples: Path, manifest: list[dict[str, Any]], tmp_path: Path) -> None:
    """Opening every task and finishing those that were finished gives the file back byte for byte."""
    for entry in manifest:
        folder = tmp_path / entry["name"]
        shutil.copytree(samples.parent / entry["sample"], folder)
        file, format = folder / "tasks.json", TaskMasterFormat()
        before = file.read_bytes()
        statuses = {str(task["id"]): task["status"] for task in listed(folder)}
        done = [name for name, word in statuses.items() if word in ("done", "completed")]
        format.write_status(folder, dict.fromkeys(done, "completed"))
        finished = file.read_bytes()
        format.write_status(folder, dict.fromkeys(done, "pending"))
        assert {task.status for task in format.load(folder).tasks if task.source_id in done} == {"pending"}
        word = "completed" if "completed" in statuses.values() else "done"
        changed = file.read_bytes()
        assert changed != finished
        for line, other in zip(changed.splitlines(), finished.splitlines(), strict=True):
            assert line == other or line.replace(b'"pending"', f'"{word}"'.encode()) == other
        if word == "done":  # once nothing is finished any more, the usual word is written
            format.write_status(folder, dict.fromkeys(done, "completed"))
            assert file.read_bytes() == finished
            subtasks_open = b'"status": "pending"' in before and before != finished
            assert subtasks_open or finished == before
