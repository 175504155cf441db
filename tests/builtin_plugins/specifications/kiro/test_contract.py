"""The format keeps to what every format must keep to."""

from __future__ import annotations

from pathlib import Path

from agent_dispatcher.extension.components import SpecificationFormat
from agent_dispatcher.testing import SpecificationFormatContract
from agent_dispatcher_builtins.specifications.kiro.format import KiroFormat

REQUIREMENTS = """\
# Requirements Document

## Glossary

- **Shelf**: where books stand

## Requirements

### Requirement 1: Adding

**User Story:** As a reader, I want to add a book, so that it is kept.

#### Acceptance Criteria

1. WHEN a book is added THEN the shelf SHALL hold it
2. IF it is there already THEN the shelf SHALL refuse it
"""
DESIGN = """\
# Design Document: Shelf

### Property 1: Kept

Every book that is added is there.

**Validates: Requirements 1.1**
"""
TASKS = """\
# Implementation Plan: Shelf

- [x] 1. Set up the project
- [ ] 2. Write the shelf
  - [ ] 2.1 (P) Write `src/shelf.py`
    - Keep books in a list
    - _Requirements: 1.1, 1.2_
    - _Boundary: Shelf_
  - [ ] 2.2 (P) Write `src/book.py`
    - _Requirements: 1.1_
    - _Depends: 1_
  - [ ]* 2.3 Write property tests
    - **Validates: Requirements 1.1**
- [ ] 3. Checkpoint - Ensure all tests pass
- [ ] Write the guide

## Task Dependency Graph

```json
{"waves": [{"id": 0, "tasks": ["1"]}, {"id": 1, "tasks": ["2.1", "2.2"]}]}
```
"""
SPEC = '{"feature_name": "shelf", "approvals": {"tasks": {"generated": true, "approved": true}}, "ready_for_implementation": true}\n'


class TestKiroFormat(SpecificationFormatContract):
    def make_format(self) -> SpecificationFormat:
        return KiroFormat()

    def write_sample(self, folder: Path) -> Path:
        for name, text in (
            ("requirements.md", REQUIREMENTS),
            ("design.md", DESIGN),
            ("tasks.md", TASKS),
            ("spec.json", SPEC),
        ):
            (folder / name).write_text(text)
        return folder


class TestKiroRepository(TestKiroFormat):
    def write_sample(self, folder: Path) -> Path:
        (folder / ".kiro" / "specs" / "shelf").mkdir(parents=True)
        super().write_sample(folder / ".kiro" / "specs" / "shelf")
        return folder


class TestKiroListAlone(TestKiroFormat):
    def write_sample(self, folder: Path) -> Path:
        (folder / "tasks.md").write_text(TASKS)
        return folder / "tasks.md"
