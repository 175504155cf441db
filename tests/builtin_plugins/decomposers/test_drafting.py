"""Tasks from requirements and design documents: components, what they promise and need, and the work around them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agent_dispatcher.extension import Decomposition, PlanningContext, Requires
from agent_dispatcher.models import ArtifactRef, Requirement, Scenario, Specification, Task
from agent_dispatcher_builtins.decomposers.pattern import PatternDecomposer

DESIGN = """\
# Design

## Components and Interfaces

### 1. Loan Ledger
Keeps who has what. Uses `LoanRecord`.

### 2. Reminder Service (optional)
Mails late members.

## Data Models

### LoanRecord
Who, what, until when.

### Validation Rules
None.

## Project Structure

```text
library/
├── package.json            # dependencies
├── src/
│   ├── ledger.ts           # the loan ledger
│   ├── loan_record.ts      # LoanRecord
│   ├── reminders.ts        # reminder mails
│   └── legacy.ts           # existing
└── tests/
    ├── ledger.test.ts
    └── reminders.test.ts
```

## Open Questions

- Which mail provider sends the reminder?
- [x] Which language?
"""
SPEC = """\
# Library

## Requirements

### Lending
- R1
- R2

### Reminding
- R3

### Other
- R4
- R5
"""
LENDING = (
    Requirement(id="R1", text="The ledger must record each loan as a LoanRecord.", source="spec.md:6"),
    Requirement(id="R2", text="The ledger must refuse the loan of a lent book.", source="spec.md:7"),
)
REMINDING = Requirement(
    id="R3", text="The service must mail a reminder when a LoanRecord is late.", source="spec.md:10"
)
GUIDE = Requirement(id="R4", text="Write a user guide for the reminder service.", source="spec.md:13")
STAGES = Requirement(id="SC-1", text="A reminder for a late loan is sent within a minute.", source="spec.md:14")


def decomposed(*requirements: Requirement, folder: Path | None = None, **values: object) -> Decomposition:
    of = Specification(id="s", title="S", requirements=requirements, path=str(folder or ""), **values)  # type: ignore[arg-type]
    answer = asyncio.run(PatternDecomposer().decompose(of, PlanningContext(specification=of)))
    assert isinstance(answer, Decomposition), answer
    return answer


def titled(answer: Decomposition, title: str) -> Task:
    (found,) = [task for task in answer.tasks if task.title == title]
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "design.md").write_text(DESIGN, encoding="utf-8")
    (tmp_path / "spec.md").write_text(SPEC, encoding="utf-8")
    return tmp_path


@pytest.fixture
def library(folder: Path) -> Decomposition:
    return decomposed(*LENDING, REMINDING, GUIDE, STAGES, folder=folder)


def paths(*names: str) -> tuple[ArtifactRef, ...]:
    return tuple(ArtifactRef(type="path", name=name) for name in names)


RECORD = ArtifactRef(type="entity", name="LoanRecord")


def test_components_of_the_design_are_the_work(library: Decomposition) -> None:
    """With the files the design states for them; what exists already and the headings of other things make no work."""
    ledger, reminders = titled(library, "Implement Loan Ledger"), titled(library, "Implement Reminder Service")
    assert (ledger.requirements, reminders.requirements) == (("R1", "R2"), ("R3",))
    assert ledger.produces == (*paths("library/src/ledger.ts", "library/src/loan_record.ts"), RECORD)
    assert reminders.produces == paths("library/src/reminders.ts")
    assert not [task for task in library.tasks if "legacy" in task.description or "Validation" in task.title]


def test_who_speaks_of_an_entity_needs_it(library: Decomposition) -> None:
    """Made by the task that writes its file."""
    assert titled(library, "Implement Reminder Service").consumes == (RECORD,)
    assert titled(library, "Implement Loan Ledger").consumes == ()


def test_each_component_is_tested(library: Decomposition) -> None:
    """The test verifies all of its tasks, writes the stated files and measures what success is measured by."""
    test = titled(library, "Test: Reminder Service")
    assert test.verifies == (titled(library, "Implement Reminder Service").id,)
    assert test.produces == paths("library/tests/reminders.test.ts")
    assert test.requirements == ("R3", "SC-1")
    assert titled(library, "Test: Loan Ledger").produces == paths("library/tests/ledger.test.ts")


def suggested(answer: Decomposition, before: Task, after: Task) -> list[Requires]:
    return [each for each in answer.suggestions if (each.before, each.after) == (before.id, after.id)]


def test_documentation_comes_after_what_it_documents(library: Decomposition) -> None:
    """And only after that."""
    guide = titled(library, "Write a user guide for the reminder service")
    assert guide.type == "documentation"
    (order,) = suggested(library, titled(library, "Implement Reminder Service"), guide)
    assert (order.kind, order.confidence, order.source) == ("logical", 0.8, "spec.md:13")
    assert "Write a user guide" in order.evidence
    assert suggested(library, titled(library, "Implement Loan Ledger"), guide) == []


def test_the_project_is_set_up_where_files_for_it_are_stated(library: Decomposition) -> None:
    """Before all code; without such files nobody sets anything up."""
    set_up = library.tasks[0]
    assert (set_up.title, set_up.produces) == (
        "Set up the project: library/package.json",
        paths("library/package.json"),
    )
    assert set_up.source == "design.md:23"
    code = [task for task in library.tasks[1:] if task.type == "code_writing"]
    assert all(suggested(library, set_up, task) for task in code)
    assert not [task for task in decomposed(*LENDING).tasks if task.title.startswith("Set up")]


def test_open_questions_are_researched_first(library: Decomposition) -> None:
    """Those of the design before the component they are about, settled ones not at all."""
    (question,) = [task for task in library.tasks if task.type == "research"]
    assert (question.title, question.source) == ("Decide: Which mail provider sends the reminder?", "design.md:36")
    assert suggested(library, question, titled(library, "Implement Reminder Service"))
    assert not suggested(library, question, titled(library, "Implement Loan Ledger"))


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Users must log in with [NEEDS CLARIFICATION: password or link?] on a form.", "Decide: password or link?"),
        ("The retention time is to be decided. Logs must be kept.", "Decide: The retention time is to be decided"),
        ("Sessions must end after a TBD number of minutes.", "Decide: Sessions must end after a TBD number of minutes"),
    ],
)
def test_what_a_requirement_leaves_open_is_researched_first(text: str, question: str) -> None:
    """The requirement's work waits for it, and its title does not repeat the question's mark."""
    answer = decomposed(Requirement(id="R1", text=text))
    research, code, _ = answer.tasks
    assert (research.type, research.title, research.requirements) == ("research", question, ("R1",))
    assert suggested(answer, research, code)
    assert "NEEDS" not in code.title


def test_without_documents_ids_that_begin_alike_belong_together() -> None:
    """``1.1`` and ``1.2`` are one unit, titled by the story they share."""
    story = Scenario(title="As a clerk, I want a ledger of loans, so that books come back.")
    made = decomposed(
        *(
            Requirement(id=f"{part}.{number}", text=f"It must hold {part}{number}.", scenarios=(story,))
            for part in (1, 2)
            for number in (1, 2)
        )
    )
    assert [task.requirements for task in made.tasks] == [
        ("1.1", "1.2"),
        ("1.1", "1.2"),
        ("2.1", "2.2"),
        ("2.1", "2.2"),
    ]
    assert made.tasks[0].title == "Implement ledger of loans"
    assert made.tasks[0].description.count("I want a ledger") == 1


def test_a_large_component_is_cut_into_atomic_tasks() -> None:
    """At most eight requirements and a complexity of five each; its tests are cut with it."""
    made = decomposed(
        *(Requirement(id=f"1.{number}", text=f"The ledger must keep the sum of year {number}.") for number in range(30))
    )
    code = [task for task in made.tasks if task.type == "code_writing"]
    assert [name for task in code for name in task.requirements] == [f"1.{number}" for number in range(30)]
    assert max(len(task.requirements) for task in code) <= 8
    assert max(task.complexity for task in code) <= 5
    assert len({task.title for task in code}) == len(code) == 4
    tests = [task for task in made.tasks if task.type == "testing"]
    assert [name for task in tests for name in task.verifies] == [task.id for task in code]
    assert len(tests) == 2


def test_what_names_the_same_thing_is_not_cut_apart() -> None:
    """Neighbours that speak of one name of code are changed together."""
    made = decomposed(
        *(
            Requirement(
                id=f"1.{number}",
                text=f"The ledger must keep year {number}."
                if number not in (7, 8)
                else f"`LoanBook` must have page {number}.",
            )
            for number in range(12)
        )
    )
    assert [task for task in made.tasks if {"1.7", "1.8"} <= set(task.requirements) and task.type == "code_writing"]


def test_one_requirement_that_is_too_large_becomes_several_tasks() -> None:
    """Each serves it with a part of what hangs on it, and nothing of that is lost."""
    details = tuple(
        f"When case {number} comes up, the ledger writes it down and tells the clerk about it within a minute."
        for number in range(40)
    )
    made = decomposed(Requirement(id="R1", text="The ledger must be complete.", constraints=details))
    code = [task for task in made.tasks if task.type == "code_writing"]
    assert len(code) > 1
    assert {task.requirements for task in code} == {("R1",)}
    assert [sum(f"Constraint: {detail}" in task.description for task in code) for detail in details] == [1] * 40
    assert len({task.title for task in code}) == len(code)


def test_more_files_than_a_task_may_promise_make_more_tasks(folder: Path) -> None:
    """Each file is promised once, at most four by one task."""
    tree = "\n".join(f"├── ledger{number}.ts" for number in range(10))
    (folder / "design.md").write_text(f"# Design\n\n## Structure\n\n```\nsrc/\n{tree}\n```\n", encoding="utf-8")
    code = [task for task in decomposed(*LENDING, folder=folder).tasks if task.type == "code_writing"]
    promised = [each.name for task in code for each in task.produces]
    assert sorted(promised) == sorted(f"src/ledger{number}.ts" for number in range(10))
    assert max(len(task.produces) for task in code) == 4


def test_what_success_is_measured_by_is_tested_and_not_written() -> None:
    """Where it is about no component, the whole is verified."""
    answer = decomposed(*LENDING, Requirement(id="SC-001", text="Clerks are happy."))
    (last,) = [task for task in answer.tasks if "SC-001" in task.requirements]
    assert (last.type, last.verifies) == ("testing", (answer.tasks[0].id,))


def test_a_part_of_a_component_goes_on_with_its_files(folder: Path) -> None:
    """The task without files of its own waits for the one that begins them."""
    requirements = [
        Requirement(id=f"R{number}", text=f"The ledger must keep the sum of year {number}.", source="spec.md:6")
        for number in range(12)
    ]
    (folder / "design.md").write_text("# D\n\n## Files\n\n- `src/ledger.ts`: the ledger\n", encoding="utf-8")
    first, second = (task for task in decomposed(*requirements, folder=folder).tasks if task.type == "code_writing")
    assert (first.produces, first.consumes) == (paths("src/ledger.ts"), ())
    assert (second.produces, second.consumes) == ((), paths("src/ledger.ts"))


@pytest.mark.parametrize("name", ["../outside.md", "link.md"])
def test_only_files_of_the_folder_are_read(folder: Path, name: str) -> None:
    """No document outside is taken for design, whatever names it."""
    outside = folder.parent / "outside.md"
    outside.write_text(DESIGN.replace("library/", "secret/"), encoding="utf-8")
    (folder / "link.md").symlink_to(outside)
    (folder / "design.md").unlink()
    answer = decomposed(*LENDING, folder=folder, documents=(name,))
    assert not [each for task in answer.tasks for each in task.produces]


def test_required_tests_verify_what_they_are_about() -> None:
    """A component where they name one; all code where they are only a heading."""
    tests = Requirement(id="T1", text="Integration tests must cover the ledger and its loans.")
    heading = Requirement(id="T2", text="Testing", constraints=("All modules have unit tests.",))
    sky = Requirement(id="R9", text="The sky must be blue.")
    answer = decomposed(*LENDING, sky, tests, heading)
    ledger, blue = (task for task in answer.tasks if task.type == "code_writing")
    by_requirement = {task.requirements: task for task in answer.tasks if task.type == "testing"}
    assert by_requirement["T1",].verifies == (ledger.id,)
    assert by_requirement["T2",].verifies == (ledger.id, blue.id)


def test_a_test_file_goes_where_the_file_is_written_that_it_is_named_after(folder: Path) -> None:
    """Whatever words its name is made of."""
    listed = "- `src/ledger.ts`: the ledger\n- `src/xyz.ts`: mails the reminder\n- `tests/xyz.test.ts`\n"
    (folder / "design.md").write_text(f"# D\n\n## Files\n\n{listed}", encoding="utf-8")
    answer = decomposed(*LENDING, REMINDING, folder=folder)
    (test,) = [task for task in answer.tasks if task.type == "testing" and task.produces]
    assert (test.requirements, test.produces) == (("R3",), paths("tests/xyz.test.ts"))


def test_two_tasks_never_need_each_other(folder: Path) -> None:
    """Though each speaks of the other's entity."""
    (folder / "design.md").write_text("# D\n\n## Data Models\n\n### LoanBook\n\n### MailBox\n", encoding="utf-8")
    one = Requirement(id="R1", text="A LoanBook must be a LoanBook with a link to a MailBox.", source="spec.md:6")
    two = Requirement(id="R2", text="A MailBox must be a MailBox with a link to a LoanBook.", source="spec.md:10")
    code = [task for task in decomposed(one, two, folder=folder).tasks if task.type == "code_writing"]
    assert [[each.name for each in task.produces] for task in code] == [["LoanBook"], ["MailBox"]]
    assert [[each.name for each in task.consumes] for task in code] == [[], ["LoanBook"]]


