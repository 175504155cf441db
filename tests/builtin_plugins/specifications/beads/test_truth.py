"""Exports made from known projects: what is read is what they were made from, in any order of lines and any layout."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from agent_dispatcher_builtins.specifications.beads.reader import BeadsFormat

STATUSES = {"open": "pending", "in_progress": "pending", "closed": "completed", "deferred": "skipped"}
TEXTS = ("plain", 'with "quotes" and \\ backslash', "two\nlines", "ünïcödé 任务 🎉", '"status":"open"', "{[(", "")


@define
class Project:
    """The truth: issues with status, parent and blockers, none of it in a circle."""

    status: dict[str, str] = field(factory=dict)
    parent: dict[str, str] = field(factory=dict)
    blocks: set[tuple[str, str]] = field(factory=set)

    @classmethod
    def random(cls, chance: random.Random) -> Project:
        found = cls()
        names = [f"p-{chance.randrange(16**4):04x}{number}" for number in range(chance.randint(1, 25))]
        for at, name in enumerate(names):
            found.status[name] = chance.choice(list(STATUSES))
            if at and chance.random() < 0.5:
                found.parent[name] = chance.choice(names[:at])
        for at, name in enumerate(names):
            for other in names[:at]:
                if chance.random() < 0.15 and not found.kin(name, other):
                    found.blocks.add((other, name))
        return found

    def kin(self, name: str, other: str) -> bool:
        return other in self.above(name) or name in self.above(other)

    def above(self, name: str) -> set[str]:
        found = set()
        while name in self.parent:
            name = self.parent[name]
            found.add(name)
        return found

    def lines(self, chance: random.Random) -> list[str]:
        found = []
        for name, status in self.status.items():
            links = [("blocks", before) for before, after in self.blocks if after == name]
            links += [("parent-child", self.parent[name])] if name in self.parent else []
            links += [("related", chance.choice(list(self.status)))] if chance.random() < 0.2 else []
            links = [(kind, other) for kind, other in links if other != name]
            chance.shuffle(links)
            issue: dict[str, Any] = {
                "id": name,
                "title": f"T {name}",
                "description": chance.choice(TEXTS),
                "status": status,
                "notes": chance.choice(TEXTS),
                "dependencies": [{"issue_id": name, "depends_on_id": other, "type": kind} for kind, other in links],
            }
            if status == "closed":
                issue["closed_at"] = "2026-01-01T00:00:00Z"
            items = list(issue.items())
            chance.shuffle(items)
            separators = chance.choice([(",", ":"), (", ", ": "), (" ,\t", " : ")])
            found.append(json.dumps(dict(items), ensure_ascii=chance.random() < 0.5, separators=separators))
        chance.shuffle(found)
        return found


@pytest.mark.parametrize("seed", range(40))
def test_read_and_written_both_ways(tmp_path: Path, seed: int) -> None:
    """Ids, statuses, families and orders are the truth; closing and opening an issue gives back every byte."""
    chance = random.Random(seed)
    project = Project.random(chance)
    end = chance.choice(["\n", "\r\n"])
    data = (end.join(project.lines(chance)) + chance.choice(["", end])).encode()
    data = chance.choice([b"", b"\xef\xbb\xbf"]) + data
    file = tmp_path / "issues.jsonl"
    file.write_bytes(data)
    found = BeadsFormat().load(file)
    names = {task.id: task.source_id or "" for task in found.tasks}
    assert {task.source_id: task.status for task in found.tasks} == {
        name: STATUSES[word] for name, word in project.status.items()
    }
    assert {(names[each.task], task.source_id) for task in found.tasks for each in task.depends_on} == project.blocks
    assert {names[child]: task.source_id for task in found.tasks for child in task.children} == project.parent
    for name, word in project.status.items():
        if word == "open":
            BeadsFormat().write_status(file, {name: "completed"})
            again = {task.source_id: task.status for task in BeadsFormat().load(file).tasks}
            assert again == {
                other: "completed" if other == name else STATUSES[at] for other, at in project.status.items()
            }
            BeadsFormat().write_status(file, {name: "pending"})
            assert file.read_bytes() == data
