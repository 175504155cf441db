"""Sorts of failure, and what each costs.

================ ============================================================== ======= ===========================================
sort             what happened                                                  counts  what follows
================ ============================================================== ======= ===========================================
``transient``    anything that may end otherwise next time: the agent raised,   yes     another attempt after a wait
                 its time was over, a connection broke
``rate_limit``   a model's server asks to come back later                       no      another attempt when it said
``outage``       a model's server is not there, or broken                       no      another attempt; its circuit opens
``permanent``    another attempt of this agent type would end the same way      yes     a fallback, else the task has failed
``poison``       the agent did not survive the task, or what the model gave     yes     another attempt; the third time the task is
                 cannot be used                                                         quarantined
``budget``       what the run may spend is gone                                 no      the run is paused
================ ============================================================== ======= ===========================================

*Counts* is: against the attempts of the task. Where only its own limit is reached (its task's, its agent type's, or one call asks for more than the run
ever had), that is ``transient``: nobody else has to stop for it. The answer of a policy (:func:`dispatcher_on_task_error`) stands above all of this.
"""

from __future__ import annotations

from typing import Final

from ..errors import AgentDied, BackendError, BudgetExceeded

__all__ = ["COUNTED", "FREE", "POISON", "QUARANTINE_AFTER", "costs_attempt", "retry_after_s", "sort_of"]

#: Reasons of an attempt's end that count against the attempts of its task, unless its sort is free.
COUNTED: Final = frozenset({"failed", "raised", "timeout"})
#: Sorts that cost no attempt: nothing was wrong with the task or its agent.
FREE: Final = frozenset({"rate_limit", "outage", "budget"})
POISON: Final = "poison"
#: So many poisonous attempts, and no agent is given to the task any more.
QUARANTINE_AFTER: Final = 3


def costs_attempt(reason: str, sort: str) -> bool:
    """Whether an attempt that ended so is one of those that its task has."""
    return reason in COUNTED and sort not in FREE


def sort_of(error: BaseException) -> str:
    """The sort of failure that an agent's exception stands for. The cause of an exception counts where the exception itself says nothing."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        if isinstance(at, BackendError):
            return at.sort
        if isinstance(at, BudgetExceeded):
            return "transient" if at.own else "budget"
        if isinstance(at, AgentDied | SystemExit | MemoryError):
            return POISON
        if isinstance(at, BaseExceptionGroup):
            found = {sort_of(each) for each in at.exceptions}
            return found.pop() if len(found) == 1 else "transient"
        at = at.__cause__
    return "transient"


def retry_after_s(error: BaseException) -> float | None:
    """Seconds the server asked to wait, where that is why the agent raised; ``None`` when it did not say."""
    at: BaseException | None = error
    for _ in range(20):
        if at is None:
            return None
        if isinstance(at, BackendError):
            return at.retry_after_s
        if isinstance(at, BaseExceptionGroup):
            return max((wait for each in at.exceptions if (wait := retry_after_s(each)) is not None), default=None)
        at = at.__cause__
    return None
