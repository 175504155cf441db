"""What goes into the engine and what comes out of it: plain frozen values, no behaviour.

*Events* say what happened outside (an agent's work is sealed, a landing was rejected, a timer is due). *Instructions* are what the engine wants:
either an action to perform (:class:`Start`, :class:`Land`, :class:`RetryAt`, :class:`Cancel`, :class:`Finish`) or a decision to record
(:class:`TaskCompleted` and the like). Whatever depends on time, chance or a policy stands inside an event.

The five that are made for every task are ``define``, not ``frozen``: being guarded would double what they cost. Nobody changes them either.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, frozen

from ..errors import Problem
from ..models import ExecutionPlan, PlanPatch

__all__ = [
    "AttemptApproved",
    "AttemptFailed",
    "AttemptHeld",
    "AttemptLanded",
    "AttemptLost",
    "AttemptRejected",
    "AttemptSealed",
    "Cancel",
    "CircuitChanged",
    "EngineEvent",
    "Finish",
    "Instruction",
    "Land",
    "PatchAsked",
    "PatchRefused",
    "PlanPatched",
    "RetryAt",
    "RetryDue",
    "Start",
    "Stop",
    "TaskBlocked",
    "TaskCancelled",
    "TaskCompleted",
    "TaskFailed",
    "TaskFreed",
    "TaskSkipped",
]


# --- events -----------------------------------------------------------------------------------------------------------


@define(unsafe_hash=True)
class AttemptSealed:
    """The agent is done and its work is kept; the agent is free again."""

    task: str
    attempt: int


@frozen
class AttemptHeld:
    """Nothing refuses the sealed work at its landing, but a person is to approve it first. Until then it holds nothing."""

    task: str
    attempt: int


@frozen
class AttemptApproved:
    """The held work may land. One that is refused is :class:`AttemptRejected`."""

    task: str
    attempt: int


@define(unsafe_hash=True)
class AttemptLanded:
    """The sealed work is part of the run's result."""

    task: str
    attempt: int


@frozen
class AttemptRejected:
    """Checks, the merge, or the person who was asked refused the sealed work.

    Attributes:
        error: why, for the record of a task that fails with it.
        permanent: another attempt would end the same way.
        verdict: a policy's answer, ``retry``, ``reroute`` or ``fail``; ``None`` is no opinion.
        delay_s: how long to rest before another attempt, if there is to be one.
        agent_type: whom ``reroute`` names.
    """

    task: str
    attempt: int
    error: str = ""
    permanent: bool = False
    verdict: str | None = None
    delay_s: float = 0.0
    agent_type: str | None = None


@frozen
class AttemptFailed:
    """An attempt ended without sealed work.

    Attributes:
        reason: ``failed``, ``raised`` and ``timeout`` count against the attempts of a task; ``declined`` (the next agent type is asked),
            ``cancelled`` and ``lost`` do not.
        error, permanent, verdict, delay_s, agent_type: as in :class:`AttemptRejected`.
        sort: of the failure, see :mod:`agent_dispatcher.coordination.failures`; ``rate_limit``, ``outage`` and ``budget`` do not count
            either, after ``budget`` nothing new begins, and ``poison`` is counted on its own.
    """

    task: str
    attempt: int
    error: str = ""
    reason: str = "failed"
    permanent: bool = False
    verdict: str | None = None
    delay_s: float = 0.0
    agent_type: str | None = None
    sort: str = ""


@frozen
class RetryDue:
    """The rest before another attempt, asked for by :class:`RetryAt`, is over."""

    task: str


@frozen
class CircuitChanged:
    """The circuit of a language-model backend changed.

    Attributes:
        state: ``open`` (no task that needs the backend is begun), ``half_open`` (one at a time is, to find out), or ``closed``.
    """

    backend: str
    state: str


@frozen
class Stop:
    """Begin nothing new.

    Attributes:
        how: ``drain`` lets attempts and landings in progress end (pause), ``interrupt`` ends the attempts and leaves the run resumable,
            ``cancel`` ends the attempts and gives up what is not completed.
        why: for the record.
    """

    how: str
    why: str = ""


