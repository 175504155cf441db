"""``requirements.md``, ``bugfix.md``, ``design.md`` and ``spec.json``."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent_dispatcher.models import Specification
from agent_dispatcher_builtins.specifications.kiro.options import KiroOptions

Read = Callable[..., Specification]
TASKS = "- [ ] 1. Do it\n  - _Requirements: 1.1_\n"


def test_each_criterion_is_a_requirement(read: Read) -> None:
    """Under the number tasks use, with its user story, its place, and what stands below it."""
    text = """\
# Requirements Document

## Introduction

A shelf for books.

## Glossary

- **Shelf**: where books stand
- **Reader**: who takes them

## Requirements

### Requirement 1: Lending

**User Story:** As a reader, I want to take a book,
so that I can read it.

#### Acceptance Criteria

1. WHEN a book is taken THEN the shelf SHALL be
   one shorter
   - and say so
2. IF it is empty THEN the shelf SHALL refuse

### Requirement 2

- Fast
- Small
"""
    found = read(TASKS, requirements=text)
    assert [(each.id, each.text, each.source) for each in found.requirements] == [
        ("1.1", "WHEN a book is taken THEN the shelf SHALL be one shorter and say so", "requirements.md:21"),
        ("1.2", "IF it is empty THEN the shelf SHALL refuse", "requirements.md:24"),
        ("2", "Fast; Small", "requirements.md:26"),
    ]
    (story,) = found.requirements[1].scenarios
    assert story.title == "As a reader, I want to take a book, so that I can read it."
    assert found.glossary == {"Shelf": "where books stand", "Reader": "who takes them"}
    assert found.summary == "A shelf for books."


@pytest.mark.parametrize(
    ("heading", "criteria"),
    [
        ("### Requirement 3: Lending", "#### Acceptance Criteria"),
        ("### 要件 3：貸出", "#### 受け入れ基準"),
        ("### 需求 3 - 借书", "#### 验收标准"),
        ("### 需求 3：借書", "#### 驗收標準"),
        ("### 요구사항 3: 대출", "#### 인수 조건"),
        ("### Requisito 3: Empréstimo", "#### Critérios de Aceitação"),
        ("### Требование 3: Выдача", "#### Критерии приёмки"),
        ("### REQ-3: Lending", "#### Acceptance Criteria"),
        ("### 3. Lending", "#### Acceptance Criteria"),
    ],
)
def test_headings_in_many_languages(read: Read, heading: str, criteria: str) -> None:
    """The structure is told by the numbers and by the words for it."""
    text = f"# R\n\n## Requirements\n\n{heading}\n\n{criteria}\n\n1. one\n2. two\n"
    assert [each.id for each in read(TASKS, requirements=text).requirements] == ["3.1", "3.2"]


def test_a_list_of_requirements_without_headings(read: Read) -> None:
    """Each item is one, under its number."""
    found = read(TASKS, requirements="# Requirements: Loans\n\n## Requirements\n\n1. Lend\n2. Return\n")
    assert [(each.id, each.text) for each in found.requirements] == [("1", "Lend"), ("2", "Return")]
    assert found.title == "Loans"


def test_numbers_given_twice_are_told(read: Read) -> None:
    """Nothing is lost: the second gets the next free number."""
    text = "## Requirements\n\n### Requirement 1\n\n1. a\n\n### Requirement 1\n\n1. b\n"
    found = read(TASKS, requirements=text)
    assert [(each.id, each.text) for each in found.requirements] == [("1.1", "a"), ("1.2", "b")]
    assert "requirements.md:7: requirement 1 stands twice; both are taken together" in found.warnings
    assert "requirements.md:9: criterion 1.1 stands twice; this one is called 1.2" in found.warnings


def test_a_fault_is_no_requirement(read: Read) -> None:
    """What is wrong today is told to what is right instead, and tasks that name the fault serve that."""
    text = """\
# Bugfix Requirements Document

## Bug Analysis

### Current Behavior (Defect)

1.1 WHEN a book is taken twice THEN the system crashes

### Expected Behavior (Correct)

2.1 WHEN a book is taken twice THEN the system SHALL refuse
2.2 WHEN it refuses THEN it SHALL say why

### Unchanged Behavior (Regression Prevention)

