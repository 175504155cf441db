"""What becomes of a work package, of what it owns and of what it waits for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.errors import SpecificationError
from agent_dispatcher.models import Specification
from agent_dispatcher_builtins import default_plugins
from agent_dispatcher_builtins.specifications.spec_kitty.reader import SpecKittyFormat

Read = Callable[..., Specification]
Write = Callable[..., Path]

WHOLE = """---
work_package_id: WP01
title: Sensors and averages
dependencies: []
requirement_refs:
- FR-001
- C-001
- FR-009
subtasks: ["T001", "T002"]
phase: Phase 1 - Foundation
priority: P1
owned_files:
- src/orchard/sensor.py
- tests/test_sensor.py
made_up_key: 7
---
# Work Package Prompt: WP01 – Sensors and averages

## Do This First: Load Agent Profile
Load a profile.

### With care
Slowly.

## Objective
Read what the soil says.

### T002 – Average of ten readings

```
## Activity Log
stays, as it stands in a fence
```

## Branch Strategy
Somewhere.

## Activity Log
- nobody did anything
"""


def waits(specification: Specification) -> dict[str, list[str]]:
    names = {task.id: task.source_id or "" for task in specification.tasks}
    return {
        names[task.id]: [names[each.task] for each in task.depends_on]
        for task in specification.tasks
        if task.depends_on
    }


def exclusions(mission: Path) -> set[tuple[str, frozenset[str]]]:
    plan = AgentDispatcher({}, plugins=default_plugins(), discover=False).plan(mission)
    names = {task.id: task.source_id or "" for task in plan.tasks}
    return {(each.resource, frozenset(names[task] for task in each.tasks)) for each in plan.exclusions}


def test_a_work_package_is_a_task(write: Write) -> None:
    """Everything its file says is there, with its place; what is for Spec Kitty's own agents is not told to others."""
    found = SpecKittyFormat().load(write({"WP01-sensors.md": WHOLE}))
    [task] = found.tasks
    assert (found.format, found.title, found.language, found.facts["Storage"]) == (
        "spec-kitty",
        "Orchard Watering",
        "python",
        "SQLite",
    )
    assert [each.id for each in found.requirements] == ["FR-001", "FR-002", "C-001"]
    assert (task.source_id, task.title, task.source) == ("WP01", "Sensors and averages", "tasks/WP01-sensors.md:2")
    assert (task.type, task.status, task.group, task.priority) == ("code_writing", "pending", "Phase 1 - Foundation", 3)
    assert task.requirements == ("FR-001", "C-001")
    assert [each.name for each in task.produces] == ["src/orchard/sensor.py", "tests/test_sensor.py"]
    assert [(step.id, step.title, step.status) for step in task.steps] == [
        ("T001", "Read the soil sensor in `src/orchard/sensor.py`", "completed"),
        ("T002", "Average of ten readings", "pending"),
    ]
    for told in ("Read what the soil says.", "T002 – Average", "stays, as it stands in a fence"):
        assert told in task.description
    for untold in ("Load a profile", "Slowly", "Somewhere", "nobody did anything", "Work Package Prompt"):
        assert untold not in task.description
    assert found.warnings == (
        "tasks/WP01-sensors.md:8: WP01 serves FR-009, which spec.md does not have",
        "tasks/WP01-sensors.md:15: the key 'made_up_key' of a work package is not understood and not used",
    )


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("[WP01]", ["WP01"]),
        ("[WP01, WP03]", ["WP01", "WP03"]),
        ("\n- WP01\n- WP03", ["WP01", "WP03"]),
        ("WP01, WP03", ["WP01", "WP03"]),
        ('["wp1", "WP03-valves"]', ["WP01", "WP03"]),
        ("[]", []),
        ("'[]'", []),
        ("none", []),
        ("", []),
    ],
)
def test_dependencies(read: Read, said: str, expected: list[str]) -> None:
    """However they are written, they are declared with their line."""
    found = read(WP01={}, WP02={"dependencies": said}, WP03={})
    assert waits(found) == ({"WP02": expected} if expected else {})
    for task in found.tasks:
        assert all(each.source.startswith("tasks/WP02-part.md:") for each in task.depends_on)
    assert found.warnings == ()


