"""From events to attempts: each row is without gaps and says what was waited for; the chain explains the whole duration."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve

from agent_dispatcher.models import Exclusion, ExecutionPlan, Specification, Task
from agent_dispatcher.reporting.chain import decisive_chain
from agent_dispatcher.reporting.history import read_history


def rows(run: Any) -> dict[tuple[str, int], list[tuple[str, float, float, str | None]]]:
    history = read_history(run.plan, run.events)
    return {(a.task, a.number): [(s.kind, s.start, s.end, s.on) for s in a.spans] for a in history.attempts}


def test_a_subject_waits_for_its_test_and_then_lands(small_run: Any) -> None:
    """The wait for the gate begins when the work is sealed and ends when the test has landed."""
    assert rows(small_run)["model", 1] == [
        ("work", 0.0, 2.0, None),
        ("gate", 2.0, 5.0, "test"),
        ("landing", 5.0, 7.0, None),
    ]


def test_waits_for_a_dependency_and_an_agent_are_told_apart(small_run: Any) -> None:
    """Until the dependency landed it waited for that; from then on for an agent."""
    assert rows(small_run)["storage", 1][:2] == [("dependency", 0.0, 7.0, "model"), ("worker", 7.0, 8.0, None)]


def test_a_second_attempt_begins_where_the_first_ended(small_run: Any) -> None:
    """The delay before a retry is a wait of its own; nothing of the first attempt is counted twice."""
    assert rows(small_run)["storage", 2] == [
        ("retry", 11.0, 12.5, None),
        ("work", 12.5, 14.0, None),
        ("landing", 14.0, 16.0, None),
    ]


def test_work_that_is_ready_while_another_lands_waits_in_the_lane(recorder: Any) -> None:
    """Landings come one after the other: the second begins when the first is over."""
    plan = ExecutionPlan(
        specification=Specification(id="s", title="S"), tasks=(Task(id="a", title="A"), Task(id="b", title="B"))
    )
    recorder(0, "run.started")
    for task in ("a", "b"):
        recorder(0, "attempt.started", task, 1)
        recorder(1, "attempt.sealed", task, 1)
    recorder(4, "attempt.landed", "a", 1)
    recorder(6, "attempt.landed", "b", 1)
    (second,) = [a for a in read_history(plan, recorder.events).attempts if a.task == "b"]
    assert [(s.kind, s.start, s.end) for s in second.spans] == [
        ("work", 0.0, 1.0),
        ("lane", 1.0, 4.0),
        ("landing", 4.0, 6.0),
    ]


def test_an_exclusion_is_named(recorder: Any) -> None:
    """A task that started when its rival had landed waited for the rival, not for an agent."""
    plan = ExecutionPlan(
        specification=Specification(id="s", title="S"),
        tasks=(Task(id="a", title="A"), Task(id="b", title="B")),
        exclusions=(Exclusion(tasks=("a", "b"), resource="path:x"),),
    )
    recorder(0, "run.started")
    recorder(0, "attempt.started", "a", 1)
    recorder(1, "attempt.sealed", "a", 1)
    recorder(3, "attempt.landed", "a", 1)
    recorder(3, "attempt.started", "b", 1)
    recorder(4, "attempt.failed", "b", 1, reason="timeout", error="timed out")
    (row,) = [a for a in read_history(plan, recorder.events).attempts if a.task == "b"]
    assert [(s.kind, s.on) for s in row.spans] == [("exclusion", "a"), ("work", None)]
    assert (row.outcome, row.reason, row.message) == ("failed", "timeout", "timed out")


def test_the_chain_covers_the_run_from_end_to_end(small_run: Any) -> None:
    """Its steps follow each other without a gap from the first moment to the last, and each has a cause."""
    history = read_history(small_run.plan, small_run.events)
    chain = decisive_chain(history)
    assert (chain[0].start, chain[-1].end) == (0.0, history.length)
    assert all(one.end == pytest.approx(other.start) for one, other in pairwise(chain))
    assert [(step.kind, step.task) for step in chain][:4] == [
        ("worker", "test"),
        ("work", "test"),
        ("landing", "test"),
        ("landing", "model"),
    ]
    assert chain[-1].kind == "final"


def test_a_log_cut_anywhere_still_gives_rows_without_gaps(small_run: Any) -> None:
    """A run that was stopped at any event can be reported."""
    for length in range(len(small_run.events) + 1):
        run = evolve(small_run, events=small_run.events[:length])
        history = read_history(run.plan, run.events)
        for attempt in history.attempts:
            assert all(one.end == other.start for one, other in pairwise(attempt.spans))
            assert all(span.start < span.end <= history.length for span in attempt.spans)
        decisive_chain(history)
