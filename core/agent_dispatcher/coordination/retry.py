"""What follows a failed attempt: a policy's answer, or what the sort of the failure asks for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, field, frozen
from attrs.validators import ge

from ..extension.components import Fail, Reroute, Retry
from ..models import Task
from .failures import FREE

__all__ = ["FailureJudge", "Judgement", "OnTaskError", "RetryPolicy"]

log = logging.getLogger(__name__)

#: A server may ask for a longer wait; the circuit of its backend and its throttle keep what is longer.
_LONGEST_ASKED_S = 3600.0


class OnTaskError(Protocol):
    """A policy; see :meth:`agent_dispatcher.extension.hookspecs.DispatcherSpecs.dispatcher_on_task_error`."""

    def __call__(self, task: Task, attempt: int, error: str, sort: str, /) -> Retry | Reroute | Fail | None: ...


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

    def delay_after_s(self, asked_s: float, failures: int, rng: Callable[[], float]) -> float:
        """The same where a server asked to wait ``asked_s`` seconds: never less than that, and spread behind it."""
        return min(asked_s, _LONGEST_ASKED_S) + self.delay_s(failures, rng)


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
        free: the same for attempts that cost nothing, of this process.
    """

    policy: RetryPolicy
    rng: Callable[[], float]
    hook: OnTaskError | None = None
    failures: dict[str, int] = field(factory=dict)
    free: dict[str, int] = field(factory=dict)

    def judge(
        self, task: Task, attempt: int, error: str, sort: str = "transient", asked_s: float | None = None
    ) -> Judgement:
        """What follows this failure of ``task``.

        Args:
            sort: see :mod:`agent_dispatcher.coordination.failures`.
            asked_s: seconds a server asked to wait.
        """
        counts = self.free if sort in FREE else self.failures
        count = counts[task.id] = counts.get(task.id, 0) + 1
        delay_s = self.policy.delay_s(count, self.rng)
        if asked_s is not None:
            delay_s = self.policy.delay_after_s(asked_s, count, self.rng)
        answer = self._asked(task, attempt, error, sort)
        if isinstance(answer, Retry):
            return Judgement("retry", max(answer.delay_s, 0.0))
        if isinstance(answer, Reroute):
            return Judgement("reroute", delay_s, answer.agent_type)
        if isinstance(answer, Fail):
            return Judgement("fail")
        return Judgement(None, delay_s)

    def _asked(self, task: Task, attempt: int, error: str, sort: str) -> Retry | Reroute | Fail | None:
        """The hook's answer; one that raises has no opinion, so that an attempt always comes to an end."""
        if self.hook is None:
            return None
        try:
            return self.hook(task, attempt, error, sort)
        except Exception:
            log.warning("the policy for the failure of task %s raised", task.id, exc_info=True)
            return None