def test_dependencies_that_lead_nowhere(read: Read) -> None:
    """Each is a warning with its line; the package is planned."""
    found = read(WP01={"dependencies": "[WP01, WP09, {id: WP02}, the others]"}, WP02={"dependencies": "[]"})
    assert waits(found) == {}
    assert sorted(found.warnings) == [
        "tasks/WP01-part.md:4: WP01 depends on 'WP09', which is no work package here: ignored",
        "tasks/WP01-part.md:4: WP01 depends on 'the others', which is no work package here: ignored",
        "tasks/WP01-part.md:4: WP01 depends on itself: ignored",
        "tasks/WP01-part.md:4: a dependency must be the id of a work package, not a mapping: not used",
    ]


def test_older_missions_declare_in_the_overview(read: Read) -> None:
    """Where a file has no ``dependencies`` at all, the section of tasks.md counts: what it lists, not what else it mentions."""
    packages = {name: {} for name in ("WP01", "WP02", "WP03", "WP04")}
    found = read(**packages)
    assert waits(found) == {"WP02": ["WP01"]}
    [dependency] = next(task for task in found.tasks if task.source_id == "WP02").depends_on
    assert dependency.source == "tasks.md:18"
    assert waits(read(**packages | {"WP02": {"dependencies": "[]"}})) == {}


def test_lists_that_an_update_left_empty(read: Read) -> None:
    """Where every front matter has an empty list, what tasks.md lists counts, and that is told; one that names something makes the empty ones count."""
    packages = {name: {"dependencies": "[]"} for name in ("WP01", "WP02", "WP03", "WP04")}
    found = read(**packages)
    assert waits(found) == {"WP02": ["WP01"]}
    assert found.warnings == (
        "tasks.md:18: no work package itself names a dependency, so those count that are listed here",
    )
    assert waits(read(**packages | {"WP04": {"dependencies": "[WP03]"}})) == {"WP04": ["WP03"]}


def test_prose_is_no_order(read: Read, mission: Path) -> None:
    """Numbers, phases, lanes.json and texts that mention other packages declare nothing."""
    (mission / "lanes.json").write_text(
        json.dumps({"lanes": [{"lane_id": "a", "wp_ids": ["WP01", "WP02"], "depends_on_lanes": ["b"]}]})
    )
    (mission / "tasks.md").write_text(
        "# Tasks\n\n## WP04: After WP01\nThis depends on WP01. Dependencies on WP01 are likely.\n\n- WP01, as was said\n- After WP01 we rest\n"
    )
    found = read(
        WP01={"phase": "Phase 1", "dependencies": "[]"},
        WP02={"phase": "Phase 2", "title": "After WP01", "dependencies": "[]"},
        WP03={"title": "Depends on WP01"},
        WP04={},
    )
    assert waits(found) == {}


def test_two_owners_of_a_file_exclude_each_other(read: Read, mission: Path) -> None:
    """A path of both, a pattern that covers a path of another, and two patterns that overlap; a declared order needs no exclusion."""
    read(
        WP01={"owned_files": "[src/orchard/core.py, src/web/**]", "dependencies": "[]"},
        WP02={"owned_files": "[./src/orchard/core.py]", "dependencies": "[]"},
        WP03={"owned_files": "[src/web/page.py, docs/]", "dependencies": "[]"},
        WP04={"owned_files": "[docs/*.md, src/webb/x.py]", "dependencies": "[]"},
        WP05={"owned_files": "[src/web/page.py]", "dependencies": "[WP03]"},
        WP06={"owned_files": "[lib/**]", "dependencies": "[]"},
        WP07={"owned_files": "[lib/]", "dependencies": "[]"},
    )
    found = exclusions(mission)
    assert ("path:src/orchard/core.py", frozenset({"WP01", "WP02"})) in found
    assert ("resource:src/web/** with src/web/page.py", frozenset({"WP01", "WP03", "WP05"})) in found
    assert ("resource:docs/** with docs/*.md", frozenset({"WP03", "WP04"})) in found
    assert ("resource:lib/**", frozenset({"WP06", "WP07"})) in found
    assert len(found) == 4


