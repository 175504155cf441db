"""What a run shows while it goes on."""

from __future__ import annotations

from typing import Any

import pytest

from agent_dispatcher.cli.progress import PlainProgress
from agent_dispatcher.coordination.run_state import TaskState
from agent_dispatcher.models import Event, ExecutionPlan, Specification, Task

PLAN = ExecutionPlan(
    specification=Specification(id="s", title="S"), tasks=(Task(id="a", title="First"), Task(id="b", title="Second"))
)


def event(kind: str, task: str, **data: object) -> Event:
    return Event(run="r", type=kind, at=0.0, task=task, attempt=1, data=dict(data))


def test_plain_lines_say_what_starts_and_ends_and_why_it_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """One line per start and end, with the count of what is done; a failure quotes its first line; stdout stays empty."""
    display = PlainProgress(PLAN)
    display.events([event("attempt.started", "a", agent_type="writer"), event("task.completed", "a")])
    display.events([event("attempt.failed", "b", error="no idea\nmore"), event("task.failed", "b")])
    captured = capsys.readouterr()
    lines = [line.split("s  ", 1)[1].strip() for line in captured.err.splitlines()]
    assert lines == [
        "0/2  start     First [writer]",
        "1/2  done      First",
        "1/2  failed    Second: no idea",
        "1/2  failed    Second",
        "1/2  check     the finished whole",
    ]
    assert captured.out == ""


def test_the_final_checks_are_announced_once(capsys: pytest.CaptureFixture[str]) -> None:
    """When every task has ended, what still takes time is named, and only once."""
    display = PlainProgress(PLAN)
    display.events([event("task.completed", "a")])
    assert "finished whole" not in capsys.readouterr().err
    display.events([event("task.completed", "b")])
    display.events([event("run.warning", "b", text="x")])
    assert capsys.readouterr().err.count("finished whole") == 1


def test_a_changed_plan_is_said_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """Tasks that come later are counted and called by their titles, those that were removed are not; a refusal is said."""
    display = PlainProgress(PLAN)
    patch = {"why": "more", "split": [], "add": [{"id": "c", "title": "Third"}]}
    data = {"revision": 1, "by": "ann", "patch": patch, "removed": ["b"]}
    display.events([Event(run="r", type="plan.patched", at=0.0, data=data), event("task.completed", "a")])
    refusal = {"by": "ann", "problems": ["no", "never"]}
    display.events([Event(run="r", type="patch.refused", at=0.0, data=refusal), event("task.completed", "c")])
    lines = [line.split("s  ", 1)[1].strip() for line in capsys.readouterr().err.splitlines()]
    assert lines == [
        "0/2  patched   the plan (revision 1) by ann: more",
        "1/2  done      First",
        "1/2  refused   a patch by ann: no; never",
        "2/2  done      Third",
        "2/2  check     the finished whole",
    ]


def test_what_was_completed_before_counts_from_the_start(capsys: pytest.CaptureFixture[str]) -> None:
    """A resumed run goes on with the count where it was."""
    display = PlainProgress(PLAN, {"a": TaskState(status="completed")})
    display.events([event("attempt.started", "b", agent_type="writer"), event("task.completed", "b")])
    lines = [line.split("s  ", 1)[1].strip() for line in capsys.readouterr().err.splitlines()]
    assert lines == ["1/2  start     Second [writer]", "2/2  done      Second", "2/2  check     the finished whole"]


def test_attempts_that_cost_none_are_not_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """Who waits for the model server has begun no second attempt, neither in this process nor in those before; a failed attempt is one."""
    display = PlainProgress(PLAN, {"b": TaskState(attempts=7, failures=1)})
    started, answers = {"agent_type": "w"}, ("outage", "rate_limit", "transient")
    for number, sort in enumerate(answers, 1):
        of: dict[str, Any] = {"run": "r", "at": 0.0, "task": "a", "attempt": number}
        display.events([Event(type="attempt.started", data=started, **of)])
        display.events([Event(type="attempt.failed", data={"sort": sort, "error": "no"}, **of)])
    display.events([Event(run="r", at=0.0, type="attempt.started", task="a", attempt=4, data=started)])
    display.events([Event(run="r", at=0.0, type="attempt.started", task="b", attempt=8, data=started)])
    lines = [line.split("0/2", 1)[1].strip() for line in capsys.readouterr().err.splitlines()]
    assert lines == [
        "start     First [w]",
        "waiting   First: for the model server (asked once): no",
        "start     First [w]",
        "waiting   First: for the model server (asked 2 times): no",
        "start     First [w]",
        "failed    First: no",
        "start     First [w] (attempt 2)",
        "start     Second [w] (attempt 2)",
    ]
