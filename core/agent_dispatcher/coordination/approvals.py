"""What a person has to agree to: the plan before it begins, and work of some task types before it lands.

Whoever is asked sees evidence: the work was staged and checked first. What they say comes from another process as a request, names the
attempt it is about, and is recorded before anything follows from it. So an answer counts once, for the work it was given for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve, frozen

from ..extension.components import Change
from ..failpoints import failpoint
from ..models import Task
from . import transitions as t
from .retry import FailureJudge
from .run_state import RunState
from .state_manager import StateManager
from .work import Work

__all__ = ["PLAN_WAITS", "Approvals", "approval", "refusal"]

log = logging.getLogger(__name__)

#: Why a run is paused before its first task.
PLAN_WAITS = "waiting for approval of the plan"


def approval(*, by: str, task: str | None = None, attempt: int = 0, commit: str = "") -> dict[str, Any]:
    """The request that lets the work of an attempt land, or without a task the plan begin.

    Args:
        by: who agrees.
        commit: the sealed work that was looked at.
    """
    return {"command": "approve", "task": task, "attempt": attempt, "commit": commit, "by": by}


def refusal(*, by: str, why: str, task: str | None = None, attempt: int = 0, commit: str = "") -> dict[str, Any]:
    """The request that refuses the work of an attempt, or without a task the plan; the rest as in :func:`approval`."""
    return {"command": "reject", "task": task, "attempt": attempt, "commit": commit, "by": by, "why": why}


@frozen(kw_only=True)
class Asked:
    """Work that was checked and shown to a person.

    Attributes:
        commit: the sealed work.
        tip, tree: what it was checked on.
        given: whether it may land.
    """

    attempt: int
    commit: str
    tip: str
    tree: str
    given: bool = False


class Approvals:
    """Asks, remembers what was asked, and passes answers on.

    Args:
        types: task types whose work a person approves before it lands.
        plan: whether the plan is to be approved before anything begins.
        tasks: task id to task.
        state: where questions and answers are recorded.
        work: sealed work; what is refused is taken out of it.
        judge: says what follows a refusal.
        feed: hands an answer to the engine with the next turn.
    """

    def __init__(
        self,
        *,
        types: frozenset[str],
        plan: bool,
        tasks: Mapping[str, Task],
        state: StateManager,
        work: Work,
        judge: FailureJudge,
        feed: Callable[[t.EngineEvent], None],
    ) -> None:
        self._types = types
        self._plan = plan
        self._tasks = tasks
        self._state = state
        self._work = work
        self._judge = judge
        self._feed = feed
        self._asked: dict[str, Asked] = {}
        self._plan_waits = False
        self._earlier_answers = 0  # about the plan, which will be read again and counted before

    def open(self, log: RunState) -> None:
        """Take over what was asked and answered before; ask about the plan if nobody did."""
        for name, task in log.tasks.items():
            if task.phase == "sealed" and task.approval in ("requested", "given"):
                self._asked[name] = _asked(task.attempts, task.asked, given=task.approval == "given")
        self._earlier_answers = log.plan_answers
        if self._plan and log.plan_approval != "given":
            self._plan_waits = True
            if log.plan_approval != "requested":
                self._state.append("approval.requested", data={"what": "plan"})

    @property
    def plan_waits(self) -> bool:
        """Whether nothing may begin yet."""
        return self._plan_waits

    def must_ask(self, task: Task, attempt: int) -> bool:
        """Whether a person has to agree before this attempt's work lands, and has not."""
        return task.type in self._types and self.given(task, attempt) is None

    @property
    def are_asked_for(self) -> bool:
        """Whether a person has, or had, a say in anything that lands."""
        return bool(self._types or self._asked)

    def concern(self, task: Task, attempt: int) -> bool:
        """Whether a person has, or had, a say in the landing of this attempt."""
        return self.must_ask(task, attempt) or self.given(task, attempt) is not None

    def given(self, task: Task, attempt: int) -> Asked | None:
        """What was approved of this attempt."""
        asked = self._asked.get(task.id)
        return asked if asked is not None and asked.given and asked.attempt == attempt else None

    def ask(self, task: Task, attempt: int, change: Change, tip: str, tree: str) -> None:
        """Record the question; its evidence is recorded already."""
        data = {
            "what": "land",
            "tip": tip,
            "tree": tree,
            "commit": change.commit,
            "base": change.base,
            "ref": change.ref,
            "turn": self._work.turn,
        }
        self._asked[task.id] = _asked(attempt, data)
        self._state.append("approval.requested", task=task.id, attempt=attempt, data=data)
        self._state.flush()
        failpoint("approval.requested")

    def answer(self, request: Mapping[str, Any]) -> None:
        """Take an ``approve`` or ``reject`` request. One about something that does not wait (any more) changes nothing."""
        agreed, by = request.get("command") == "approve", str(request.get("by") or "somebody")
        why = str(request.get("why") or "no reason was given")
        name = request.get("task")
        if name is None:
            self._answer_plan(agreed, by, why)
            return
        asked = self._asked.get(str(name))
        about = (request.get("attempt"), request.get("commit"))
        if asked is None or asked.given or (asked.attempt, asked.commit) != about:
            log.info("an answer about task %s came for work that waits for none", name)
            return
        task, attempt, turn = self._tasks[str(name)], asked.attempt, self._work.turn
        if agreed:
            self._asked[task.id] = evolve(asked, given=True)
            self._state.append("approval.given", task=task.id, attempt=attempt, data={"by": by, "turn": turn})
            event: t.EngineEvent = t.AttemptApproved(task.id, attempt)
        else:
            del self._asked[task.id]
            self._work.changes.pop(task.id, None)
            self._work.feedback[task.id] = why
            error = f"refused by {by}: {why}"
            self._state.append("approval.refused", task=task.id, attempt=attempt, data={"by": by, "why": why})
            answer = self._judge.judge(task, attempt, error)
            if answer.verdict is None:  # a person's word is no passing fault: nothing is gained by waiting
                answer = evolve(answer, delay_s=0.0)
            data = {"why": error, "conflict": [], "feedback": why, "judged": answer.to_data(), "turn": turn}
            self._state.append("attempt.rejected", task=task.id, attempt=attempt, data=data)
            event = t.AttemptRejected(
                task.id, attempt, error, verdict=answer.verdict, delay_s=answer.delay_s, agent_type=answer.agent_type
            )
        self._state.flush()
        failpoint("approval.decided")
        self._feed(event)

    def _answer_plan(self, agreed: bool, by: str, why: str) -> None:
        if self._earlier_answers:
            self._earlier_answers -= 1
            return
        if not self._plan_waits:
            log.info("an answer about the plan came, and it waits for none")
            return
        self._plan_waits = False
        if agreed:
            self._state.append("approval.given", data={"by": by})
        else:
            self._state.append("approval.refused", data={"by": by, "why": why})
            self._feed(t.Stop("cancel", f"the plan was refused by {by}: {why}"))


def _asked(attempt: int, data: Mapping[str, Any], *, given: bool = False) -> Asked:
    """From ``data`` of ``approval.requested``."""
    commit, tip, tree = (str(data.get(key, "")) for key in ("commit", "tip", "tree"))
    return Asked(attempt=attempt, commit=commit, tip=tip, tree=tree, given=given)
