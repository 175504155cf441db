"""What becomes of an issue and of the links between issues."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.errors import CycleError, SpecificationError
from agent_dispatcher.models import Specification, Task
from agent_dispatcher_builtins import default_plugins
from agent_dispatcher_builtins.specifications.beads.reader import BeadsFormat

Read = Callable[..., Specification]


def issue(name: str, *links: tuple[str, str], **more: Any) -> dict[str, Any]:
    """An issue with links ``(type, other)``."""
    found: dict[str, Any] = {
        "id": name,
        "title": f"Build {name}",
        "status": "open",
        "priority": 2,
        "issue_type": "task",
    }
    if links:
        found["dependencies"] = [{"issue_id": name, "depends_on_id": other, "type": kind} for kind, other in links]
    return found | more


def by_name(specification: Specification) -> dict[str, Task]:
    return {task.source_id or "": task for task in specification.tasks}


def waits(specification: Specification) -> dict[str, list[str]]:
    names = {task.id: task.source_id or "" for task in specification.tasks}
    return {
        names[task.id]: [names[each.task] for each in task.depends_on]
        for task in specification.tasks
        if task.depends_on
    }


def parts(specification: Specification) -> dict[str, list[str]]:
    names = {task.id: task.source_id or "" for task in specification.tasks}
    return {names[task.id]: [names[child] for child in task.children] for task in specification.tasks if task.children}


def test_every_issue_is_a_task_with_its_texts(read: Read) -> None:
    """Title, texts, type, priority, size and place are the issue's; the order of the lines means nothing."""
    found = read(
        issue("o-9", ("blocks", "o-1"), description="Prune.", design="With shears.", notes="In March."),
        issue("o-1", issue_type="bug", priority=0, estimated_minutes=90, title="docs that are wrong"),
    )
    last, first = found.tasks
    assert (found.title, found.format) == ("orchard", "beads")
    assert (last.source_id, last.title, last.source) == ("o-9", "Build o-9", ".beads/issues.jsonl:1")
    assert last.description == "Prune.\n\nDesign:\nWith shears.\n\nNotes:\nIn March."
    assert (first.type, first.priority, first.complexity) == ("debugging", 2, 2.5)
    assert waits(found) == {"o-9": ["o-1"]}
    assert last.depends_on[0].source == ".beads/issues.jsonl:1"
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("kind", "title", "expected"),
    [
        ("bug", "Write docs", "debugging"),
        ("spike", "Compare stores", "research"),
        ("decision", "Which store", "analysis"),
        ("feature", "Login", "code_writing"),
        ("task", "Document the login", "documentation"),
        ("task", "Task 2: Investigate slow start", "research"),
        ("task", "[web] Test the form", "testing"),
        ("chore", "docs: how to start", "documentation"),
        ("made-up", "Login", "code_writing"),
    ],
)
def test_the_sort_of_work(read: Read, kind: str, title: str, expected: str) -> None:
    """The issue type says what sort of work it is; where it says nothing the title does, without the marks in front of it."""
    assert read(issue("a", issue_type=kind, title=title)).tasks[0].type == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("open", "pending"),
        ("in_progress", "pending"),
        ("hooked", "pending"),
        ("blocked", "pending"),
        ("closed", "completed"),
        ("deferred", "skipped"),
        ("pinned", "skipped"),
        ("CLOSED", "completed"),
        (None, "pending"),
        ("sideways", "pending"),
    ],
)
def test_statuses(read: Read, word: str | None, expected: str) -> None:
    """What is closed is done, what was put off is not run, all else is to be done; a word nobody knows is a warning."""
    found = read(issue("a", status=word))
    assert found.tasks[0].status == expected
    assert any("sideways" in warning for warning in found.warnings) == (word == "sideways")


def test_deleted_issues_are_no_tasks(read: Read) -> None:
    """A tombstone is left out and said; nothing waits for it any more."""
    found = read(issue("a", ("blocks", "b")), issue("b", status="tombstone"))
    assert [task.source_id for task in found.tasks] == ["a"]
    assert waits(found) == {}
    assert found.warnings == (
        ".beads/issues.jsonl:2: deleted issues (tombstones) are no tasks: 1 left out",
        ".beads/issues.jsonl:1: a link to an issue that was deleted: ignored",
    )


def test_an_epic_completes_with_its_parts(read: Read) -> None:
    """parent-child makes children at any depth; they are grouped under the outermost, and the plan needs no agent for parents."""
    found = read(
        issue("leaf", ("parent-child", "story")),
        issue("story", ("parent-child", "epic")),
        issue("epic", issue_type="epic", title="Harvest"),
    )
    assert parts(found) == {"story": ["leaf"], "epic": ["story"]}
    assert {name: task.group for name, task in by_name(found).items()} == {
        "leaf": "Harvest",
        "story": "Harvest",
        "epic": "",
    }
    assert found.warnings == ()


