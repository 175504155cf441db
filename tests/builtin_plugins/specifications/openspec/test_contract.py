"""The format keeps to what every format must keep to."""

from __future__ import annotations

from pathlib import Path

from agent_dispatcher.extension.components import SpecificationFormat
from agent_dispatcher.testing import SpecificationFormatContract
from agent_dispatcher_builtins.specifications.openspec.format import OpenSpecFormat

PROPOSAL = """\
# Change: A shelf

## Why

Books lie around.

## What Changes

- a shelf

## Impact

- `src/shelf.py`
"""
TASKS = """\
# Tasks

## 1. Shelf

- [x] 1.1 Set up the project
- [ ] 1.2 Write `src/shelf.py` so that whatever is added is kept in the order in which it
      came
  - [ ] 1.2.1 Adding
  - [ ] Taking
- [ ] 1.4 Refuse doubles (depends on 1.2)

## 2. Docs

- [ ] Write the guide

## [ ] Task 3: Try it
**Dependencies**: Task 1.4
"""
DELTA = """\
## ADDED Requirements

### Requirement: Adding
The shelf SHALL keep what is added.

#### Scenario: A book
- **WHEN** a book is added
- **THEN** it is there

## RENAMED Requirements

- FROM: `### Requirement: Box`
- TO: `### Requirement: Shelf`
"""


class TestOpenSpecFormat(SpecificationFormatContract):
    def make_format(self) -> SpecificationFormat:
        return OpenSpecFormat()

    def write_sample(self, folder: Path) -> Path:
        (folder / "specs" / "shelf").mkdir(parents=True)
        (folder / "specs" / "shelf" / "spec.md").write_text(DELTA)
        for name, text in (("proposal.md", PROPOSAL), ("tasks.md", TASKS), (".openspec.yaml", "schema: spec-driven\n")):
            (folder / name).write_text(text)
        return folder


class TestOpenSpecRepository(TestOpenSpecFormat):
    def write_sample(self, folder: Path) -> Path:
        (folder / "openspec" / "changes" / "add-shelf").mkdir(parents=True)
        super().write_sample(folder / "openspec" / "changes" / "add-shelf")
        return folder


class TestOpenSpecListAlone(TestOpenSpecFormat):
    def write_sample(self, folder: Path) -> Path:
        (folder / "tasks.md").write_text(TASKS)
        return folder / "tasks.md"
