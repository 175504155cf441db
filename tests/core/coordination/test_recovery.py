"""What a crash left between the workspace and the log is made good exactly once."""

from __future__ import annotations

import pytest

from agent_dispatcher.coordination.recovery import adopt
from agent_dispatcher.coordination.run_state import RunState, TaskState
from agent_dispatcher.errors import WorkspaceError
from agent_dispatcher.extension import Change, Landed, Reconciled
from agent_dispatcher.models import ExecutionPlan, Specification, Task

PLAN = ExecutionPlan(specification=Specification(id="s", title="s"), tasks=(Task(id="a", title="a"),))


def sealed(attempt: int) -> dict[tuple[str, int], Change]:
    return {("a", attempt): Change(task="a", attempt=attempt, ref="r", commit="c", base="b", paths=("x",))}


def adopted(task: TaskState | None, found: Reconciled) -> list[tuple[str, int | None]]:
    state = RunState(tasks={} if task is None else {"a": task})
    return [(event.type, event.attempt) for event in adopt(PLAN, state, found)]


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (None, [("attempt.sealed", 2)]),
        (TaskState(attempts=1, phase="failed"), [("attempt.sealed", 2)]),
        (TaskState(attempts=2, phase="running", status="in_progress"), [("attempt.sealed", 2)]),
        (TaskState(attempts=2, phase="sealed", status="in_progress"), []),
        (TaskState(attempts=2, phase="rejected"), []),
        (TaskState(attempts=2, phase="failed"), []),
        (TaskState(attempts=3, phase="running", status="in_progress"), []),
        (TaskState(attempts=2, phase="landed", status="completed"), []),
    ],
)
def test_sealed_work_is_news_only_when_the_log_does_not_know_it(
    task: TaskState | None, expected: list[tuple[str, int]]
) -> None:
    """A sealed attempt is adopted when the log has it running or not at all; one that was refused is history."""
    assert adopted(task, Reconciled(sealed={**sealed(1), **sealed(2)})) == expected


def test_landed_work_is_recorded_with_its_completion() -> None:
    """What the branch holds and the log does not is landed and completed; what the log knows is left alone."""
    found = Reconciled(landed={"a": Landed(commit="c", tree="t")})
    expected = [("attempt.landed", 1), ("task.completed", None)]
    assert adopted(None, found) == expected
    assert adopted(TaskState(attempts=1, phase="sealed", status="in_progress"), found) == expected
    assert adopted(TaskState(attempts=1, phase="landed", status="completed"), found) == []


def test_work_that_vanished_from_the_branch_is_an_error() -> None:
    """A landed commit that the branch no longer holds is named, with what to do."""
    task = TaskState(attempts=1, phase="landed", status="completed", commit="c1")
    with pytest.raises(WorkspaceError, match=r"no longer holds work that landed: a \(c1\); point the branch"):
        adopt(PLAN, RunState(started={"branch": "b"}, tasks={"a": task}), Reconciled())
    assert adopt(PLAN, RunState(started={"branch": ""}, tasks={"a": task}), Reconciled()) == []