def test_nine_requirements_are_two_tasks() -> None:
    """Eight are one."""
    ledger = [Requirement(id=f"1.{number}", text=f"The ledger must keep year {number}.") for number in range(9)]
    assert [
        [len(task.requirements) for task in decomposed(*some).tasks if task.type == "code_writing"]
        for some in (ledger[:8], ledger)
    ] == [[8], [5, 4]]


def test_what_concerns_several_components_as_much_is_a_matter_of_its_own(folder: Path) -> None:
    """It joins neither."""
    (folder / "design.md").write_text(
        "# D\n\n## Components\n\n### Loan Table\n\n### Member Table\n\n### Book Table\n", encoding="utf-8"
    )
    texts = (
        ("The loan table must keep loans.", 6),
        ("The member table must keep members.", 10),
        ("Each table, loan and member, must have an index.", 13),
    )
    requirements = [Requirement(id=f"R{line}", text=text, source=f"spec.md:{line}") for text, line in texts]
    code = [task for task in decomposed(*requirements, folder=folder).tasks if task.type == "code_writing"]
    assert [(task.title, task.requirements) for task in code] == [
        ("Implement Loan Table", ("R6",)),
        ("Implement Member Table", ("R10",)),
        ("Implement Other", ("R13",)),
    ]


def test_words_of_the_glossary_gather_first() -> None:
    """Even where another word is shared by more."""
    texts = ("Send the fee notice.", "Print the fee notice.", "Store the notice.")
    requirements = [Requirement(id=f"R{number}", text=text) for number, text in enumerate(texts)]
    groups = [
        [task.group for task in decomposed(*requirements, glossary=glossary).tasks if task.type == "code_writing"]
        for glossary in ({}, {"Fee": "money"})
    ]
    assert groups == [["notice"], ["fee", "notice"]]