def test_documents_of_the_mission_are_read_by_all(read: Read, mission: Path) -> None:
    """They keep nobody apart, but those who are to write them; lines behind a path are no part of it."""
    read(
        WP01={"owned_files": f"[kitty-specs/{mission.name}/spec.md, 'src/orchard/core.py:10-20']"},
        WP06={"owned_files": f"[kitty-specs/{mission.name}/spec.md, 'src/orchard/core.py:7']"},
        WP03={
            "owned_files": f"[kitty-specs/{mission.name}/plan.md, kitty-specs/{mission.name}/new.md]",
            "execution_mode": "planning_artifact",
        },
        WP04={
            "owned_files": f"[kitty-specs/{mission.name}/plan.md]",
            "execution_mode": "planning_artifact",
        },
        WP05={"owned_files": f"[kitty-specs/{mission.name}/new.md]"},
    )
    assert exclusions(mission) == {
        ("path:src/orchard/core.py", frozenset({"WP01", "WP06"})),
        (f"path:kitty-specs/{mission.name}/plan.md", frozenset({"WP03", "WP04"})),
        (f"path:kitty-specs/{mission.name}/new.md", frozenset({"WP03", "WP05"})),
    }


@pytest.mark.parametrize("path", ["/etc/passwd", "../other/x.py", "https://x/y", "~/x", "{a: b}"])
def test_what_is_no_path_is_not_owned(read: Read, path: str) -> None:
    """It is a warning with its line."""
    found = read(WP01={"owned_files": f"[{path}]"})
    assert found.tasks[0].produces == ()
    [warning] = found.warnings
    assert warning.startswith("tasks/WP01-part.md:4: WP01 owns ")


@pytest.mark.parametrize(
    ("lane", "expected"),
    [
        ("planned", "pending"),
        ("doing", "pending"),
        ('"for_review"', "pending"),
        ("done", "completed"),
        ("approved", "completed"),
        ("canceled", "skipped"),
        ("''", "pending"),
        ("nowhere", "pending"),
    ],
)
def test_lanes(read: Read, lane: str, expected: str) -> None:
    """Done and approved are completed, canceled is skipped, all else is to be done; an unknown lane is a warning."""
    found = read(WP01={"lane": lane})
    assert found.tasks[0].status == expected
    assert len(found.warnings) == (lane in ("approved", "nowhere"))


