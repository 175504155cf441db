"""``tasks.md``: what is a task, what it says, and what may be left out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent_dispatcher.errors import SpecificationError
from agent_dispatcher.models import ArtifactRef, Specification
from agent_dispatcher_builtins.specifications.kiro.options import KiroOptions

Read = Callable[..., Specification]

REQUIREMENTS = """\
# Requirements Document

## Requirements

### Requirement 1: Shelf

#### Acceptance Criteria

1. WHEN a book is added THEN the shelf SHALL hold it
2. WHEN a book is taken THEN the shelf SHALL NOT hold it

### Requirement 2

#### Acceptance Criteria

1. THE shelf SHALL tell its size
"""
TASKS = """\
# Implementation Plan: Shelf

- [ ] 0. Prepare
- [x] 1. Make the shelf
  - [x] 1.1 Write `src/shelf.py`
    - Hold books in a list
    - _Requirements: 1.1, 1.2_
  - [-] 1.2 Write `src/size.py` using `src/shelf.py`
    - _Requirements: 2_
  - [ ]* 1.3 Write property tests
    - **Property 1: what is added is there**
    - **Validates: Requirements 1.1**
- [ ] 2. Checkpoint - Ensure all tests pass
"""


def test_every_box_is_a_task(read: Read) -> None:
    """Under its number, at its line, with its status, what it serves and makes, and the parts of a whole."""
    found = read(TASKS, requirements=REQUIREMENTS)
    ids = {task.id: task.source_id for task in found.tasks}
    assert [
        (task.source_id, task.title, task.status, task.requirements, [ids[part] for part in task.children], task.source)
        for task in found.tasks
    ] == [
        ("0", "Prepare", "pending", (), [], "tasks.md:3"),
        ("1", "Make the shelf", "completed", (), ["1.1", "1.2", "1.3"], "tasks.md:4"),
        ("1.1", "Write `src/shelf.py`", "completed", ("1.1", "1.2"), [], "tasks.md:5"),
        ("1.2", "Write `src/size.py` using `src/shelf.py`", "pending", ("2.1",), [], "tasks.md:8"),
        ("1.3", "Write property tests", "skipped", ("1.1",), [], "tasks.md:10"),
        ("2", "Checkpoint - Ensure all tests pass", "pending", (), [], "tasks.md:13"),
    ]
    size = found.tasks[3]
    assert size.produces == (ArtifactRef(type="path", name="src/size.py"),)
    assert size.consumes == (ArtifactRef(type="path", name="src/shelf.py"),)
    assert found.tasks[2].description == "Hold books in a list"
    assert [task.group for task in found.tasks] == ["", *["1. Make the shelf"] * 4, ""]
    assert (found.tasks[4].type, found.tasks[5].type) == ("testing", "testing")


def test_optional_tasks_are_left_out_and_that_is_said_once(read: Read) -> None:
    """They stay in the plan as skipped and optional; done ones stay done."""
    text = "- [ ] 1. a\n- [ ]* 2. b\n  - [ ] 2.1 c\n- [x]* 3. d\n- [ ]\\* 4. e\n- [ ] 5.1* f\n"
    found = read(text)
    assert [(task.source_id, task.status, task.optional) for task in found.tasks] == [
        ("1", "pending", False),
        ("2", "skipped", True),
        ("2.1", "skipped", True),
        ("3", "completed", True),
        ("4", "skipped", True),
        ("5.1", "skipped", True),
    ]
    assert [each for each in found.warnings if "optional" in each] == [
        'tasks.md: 4 optional tasks are left out (the option "optional" of the format asks for them)'
    ]


def test_optional_tasks_are_done_where_that_is_asked_for(read: Read) -> None:
    """By an option that a project may set; nothing is told then."""
    found = read("- [ ] 1. a\n- [ ]* 2. b\n", options=KiroOptions(optional=True))
    assert [(task.status, task.optional) for task in found.tasks] == [("pending", False), ("pending", True)]
    assert not [each for each in found.warnings if "optional" in each]


def test_a_whole_with_nothing_but_optional_parts_is_work_or_nothing(read: Read) -> None:
    """What says itself what to do, or is what its tests test, is done; what only holds them is left out with them."""
    text = """\
- [ ] 1. Write the store
  - [ ]* 1.1 Write unit tests for the store
- [ ] 2. Extras
  - [ ]* 2.1 Dark colours
- [ ] 3. Integration tests
  - Cover the borders
  - [ ]* 3.1 Write property test of the borders
