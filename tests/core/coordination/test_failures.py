"""Sorts of failure: what each costs, what follows, quarantine, and agent types that take over; the engine as plain function calls."""

from __future__ import annotations

from typing import Any

import pytest

from agent_dispatcher.coordination import transitions as t
from agent_dispatcher.coordination.engine import Engine
from agent_dispatcher.coordination.failures import costs_attempt, retry_after_s, sort_of
from agent_dispatcher.coordination.retry import FailureJudge, RetryPolicy
from agent_dispatcher.coordination.run_state import fold
from agent_dispatcher.errors import AgentDied, BackendError, BudgetExceeded
from agent_dispatcher.extension import Retry
from agent_dispatcher.models import Dependency, Event, ExecutionPlan, Specification, Task


def engine_of(*tasks: Task, edges: str = "", **options: Any) -> Engine:
    pairs = [edge.split(">") for edge in edges.split()]
    plan = ExecutionPlan(
        specification=Specification(id="s", title="s"),
        tasks=tasks,
        dependencies=tuple(Dependency(before=a, after=b) for a, b in pairs),
    )
    return Engine(plan, **options)


def task(name: str, **fields: Any) -> Task:
    return Task(id=name, title=name, agent_type="worker", **fields)


def failed(name: str, attempt: int, sort: str = "transient", **fields: Any) -> t.AttemptFailed:
    return t.AttemptFailed(name, attempt, "no", "raised", sort=sort, permanent=sort == "permanent", **fields)


def chained(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "sort"),
    [
        (ValueError("x"), "transient"),
        (TimeoutError(), "transient"),
        (MemoryError(), "poison"),
        (SystemExit(1), "poison"),
        (AgentDied("gone"), "poison"),
        (BudgetExceeded("too much"), "budget"),
        *((BackendError("x", sort=sort), sort) for sort in BackendError.SORTS),
        (chained(RuntimeError("x"), BackendError("x", sort="rate_limit")), "rate_limit"),
        (ExceptionGroup("x", [BackendError("x", sort="outage"), BackendError("y", sort="outage")]), "outage"),
        (ExceptionGroup("x", [BackendError("x", sort="outage"), ValueError("y")]), "transient"),
    ],
)
def test_the_sort_of_what_an_agent_raised(error: BaseException, sort: str) -> None:
    """An error says what sort of failure it is, also as the cause of another one or in a group of its own sort."""
    assert sort_of(error) == sort


def test_a_server_that_says_when_to_come_back_is_heard() -> None:
    """What it asks for is found wherever the sort is, and nothing is found in other errors."""
    asked = BackendError("x", sort="rate_limit", retry_after_s=7.0)
    assert retry_after_s(chained(RuntimeError("x"), asked)) == 7.0
    assert retry_after_s(ExceptionGroup("x", [asked, ValueError()])) == 7.0
    assert retry_after_s(ValueError("x")) is None


@pytest.mark.parametrize("sort", ["rate_limit", "outage"])
def test_a_failure_of_the_backend_costs_no_attempt(sort: str) -> None:
    """However often the backend fails, the task has all its attempts."""
    engine = engine_of(task("a"), max_attempts=1)
    engine.handle()
    for attempt in range(1, 30):
        assert engine.handle(failed("a", attempt, sort, delay_s=2.0)) == [t.RetryAt("a", attempt + 1, 2.0, "worker")]
        assert engine.handle(t.RetryDue("a")) == [t.Start("a", attempt + 1, "worker")]
    assert t.TaskFailed("a", "attempt 1 of 1: no") in engine.handle(failed("a", 30))


def test_the_wait_is_what_the_server_asked_for_and_its_own_count() -> None:
    """A rate limit waits at least as long as asked, spread behind it, and does not lengthen the wait after the task's own failures."""
    judge = FailureJudge(RetryPolicy(base_s=1.0, max_s=60.0), lambda: 1.0)
    assert judge.judge(task("a"), 1, "x", "rate_limit", 7.0).delay_s == 8.0
    assert judge.judge(task("a"), 2, "x", "rate_limit", 7.0).delay_s == 9.0
    assert judge.judge(task("a"), 3, "x", "transient").delay_s == 1.0
    assert judge.judge(task("a"), 4, "x", "outage", 1e9).delay_s == 3600.0 + 4.0


def test_the_policy_is_told_the_sort_and_one_that_raises_has_no_opinion() -> None:
    """A plugin may treat each sort its own way; its fault is not the task's."""
    told: list[str] = []

    def policy(task: Task, attempt: int, error: str, sort: str) -> Retry:
        told.append(sort)
        if sort == "poison":
            raise ValueError("broken")
        return Retry(5.0)

    judge = FailureJudge(RetryPolicy(), lambda: 0.0, policy)
    assert judge.judge(task("a"), 1, "x", "outage").verdict == "retry"
    assert judge.judge(task("a"), 1, "x", "poison").verdict is None
    assert told == ["outage", "poison"]


def test_a_task_that_kills_its_agent_three_times_is_quarantined() -> None:
    """It has failed with that reason, whatever attempts it has left; its dependents are blocked, its siblings go on."""
    engine = engine_of(task("a", fallback=("other",)), task("b"), task("after"), edges="a>after", max_attempts=9)
    engine.handle()
    for attempt in (1, 2):
        assert engine.handle(failed("a", attempt, "poison"))[-1] == t.Start("a", attempt + 1, "worker")
        engine.handle(failed("a", attempt, "poison"))  # said again: passed over
    out = engine.handle(failed("a", 3, "poison"))
    why = "quarantined after 3 attempts that their agents did not survive: no"
    assert out == [t.TaskFailed("a", why), t.TaskBlocked("after", ("a",)), t.Start("b", 1, "worker")]


