"""``tasks.md`` of a change: what is a task, and which order is stated."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent_dispatcher.errors import SpecificationError
from agent_dispatcher.models import Specification
from agent_dispatcher_builtins.specifications.openspec.tasks import read_tasks

Read = Callable[..., Specification]
Orders = Callable[..., set[tuple[str, str]]]


def pairs(text: str) -> set[tuple[str, str]]:
    return {(before, after) for before, after in (each.split(">") for each in text.split())}


def test_every_box_is_a_task(read: Read) -> None:
    """Under its number and its group, nested ones as parts, wrapped lines as one title."""
    text = """\
# Tasks

## 1. Store

- [x] 1.1 Define the table of faces with an id, a photo, a box and an
      embedding
- [ ] 1.2 Migrate
  - [ ] 1.2.1 Up
  - [X] 1.2.2 Down
- [ ] 1.5 Skip numbers

## 2. Docs
- [ ] Write the guide
"""
    found = read(text).tasks
    ids = {task.id: task.source_id for task in found}
    assert [
        (task.source_id, task.title, task.status, task.group, [ids[part] for part in task.children], task.source)
        for task in found
    ] == [
        (
            "1.1",
            "Define the table of faces with an id, a photo, a box and an embedding",
            "completed",
            "1. Store",
            [],
            "tasks.md:5",
        ),
        ("1.2", "Migrate", "pending", "1. Store", ["1.2.1", "1.2.2"], "tasks.md:7"),
        ("1.2.1", "Up", "pending", "1. Store", [], "tasks.md:8"),
        ("1.2.2", "Down", "completed", "1. Store", [], "tasks.md:9"),
        ("1.5", "Skip numbers", "pending", "1. Store", [], "tasks.md:10"),
        (None, "Write the guide", "pending", "2. Docs", [], "tasks.md:13"),
    ]


def test_a_long_list_loses_nothing(read: Read) -> None:
    """250 items and more."""
    text = "".join(
        f"## {g}. Group\n\n" + "".join(f"- [ ] {g}.{n} Do {g}-{n}\n" for n in range(1, 26)) for g in range(1, 11)
    )
    assert [task.source_id for task in read(text).tasks] == [f"{g}.{n}" for g in range(1, 11) for n in range(1, 26)]


GROUPS = "## 1. Red\n- [ ] 1.1 Scarlet\n- [ ] 1.2 Crimson\n## 2. Green\n- [ ] 2.1 Olive\n"


def test_groups_follow_each_other_and_their_tasks_do_not(orders: Orders) -> None:
    """The format asks for what must be done first to be listed first: a group is a step. Within it the place says nothing."""
    assert orders(GROUPS) == pairs("1.1>2.1 1.2>2.1")
    assert orders("- [ ] 1.1 Scarlet\n- [ ] 1.2 Crimson\n") == set()


def test_what_is_stated_counts_and_not_the_place(orders: Orders) -> None:
    """Where tasks or sections say themselves what waits for what, the list says nothing more."""
    assert orders(GROUPS + "- [ ] 2.2 Moss (depends on 1.1)\n") == pairs("1.1>2.2")


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("free", []),
        ("groups", [("1. Red", ("1.1", "1.2")), ("2. Green", ("2.1",))]),
        ("listed", [("the list", ("1.1", "1.2", "2.1"))]),
    ],
)
def test_what_the_place_means_can_be_chosen(order: str, expected: list[tuple[str, tuple[str, ...]]]) -> None:
    """The option ``order``: nothing, a step for each group, or one task after the other."""
    listed = read_tasks(GROUPS, "tasks.md", order)
    number = {task.id: task.source_id for task in listed.tasks}
    assert [(phase.name, tuple(number[each] for each in phase.tasks)) for phase in listed.phases] == expected


HEADINGS = """\
# Tasks

## Task 1: Ground
**Dependencies**: None
- lay it

## Task 2: Walls
**Dependencies**: Task 1
- [ ] brick by brick
- [x] with mortar

## Task 3: Roof
Keeps the rain out.
**Dependencies**: Task 1-2 (needs 4)