def test_what_blocks_an_epic_blocks_its_parts(read: Read, project: Path) -> None:
    """In the plan a part of an epic waits for what the epic waits for, as in ``bd ready``."""
    read(
        issue("dig"),
        issue("epic", ("blocks", "dig"), issue_type="epic"),
        issue("plant", ("parent-child", "epic")),
    )
    plan = AgentDispatcher({}, plugins=default_plugins(), discover=False).plan(project)
    names = {task.id: task.source_id for task in plan.tasks}
    assert ("dig", "plant") in {(names[before], names[after]) for before, after in plan.binding_edges()}


def test_an_epic_without_parts_is_work(read: Read) -> None:
    """It is planned like any other task, and that is said once for all of them."""
    found = read(
        issue("a", issue_type="epic"), issue("b", issue_type="epic"), issue("c", issue_type="epic", status="closed")
    )
    assert [task.children for task in found.tasks] == [(), (), ()]
    [warning] = found.warnings
    assert warning.startswith(".beads/issues.jsonl:1: an open issue of the type 'epic' without parts")
    assert warning.endswith("(and 1 more like it)")


def test_parts_that_contain_each_other(read: Read) -> None:
    """A circle of parent-child is cut where it closes, with the path; the rest of the family stays."""
    found = read(
        issue("a", ("parent-child", "b")), issue("b", ("parent-child", "c")), issue("c", ("parent-child", "a"))
    )
    assert parts(found) == {"b": ["a"], "c": ["b"]}
    assert found.warnings == (
        ".beads/issues.jsonl:3: c would be a part of itself (c → a → b → c): it is not taken for a part of a",
    )


def test_two_parents(read: Read) -> None:
    """An issue is a part of the first one it names; the other is said."""
    found = read(issue("x", ("parent-child", "a"), ("parent-child", "b")), issue("a"), issue("b"))
    assert parts(found) == {"a": ["x"]}
    assert found.warnings == (".beads/issues.jsonl:1: x is a part of a already, and cannot be one of b too: ignored",)


@pytest.mark.parametrize("forth", [True, False])
def test_part_and_whole_cannot_wait_for_each_other(read: Read, project: Path, forth: bool) -> None:
    """A ``blocks`` between an epic and what is below it is said with its place, and the plan is made without it."""
    top = issue("top", *([] if forth else [("blocks", "leaf")]))
    leaf = issue("leaf", ("parent-child", "middle"), *([("blocks", "top")] if forth else []))
    found = read(top, issue("middle", ("parent-child", "top")), leaf)
    assert waits(found) == {}
    [warning] = found.warnings
    assert warning.startswith(f".beads/issues.jsonl:{3 if forth else 1}: ")
    assert "both complete together" in warning
    plan = AgentDispatcher({}, plugins=default_plugins(), discover=False).plan(project)
    assert plan.warnings == ()


def test_only_some_links_are_an_order(read: Read) -> None:
    """``blocks`` and ``waits-for`` are; related, discovered-from and types people made up are not, and each sort is said once."""
    found = read(
        issue("a", ("blocks", "z"), ("related", "z"), ("discovered-from", "b")),
        issue("b", ("waits-for", "z"), ("related", "a"), ("follows", "a")),
        issue("z"),
    )
    assert waits(found) == {"a": ["z"], "b": ["z"]}
    assert found.warnings == (
        ".beads/issues.jsonl:1: a link of the type 'related' says nothing about order: not used (and 1 more like it)",
        ".beads/issues.jsonl:1: a link of the type 'discovered-from' says nothing about order: not used",
        ".beads/issues.jsonl:2: a link of the type 'follows' says nothing about order: not used",
    )


def test_prose_is_no_order(read: Read) -> None:
    """Whatever texts, numbers and creation times say, an issue without links waits for nothing."""
    found = read(
        issue("bd-1", title="Step 1", created_at="2026-01-01T00:00:00Z"),
        issue(
            "bd-2",
            title="Step 2: after bd-1",
            description="Depends on bd-1. Blocked by bd-1.",
            created_at="2026-01-02T00:00:00Z",
        ),
        issue("bd-1.1", title="Part of bd-1"),
    )
    assert (waits(found), parts(found)) == ({}, {})


def test_references_to_nothing_and_to_itself(read: Read) -> None:
    """Each is a warning with its line, and the issue is planned."""
    found = read(
        issue("a", ("blocks", "ghost"), ("blocks", "a")), issue("b", ("parent-child", "ghost"), ("related", "ghost"))
    )
    assert waits(found) == {}
    assert found.warnings == (
        ".beads/issues.jsonl:1: a depends on 'ghost' (blocks), which is not here: ignored",
        ".beads/issues.jsonl:1: a depends on itself (blocks): ignored",
        ".beads/issues.jsonl:2: b depends on 'ghost' (parent-child), which is not here: ignored",
    )


def test_issues_that_block_each_other_are_refused_with_the_path(read: Read, project: Path) -> None:
    """A circle of declared orders has no plan; the error shows the lines."""
    read(issue("a", ("blocks", "b")), issue("b", ("blocks", "a")))
    with pytest.raises(CycleError, match="wait for each other") as caught:
        AgentDispatcher({}, plugins=default_plugins(), discover=False).plan(project)
    assert ".beads/issues.jsonl:1: " in str(caught.value)
    assert ".beads/issues.jsonl:2: " in str(caught.value)
    assert len(caught.value.cycle) == 3