def test_the_log_is_newer_than_the_picture_and_both_than_the_front_matter(read: Read, write: Write) -> None:
    """Events count in the order of their times, subtasks of theirs too."""
    write(
        status__json=json.dumps(
            {"work_packages": {"WP01": {"lane": "done"}, "WP02": {"lane": "done", "subtasks": {"T009": "done"}}}}
        )
    )
    packages = {
        "WP01": {"lane": "planned", "subtasks": "[T001]"},
        "WP02": {"lane": "planned", "subtasks": "[T009, T010]"},
    }
    assert [task.status for task in read(**packages).tasks] == ["completed", "completed"]
    events = [
        {"wp_id": "WP02", "at": "2026-01-03", "to_lane": "in_progress"},
        {"wp_id": "WP02", "at": "2026-01-02", "to_lane": "approved"},
        {"wp_id": "WP02", "at": "2026-01-01", "kind": "annotation", "delta": {"subtasks": {"T010": "done"}}},
        {"event_type": "other"},
    ]
    (Path(write()) / "status.events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    found = read(**packages)
    assert [task.status for task in found.tasks] == ["completed", "pending"]
    assert [step.status for step in found.tasks[1].steps] == ["completed", "completed"]
    assert found.warnings == ()


def test_the_first_versions_kept_lanes_as_folders(mission: Path) -> None:
    """The folder says the lane where nothing else does; packages below folders of phases are found too."""
    for place, name in (("done", "WP01"), ("planned/phase-2", "WP02")):
        folder = mission / "tasks" / place
        folder.mkdir(parents=True)
        (folder / f"{name}-x.md").write_text(f"---\nwork_package_id: {name}\ntitle: Part\n---\ntext\n")
    found = SpecKittyFormat().load(mission)
    assert [(task.source_id, task.status) for task in found.tasks] == [("WP01", "completed"), ("WP02", "pending")]


def test_subtasks_as_mappings_and_twice(read: Read) -> None:
    """An entry may carry its title; one that is there twice is said and kept once."""
    found = read(WP01={"subtasks": '[{id: T005, title: Mulch}, "T006: Dig", T006, T007]'})
    assert [(step.id, step.title) for step in found.tasks[0].steps] == [
        ("T005", "Mulch"),
        ("T006", "Dig"),
        ("T007", "T007"),
    ]
    assert found.warnings == ("tasks/WP01-part.md:4: the subtask T006 stands here twice: once is enough",)


@pytest.mark.parametrize("place", [".", "tasks", "tasks/WP01-part.md", "spec.md", "tasks.md", "..", "../.."])
def test_where_a_mission_is_found(read: Read, mission: Path, place: str) -> None:
    """The folder, a file of it, and a repository with one mission; better known than as spec-kit."""
    read(WP01={})
    source = (mission / place).resolve()
    plan = AgentDispatcher({}, plugins=default_plugins(), discover=False).plan(source)
    assert (plan.specification.format, len(plan.tasks)) == ("spec-kitty", 1)


def test_several_missions_are_told(read: Read, mission: Path) -> None:
    """Nobody can say which one is meant, so the error names them."""
    read(WP01={})
    other = mission.parent / "002-harvest"
    other.mkdir()
    (other / "spec.md").write_text("# Feature Specification: Harvest\n")
    with pytest.raises(SpecificationError, match=r"there are 2 missions here \(001-orchard-watering, 002-harvest\)"):
        SpecKittyFormat().load(mission.parents[1])


def test_a_mission_without_work_packages(mission: Path) -> None:
    """Its requirements are planned by other means, and that is said."""
    found = SpecKittyFormat().load(mission)
    assert (found.tasks, len(found.requirements)) == ((), 3)
    assert found.warnings == ("there are no work packages: tasks are made from the requirements",)


def test_sorts_of_requirements_that_no_package_names(read: Read, mission: Path) -> None:
    """User stories beside named functional requirements are left out and counted; where no package names anything, all stay."""
    with (mission / "spec.md").open("a") as file:
        file.write("\n### User Story 1 - See the week (Priority: P1)\nGrowers look at it.\n")
    found = read(WP01={"requirement_refs": "[FR-001]"})
    assert [each.id for each in found.requirements] == ["FR-001", "FR-002"]
    assert found.warnings == ("spec.md:15: 2 requirements are of sorts that no work package names (US, C): not used",)
    assert {each.id for each in read(WP01={}).requirements} == {"FR-001", "FR-002", "US1", "C-001"}


def test_open_questions_block(mission: Path) -> None:
    """What spec.md leaves open has to be settled before a run, as with spec-kit."""
    with (mission / "spec.md").open("a") as file:
        file.write("\n## More\n- **FR-003**: It must be [NEEDS CLARIFICATION: how big?]\n")
    found = SpecKittyFormat().load(mission)
    assert len(found.blockers) == 1


def test_the_name_is_that_of_meta_json(mission: Path) -> None:
    """``friendly_name`` is the title; a broken meta.json is a warning."""
    (mission / "meta.json").write_text('{"friendly_name": "Water for  trees"}')
    assert SpecKittyFormat().load(mission).title == "Water for trees"
    (mission / "meta.json").write_text('{"friendly_name": ')
    found = SpecKittyFormat().load(mission)
    assert found.title == "Orchard Watering"
    assert any(warning.startswith("meta.json:1:") for warning in found.warnings)