def test_a_policy_may_go_on_with_poison_but_not_past_quarantine() -> None:
    """``Retry`` does not keep a pool from being killed."""
    engine = engine_of(task("a"), max_attempts=9)
    engine.handle()
    for attempt in (1, 2, 3):
        out = engine.handle(failed("a", attempt, "poison", verdict="retry"))
    assert isinstance(out[0], t.TaskFailed)


def test_what_does_not_fit_the_budget_pauses_the_run() -> None:
    """Nothing new begins, what is in progress ends and lands, the task keeps its attempts and the run can be resumed."""
    engine = engine_of(task("a"), task("b"), task("c"), concurrency=2, max_attempts=1)
    engine.handle()
    assert engine.handle(failed("a", 1, "budget")) == []
    assert engine.handle(t.AttemptSealed("b", 1)) == [t.Land("b", 1)]
    out = engine.handle(t.AttemptLanded("b", 1))
    assert out == [t.TaskCompleted("b"), t.Finish("paused", "stopped by the budget: no")]
    assert engine.statuses() == {"a": "pending", "b": "completed", "c": "ready"}


def test_the_next_agent_type_takes_over_with_all_attempts() -> None:
    """A fallback comes when attempts are used up or the failure is permanent; when the last one fails, the task has failed."""
    engine = engine_of(task("a", fallback=("second", "third")), max_attempts=2)
    engine.handle()
    assert engine.handle(failed("a", 1))[-1] == t.Start("a", 2, "worker")
    out = engine.handle(failed("a", 2))
    assert out == [t.RetryAt("a", 3, 0.0, "second", 1), t.Start("a", 3, "second")]
    assert engine.handle(failed("a", 3))[-1] == t.Start("a", 4, "second")
    assert engine.handle(failed("a", 4, "permanent")) == [t.RetryAt("a", 5, 0.0, "third", 2), t.Start("a", 5, "third")]
    engine.handle(failed("a", 5))
    assert engine.handle(failed("a", 6))[0] == t.TaskFailed("a", "attempt 2 of 2: no")


def test_what_is_given_stands_above_what_the_task_says() -> None:
    """Fallbacks that were found not to take the task are left out by whoever made the engine."""
    engine = engine_of(task("a", fallback=("second",)), max_attempts=1, fallbacks={"a": ()})
    engine.handle()
    assert isinstance(engine.handle(failed("a", 1))[0], t.TaskFailed)


def events_of(*rows: tuple[str, int | None, dict[str, Any]]) -> list[Event]:
    return [
        Event(
            run="r", seq=number, at=0.0, type=type, task=None if type.startswith("run.") else "a", attempt=at, data=data
        )
        for number, (type, at, data) in enumerate(rows, 1)
    ]


POISONED = ("attempt.failed", 1, {"error": "no", "reason": "raised", "sort": "poison"})


def test_a_resumed_run_remembers_poison_fallbacks_and_what_was_free() -> None:
    """What the log says of failures counts in the next process as it did in this one."""
    log = events_of(
        ("run.started", None, {}),
        ("attempt.started", 1, {"agent_type": "worker"}),
        ("attempt.failed", 1, {"error": "no", "reason": "raised", "sort": "outage"}),
        ("attempt.failed", 2, {"error": "no", "reason": "raised", "sort": "transient"}),
        ("attempt.retry", 3, {"delay_s": 0.0, "agent_type": "second", "fallback": 1}),
        ("attempt.started", 3, {"agent_type": "second"}),
        POISONED,
        POISONED,
        ("run.paused", None, {"why": "x"}),
        ("run.resumed", None, {}),
    )
    known = fold(log).task("a")
    assert (known.failures, known.poisoned, known.fallen) == (2, 2, 1)
    plan = engine_of(task("a", fallback=("second",))).plan
    engine = Engine.restore(plan, log, max_attempts=9)
    assert engine.handle() == [t.Start("a", 4, "second")]
    assert isinstance(engine.handle(failed("a", 4, "poison"))[0], t.TaskFailed)


def test_a_retry_by_a_person_forgives_everything() -> None:
    """After ``retry --failed`` a task has all its attempts again, with its own agent type, poison forgotten."""
    log = events_of(
        ("run.started", None, {}),
        ("attempt.started", 1, {"agent_type": "second"}),
        POISONED,
        POISONED,
        POISONED,
        ("task.failed", None, {"error": "quarantined"}),
        ("run.finished", None, {"status": "failed"}),
        ("run.resumed", None, {"retry": True}),
    )
    known = fold(log).task("a")
    assert (known.status, known.failures, known.poisoned, known.fallen) == ("pending", 0, 0, 0)
    engine = Engine.restore(engine_of(task("a")).plan, log)
    assert engine.handle() == [t.Start("a", 2, "worker")]


def test_reasons_that_never_count_do_not_count_by_sort() -> None:
    """Declined, cancelled and lost attempts cost nothing, whatever their sort."""
    assert [costs_attempt(reason, "transient") for reason in ("failed", "raised", "timeout", "declined", "lost")] == [
        True,
        True,
        True,
        False,
        False,
    ]