def test_other_ways_to_write_a_link(read: Read) -> None:
    """A bare id, the shape of ``bd show --json``, a link without a type, and one that stands with another issue."""
    found = read(
        issue("a", dependencies=["z", {"id": "y", "dep_type": "blocks"}, {"depends_on_id": "x"}]),
        issue("b", dependencies=[{"issue_id": "x", "depends_on_id": "z", "type": "blocks"}]),
        issue("x"), issue("y"), issue("z"),
    )  # fmt: skip
    assert waits(found) == {"a": ["z", "y", "x"], "x": ["z"]}
    assert found.warnings == (".beads/issues.jsonl:2: a dependency of x stands with b",)


def test_acceptance_criteria_are_a_requirement(read: Read) -> None:
    """Those of an open issue are a requirement of its task, those of an epic one of its parts; of a closed one they are only told."""
    found = read(
        issue("epic", issue_type="epic", acceptance_criteria="All trees bear fruit", priority=0),
        issue("tree", ("parent-child", "epic"), acceptance_criteria="- [ ] it stands\n- it has leaves;\n"),
        issue("old", status="closed", acceptance_criteria="It was planted"),
    )
    assert [(each.id, each.text, each.priority, each.source) for each in found.requirements] == [
        ("AC-epic", "All trees bear fruit", "critical", ".beads/issues.jsonl:1"),
        ("AC-tree", "it stands; it has leaves", "medium", ".beads/issues.jsonl:2"),
    ]
    tasks = by_name(found)
    assert (tasks["tree"].requirements, tasks["old"].requirements) == (("AC-tree", "AC-epic"), ())
    assert tasks["old"].description == "Acceptance criteria:\nIt was planted"


def test_what_is_no_work_is_not_run(read: Read) -> None:
    """Mail, agents and templates are skipped; so is a gate, and what should only be done if something fails."""
    found = read(
        issue("mail", issue_type="message"),
        issue("bot", issue_type="agent"),
        issue("mould", is_template=True),
        issue("wait", issue_type="gate"),
        issue("mend", ("conditional-blocks", "mail")),
        issue("done", issue_type="message", status="closed"),
    )
    assert [task.status for task in found.tasks] == ["skipped"] * 5 + ["completed"]
    assert waits(found) == {}
    assert len(found.warnings) == 5


def test_closed_issues_can_be_left_out(read: Read) -> None:
    """With ``closed = false`` only those stay that an open issue waits for or is a part of, and the others are counted."""
    lines = [
        issue("open", ("blocks", "needed"), ("parent-child", "whole")),
        issue("needed", status="closed"),
        issue("whole", status="closed"),
        issue("over", status="closed"),
    ]
    assert len(read(*lines).tasks) == 4
    found = read(*lines, closed=False)
    assert [task.source_id for task in found.tasks] == ["open", "needed", "whole"]
    assert any("1 closed issues are left out" in warning for warning in found.warnings)


def test_a_closed_epic_with_open_parts(read: Read) -> None:
    """The parts are planned, and it is said that they are open."""
    found = read(issue("epic", status="closed"), issue("part", ("parent-child", "epic")))
    assert [task.status for task in found.tasks] == ["completed", "pending"]
    assert found.warnings == (".beads/issues.jsonl:1: epic is closed, but parts of it are open and planned: part",)


@pytest.mark.parametrize("place", ["", ".beads", ".beads/issues.jsonl"])
def test_where_the_issues_are_found(read: Read, project: Path, place: str) -> None:
    """The project, its folder ``.beads`` and the file itself are one source; all are known better than as anything else."""
    read(issue("a"))
    found = BeadsFormat().load(project / place)
    assert ([task.source_id for task in found.tasks], found.title) == (["a"], "orchard")
    assert BeadsFormat().matches(project / place) == (1.5 if place == "" else 2.0)


def test_an_export_anywhere(tmp_path: Path) -> None:
    """A file of another name and place is known by what its first lines hold; other JSON lines are not."""
    (tmp_path / "out.jsonl").write_text(json.dumps(issue("a", created_at="2026-01-01T00:00:00Z")) + "\n")
    (tmp_path / "log.jsonl").write_text('{"level": "info", "id": 1}\n')
    assert BeadsFormat().matches(tmp_path / "out.jsonl") == 1.0
    assert [task.source_id for task in BeadsFormat().load(tmp_path / "out.jsonl").tasks] == ["a"]
    assert BeadsFormat().matches(tmp_path / "log.jsonl") == 0.0


def test_a_project_without_an_export(project: Path) -> None:
    """The error says how to make one."""
    with pytest.raises(SpecificationError, match=r"there is no \.beads/issues\.jsonl here .*bd export"):
        BeadsFormat().load(project)
    assert BeadsFormat().matches(project / ".beads") == 0.5
    assert BeadsFormat().matches(project) == 0.0
