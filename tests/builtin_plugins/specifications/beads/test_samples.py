"""Real exports are planned as their authors wrote them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher_builtins import default_plugins
from agent_dispatcher_builtins.specifications.beads.reader import BeadsFormat

from ..orders import ordered


@pytest.fixture(scope="session")
def manifest(samples: Path) -> list[dict[str, Any]]:
    entries = json.loads((samples / "manifest.json").read_text(encoding="utf-8"))
    return [entry for entry in entries if entry["format"] == "beads"]


def issues(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "issues.jsonl").read_text(encoding="utf-8").splitlines() if line]


def links(folder: Path, kind: str) -> set[tuple[str, str]]:
    return {
        (link["depends_on_id"], link["issue_id"])
        for issue in issues(folder)
        for link in issue.get("dependencies") or ()
        if link["type"] == kind
    }


def test_every_sample_is_planned_whole(samples: Path, manifest: list[dict[str, Any]]) -> None:
    """Each issue is a task, each ``blocks`` is declared and kept, none besides is declared, and the families are those of the file."""
    assert manifest
    for entry in manifest:
        folder = samples.parent / entry["sample"]
        plan = AgentDispatcher({}, plugins=default_plugins(), discover=False).plan(folder)
        names = {task.id: task.source_id for task in plan.tasks}
        assert sorted(names.values()) == sorted(issue["id"] for issue in issues(folder))
        assert len(plan.tasks) == entry["tasks"]
        declared = {(names[each.task], task.source_id) for task in plan.tasks for each in task.depends_on}
        assert declared == links(folder, "blocks")
        assert len(declared) == entry["explicit_edges"]
        assert declared <= ordered(plan)
        family = {(task.source_id, names[child]) for task in plan.tasks for child in task.children}
        assert family == links(folder, "parent-child")
        assert plan.specification.warnings == ()


def test_what_the_plan_calls_declared_is_declared(samples: Path, manifest: list[dict[str, Any]]) -> None:
    """Every dependency that the rule for declared orders gives is a ``blocks`` of the task, or of an epic it is a part of."""
    for entry in manifest:
        folder = samples.parent / entry["sample"]
        plan = AgentDispatcher({}, plugins=default_plugins(), discover=False).plan(folder)
        names = {task.id: task.source_id for task in plan.tasks}
        parent = {child: before for before, child in links(folder, "parent-child")}
        blocks = links(folder, "blocks")
        for dependency in plan.dependencies:
            if any(reason.rule == "declared" for reason in dependency.reasons):
                after = names[dependency.after]
                above = [after]
                while above[-1] in parent:
                    above.append(parent[str(above[-1])])
                assert any((names[dependency.before], name) in blocks for name in above)


def test_statuses_of_every_sample_are_written_and_taken_back(
    samples: Path, manifest: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Each open issue in turn is closed, read as completed, and opened again: all other bytes stay as they were."""
    written = 0
    for entry in manifest:
        folder = tmp_path / entry["name"]
        shutil.copytree(samples.parent / entry["sample"], folder)
        file = folder / "issues.jsonl"
        original = file.read_bytes()
        formats = BeadsFormat()
        before = {task.source_id or "": task.status for task in formats.load(folder).tasks}
        formats.write_status(folder, before)
        assert file.read_bytes() == original
        for issue in issues(folder):
            if issue["status"] != "open":
                continue
            formats.write_status(folder, {issue["id"]: "completed"})
            after = {task.source_id or "": task.status for task in formats.load(folder).tasks}
            assert after == before | {issue["id"]: "completed"}
            formats.write_status(folder, {issue["id"]: "pending"})
            assert file.read_bytes() == original
            written += 1
    assert written > 5