def test_a_heading_over_requirements_of_all_sorts_holds_nothing_together(folder: Path) -> None:
    """*Functional Requirements* names no component."""
    (folder / "design.md").unlink()
    (folder / "spec.md").write_text("# S\n\n## Functional Requirements\n\n- R1\n- R2\n", encoding="utf-8")
    sky = Requirement(id="R1", text="The sky must be blue.", source="spec.md:5")
    sea = Requirement(id="R2", text="Fish must swim.", source="spec.md:6")
    code = [task for task in decomposed(sky, sea, folder=folder).tasks if task.type == "code_writing"]
    assert [task.requirements for task in code] == [("R1",), ("R2",)]


def test_headings_about_entities_are_none(folder: Path) -> None:
    """Nobody makes *Validation Rules*."""
    rules = Requirement(id="R9", text="The ledger must obey the validation rules.", source="spec.md:6")
    answer = decomposed(*LENDING, rules, folder=folder)
    assert {each.name for task in answer.tasks for each in task.produces if each.type == "entity"} == {"LoanRecord"}


def test_what_hangs_on_a_requirement_makes_it_larger() -> None:
    """Every step, edge case and constraint; what two requirements share once."""

    def size(*requirements: Requirement) -> float:
        return decomposed(*requirements).tasks[0].complexity

    bare = Requirement(id="1.1", text="The ledger must keep loans.")
    steps = Scenario(
        given=("a loan of a book", "a member"),
        when=("a year goes by", "another does"),
        then=("it is kept", "so is the member"),
    )
    larger = (
        Requirement(id="1.1", text=bare.text, scenarios=(steps,)),
        Requirement(id="1.1", text=bare.text, edge_cases=("a", "b", "c")),
        Requirement(id="1.1", text=bare.text, constraints=("a", "b", "c")),
        Requirement(id="1.1", text=f"{bare.text} It must be concurrent and encrypted."),
    )
    assert all(size(each) > size(bare) for each in larger)
    other = Requirement(id="1.2", text=bare.text, scenarios=(steps,))
    assert size(larger[0], other) < size(larger[0]) + size(other) - 1
