"""What a document requires, and which task serves what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.models import Specification
from agent_dispatcher_builtins import default_plugins

Read = Callable[[str], Specification]


def texts(found: Specification) -> list[str]:
    return [each.text for each in found.requirements]


def test_a_document_without_tasks(read: Read, tmp_path: Path) -> None:
    """Labelled requirements, sentences with *must* or *shall*, and items under a heading of requirements; each with its line. Tasks are made of them."""
    found = read(
        """\
        # Garden

        Plants grow here. The gate must close by itself. It shall not squeak, it may shine.

        ## Requirements
        - **FR-001**: The well must hold 100 litres.
        - Hoses reach every bed (P1)
          - also the last one
        - REQ-7: Paths are a metre wide.

        ## Background
        We must be patient.

        ## Out of scope
        The garden must float.

        ```
        Code must not count.
        ```
        > Quotations must not count.
        """
    )
    assert [(each.id, each.text, each.source) for each in found.requirements if not each.id.startswith("R-")] == [
        ("FR-001", "The well must hold 100 litres.", "garden.md:6"),
        ("REQ-7", "Paths are a metre wide.", "garden.md:9"),
    ]
    assert texts(found) == [
        "The gate must close by itself.",
        "It shall not squeak, it may shine.",
        "The well must hold 100 litres.",
        "Hoses reach every bed (P1)",
        "Paths are a metre wide.",
    ]
    hoses = found.requirements[3]
    assert (hoses.constraints, hoses.priority) == (("also the last one",), "high")
    assert found.tasks == ()
    plan = AgentDispatcher({}, plugins=default_plugins(), discover=False).plan(tmp_path / "garden.md")
    assert {name for task in plan.tasks for name in task.requirements} == {each.id for each in found.requirements}


def test_ids_are_those_of_the_words(read: Read) -> None:
    """A sentence keeps its id when others come before it; the same sentence twice is one requirement."""
    first = read("# A\nIt must grow well.\n").requirements
    later = read("# A\nIt must be dug first.\n\nIt must grow well.\n\n## B\nIt must grow well.\n").requirements
    assert [each.id for each in later][1:] == [each.id for each in first]


@pytest.mark.parametrize(
    "text",
    [
        "システムは検索できなければならない。",
        "系统必须支持搜索功能。",
        "시스템은 검색을 제공해야 한다.",
        "O sistema deve permitir buscas.",
        "Система должна искать.",
        "Das Tor muss sich schließen.",
    ],
)
def test_other_languages(read: Read, text: str) -> None:
    """Their words for *must* are known."""
    assert texts(read(f"# A\n\n{text}\n")) == [text]


def test_user_stories_and_scenarios(read: Read) -> None:
    """Stories and scenarios as spec-kit writes them are read as there."""
    found = read(
        "# A\n### User Story 1 - Water the beds (Priority: P1)\nIt must be easy.\n\n**Acceptance Scenarios**:\n\n"
        "1. **Given** dry soil, **When** the hour comes, **Then** the valve opens\n"
    )
    [story] = found.requirements
    assert (story.id, story.priority, story.scenarios[0].when) == ("US1", "high", ("the hour comes",))


def test_tasks_serve_what_they_name(read: Read) -> None:
    """And what their section says; a named requirement that no task names stays, so that the gap is seen."""
    found = read(
        "# A\n## Requirements\n- FR-001: It must grow.\n- FR-002: It must bloom.\n\n## Beds\nBeds must be raised.\n\n### Tasks\n- [ ] dig for FR-001\n## Paths\n- [ ] pave\n"
    )
    dig, pave = found.tasks
    bed = next(each.id for each in found.requirements if each.text == "Beds must be raised.")
    assert (set(dig.requirements), pave.requirements) == ({"FR-001", bed}, ())
    assert [each.id for each in found.requirements] == ["FR-001", "FR-002", bed]
    assert found.warnings == ()


def test_only_sorts_that_tasks_name_show_gaps(read: Read) -> None:
    """Stories beside requirements that tasks name are not what the tasks are measured by: left out, and told."""
    found = read(
        "# A\n- FR-001: It must grow.\n- FR-002: It must bloom.\n- NFR-001: It must be quick.\n## Tasks\n- [ ] dig (FR-001)\n"
    )
    assert [each.id for each in found.requirements] == ["FR-001", "FR-002"]
    [warning] = found.warnings
    assert warning.startswith("garden.md:4: 1 of the requirements is named by no task")


def test_what_no_task_could_meet_is_told(read: Read) -> None:
    """Where tasks and requirements have nothing to do with each other, the requirements are left out, and that is said."""
    found = read("# A\n## Requirements\n- FR-001: It must grow.\n- It must bloom.\n## Tasks\n- [ ] dig\n")
    assert found.requirements == ()
    [warning] = found.warnings
    assert warning.startswith("garden.md:3: 2 of the requirements are named by no task")


def test_acceptance_criteria(read: Read) -> None:
    """Under a subject they are met by its tasks, without one by all tasks that are not struck out."""
    found = read(
        "# A\n## Acceptance criteria\n- [ ] all is green\n## Beds\n- [ ] dig\n- [ ] ~~burn~~\n### Definition of done\n- Worms are happy there\n## Paths\n- [ ] pave\n"
    )
    names = {each.text: each.id for each in found.requirements}
    served = {task.title: set(task.requirements) for task in found.tasks}
    assert served == {
        "dig": {names["all is green"], names["Worms are happy there"]},
        "burn": set(),
        "pave": {names["all is green"]},
    }


def test_open_questions_block(read: Read) -> None:
    """As with spec-kit."""
    assert len(read("# A\n- FR-001: It must [NEEDS CLARIFICATION: what?]\n").blockers) == 1


def test_ids_of_any_sort_below_requirements(read: Read) -> None:
    """In lists and tables; elsewhere what looks like one is text."""
    found = read(
        "# A\n## Anforderungen\n- R1: `a/b.py` bekommt eine Klasse\n\n| ID | File | What |\n|---|---|---|\n| G-2 | `a/c.py` | closes itself |\n\n"
        "## More\nB12: it must grow.\n"
    )
    assert [(each.id, each.text) for each in found.requirements[:2]] == [
        ("R1", "`a/b.py` bekommt eine Klasse"),
        ("G-2", "`a/c.py`: closes itself"),
    ]
    assert found.requirements[2].text == "B12: it must grow."


def test_a_paragraph_goes_on_with_what_it_asks_for(read: Read) -> None:
    """Sentences that only say more hang on the one before them; code keeps its signs."""
    [first, second] = read(
        "# A\nHello. `count()` must tell. Case is __no__ matter.\nIt must be quick. See `a/__main__.py`.\n"
    ).requirements
    assert (first.text, first.constraints) == ("`count()` must tell.", ("Case is no matter.",))
    assert (second.text, second.constraints) == ("It must be quick.", ("See `a/__main__.py`.",))
