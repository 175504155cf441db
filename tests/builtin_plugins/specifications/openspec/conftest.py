"""Where the samples of other people's projects lie, and a quick way to read a specification and its plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.models import ExecutionPlan, Specification
from agent_dispatcher_builtins import default_plugins
from agent_dispatcher_builtins.specifications.openspec.format import OpenSpecFormat

Read = Callable[..., Specification]
Orders = Callable[..., set[tuple[str, str]]]


@pytest.fixture(scope="session")
def dispatcher() -> AgentDispatcher:
    """With every builtin, and nothing else."""
    return AgentDispatcher(plugins=default_plugins(), discover=False)


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
        return closure(made)

    return plan


def closure(plan: ExecutionPlan) -> set[tuple[str, str]]:
    name = {task.id: task.source_id or task.title for task in plan.tasks}
    after: dict[str, set[str]] = {}
    for each in plan.dependencies:
        if each.strength == "binding":
            after.setdefault(name[each.before], set()).add(name[each.after])
    return {(start, end) for start in after for end in _reached(start, after)}


def _reached(start: str, after: dict[str, set[str]]) -> Iterable[str]:
    stack, seen = [start], set[str]()
    while stack:
        for name in after.get(stack.pop(), ()):
            if name not in seen:
                seen.add(name)
                stack.append(name)
    return seen
