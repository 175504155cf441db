"""A quick way to read a specification and its plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.models import Specification
from agent_dispatcher_builtins.specifications.openspec.format import OpenSpecFormat

from ..orders import ordered

Read = Callable[..., Specification]
Orders = Callable[..., set[tuple[str, str]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder where OpenSpec keeps a change."""
    found = tmp_path / "openspec" / "changes" / "add-shop"
    found.mkdir(parents=True)
    return found


@pytest.fixture
def read(folder: Path) -> Read:
    """Write files (by their names in the folder) and load it."""

    def load(tasks: str = "", files: dict[str, str] | None = None) -> Specification:
        for name, text in {"tasks.md": tasks, **(files or {})}.items():
            if text:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text, encoding="utf-8", newline="")
        return OpenSpecFormat().load(folder)

    return load


@pytest.fixture
def orders(dispatcher: AgentDispatcher, read: Read) -> Orders:
    """The same, and plan it: which numbers come before which, directly or not, for sure."""

    def plan(tasks: str) -> set[tuple[str, str]]:
        made = dispatcher.plan(read(tasks))
        return ordered(made)

    return plan
