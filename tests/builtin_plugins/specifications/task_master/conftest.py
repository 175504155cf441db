"""A quick way to read a document."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.models import Specification
from agent_dispatcher_builtins.specifications.task_master.reader import TaskMasterFormat

Read = Callable[..., Specification]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write a document to ``tasks.json`` and load it."""

    def load(document: Any, **files: str) -> Specification:
        file = tmp_path / "tasks.json"
        file.write_text(document if isinstance(document, str) else json.dumps(document, indent=2), encoding="utf-8")
        for name, text in files.items():
            (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
        return TaskMasterFormat().load(tmp_path)

    return load