3.1 WHEN a book is taken once THEN the system SHALL CONTINUE TO hand it out
"""
    found = read(TASKS, bugfix=text)
    assert [each.id for each in found.requirements] == ["2.1", "2.2", "3.1"]
    assert found.requirements[0].edge_cases == ("Today: WHEN a book is taken twice THEN the system crashes",)
    assert found.tasks[0].requirements == ("2.1",)


def test_properties_of_the_design_are_constraints(read: Read) -> None:
    """Of the criteria they validate; a whole number means all of its criteria."""
    requirements = "## Requirements\n\n### Requirement 1\n\n1. a\n2. b\n"
    design = """\
# Design: Shelf

### Property 1: Nothing is lost

*For any* book that is added, it is there.

**Validates: Requirements 1.2**

**Property 2: Order**

Books keep their order.

**Validates: Requirements 1**
"""
    first, second = read(TASKS, requirements=requirements, design=design).requirements
    assert first.constraints == ("Property 2 (Order): Books keep their order.",)
    assert second.constraints == (
        "Property 1 (Nothing is lost): For any* book that is added, it is there.",
        "Property 2 (Order): Books keep their order.",
    )


APPROVED = '{"feature_name": "shop", "approvals": {"requirements": {"approved": %s}, "tasks": {"approved": %s}}, "ready_for_implementation": %s}'


@pytest.mark.parametrize(
    ("values", "blockers"),
    [
        (("true", "true", "true"), ()),
        (("false", "false", "true"), ()),
        (("true", "true", "null"), ()),
        (("true", "false", "false"), ("spec.json:1: the tasks are not approved",)),
        (("true", "true", "false"), ("spec.json:1: the specification is not ready for implementation",)),
    ],
)
def test_what_is_not_approved_blocks(read: Read, values: tuple[str, ...], blockers: tuple[str, ...]) -> None:
    """Each stage with its place, unless the whole is said to be ready, or the user goes on all the same."""
    text = APPROVED % values
    assert read(TASKS, spec=text).blockers == blockers
    waved = read(TASKS, spec=text, options=KiroOptions(allow_unapproved=True))
    assert waved.blockers == ()
    assert set(blockers) <= set(waved.warnings)


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("{", "spec.json:1"),
        ("[]", "spec.json:1: this is a list, not a mapping: not used"),
        ('{"approvals": 3}', "spec.json:1: approvals is an integer, not a mapping: not used"),
        ('{"approvals": {"tasks": []}}', "spec.json:1: approvals.tasks is a list, not a mapping: not used"),
        (
            '{"ready_for_implementation": "no"}',
            "spec.json:1: ready_for_implementation is a text, neither true nor false: not used",
        ),
        ('{"a": 1, "a": 2}', "spec.json:1"),
    ],
)
def test_a_damaged_spec_json_is_told_and_blocks_nothing(read: Read, text: str, warning: str) -> None:
    """It says nothing about the work itself."""
    found = read(TASKS, spec=text)
    assert found.blockers == ()
    assert any(each.startswith(warning) for each in found.warnings), found.warnings


@pytest.mark.parametrize(
    ("files", "title"),
    [
        ({"requirements": "# Requirements Document\n"}, "shop"),
        ({"requirements": "# Shelf - Requirements\n"}, "Shelf"),
        ({"requirements": "# Requirements Document\n", "design": "# Design Document: Shelf\n"}, "Shelf"),
        ({"requirements": "# Requirements\n", "design": "# Shelf Design\n"}, "Shelf"),
        ({"design": "# 設計書\n"}, "shop"),
        ({"spec": '{"feature_name": "shelf"}'}, "shelf"),
    ],
)
def test_the_title_is_what_the_whole_is_called(read: Read, files: dict[str, str], title: str) -> None:
    """By the first page that names it, else by the folder."""
    assert read(TASKS, **files).title == title


def test_without_tasks_the_requirements_are_there_to_be_decomposed(read: Read) -> None:
    """That is told."""
    found = read("", requirements="## Requirements\n\n### Requirement 1\n\n1. a\n")
    assert (found.tasks, [each.id for each in found.requirements]) == ((), ["1.1"])
    assert "tasks.md is not there: tasks are made from the requirements" in found.warnings
