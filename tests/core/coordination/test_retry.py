"""The wait before another attempt."""

from __future__ import annotations

import pytest

from agent_dispatcher.coordination.retry import FailureJudge, Judgement, RetryPolicy
from agent_dispatcher.extension import Fail, Reroute, Retry
from agent_dispatcher.models import Task

TASK = Task(id="a", title="a")


def test_backoff_doubles_up_to_its_limit_with_full_jitter() -> None:
    """The wait is anywhere from nothing to a ceiling that doubles with each failure and never exceeds the limit."""
    policy = RetryPolicy(base_s=1.0, max_s=5.0)
    assert [policy.delay_s(n, lambda: 1.0) for n in (1, 2, 3, 4, 5000)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert policy.delay_s(3, lambda: 0.0) == 0.0
    assert policy.delay_s(3, lambda: 0.25) == 1.0


def test_judge_counts_failures_per_task() -> None:
    """The wait grows with the failures of the task itself, those of earlier processes included."""
    judge = FailureJudge(RetryPolicy(base_s=1.0, max_s=60.0), lambda: 1.0, failures={"a": 2})
    assert judge.judge(TASK, 3, "no") == Judgement(None, 4.0)
    assert judge.judge(Task(id="b", title="b"), 1, "no") == Judgement(None, 1.0)
    assert judge.judge(TASK, 4, "no") == Judgement(None, 8.0)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Retry(7.0), Judgement("retry", 7.0)),
        (Retry(-7.0), Judgement("retry", 0.0)),
        (Reroute("x"), Judgement("reroute", 1.0, "x")),
        (Fail(), Judgement("fail")),
        (None, Judgement(None, 1.0)),
    ],
)
def test_policy_comes_first(answer: Retry | Reroute | Fail | None, expected: Judgement) -> None:
    """The hook's answer wins; without one the backoff holds."""
    judge = FailureJudge(RetryPolicy(), lambda: 1.0, lambda task, attempt, error, sort: answer)
    assert judge.judge(TASK, 1, "no") == expected
