"""An engine that is made from the log of a run decides as the one that wrote it would have gone on."""

from __future__ import annotations

from typing import Any

import pytest

from agent_dispatcher.coordination import transitions as t
from agent_dispatcher.coordination.engine import Engine
from agent_dispatcher.models import Dependency, Event, Exclusion, ExecutionPlan, Gate, Specification, Task


def plan_of(tasks: str, edges: str = "", gates: str = "", exclusions: tuple[str, ...] = ()) -> ExecutionPlan:
    """A plan from names and ``before>after`` pairs."""
    return ExecutionPlan(
        specification=Specification(id="s", title="s"),
        tasks=tuple(Task(id=name, title=name, agent_type="worker") for name in tasks.split()),
        dependencies=tuple(Dependency(before=a, after=b) for a, b in (edge.split(">") for edge in edges.split())),
        gates=tuple(Gate(test=a, subject=b) for a, b in (gate.split(">") for gate in gates.split())),
        exclusions=tuple(Exclusion(tasks=tuple(names.split()), resource=names) for names in exclusions),
    )


def started(out: list[t.Instruction]) -> list[str]:
    return [one.task for one in out if isinstance(one, t.Start)]


def log(*entries: tuple[Any, ...]) -> list[Event]:
    """Events from (type, task, attempt, data)."""
    events = [Event(run="r", type="run.started", at=0.0, seq=1)]
    for number, (kind, task, attempt, *data) in enumerate(entries, 2):
        events.append(
            Event(run="r", type=kind, at=float(number), seq=number, task=task, attempt=attempt, data=(data or [{}])[0])
        )
    return events


def test_restore_goes_on_where_the_log_ends() -> None:
    """Completed stays, sealed goes on at landing, running is lost and tried again without costing an attempt."""
    plan = plan_of("done sealed ran waiting", "ran>waiting")
    events = log(
        ("attempt.started", "done", 1),
        ("attempt.sealed", "done", 1, {"change": {}}),
        ("attempt.landed", "done", 1, {"commit": "c"}),
        ("task.completed", "done", None, {"commit": "c"}),
        ("attempt.started", "sealed", 1, {"agent_type": "worker"}),
        ("attempt.sealed", "sealed", 1, {"change": {}}),
        ("attempt.started", "ran", 1, {"agent_type": "worker"}),
    )
    engine = Engine.restore(plan, events, concurrency=4, max_attempts=1)
    assert engine.handle() == [t.AttemptLost("ran", 1), t.Start("ran", 2, "worker"), t.Land("sealed", 1)]
    assert engine.statuses() == {
        "done": "completed",
        "sealed": "in_progress",
        "ran": "in_progress",
        "waiting": "pending",
    }


def test_restore_completes_what_landed_without_record() -> None:
    """Landed but not yet recorded as completed: the record is made up for."""
    events = log(("attempt.started", "a", 1), ("attempt.sealed", "a", 1), ("attempt.landed", "a", 1, {"commit": "c"}))
    assert Engine.restore(plan_of("a"), events).handle() == [t.TaskCompleted("a"), t.Finish("completed")]


def test_restore_counts_earlier_failures() -> None:
    """Failures before the crash count; the next one is the last."""
    events = log(
        ("attempt.started", "a", 1, {"agent_type": "worker"}),
        ("attempt.failed", "a", 1, {"reason": "failed", "error": "no"}),
        ("attempt.retry", "a", 2, {"agent_type": "worker"}),
    )
    engine = Engine.restore(plan_of("a"), events, max_attempts=2)
    assert engine.handle() == [t.Start("a", 2, "worker")]
    assert isinstance(engine.handle(t.AttemptFailed("a", 2, "no"))[0], t.TaskFailed)


def test_restore_remembers_who_declined() -> None:
    """An agent type that declined before the crash is not asked again."""
    events = log(
        ("attempt.started", "a", 1, {"agent_type": "first"}),
        ("attempt.failed", "a", 1, {"reason": "declined", "error": "no"}),
        ("attempt.retry", "a", 2, {"agent_type": "second"}),
    )
    engine = Engine.restore(plan_of("a"), events, candidates={"a": ("first", "second")})
    assert engine.handle() == [t.Start("a", 2, "second")]


def test_restore_keeps_gates_and_exclusions() -> None:
    """Sealed work waits for its gates again, and holds its exclusion again when it waits for the lane."""
    events = log(("attempt.started", "s", 1), ("attempt.sealed", "s", 1))
    gated = Engine.restore(plan_of("s test", gates="test>s"), events)
    assert gated.handle() == [t.Start("test", 1, "worker")]
    held = Engine.restore(plan_of("s x", exclusions=("s x",)), events, concurrency=2)
    assert held.handle() == [t.Land("s", 1)]
    assert started(held.handle(t.AttemptLanded("s", 1))) == ["x"]


