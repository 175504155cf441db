"""A mission to read: an orchard that is watered by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.models import Specification
from agent_dispatcher_builtins.specifications.spec_kitty.reader import SpecKittyFormat

Read = Callable[..., Specification]
Write = Callable[..., Path]

SPEC = """# Feature Specification: Orchard Watering

## Requirements *(mandatory)*

### Functional Requirements
- **FR-001**: The controller must open a valve when the soil is dry.
- **FR-002**: Growers must be able to see the last week of readings.

### Constraints

| ID | Title | Constraint |
|----|-------|------------|
| C-001 | Offline | The controller must work without a network |
"""
PLAN = """# Implementation Plan: Orchard Watering

## Technical Context
**Language/Version**: Python 3.12
**Storage**: SQLite
"""
TASKS = """# Work Packages: Orchard Watering

## Work Package WP01: Sensors (Priority: P1)

### Included Subtasks
- [x] T001 Read the soil sensor in `src/orchard/sensor.py`
- [ ] T002 Average ten readings

### Dependencies
- None (first package).

## Work Package WP02: Valves (Priority: P1)

### Included Subtasks
- [ ] T003 Open and close a valve

### Dependencies
- Depends on WP01 for readings; WP03 may go on beside it.
- Can run in parallel with WP04.
"""


def package(name: str, title: str, **fields: str) -> str:
    """A work package's file; values are YAML."""
    lines = [f"work_package_id: {name}", f"title: {title}", *(f"{key}: {value}" for key, value in fields.items())]
    return "---\n" + "\n".join(lines) + f"\n---\n\n# Work Package Prompt: {name} – {title}\n\nDo it well.\n"


@pytest.fixture
def mission(tmp_path: Path) -> Path:
    """The mission's folder, with its documents and no work package."""
    folder = tmp_path / "farm" / "kitty-specs" / "001-orchard-watering"
    (folder / "tasks").mkdir(parents=True)
    for name, text in (("spec.md", SPEC), ("plan.md", PLAN), ("tasks.md", TASKS)):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def write(mission: Path) -> Write:
    """Write files of the mission by name: ``WP01="..."`` is a work package, other names are paths with ``__`` for ``/``."""

    def files(packages: Mapping[str, str] | None = None, **others: str) -> Path:
        for name, text in (packages or {}).items():
            file = mission / "tasks" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="")
        for name, text in others.items():
            (mission / name.replace("__", ".")).write_text(text, encoding="utf-8", newline="")
        return mission

    return files


@pytest.fixture
def read(write: Write) -> Read:
    """Write work packages, ``WP01=dict(title=..., lane=...)``, and load the mission."""

    def load(**packages: dict[str, Any]) -> Specification:
        texts = {}
        for name, fields in packages.items():
            given = {"title": f"Part {name}", **fields}
            texts[f"{name}-part.md"] = package(name, given.pop("title"), **given)
        return SpecKittyFormat().load(write(texts))

    return load
