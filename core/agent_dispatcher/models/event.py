"""An event: the only truth about a run. Everything else (status, report, metrics) is folded from events.

``data`` holds JSON only. The types and what their ``data`` holds:

``turn`` is the number of the engine's call, counted by the process, that is told of the event; events of one number are told at once, in
the order of the log. It stands also in ``approval.requested`` and ``approval.given`` for a task, in ``plan.patched`` and in ``patch.refused`` (there with ``candidates`` and
``objections``). See :mod:`agent_dispatcher.coordination.replay`.

====================== =========================================================================================
``run.started``        ``plan`` and ``specification`` (blob digests), ``output``, ``branch``, ``base``, ``new`` (repository), ``owner``,
                       ``sandbox`` (tier), ``workers``, ``versions`` (of the active plugins), ``allow_partial``, ``title``,
                       ``approvals`` (task types whose landing a person approves), ``approve_plan``,
                       ``checks_by_type`` (task type to names of checks for it alone), ``planning`` (what planning spent on models)
``run.resumed``        ``owner``, ``epoch``, ``retry`` (failed and blocked tasks are taken up again)
``run.prepared``       what a process gave its engine: ``concurrency``, ``max_batch``, ``max_attempts``, ``attempts_by_type``, ``candidates`` (agent types
                       ``by_type`` of task, and ``by_task`` where they differ), ``left_out``, ``skipped``, ``priorities``,
                       ``max_patches``, ``max_patched_tasks``, ``demand`` (named ``resources``, needs ``by_type`` of task, ``backends`` by
                       agent type), ``fallbacks`` (agent types by task)
``run.stopping``       ``how`` (``drain|interrupt|cancel``), ``why``, ``turn``: the run is to pause or to end
``circuit.changed``    ``backend``, ``state`` (``open|half_open|closed``), ``why``, ``wait_s`` (until it is tried again), ``turn``: whether tasks
                       that need this language-model backend are begun
``run.paused``         ``why``; ``cause`` (``budget``) where it is not a person or a policy
``run.warning``        ``text``
``run.finished``       ``status``, ``commit``, ``evidence`` (of the final checks), ``error``
``attempt.started``    ``agent_type``, ``agent``, ``base``
``attempt.sealed``     ``change`` (see ``Change``), ``summary``, ``artifacts``, ``duration_s``, ``tokens``, ``cost_usd``, ``agent_s`` (of
                       ``duration_s`` in the agent's hands), ``turn``; ``found``: recorded by a resume that found it in the workspace; ``left_out``: paths that commands changed and
                       that are no part of the work
``attempt.checked``    ``tree``, ``evidence`` (list, see ``Evidence``); recorded before the branch moves
``whole.checked``      ``tree``, ``tasks`` (whose work is put together in it), ``evidence`` about all of it; recorded before the branch moves
``attempt.landed``     ``commit``, ``tree``, ``took_s`` (merging and checking), ``turn``, ``found`` (as above)
``attempt.rejected``   ``why``, ``conflict`` (paths), ``feedback``: the checks or the merge refused the sealed work; ``permanent``,
                       ``judged`` (``verdict`` of a policy, ``delay_s``, ``agent_type``), ``took_s``, ``turn``; ``evidence`` of what was checked, where something was
``landing.stopped``    ``turn``: the landing was broken off when the run was stopped, the work is still sealed
``approval.requested`` ``what`` (``land``: the sealed work of a task, with ``tip`` and ``tree`` it was checked on, ``commit``, ``base`` and
                       ``ref`` of the work; ``plan``: the plan of the run, no task)
``approval.given``     ``by``
``approval.refused``   ``by``, ``why``; for a task ``attempt.rejected`` follows
``attempt.failed``     ``error``, ``reason`` (``failed|raised|timeout|lost|declined|cancelled``), ``permanent``, ``duration_s``,
                       ``agent_s``, ``judged``, ``turn`` (as above), ``sort`` (``transient|rate_limit|outage|permanent|poison|budget``);
                       ``evidence`` of what its agent found wrong, ``dispute`` (``test``, ``quote``): its objection to a test, where there is one; ``feedback`` for the next attempt, where its work held a key
``attempt.retry``      ``delay_s``, ``agent_type``: a further attempt is decided; ``fallback``: it is the first, second, ... agent type that the
                       task falls back on
``attempt.due``        ``turn``: the wait before this attempt is over
``task.completed``     ``commit``
``task.failed``        ``error``
``task.blocked``       ``by`` (task ids)
``task.skipped``       ``why``
``task.cancelled``     ``why``
``task.freed``         a patch took away what kept the task from being begun (again): ``pending``, or where it was sealed on to landing
``model.reserved``     an agent is about to ask a language model: ``call`` (its number in the run), ``agent_type``, ``agent``, ``backend``,
                       ``purpose``, and its worst case in ``tokens`` and ``nano_usd`` (10**-9 US dollars; null: no price is known);
                       ``request`` (digest of what it asks, null: it was not kept)
``model.settled``      it has answered, or not: ``call``, ``model``, ``input_tokens``, ``output_tokens``, ``cached_input_tokens`` (null without
                       an answer), ``estimated``, ``error`` (sort), ``took_s``, and what the call counts as: ``tokens``, ``nano_usd``.
                       A call that was not settled counts as its worst case; ``reply`` (digest of the answer, where there is one), ``tools`` (names of
                       those that it wants called, where it wants any)
``command.ran``        an agent ran something in the sandbox: ``argv``, ``code``, ``limit_hit`` (or ``cancelled``), ``took_s``, ``stdout`` and ``stderr`` (digests;
                       empty: it wrote nothing, null: it was not kept)
``access.asked``       a program that works for an agent asked for something of the dispatcher's: ``what`` (``permission``, ``read``, ``write``), ``subject`` (in
                       the program's words: a title, a path), ``granted``
``patch.proposed``     ``patch`` (see ``PlanPatch``): what an agent wants changed when its work has landed; recorded before the work is sealed
``plan.patched``       ``revision``, ``patch`` (every name an id), ``by``, ``task`` and ``attempt`` (of an agent), ``request`` (of a person),
                       ``added``, ``removed``, ``split``, ``rerouted`` (task ids), ``warnings``
``patch.refused``      ``patch``, ``by``, ``task``, ``attempt``, ``request``, ``problems``: nothing of it was applied
``message``            ``topic``, ``payload``: something an agent published on a durable topic
====================== =========================================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import field, frozen

from ..making import maker

__all__ = ["EVENT_TYPES", "Event", "make_event"]

EVENT_TYPES = (
    "run.started",
    "run.resumed",
    "run.prepared",
    "run.stopping",
    "circuit.changed",
    "run.paused",
    "run.warning",
    "run.finished",
    "attempt.started",
    "attempt.sealed",
    "attempt.checked",
    "whole.checked",
    "approval.requested",
    "approval.given",
    "approval.refused",
    "attempt.landed",
    "attempt.rejected",
    "landing.stopped",
    "attempt.failed",
    "attempt.retry",
    "attempt.due",
    "model.reserved",
    "model.settled",
    "command.ran",
    "access.asked",
    "task.completed",
    "task.failed",
    "task.blocked",
    "task.skipped",
    "task.cancelled",
    "task.freed",
    "patch.proposed",
    "plan.patched",
    "patch.refused",
    "message",
)


@frozen(kw_only=True, weakref_slot=False)
class Event:
    """One thing that happened in a run.

    Attributes:
        seq: 1 for the first event of the run, without gaps; 0 before the store has numbered it.
        run: the run's id.
        at: seconds since the epoch, by the clock of the process that recorded it.
        type: one of :data:`EVENT_TYPES`, or a plugin's own with its name as prefix.
        task: the task's id, ``None`` for an event of the run.
        attempt: 1 for the first, ``None`` where there is none.
        data: JSON values only.
    """

    run: str
    type: str
    at: float
    seq: int = 0
    task: str | None = None
    attempt: int | None = None
    data: dict[str, Any] = field(factory=dict)


#: An event of run, type, at, seq, task, attempt and data, quickly.
make_event: Callable[[str, str, float, int, str | None, int | None, dict[str, Any]], Event] = maker(Event)