"""
    found = read(text)
    assert [(task.source_id, task.status, len(task.children)) for task in found.tasks] == [
        ("1", "pending", 0),
        ("1.1", "skipped", 0),
        ("2", "skipped", 1),
        ("2.1", "skipped", 0),
        ("3", "pending", 0),
        ("3.1", "skipped", 0),
    ]


def test_tests_that_are_the_only_parts_of_some_work_verify_it(read: Read) -> None:
    """The work is done by somebody, and lands behind its tests."""
    whole, test = read(
        "- [ ] 1. Write the store\n  - in `src/store.py`\n- [ ] 1.1 Write unit tests for the store\n"
    ).tasks
    assert (whole.children, whole.produces[0].name, test.verifies) == ((), "src/store.py", (whole.id,))


def test_parts_are_told_what_the_whole_says(read: Read) -> None:
    """Nothing that stands below a whole is lost, though nobody works on the whole itself."""
    found = read(
        "- [ ] 1. Make it\n  - As small as can be\n  - _Requirements: 1.1_\n  - [ ] 1.1 Build it\n",
        requirements=REQUIREMENTS,
    )
    part = found.tasks[1]
    assert part.description == "Part of 1 Make it:\nAs small as can be"
    assert part.requirements == ("1.1",)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("_Requirements: 1.1, 2.1_", "1.1 2.1"),
        ("_Requirements: 1.1-2.1 (all)_", "1.1 1.2 2.1"),
        ("_Requirements: 1.1–1.2_", "1.1 1.2"),
        ("_Requirements: All requirements_", "1.1 1.2 2.1"),
        ("_Requirements: Requirement 1, 2_", "1.1 1.2 2.1"),
        ("_Requirements: Foundation for everything_", ""),
        ('_Requirements: 1.2; design "Rule 2.1"; Property 2 (Fix)_', "1.2"),
        ("**Validates: Requirements 1.2**", "1.2"),
        ("_要件: 1.1、2.1_", "1.1 2.1"),
        ("_需求：1.1，2.1_", "1.1 2.1"),
        ("_요구사항: 1.2_", "1.2"),
        ("_Требования: 1.2_", "1.2"),
        ("Version 1.1 of the protocol", ""),
    ],
)
def test_requirements_that_a_task_serves(read: Read, line: str, expected: str) -> None:
    """Numbers, ranges, whole requirements, all of them; in the words people use."""
    task, _ = read(f"- [ ] 1. a\n  - {line}\n- [ ] 2. b\n  - _Requirements: 2.1_\n", requirements=REQUIREMENTS).tasks
    assert task.requirements == tuple(expected.split())


def test_a_requirement_that_is_not_there_is_told(read: Read) -> None:
    """With its place; many are told together."""
    lines = "".join(f"- [ ] {n}. a\n  - _Requirements: 9.{n}_\n" for n in range(1, 9))
    told = [each for each in read(lines, requirements=REQUIREMENTS).warnings if "serves" in each or "more" in each]
    assert told[0] == "tasks.md:2: 1 serves requirement 9.1, which is not there"
    assert told[5:] == ["tasks.md:12: and 3 more like that"]


def test_where_no_task_names_a_requirement_words_decide(read: Read) -> None:
    """Every requirement is served all the same."""
    found = read("- [ ] 1. Let a book be taken from the shelf\n- [ ] 2. Tell the size\n", requirements=REQUIREMENTS)
    assert {name for task in found.tasks for name in task.requirements} == {"1.1", "1.2", "2.1"}


def test_ids_stay_when_the_list_is_numbered_anew(read: Read) -> None:
    """They are made of the words, and of what a task stands under."""
    before = {task.title: task.id for task in read("- [ ] 1. a\n- [ ] 2. b\n  - [ ] 2.1 c\n").tasks}
    after = {task.title: task.id for task in read("- [ ] 1. new\n- [ ] 2. a\n- [ ] 3. b\n  - [x] 3.1 c\n").tasks}
    assert before.items() <= after.items()
    twins = read("## A\n- [ ] Same\n- [ ] Same\n## B\n- [ ] Same\n").tasks
    assert len({task.id for task in twins}) == 3
    assert {task.source_id for task in twins} == {None}


def test_struck_through_is_left_out(read: Read) -> None:
    """It is told, and holds nobody up."""
    found = read("- [ ] 1. a\n  - [ ] 1.1 b\n  - [ ] ~~1.2 c~~ [removed]\n")
    assert (found.tasks[2].waived, found.tasks[2].source_id) == (True, "1.2")
    assert "tasks.md:3: 1.2 is struck through: left out" in found.warnings


def test_a_list_without_a_task_is_refused(read: Read) -> None:
    """With the file, and what a task looks like."""
    with pytest.raises(SpecificationError) as caught:
        read("# Implementation Plan\n\nNothing yet.\n")
    assert str(caught.value) == "tasks.md:1: there is no task in it (a task is written '- [ ] 1.1 what is to be done')"


def test_an_odd_mark_is_told(read: Read) -> None:
    """And taken for not done."""
    found = read("- [!] 1. a\n- [-] 2. b\n- [✓] 3. c\n")
    assert [task.status for task in found.tasks] == ["pending", "pending", "completed"]
    assert [each for each in found.warnings if "holds" in each] == [
        "tasks.md:1: the box of 1 holds '!', which is taken for not done"
    ]
