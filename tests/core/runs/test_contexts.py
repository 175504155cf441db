"""What an attempt is told of the rest of the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.models import Dependency, ExecutionPlan, Gate, Specification, Task
from agent_dispatcher.runs.contexts import Contexts

NAMES = ("base", "store", "page", "other", "test-page")
PLAN = ExecutionPlan(
    specification=Specification(id="s", title="S"),
    tasks=tuple(Task(id=name, title=name) for name in NAMES),
    dependencies=(
        Dependency(before="base", after="store"),
        Dependency(before="store", after="page"),
        Dependency(before="other", after="page", strength="advisory"),
    ),
    gates=(Gate(test="test-page", subject="page"),),
)


@pytest.mark.parametrize(
    ("task", "feedback", "expected"),
    [
        ("page", "", {"base", "store"}),
        ("page", "a test fails", {"base", "store", "test-page"}),
        ("base", "a test fails", set()),
    ],
)
def test_what_is_settled_is_what_must_have_landed(tmp_path: Path, task: str, feedback: str, expected: set[str]) -> None:
    """All that the task waits for, however indirectly, and the tests behind which refused work lands; not what merely comes first if it can."""
    sandbox: Any = None  # nothing is run
    contexts = Contexts(run="20260101-000000-0000", sandbox=sandbox, language=None, artifacts={})
    contexts.use(PLAN)
    opened: Any = tmp_path
    made = contexts.make(
        PLAN.task(task), 1, opened, feedback, bus=None, deadline=1.0, progress=lambda fraction, text: None
    )
    assert made.settled() == expected
