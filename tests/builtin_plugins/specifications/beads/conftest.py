"""A quick way to read issues."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.models import Specification
from agent_dispatcher_builtins.specifications.beads.options import BeadsOptions
from agent_dispatcher_builtins.specifications.beads.reader import BeadsFormat

Read = Callable[..., Specification]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project's folder with an empty ``.beads``."""
    (tmp_path / "orchard" / ".beads").mkdir(parents=True)
    return tmp_path / "orchard"


@pytest.fixture
def read(project: Path) -> Read:
    """Write lines (objects or texts) to ``.beads/issues.jsonl`` and load the project."""

    def load(*lines: Mapping[str, Any] | str, **options: Any) -> Specification:
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        (project / ".beads" / "issues.jsonl").write_text("\n".join(texts) + "\n", encoding="utf-8", newline="")
        return BeadsFormat(BeadsOptions(**options)).load(project)

    return load
