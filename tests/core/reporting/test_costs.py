"""What a run spent on models is said by task, requirement, agent and model; an unknown price is never nothing."""

from __future__ import annotations

from typing import Any

import pytest

from agent_dispatcher.models import (
    Event,
    ExecutionMetrics,
    ExecutionPlan,
    ExecutionResult,
    ModelUse,
    Requirement,
    Specification,
    Task,
)
from agent_dispatcher.reporting import build_result, result_to_json
from agent_dispatcher.reporting.costs import cost_in_words, spending_in_words, sum_usd, usd_in_words

PLAN = ExecutionPlan(
    specification=Specification(
        id="s", title="S", requirements=(Requirement(id="R1", text="one"), Requirement(id="R2", text="two"))
    ),
    tasks=(
        Task(id="a", title="A", requirements=("R1",)),
        Task(id="b", title="B", requirements=("R1", "R2")),
        Task(id="c", title="C", requirements=("R2",)),
    ),
)


def call(
    number: str,
    task: str,
    nano_usd: int | None = 1_000_000,
    *,
    tokens: int = 100,
    error: str = "",
    settled: bool = True,
) -> list[Event]:
    """The two events of a call whose worst case is ten times what it took."""
    who = {"agent_type": "writer", "agent": "writer-1", "backend": "b", "purpose": "write"}
    worst = None if nano_usd is None else nano_usd * 10
    events = [event("model.reserved", task, {"call": number, **who, "tokens": tokens * 10, "nano_usd": worst})]
    if settled:
        counts = {"tokens": tokens, "nano_usd": nano_usd}
        took = {"input_tokens": None, "output_tokens": None} if error else {"input_tokens": 90, "output_tokens": 10}
        events.append(event("model.settled", task, {"call": number, "model": "m", **took, **counts, "error": error}))
    return events


def event(type: str, task: str | None, data: dict[str, Any]) -> Event:
    return Event(run="r", type=type, at=1.0, task=task, attempt=1 if task else None, data=data)


def result(*events: list[Event], planning: tuple[ModelUse, ...] = ()) -> ExecutionResult:
    from attrs import evolve

    log = [event("run.started", None, {}), *(each for group in events for each in group)]
    return build_result(evolve(PLAN, planning_usage=planning), "r", log)


def test_calls_are_added_up_by_task_requirement_and_model() -> None:
    """A task that serves two requirements counts for both; the whole counts once."""
    found = result(call("1", "a"), call("2", "b"), call("3", "b", error="transient"))
    assert [(each.task, each.agent, each.model, each.calls, each.failed, each.tokens, each.cost_usd) for each in found.model_costs] == [
        ("a", "writer-1", "m", 1, 0, 100, 0.001),
        ("b", "writer-1", "m", 2, 1, 200, 0.002),
    ]  # fmt: skip
    assert [(each.id, each.tokens, each.cost_usd) for each in found.task_results] == [
        ("a", 100, 0.001),
        ("b", 200, 0.002),
        ("c", 0, None),
    ]
    assert [(each.id, each.tokens, each.cost_usd) for each in found.requirements] == [
        ("R1", 300, 0.003),
        ("R2", 200, 0.002),
    ]
    assert (found.metrics.tokens, found.metrics.cost_usd, found.metrics.unpriced_calls) == (300, 0.003, 0)


def test_a_call_that_was_never_settled_counts_as_its_worst_case() -> None:
    """As it does in the budget."""
    found = result(call("1", "a", settled=False))
    assert (found.metrics.tokens, found.metrics.cost_usd, found.model_costs[0].failed) == (1000, 0.01, 1)


def test_planning_is_part_of_the_whole() -> None:
    """What planning asked stands first and counts in the run's cost, for no task."""
    planning = ModelUse(purpose="decompose", backend="b", model="m", calls=2, counted_tokens=50, cost_usd=0.5)
    found = result(call("1", "a"), planning=(planning,))
    assert [(each.task, each.purpose, each.tokens) for each in found.model_costs] == [
        ("", "decompose", 50),
        ("a", "", 100),
    ]
    assert (found.metrics.tokens, found.metrics.cost_usd) == (150, 0.501)
    assert result_to_json(found)["models"][0]["purpose"] == "decompose"


def test_what_was_only_reused_is_no_cost() -> None:
    """Nothing was asked, so no row of the report says that something was."""
    planning = ModelUse(purpose="decompose", backend="b", model="m", reused=2, cost_usd=0.0)
    found = result(call("1", "a"), planning=(planning,))
    assert [each.task for each in found.model_costs] == ["a"]


def test_an_unknown_price_is_said() -> None:
    """Neither of a task nor of the whole is it nothing."""
    none = result(call("1", "a", None))
    assert (none.metrics.cost_usd, none.task_results[0].cost_usd, none.metrics.unpriced_calls) == (None, None, 1)
    some = result(call("1", "a", None), call("2", "b"))
    assert (some.metrics.cost_usd, some.metrics.unpriced_calls) == (0.001, 1)


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        (ExecutionMetrics(), ""),
        (ExecutionMetrics(tokens=1200), "1,200 tokens, unknown price"),
        (ExecutionMetrics(tokens=1200, cost_usd=0.25), "1,200 tokens, 0.2500 US dollars"),
        (
            ExecutionMetrics(tokens=1200, cost_usd=0.25, unpriced_calls=2),
            "1,200 tokens, 0.2500 US dollars and 2 calls of unknown price",
        ),
    ],
)
def test_the_cost_in_words(metrics: ExecutionMetrics, words: str) -> None:
    """One line for a person; nothing when no model was called."""
    assert cost_in_words(metrics) == words


def test_what_is_known_is_added_up_and_what_is_not_is_said() -> None:
    """Nothing known is not nothing spent."""
    assert [sum_usd(each) for each in ((), (None,), (0.1, None, 0.2), (0.0,))] == [None, None, 0.3, 0.0]
    assert [usd_in_words(*each) for each in ((None, 3), (0.5, 0), (0.0012, 2))] == [
        "unknown",
        "0.500000",
        "0.001200 and 2 calls of unknown price",
    ]


def test_what_is_only_reserved_is_no_use() -> None:
    """While calls are under way their worst case is said apart, in tokens and in dollars; without any it is as ever."""
    metrics = ExecutionMetrics(tokens=36_667, cost_usd=0.0367, unpriced_calls=1)
    said = spending_in_words(metrics, tokens=26_380, nano_usd=26_400_000, unpriced=1)
    assert said == "10,287 tokens, 0.0103 US dollars, at most 26,380 tokens more under way"
    first = ExecutionMetrics(tokens=500, cost_usd=0.1)
    assert spending_in_words(first, tokens=500, nano_usd=100_000_000, unpriced=0) == (
        "none, at most 500 tokens more under way"
    )
    assert spending_in_words(first, tokens=0, nano_usd=0, unpriced=0) == cost_in_words(first)
