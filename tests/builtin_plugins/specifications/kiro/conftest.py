"""A quick way to read a specification and its plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.models import Specification
from agent_dispatcher_builtins.specifications.kiro.format import KiroFormat
from agent_dispatcher_builtins.specifications.kiro.options import KiroOptions

from ..orders import ordered

Read = Callable[..., Specification]
Orders = Callable[..., set[tuple[str, str]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder where Kiro keeps a specification."""
    found = tmp_path / ".kiro" / "specs" / "shop"
    found.mkdir(parents=True)
    return found


@pytest.fixture
def read(folder: Path) -> Read:
    """Write files (``tasks`` for ``tasks.md``, ``spec`` for ``spec.json``) and load the folder."""

    def load(tasks: str = "", options: KiroOptions | None = None, **files: str) -> Specification:
        for name, text in {"tasks": tasks, **files}.items():
            if text:
                (folder / f"{name}.{'json' if name == 'spec' else 'md'}").write_text(text, encoding="utf-8", newline="")
        return KiroFormat(options or KiroOptions()).load(folder)

    return load


@pytest.fixture
def orders(dispatcher: AgentDispatcher, read: Read) -> Orders:
    """The same, and plan it: which numbers come before which, directly or not, for sure (or, with ``hints``, at all)."""

    def plan(tasks: str, *, hints: bool = False, **files: str) -> set[tuple[str, str]]:
        made = dispatcher.plan(read(tasks, **files))
        return ordered(made, hints=hints)

    return plan
