"""Lanes go back into the front matter where that is safe, and nowhere else."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_dispatcher.errors import PathRefused, SpecificationError
from agent_dispatcher.extension.components import SpecificationFormat
from agent_dispatcher.models import Specification
from agent_dispatcher.testing import SpecificationFormatContract
from agent_dispatcher_builtins.specifications.spec_kitty.reader import SpecKittyFormat

Read = Callable[..., Specification]
Write = Callable[..., Path]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("lane: planned", "lane: done"),
        ('lane:   "doing"   # DO NOT EDIT', 'lane:   "done"   # DO NOT EDIT'),
        ("lane: 'for_review'", "lane: 'done'"),
        ("lane: approved", "lane: approved"),
        ('lane: ""', 'lane: "done"'),
    ],
)
def test_only_the_word_changes(write: Write, line: str, expected: str) -> None:
    """Quotes, remarks and all other bytes stay; what is approved is done already."""
    text = "\ufeff---\r\nwork_package_id: WP01\r\n{}\r\ntitle: x\r\nhistory:\r\n- lane: planned\r\n---\r\nlane: planned\r\n"
    mission = write({"WP01-x.md": text.format(line)})
    SpecKittyFormat().write_status(mission, {"WP01": "completed"})
    assert (mission / "tasks" / "WP01-x.md").read_bytes().decode() == text.format(expected)


@pytest.mark.parametrize(
    ("status", "expected"),
    [("pending", "planned"), ("in_progress", "doing"), ("ready", "planned"), ("failed", "done"), ("skipped", "done")],
)
def test_other_statuses(read: Read, mission: Path, status: str, expected: str) -> None:
    """Each has its lane; one that has none changes nothing."""
    read(WP01={"lane": "done"})
    SpecKittyFormat().write_status(mission, {"WP01": status})
    assert f"lane: {expected}\n" in (mission / "tasks" / "WP01-part.md").read_text()


@pytest.mark.parametrize("name", ["status.events.jsonl", "status.json"])
def test_a_log_is_written_by_spec_kitty_alone(read: Read, mission: Path, name: str) -> None:
    """The error says where the lanes are kept and how Spec Kitty changes them; nothing is changed, and nothing to change is no error."""
    read(WP01={"lane": "planned"}, WP02={"lane": "planned"})
    (mission / name).write_text('{"wp_id": "WP02", "to_lane": "done", "work_packages": {"WP02": {"lane": "done"}}}\n')
    before = {path: path.read_bytes() for path in mission.rglob("*") if path.is_file()}
    SpecKittyFormat().write_status(mission, {"WP02": "completed"})
    with pytest.raises(SpecificationError, match=rf"stands in {name}.*spec-kitty agent tasks move-task WP01 --to done"):
        SpecKittyFormat().write_status(mission, {"WP01": "completed"})
    assert {path: path.read_bytes() for path in mission.rglob("*") if path.is_file()} == before


def test_a_package_without_a_lane_or_in_the_folder_of_one(write: Write) -> None:
    """There is nothing that could say it, or a file would have to be moved: an error, and no change."""
    mission = write({"WP01-x.md": "---\nwork_package_id: WP01\n---\n", "doing/WP02-x.md": "---\nlane: doing\n---\n"})
    for name, said in (("WP01", "has no 'lane'"), ("WP02", "by its folder")):
        with pytest.raises(SpecificationError, match=said):
            SpecKittyFormat().write_status(mission, {name: "completed"})


def test_links_are_not_followed(read: Read, mission: Path, tmp_path: Path) -> None:
    """What a link leads to is not changed."""
    read(WP01={"lane": "planned"})
    file = mission / "tasks" / "WP01-part.md"
    target = tmp_path / "x.md"
    file.rename(target)
    file.symlink_to(target)
    before = target.read_bytes()
    with pytest.raises(PathRefused):
        SpecKittyFormat().write_status(mission, {"WP01": "completed"})
    assert target.read_bytes() == before


@pytest.mark.parametrize("seed", range(30))
def test_missions_made_from_known_graphs(read: Read, mission: Path, seed: int) -> None:
    """Ids, lanes, orders and owned files are the truth; finishing a package and taking it back restores every byte."""
    chance = random.Random(seed)
    names = [f"WP{number:02d}" for number in chance.sample(range(1, 60), chance.randint(1, 12))]
    waits = {(before, after) for at, after in enumerate(names) for before in names[:at] if chance.random() < 0.3}
    lanes = {name: chance.choice(["planned", "planned", "doing", "done"]) for name in names}
    files = {name: [f"src/{chance.randrange(9)}.py" for _ in range(chance.randrange(4))] for name in names}
    shuffled = chance.sample(names, len(names))
    found = read(
        **{
            name: {
                "lane": lanes[name],
                "dependencies": f"[{', '.join(before for before, after in sorted(waits) if after == name)}]",
                "owned_files": f"[{', '.join(files[name])}]",
            }
            for name in shuffled
        }
    )
    ids = {task.id: task.source_id for task in found.tasks}
    assert [task.source_id for task in found.tasks] == sorted(names)
    assert {(ids[each.task], task.source_id) for task in found.tasks for each in task.depends_on} == waits
    assert {task.source_id: {each.name for each in task.produces} for task in found.tasks} == {
        name: set(owned) for name, owned in files.items()
    }
    statuses = {name: "completed" if lane == "done" else "pending" for name, lane in lanes.items()}
    assert {task.source_id: task.status for task in found.tasks} == statuses
    before = {path: path.read_bytes() for path in mission.rglob("*") if path.is_file()}
    for name in (name for name in names if lanes[name] == "planned"):
        SpecKittyFormat().write_status(mission, {name: "completed"})
        again = {task.source_id: task.status for task in SpecKittyFormat().load(mission).tasks}
        assert again == statuses | {name: "completed"}
        SpecKittyFormat().write_status(mission, {name: "pending"})
        assert {path: path.read_bytes() for path in mission.rglob("*") if path.is_file()} == before


PACKAGE = """---
work_package_id: WP0{number}
title: Part {number}
lane: planned
dependencies: {dependencies}
requirement_refs: [FR-001]
subtasks: [T00{number}]
owned_files: [src/{number}.py]
---
# Work Package Prompt: WP0{number} – Part {number}

### Subtask T00{number} – Do it
- Steps
"""


class TestSpecKittyFormat(SpecificationFormatContract):
    def make_format(self) -> SpecificationFormat:
        return SpecKittyFormat()

    def write_sample(self, folder: Path) -> Path:
        mission = folder / "kitty-specs" / "001-parts"
        (mission / "tasks").mkdir(parents=True)
        (mission / "spec.md").write_text(
            "# Feature Specification: Parts\n\n## Requirements\n\n- **FR-001**: It must have parts.\n"
        )
        (mission / "tasks" / "WP01-part.md").write_text(PACKAGE.format(number=1, dependencies="[]"))
        (mission / "tasks" / "WP02-part.md").write_text(PACKAGE.format(number=2, dependencies="[WP01]"))
        return mission