@pytest.mark.parametrize(
    ("end", "follows"),
    [
        (("attempt.failed", {"reason": "failed", "error": "no"}), t.TaskFailed("a", "attempt 1 of 1: no")),
        (("attempt.rejected", {"why": "no"}), t.TaskFailed("a", "attempt 1 of 1: no")),
        (
            ("attempt.failed", {"reason": "failed", "error": "no", "judged": {"verdict": "retry", "delay_s": 5.0}}),
            t.TaskFailed("a", "attempt 1 of 1: no"),
        ),
        (
            ("attempt.rejected", {"why": "no", "judged": {"verdict": "reroute", "agent_type": "second"}}),
            t.TaskFailed("a", "attempt 1 of 1: no"),
        ),
        (("attempt.failed", {"reason": "declined", "error": "no"}), t.RetryAt("a", 2, 0.0, "second")),
    ],
)
def test_restore_decides_what_was_not_decided(end: tuple[str, dict[str, Any]], follows: t.Instruction) -> None:
    """A process that dies between the record of an attempt's end and what follows gives the task no attempt more, and no agent type twice."""
    kind, data = end
    events = log(("attempt.started", "a", 1, {"agent_type": "first"}), (kind, "a", 1, data))
    engine = Engine.restore(plan_of("a"), events, max_attempts=1, candidates={"a": ("first", "second")})
    assert engine.handle()[0] == follows


def test_restore_knows_that_the_last_agent_type_declined() -> None:
    """Nobody is asked twice, also where nobody is left."""
    events = log(
        ("attempt.started", "a", 1, {"agent_type": "first"}),
        ("attempt.failed", "a", 1, {"reason": "declined", "error": "no"}),
        ("attempt.retry", "a", 2, {"agent_type": "second"}),
        ("attempt.started", "a", 2, {"agent_type": "second"}),
        ("attempt.failed", "a", 2, {"reason": "declined", "error": "not me"}),
    )
    engine = Engine.restore(plan_of("a"), events, candidates={"a": ("first", "second")})
    assert engine.handle()[0] == t.TaskFailed("a", "no agent type takes the task: not me")


def test_restore_decides_with_the_answer_of_the_policy() -> None:
    """What a policy said about an attempt is not asked again, and a quarantine counts on."""
    given_up = {"reason": "raised", "error": "no", "judged": {"verdict": "fail", "delay_s": 0.0, "agent_type": None}}
    events = log(("attempt.started", "a", 1, {"agent_type": "worker"}), ("attempt.failed", "a", 1, given_up))
    assert Engine.restore(plan_of("a b", "a>b"), events).handle() == [
        t.TaskFailed("a", "no"),
        t.TaskBlocked("b", ("a",)),
        t.Finish("failed"),
    ]
    entries: list[tuple[Any, ...]] = []
    for attempt in (1, 2, 3):
        entries += [
            ("attempt.started", "a", attempt, {"agent_type": "worker"}),
            ("attempt.failed", "a", attempt, {"reason": "raised", "error": "died", "sort": "poison"}),
            ("attempt.retry", "a", attempt + 1, {"agent_type": "worker"}),
        ]
    engine = Engine.restore(plan_of("a"), log(*entries[:-1]), max_attempts=9)
    assert isinstance(engine.handle()[0], t.TaskFailed)


def test_failed_and_blocked_stay_so_until_a_retry_is_asked_for() -> None:
    """A resume leaves failed tasks alone; one with ``retry`` frees them and what they block. Cancelled ones are taken up again."""
    entries = [
        ("attempt.started", "a", 1),
        ("attempt.failed", "a", 1, {"reason": "failed"}),
        ("task.failed", "a", None, {"error": "no"}),
        ("task.blocked", "b", None, {"by": ["a"]}),
        ("task.cancelled", "c", None, {"why": ""}),
    ]
    plain = Engine.restore(plan_of("a b c", "a>b"), log(*entries, ("run.resumed", None, None)), concurrency=3)
    assert plain.handle() == [t.Start("c", 1, "worker")]
    again = Engine.restore(
        plan_of("a b c", "a>b"),
        log(*entries, ("run.resumed", None, None, {"retry": True})),
        concurrency=3,
        max_attempts=1,
    )
    assert set(started(again.handle())) == {"a", "c"}
    assert again.status("b") == "pending"
