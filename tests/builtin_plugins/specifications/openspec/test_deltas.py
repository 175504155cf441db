"""The deltas below ``specs/``, ``proposal.md`` and ``.openspec.yaml``."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent_dispatcher.models import Specification

Read = Callable[..., Specification]
TASKS = "## 1. Do\n- [ ] 1.1 Let readers borrow\n"
DELTA = """\
# Lending

## ADDED Requirements

### Requirement: Borrowing
A reader SHALL be able to borrow a book.

```markdown
### Requirement: Fenced
#### Scenario: Fenced
```

#### Scenario: On the shelf
- **GIVEN** a book
  on the shelf
- **WHEN** it is borrowed
- **AND** noted
- **THEN** it is gone
- **AND** the reader has it

## MODIFIED Requirements

### Requirement: Returning
A reader MUST return a book.

#### Scenario: In time
- WHEN it is returned
- THEN nothing is due

## REMOVED Requirements

### Requirement: Fines
**Reason**: nobody pays
**Migration**: forgive them

## RENAMED Requirements

- FROM: `### Requirement: Shelf`
- TO: `### Requirement: Bookcase`
"""


def test_requirements_come_from_the_deltas(read: Read) -> None:
    """Under their names, with scenarios in three parts; headings in fences are text."""
    found = read(TASKS, {"specs/lending/spec.md": DELTA}).requirements
    assert [(each.id, each.text, each.source) for each in found] == [
        ("Borrowing", "A reader SHALL be able to borrow a book.", "specs/lending/spec.md:5"),
        ("Returning", "A reader MUST return a book.", "specs/lending/spec.md:23"),
        ("Fines", "No longer: Fines.", "specs/lending/spec.md:32"),
        ("Bookcase", 'The requirement known as "Shelf" is called "Bookcase" from now on.', "specs/lending/spec.md:38"),
    ]
    (scenario,) = found[0].scenarios
    assert (scenario.title, scenario.given, scenario.when, scenario.then, scenario.source) == (
        "On the shelf",
        ("a book on the shelf",),
        ("it is borrowed", "noted"),
        ("it is gone", "the reader has it"),
        "specs/lending/spec.md:13",
    )
    assert found[1].scenarios[0].when == ("it is returned",)
    assert found[2].constraints == ("Reason: nobody pays", "Migration: forgive them")


def test_files_beside_and_below_a_capability_are_read(read: Read) -> None:
    """Two requirements of one name bear that of their capability too."""
    added = "## ADDED Requirements\n\n### Requirement: Same\nIt SHALL be.\n"
    found = read(TASKS, {"specs/one.md": added, "specs/two/deep/spec.md": added})
    assert [each.id for each in found.requirements] == ["one: Same", "two/deep: Same"]


def test_a_requirement_that_is_renamed_and_changed_is_one(read: Read) -> None:
    """The new text counts, and the old name is known."""
    text = DELTA + "\n## MODIFIED Requirements\n\n### Requirement: Bookcase\nIt SHALL be tall.\n"
    (found,) = (each for each in read(TASKS, {"specs/a.md": text}).requirements if each.id == "Bookcase")
    assert (found.text, len(found.constraints)) == ("It SHALL be tall.", 1)


def test_a_name_given_twice_is_told(read: Read) -> None:
    """With both places; the first counts."""
    text = "## ADDED Requirements\n\n### Requirement: A\nIt SHALL one.\n\n### Requirement: A\nIt SHALL two.\n"
    found = read(TASKS, {"specs/a.md": text})
    assert [each.text for each in found.requirements] == ["It SHALL one."]
    assert "specs/a.md:6: 'A' stands twice (the first: specs/a.md:3); only the first counts" in found.warnings


@pytest.mark.parametrize(
    ("section", "requirement", "scenario", "steps"),
    [
        ("## 新增需求", "### 需求：借书", "#### 场景：成功", "- **当** 借出\n- **则** 记录"),
        ("## ADDED Requirements", "### 要件: 貸出", "#### シナリオ: 成功", "- **WHEN** 借りる\n- **THEN** 記録する"),
        ("## ADDED Requirements", "### requirement: Lend", "#### scenario: Ok", "- when lent\n- then noted"),
    ],
)
def test_languages_and_cases(read: Read, section: str, requirement: str, scenario: str, steps: str) -> None:
    """The structure is told by the words for it."""
    (found,) = read(
        TASKS, {"specs/a.md": f"{section}\n\n{requirement}\nIt SHALL.\n\n{scenario}\n{steps}\n"}
    ).requirements
    assert [(len(each.when), len(each.then)) for each in found.scenarios] == [(1, 1)]


def test_every_requirement_is_served_by_some_task(read: Read) -> None:
    """The format does not say which: the words that both use decide."""
    text = "## 1. Do\n- [ ] 1.1 Implement borrowing a book\n- [ ] 1.2 Implement returning a book\n- [ ] 1.3 Forgive fines\n"
    found = read(text, {"specs/lending/spec.md": DELTA})
    served = {name: task.source_id for task in found.tasks for name in task.requirements}
    assert (served["Borrowing"], served["Returning"], served["Fines"]) == ("1.1", "1.2", "1.3")
    assert set(served) == {each.id for each in found.requirements}


def test_the_proposal_says_what_it_is_about(read: Read) -> None:
    """Title, reasons, impact, and what breaks."""
    text = """\
# Change: Lend books

## Why

Readers want to read.

## What Changes

- **BREAKING** shelves are closed at night
- a counter

## Impact

- `src/shelf.py`
"""
    found = read(TASKS, {"proposal.md": text})
    assert (found.title, found.summary, found.id) == ("Lend books", "Readers want to read.", "add-shop")
    assert found.facts == {"Impact": "`src/shelf.py`", "Breaking": "**BREAKING** shelves are closed at night"}


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("schema: spec-driven\ncreated: 2026-01-02\n", None),
        ("schema: own\n", ".openspec.yaml:1: the schema 'own' is not known: the change is read as one of spec-driven"),
        ("schema: [a]\n", ".openspec.yaml:1: schema is a list, not a text: not used"),
        ("- a\n", ".openspec.yaml:1: this is a list, not a mapping: not used"),
        ("a: &x 1\nb: *x\n", ".openspec.yaml:1"),
        ("a: [\n", ".openspec.yaml:"),
        ("a: 1\na: 2\n", ".openspec.yaml:2"),
    ],
)
def test_a_damaged_mark_is_told(read: Read, text: str, warning: str | None) -> None:
    """It says nothing about the work."""
    told = [each for each in read(TASKS, {".openspec.yaml": text}).warnings if each.startswith(".openspec")]
    assert bool(told) is (warning is not None)
    assert all(each.startswith(warning or "") for each in told)


def test_without_tasks_or_deltas_that_is_told(read: Read) -> None:
    """And what is there is read."""
    only = read("", {"specs/a.md": DELTA})
    assert (only.tasks, len(only.requirements)) == ((), 4)
    assert "tasks.md is not there: tasks are made from the requirements" in only.warnings


def test_a_delta_without_a_requirement_is_told(read: Read) -> None:
    """With its place."""
    found = read(TASKS, {"specs/a.md": "# Lending\n\nSome prose.\n"})
    assert "specs/a.md:1: there is no requirement in it" in found.warnings