@frozen(kw_only=True)
class PatchAsked:
    """Somebody wants the plan changed. The answer is :class:`PlanPatched` or :class:`PatchRefused`.

    Attributes:
        by: who asks, in words.
        task, attempt: whose landed work brought it; ``None``: a person asks.
        request: names the request of a person.
        candidates: task id to the agent types that accept the task, for the tasks it brings or re-routes; ``None``: each names its own.
        problems: what plugins have against the plan as it would be.
    """

    patch: PlanPatch
    by: str
    task: str | None = None
    attempt: int | None = None
    request: str = ""
    candidates: Mapping[str, tuple[str, ...]] | None = None
    problems: tuple[Problem, ...] = ()


EngineEvent = (
    AttemptSealed
    | AttemptHeld
    | AttemptApproved
    | AttemptLanded
    | AttemptRejected
    | AttemptFailed
    | RetryDue
    | CircuitChanged
    | Stop
    | PatchAsked
)


# --- instructions -----------------------------------------------------------------------------------------------------


@define(unsafe_hash=True)
class Start:
    """Let an agent of that type begin this attempt."""

    task: str
    attempt: int
    agent_type: str


@define(unsafe_hash=True)
class Land:
    """Check and land this sealed work. All that is said at once is a batch; the next comes when each of it landed, was rejected or is held."""

    task: str
    attempt: int


@frozen
class RetryAt:
    """There will be another attempt, by an agent of that type, ``delay_s`` seconds from now: then send :class:`RetryDue` (0: it is ready already).

    Attributes:
        fallback: the agent type is the task's first, second, ... fallback, which begins with all its attempts; 0: it does not change.
    """

    task: str
    attempt: int
    delay_s: float
    agent_type: str
    fallback: int = 0


@frozen
class Cancel:
    """End this attempt (or landing); an :class:`AttemptFailed` or the outcome it had reached is expected."""

    task: str
    attempt: int


@frozen
class AttemptLost:
    """Record that this attempt was running when its process ended. Only after a restore."""

    task: str
    attempt: int


@define(unsafe_hash=True)
class TaskCompleted:
    """Record that the task is done and proven."""

    task: str


@frozen
class TaskFailed:
    """Record that there will be no further attempt."""

    task: str
    error: str


@frozen
class TaskBlocked:
    """Record that the task cannot run because of ``by``, which ended badly."""

    task: str
    by: tuple[str, ...]


@frozen
class TaskSkipped:
    """Record that it was decided not to run the task."""

    task: str
    why: str


@frozen
class TaskCancelled:
    """Record that the task was given up with the run."""

    task: str
    why: str


@frozen
class TaskFreed:
    """Record that a patch took away what the task was blocked by, or gave it another beginning: it is to be done, or to land."""

    task: str


@frozen(kw_only=True)
class PlanPatched:
    """Record that the plan was changed; from here on ``plan`` is what instructions are about.

    Attributes:
        asked: who asked for what.
        patch: what was done: every task is named by its id.
        plan: the plan with the patch in it.
        revision: 1 for the first patch of the run.
        warnings: for whoever asked.
    """

    asked: PatchAsked
    patch: PlanPatch
    plan: ExecutionPlan
    revision: int
    warnings: tuple[str, ...] = ()


@frozen(kw_only=True)
class PatchRefused:
    """Record that nothing of a patch was applied, and every reason."""

    asked: PatchAsked
    problems: tuple[Problem, ...]


@frozen
class Finish:
    """Nothing is in progress and nothing more will be asked for.

    Attributes:
        status: ``completed``, ``partial``, ``failed``, ``cancelled``, or ``paused`` (resumable).
        why: what :class:`Stop` said, or whose approval is all that is left to wait for.
    """

    status: str
    why: str = ""


Instruction = (
    Start
    | Land
    | RetryAt
    | Cancel
    | AttemptLost
    | TaskCompleted
    | TaskFailed
    | TaskBlocked
    | TaskSkipped
    | TaskCancelled
    | TaskFreed
    | PlanPatched
    | PatchRefused
    | Finish
)
