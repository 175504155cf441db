"""What follows a failed attempt: a policy's answer, or exponential backoff with full jitter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field, frozen
from attrs.validators import ge

from ..extension.components import Fail, Reroute, Retry
from ..models import Task

__all__ = ["FailureJudge", "Judgement", "OnTaskError", "RetryPolicy"]

OnTaskError = Callable[[Task, int, str], Retry | Reroute | Fail | None]


@frozen(kw_only=True)
class RetryPolicy:
    """The wait before attempt n+1 is evenly spread over 0 to ``base_s * 2 ** (n - 1)`` seconds, at most ``max_s``.

    The spread (full jitter) keeps tasks that failed together from coming back together.
    """

    base_s: float = field(default=1.0, validator=ge(0.0))
    max_s: float = field(default=60.0, validator=ge(0.0))

    def delay_s(self, failures: int, rng: Callable[[], float]) -> float:
        """Seconds to wait after ``failures`` failed attempts (from 1); ``rng`` gives a number from 0 up to 1."""
        ceiling = min(self.max_s, self.base_s * 2.0 ** min(max(failures - 1, 0), 60))
        return rng() * ceiling


@frozen
class Judgement:
    """What the engine is told beside the failure; see :class:`agent_dispatcher.coordination.transitions.AttemptRejected`."""

    verdict: str | None = None
    delay_s: float = 0.0
    agent_type: str | None = None

    def to_data(self) -> dict[str, Any]:
        """As it stands in the event of the failure."""
        return {"verdict": self.verdict, "delay_s": self.delay_s, "agent_type": self.agent_type}


@define
class FailureJudge:
    """Asks the policy hook about a failure and knows the wait when it has no opinion.

    Attributes:
        failures: task id to its failed attempts so far; those of earlier processes are put in at the start.
    """

    policy: RetryPolicy
    rng: Callable[[], float]
    hook: OnTaskError | None = None
    failures: dict[str, int] = field(factory=dict)

    def judge(self, task: Task, attempt: int, error: str) -> Judgement:
        """What follows this failure of ``task``."""
        count = self.failures[task.id] = self.failures.get(task.id, 0) + 1
        delay_s = self.policy.delay_s(count, self.rng)
        answer = None if self.hook is None else self.hook(task, attempt, error)
        if isinstance(answer, Retry):
            return Judgement("retry", max(answer.delay_s, 0.0))
        if isinstance(answer, Reroute):
            return Judgement("reroute", delay_s, answer.agent_type)
        if isinstance(answer, Fail):
            return Judgement("fail")
        return Judgement(None, delay_s)
