"""Which lines of a document are tasks, and what they say about themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent_dispatcher.models import Specification
from agent_dispatcher_builtins.specifications.markdown.reader import MarkdownFormat

Read = Callable[[str], Specification]


def shape(found: Specification) -> list[tuple[str | None, str, str]]:
    return [(task.source_id, task.title, task.status) for task in found.tasks]


def waits(found: Specification) -> dict[str, list[str]]:
    names = {task.id: task.source_id or task.title for task in found.tasks}
    return {names[task.id]: [names[each.task] for each in task.depends_on] for task in found.tasks if task.depends_on}


def parts(found: Specification) -> dict[str, list[str]]:
    names = {task.id: task.source_id or task.title for task in found.tasks}
    return {names[task.id]: [names[child] for child in task.children] for task in found.tasks if task.children}


def test_check_boxes_are_tasks(read: Read) -> None:
    """Ticked ones are done; what is indented below a task tells about it, and the prose of its section goes with it."""
    found = read(
        """\
        ---
        title: not a heading
        ---
        # Garden

        Everything about the garden that we want to grow.

        ## Beds
        Use raised beds.

        - [x] Dig
        - [ ] Sow **carrots** in `beds/carrots.py` (P1)
          in two rows
          - thin them
          - water them

              never at noon
        * [X] Mulch
        """
    )
    assert (found.title, found.format) == ("Garden", "markdown")
    assert found.summary == "Everything about the garden that we want to grow."
    assert shape(found) == [
        (None, "Dig", "completed"),
        (None, "Sow carrots in `beds/carrots.py` (P1) in two rows", "pending"),
        (None, "Mulch", "completed"),
    ]
    sow = found.tasks[1]
    assert (sow.group, sow.source, sow.priority) == ("Beds", "garden.md:12", 1)
    assert [each.name for each in sow.produces] == ["beds/carrots.py"]
    assert "- thin them\n- water them\nnever at noon" in sow.description
    assert sow.description.endswith("Use raised beds.")
    assert len(found.warnings) == 1  # nothing tests the code: see below


def test_nested_boxes_are_parts(read: Read) -> None:
    """A box with boxes below it stands for them, at any depth; plain items in between change nothing."""
    found = read("# A\n- [ ] one\n  - [x] two\n    - [ ] three\n  - plain\n    - [ ] four\n- [ ] five\n")
    assert parts(found) == {"one": ["two", "four"], "two": ["three"]}
    assert found.warnings == ("garden.md:3: its box is ticked, but those below it are not all: they are planned",)


@pytest.mark.parametrize(
    ("line", "name", "title"),
    [
        ("- [ ] T001 Dig", "T001", "Dig"),
        ("- [ ] **T001**: Dig", "T001", "Dig"),
        ("- [ ] [T001] Dig", "T001", "Dig"),
        ("- [ ] AUTH-12 Dig", "AUTH-12", "Dig"),
        ("- [ ] #7 Dig", "7", "Dig"),
        ("- [ ] 7. Dig", "7", "Dig"),
        ("- [ ] 7) Dig", "7", "Dig"),
        ("- [ ] 1.2 Dig", "1.2", "Dig"),
        ("- [ ] 1.2.3. Dig", "1.2.3", "Dig"),
        ("7. [ ] Dig", "7", "Dig"),
        ("- [ ] 7 trees", None, "7 trees"),
        ("- [ ] 3d printing", None, "3d printing"),
        ("- [ ] Dig 1.2", None, "Dig 1.2"),
        ("- [ ] [link](x.html) Dig", None, "[link](x.html) Dig"),
        ("- [ ] 42", None, "42"),
        ("- [ ] T001 `a/b.py` gets a class", "T001", "`a/b.py` gets a class"),
        ("- [ ] `T001` `a/b.py` gets a class", "T001", "`a/b.py` gets a class"),
        ("- [ ] 1. `a/__main__.py` prints", "1", "`a/__main__.py` prints"),
    ],
)
def test_names(read: Read, line: str, name: str | None, title: str) -> None:
    """An id in front of a task is its name; a number that only begins a sentence is none."""
    [task] = read(f"# A\n\n{line}\n").tasks
    assert (task.source_id, task.title) == (name, title)


def test_a_name_that_several_have_is_no_name(read: Read) -> None:
    """Numbers that begin anew in each section mean the task of the same section; from elsewhere nobody knows which, and that is said."""
    found = read(
        "# A\n## One\n- [ ] 1. dig\n- [ ] 2. sow (depends on #1)\n## Two\n- [ ] 1. cut\n- [ ] 3. eat (depends on 1, #2)\n## Three\n- [ ] rest (after #1)\n"
    )
    assert [task.source_id for task in found.tasks] == [None, "2", None, "3", None]
    assert waits(found) == {"2": ["dig"], "3": ["cut", "2"]}
    assert found.warnings == (
        'garden.md:9: "rest (after #1)" waits for 1, which several tasks are called: ignored',
        "garden.md:3: several tasks have one number or name, as 1 (2 times): it is no id",
    )


@pytest.mark.parametrize(
    "line",
    [
        "(depends on #1)",
        "depends on 1",
        "- after 1.0",
        "**Depends on**: Task 1",
        "Dependencies: 1",
        "blocked by #1.",
        "after task 1",
        "needs #1, then rest",
        "requires step 1",
        "once #1 is done",
        "depende de #1",
        "依存: 1",
        "依赖于 1",
        "зависит от задачи 1",
    ],
)
def test_what_a_task_itself_says_it_waits_for(read: Read, line: str) -> None:
    """In its own line, however it is said, with the line."""
    name = "1.0" if "1.0" in line else "1"
    found = read(f"# A\n\n- [ ] {name}. dig\n- [ ] sow {line}\n")
    assert list(waits(found).values()) == [[name]]
    assert found.tasks[1].depends_on[0].source == "garden.md:4"


@pytest.mark.parametrize(
    "text",
    [
        "- [ ] wait, then retry after 1 second",
        "- [ ] call depends on 1 service",
        "- [ ] sow, does not depend on #1",
        "- [ ] sow, no longer blocked by #1",
        "- [ ] upgrade after 1",
        "- [ ] needs 1",
        "- [ ] independent of #1",
        "- [ ] see #1",
        "- [ ] print `depends on #1` in bold",
        "- [ ] sow\n\n  Everybody knows that this depends on #1.",
        "- [ ] sow\n\nThis depends on #1.",
        "- [ ] sow\n\n> depends on #1",
        "- [ ] sow\n\n```\ndepends on #1\n```",
        "- [ ] 2. sow\n- [ ] 3. eat",
    ],
)
def test_prose_is_no_order(read: Read, text: str) -> None:
    """Numbers, sentences, quotations and code make nothing wait."""
    assert waits(read(f"# A\n\n- [ ] 1. dig\n{text}\n")) == {}


def test_a_labelled_line_below_a_task(read: Read) -> None:
    """``Depends on:`` as an item of its own counts for the task above; ranges are all in between that are there."""
    found = read("# A\n- [ ] T001 a\n- [ ] T002 b\n- [ ] T004 c\n- [ ] T009 d\n  - **Dependencies**: T001–T004\n")
    assert waits(found) == {"T009": ["T001", "T002", "T004"]}
    assert found.warnings == ()


def test_references_that_lead_nowhere(read: Read) -> None:
    """To nothing, to itself, to a part of itself: a warning with the line, and no order."""
    found = read(
        "# A\n- [ ] 1. a, depends on #1\n  - [ ] 2. b (depends on 1)\n- [ ] 3. c (depends on T099, after T098)\n"
    )
    assert waits(found) == {}
    assert found.warnings == (
        "garden.md:2: task 1 waits for itself: ignored",
        "garden.md:3: task 2 waits for 1, but one is a part of the other: ignored",
        "garden.md:4: task 3 waits for 'T099', which is no task here: ignored",
    )


def test_numbered_lists_of_tasks(read: Read) -> None:
    """Under a heading that promises tasks the outermost items are tasks; elsewhere, and beside check boxes, they are not."""
    found = read(
        "# A\n## Why\n1. Because we must.\n## Implementation plan\n1. Dig\n   1. deep\n2. Sow (after task 1)\n- not this\n## Plan of beds\n1. no task\n- [ ] a task\n"
    )
    assert shape(found) == [
        ("1", "Dig", "pending"),
        ("2", "Sow (after task 1)", "pending"),
        (None, "a task", "pending"),
    ]
    assert waits(found) == {"2": ["1"]}
    assert found.tasks[0].description == "- deep"


def test_headings_that_are_tasks(read: Read) -> None:
    """``Task 2: ...`` is one with all that stands under it; boxes there are its parts."""
    found = read(
        "# A\n### Task 1: Dig\nDeep.\n**Dependencies**: None\n### Task 2 - Sow\nDependencies: Task 1\n- [ ] carrots\n- [ ] leek\n"
    )
    assert [(task.source_id, task.title) for task in found.tasks[:2]] == [("1", "Dig"), ("2", "Sow")]
    assert parts(found) == {"2": ["carrots", "leek"]}
    assert waits(found) == {"2": ["1"]}
    assert "Deep." in found.tasks[0].description


def test_a_file_that_is_called_to_do(tmp_path: Path) -> None:
    """Its lists are things to do, under whatever headings; a title of its own, or a section about what is left out, says otherwise."""
    file = tmp_path / "TODO.md"
    file.write_text("- Dig\n\n## Planned features\n- Sow\n  - carrots\n\n## Later\n- Water\n\n## Won't do\n- Pave\n")
    found = MarkdownFormat().load(file)
    assert [task.title for task in found.tasks] == ["Dig", "Sow", "Water"]
    assert found.warnings == ("TODO.md:1: no task has a check box, so nothing can be marked as done there",)
    file.write_text("# Garden\n\nBeds must be raised.\n\n## Notes\n- Dig\n")
    assert MarkdownFormat().load(file).tasks == ()


def test_lists_without_boxes(read: Read) -> None:
    """Where nothing else is a task, numbered headings or else the outermost items under *To do* or *Tasks* are, and it is said that nothing can be ticked."""
    found = read("# Garden TODO\n\n## Pending\n\n### 1. Dig the beds\n- deep\n\n### 2. Sow\nafter task 1\n")
    assert shape(found) == [("1", "Dig the beds", "pending"), ("2", "Sow", "pending")]
    assert found.tasks[0].description == "- deep"
    assert found.warnings == ("garden.md:5: no task has a check box, so nothing can be marked as done there",)
    found = read("# Garden\n- a plant\n## Tasks\n- dig\n  - deep\n* sow\n## Ideas\n- fly\n")
    assert [task.title for task in found.tasks] == ["dig", "sow"]
    assert read("# Tasks for whole teams\n- one list\n\nIt must be quick.\n").tasks == ()


def test_phases_with_acceptance_criteria_are_phases(read: Read) -> None:
    """Boxes below are tasks: the heading that names criteria too names work first."""
    found = read(
        "# A\n## Build Phases & Acceptance Criteria\n### Phase 1 - Beds\n- [ ] dig\n## Definition of Done Checklist\n- [ ] green\n"
    )
    assert [(task.title, task.group) for task in found.tasks] == [("dig", "Phase 1 - Beds")]


def test_what_looks_like_a_task_and_is_none(read: Read) -> None:
    """Boxes in fences, comments and quotations are passed over; those about what is left out, or in the way of a criterion, are told."""
    found = read(
        "# A\n- [ ] real\n\n```\n- [ ] fence\n```\n<!-- - [ ] comment -->\n> - [ ] quote\n\n## Non-goals\n- [ ] fly\n## Definition of done\n- [ ] it must bloom\n"
    )
    assert [task.title for task in found.tasks] == ["real"]
    assert found.warnings == (
        "garden.md:11: a check box in a section about what is left out is no task",
        "garden.md:13: a check box under acceptance criteria is a requirement, not a task",
    )


@pytest.mark.parametrize(
    ("box", "status", "told"),
    [("[-]", "pending", 1), ("[ ]", "pending", 0), ("[✓]", "completed", 0), ("[]", "pending", 0)],
)
def test_other_marks(read: Read, box: str, status: str, told: int) -> None:
    """What is not surely done is to be done, and an unknown mark is told."""
    found = read(f"# A\n- {box} dig\n")
    assert [task.status for task in found.tasks] == [status]
    assert len(found.warnings) == told


def test_struck_through_is_not_run(read: Read) -> None:
    """Somebody decided against it: it is skipped, serves nothing, and that is told."""
    found = read("# A\n## Bed\nIt must be raised.\n- [ ] ~~dig~~\n- [ ] sow\n")
    assert [(task.title, task.status, len(task.requirements)) for task in found.tasks] == [
        ("dig", "skipped", 0),
        ("sow", "pending", 1),
    ]
    assert found.warnings == ("garden.md:4: a task that is struck through is not run",)


def test_ids_stay_when_others_come(read: Read) -> None:
    """A task's id depends on its words alone."""
    before = read("# A\n- [ ] dig\n- [ ] sow\n").tasks
    after = read("# A\n- [ ] rake\n- [ ] sow\n\n## More\n- [ ] dig\n").tasks
    assert {task.id for task in before} < {task.id for task in after}


def test_a_list_of_code_that_nothing_tests_is_told(read: Read) -> None:
    """Code without a requirement and without a task for tests: it is run as it stands, with a warning; one task that tests, or a requirement, and there is none."""
    alone = "# A\n- [ ] Write `src/a.py`\n"
    [warning] = read(alone).warnings
    assert warning.startswith("garden.md:2: the list is run as it stands: nothing is required, and no task tests")
    assert read(f"{alone}- [ ] Write `tests/test_a.py`\n").warnings == ()
    assert read("# A\n## Files\nThey must be short.\n- [ ] Write `src/a.py`\n").warnings == ()
