"""Every builtin format passes the suite that authors of formats use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pytest

from agent_dispatcher.extension.components import SpecificationFormat
from agent_dispatcher.testing import SpecificationFormatContract
from agent_dispatcher_builtins.specifications.finalized.reader import FinalizedFormat
from agent_dispatcher_builtins.specifications.native import NativeFormat
from agent_dispatcher_builtins.specifications.spec_kit.format import SpecKitFormat
from agent_dispatcher_builtins.specifications.task_master.reader import TaskMasterFormat

LISTED = """\
format: agent-dispatcher/specification
version: 1
title: Shelf
requirements:
  - id: R1
    text: Books can be added to the shelf.
  - id: R2
    text: Books can be taken from the shelf.
tasks:
  - id: T1
    title: Write the shelf
    requirements: [R1]
  - id: T2
    title: Write the taking
    depends_on: [T1]
"""
TASK_MASTER = {
    "master": {
        "tasks": [
            {
                "id": 1,
                "title": "Set up",
                "description": "Make the project.",
                "status": "done",
                "priority": "high",
                "dependencies": [],
                "subtasks": [{"id": 1, "title": "Make a folder", "status": "done", "dependencies": []}],
            },
            {"id": 2, "title": "Write the shelf", "status": "pending", "dependencies": [1], "subtasks": []},
            {"id": 3, "title": "Write the taking", "status": "pending", "dependencies": ["2"], "subtasks": []},
        ],
        "metadata": {"description": "Tasks for the shelf"},
    }
}

SPEC_MD = """\
# Feature Specification: Shelf

## User Scenarios & Testing

### User Story 1 - Add a book (Priority: P1)

**Acceptance Scenarios**:

1. **Given** an empty shelf, **When** a book is added, **Then** it is on the shelf

## Requirements

- **FR-001**: System MUST let a reader add a book.
- **FR-002**: System MUST let a reader take a book.

## Success Criteria

- **SC-001**: Adding takes less than a second.
"""
TASKS_MD = """\
# Tasks: Shelf

## Phase 1: Setup

- [x] T001 Create the project in `pyproject.toml`

## Phase 2: User Story 1 - Add a book (Priority: P1)

- [ ] T002 [P] [US1] Write the model in `src/shelf/book.py`
- [ ] T003 [US1] Write adding in `src/shelf/add.py` (depends on T002)

## Phase 3: Polish

- [ ] T004 [P] Document it in `README.md`
"""
FINALIZED = """\
requirements:
  - content: Books can be added to the shelf.
    priority: high
  - content: Books can be taken from the shelf.
resolved_edge_cases: []
resolved_contradictions: []
complete_requirement_set: true
confidence_score: 0.9
refinement_session_id: session-1
ready_for_dispatch: true
"""


class TestNativeFormat(SpecificationFormatContract):
    mutations: ClassVar[int] = 64

    def make_format(self) -> SpecificationFormat:
        return NativeFormat()

    def write_sample(self, folder: Path) -> Path:
        (folder / "specification.yaml").write_text(LISTED)
        return folder / "specification.yaml"


class TestNativeFormatWithBehaviour(TestNativeFormat):
    text: ClassVar[str] = ""

    @pytest.fixture(autouse=True)
    def _text(self, shelf_text: str) -> None:
        type(self).text = shelf_text

    def write_sample(self, folder: Path) -> Path:
        (folder / "shelf.yaml").write_text(self.text)
        return folder


class TestTaskMasterFormat(SpecificationFormatContract):
    def make_format(self) -> SpecificationFormat:
        return TaskMasterFormat()

    def write_sample(self, folder: Path) -> Path:
        (folder / ".taskmaster" / "tasks").mkdir(parents=True)
        (folder / ".taskmaster" / "tasks" / "tasks.json").write_text(json.dumps(TASK_MASTER, indent=2) + "\n")
        return folder


class TestSpecKitFormat(SpecificationFormatContract):
    def make_format(self) -> SpecificationFormat:
        return SpecKitFormat()

    def write_sample(self, folder: Path) -> Path:
        (folder / "spec.md").write_text(SPEC_MD)
        (folder / "tasks.md").write_text(TASKS_MD)
        return folder


class TestFinalizedFormat(SpecificationFormatContract):
    mutations: ClassVar[int] = 64

    def make_format(self) -> SpecificationFormat:
        return FinalizedFormat()

    def write_sample(self, folder: Path) -> Path:
        (folder / "finalized.yaml").write_text(FINALIZED)
        return folder / "finalized.yaml"