## Task 4: Garden
**Dependencies**: None (not after 3)
"""


def test_headings_that_say_what_they_depend_on_are_tasks(read: Read, orders: Orders) -> None:
    """With their boxes as parts, what stands below as description, and the declared order."""
    found = read(HEADINGS).tasks
    ids = {task.id: task.source_id or task.title for task in found}
    assert [(task.source_id, task.title, [ids[part] for part in task.children]) for task in found] == [
        ("1", "Ground", []),
        ("2", "Walls", ["brick by brick", "with mortar"]),
        (None, "brick by brick", []),
        (None, "with mortar", []),
        ("3", "Roof", []),
        ("4", "Garden", []),
    ]
    assert found[0].description == "lay it"
    assert found[4].description == "Keeps the rain out."
    assert [each.source for each in found[4].depends_on] == ["tasks.md:14", "tasks.md:14"]
    assert {pair for pair in orders(HEADINGS) if all(len(name) == 1 for name in pair)} == pairs("1>2 1>3 2>3")
    assert ("1", "brick by brick") in orders(HEADINGS)


def test_headings_over_boxes_are_groups_where_none_declares(read: Read) -> None:
    """One without any box below it is a task all the same; ticks in a heading count."""
    text = "## Task 1: Ground\n- [ ] 1.1 dig\n\n## Task 2: Walls ✅\n\nAs high as can be.\n\n## [x] Task 3: Roof\n"
    found = read(text).tasks
    assert [(task.source_id, task.title, task.status, task.group) for task in found] == [
        ("1.1", "dig", "pending", "Task 1: Ground"),
        ("2", "Walls", "completed", ""),
        ("3", "Roof", "completed", ""),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("## 1. Red\n- 1.1 Scarlet\n  - bright\n- 1.2 Crimson\n", [("1.1", "Scarlet"), ("1.2", "Crimson")]),
        ("## Red\n1. Scarlet\n2. Crimson\n", [(None, "Scarlet"), (None, "Crimson")]),
        ("- Scarlet\n  - bright\n- Crimson\n", [(None, "Scarlet"), (None, "Crimson")]),
    ],
)
def test_a_list_without_boxes_is_read_by_its_items(
    read: Read, text: str, expected: list[tuple[str | None, str]]
) -> None:
    """And that nothing can be ticked there is told."""
    found = read(text)
    assert [(task.source_id, task.title) for task in found.tasks] == expected
    assert "tasks.md: no task has a check box, so nothing can be marked as done there" in found.warnings


def test_details_of_items_without_boxes_are_kept(read: Read) -> None:
    """As the description of the item they stand below."""
    first, second = read("- 1.1 Scarlet\n  - bright\n    - very\n- 1.2 Crimson\n").tasks
    assert (first.description, second.description) == ("bright\n  very", "")


def test_a_section_on_dependencies_is_taken_at_its_word(orders: Orders, read: Read) -> None:
    """Between groups and between tasks; what hedges or names nothing orders nothing."""
    text = """\
## 1. Red
- [ ] 1.1 Scarlet
- [ ] 1.2 Crimson

## 2. Green
- [ ] 2.1 Olive

## 3. Blue
- [ ] 3.1 Navy

## Dependencies

- Phase 2 depends on Phase 1 (it needs the ground)
- Task 3.1 requires 1.2
- Phase 3 may be done in parallel with phase 2 if phase 1 depends on nothing
- Phase 9 depends on Phase 1
"""
    assert orders(text) == pairs("1.1>2.1 1.2>2.1 1.2>3.1")
    assert "tasks.md:16: this names no two groups of tasks: - Phase 9" not in read(text).warnings
    assert any("names no two groups" in each and "tasks.md:16" in each for each in read(text).warnings)


def test_prose_declares_nothing(orders: Orders) -> None:
    """A number in a text is a number."""
    assert orders("- [ ] 1.1 Make task 1.2 possible after 1.3\n- [ ] 1.2 Use 1.1, then 1.3\n- [ ] 1.3 Blue\n") == set()


def test_a_list_without_a_task_is_refused(read: Read) -> None:
    """With the file, and what a task looks like."""
    with pytest.raises(SpecificationError, match=r"tasks\.md:1: there is no task in it"):
        read("# Tasks\n\nNothing yet.\n")
