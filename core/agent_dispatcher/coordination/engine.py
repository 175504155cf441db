"""The engine: a pure state machine that decides what a run does next.

``engine.handle(*events)`` takes what happened and returns what to do. It knows no clock, no randomness, no loop, no files and no plugins; all it
needs of those stands inside the events. So a run is a function of its events, every interleaving can be tested as a plain function call, and
a run is taken up again by folding its log (:meth:`Engine.restore`).

A task and its current attempt::

    task     pending ──▶ ready ──▶ in_progress ──▶ completed
                ▲ │        │            │
                │ └────────┴─▶ blocked, skipped, cancelled, failed
                └── another attempt ────┘

    attempt  running ──▶ sealed ──▶ (waits for its gates) ──▶ (waits for the lane) ──▶ landing ──▶ landed | rejected
                                                                     ▲                    │
                                                                     └── (waits for approval)

An agent and its place among the concurrent attempts are free at *sealed*; exclusions are held until *landed*, except while the sealed work waits
for its gates or for a person's approval. Work lands one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from heapq import heappop, heappush
from typing import Any

from ..models import TASK_STATUSES, Event, ExecutionPlan
from .run_state import COUNTED, RunState, fold
from .structure import Structure
from .transitions import (
    AttemptApproved,
    AttemptFailed,
    AttemptHeld,
    AttemptLanded,
    AttemptLost,
    AttemptRejected,
    AttemptSealed,
    Cancel,
    EngineEvent,
    Finish,
    Instruction,
    Land,
    RetryAt,
    RetryDue,
    Start,
    Stop,
    TaskBlocked,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
    TaskSkipped,
)

__all__ = ["Engine"]

# Task states are places in TASK_STATUSES.
_PENDING, _READY, _IN_PROGRESS, _COMPLETED, _FAILED, _CANCELLED, _BLOCKED, _SKIPPED = range(8)
_LEFT_OUT = "left out by decision when the run was started"
# Phases of the current attempt. A resting task waits for RetryDue, a held one for a person.
_IDLE, _RUNNING, _SEALED, _QUEUED, _LANDING, _RESTING, _HELD = range(7)


class Engine:
    """Decides what starts, what lands, what is tried again and how the run ends.

    Args:
        plan: tasks and everything between them; a task that is ``completed`` or ``skipped`` there stays so, any other is begun anew.
        concurrency: attempts that may be running at the same time.
        max_attempts: attempts that may fail before a task has failed, unless its type says otherwise.
        attempts_by_type: the same for one task type.
        candidates: task id to the agent types that accept it, best first; without an entry, the task's own ``agent_type``.
        skipped: task id to the reason why it was decided not to run it; for those the plan does not skip, or skips without a reason.
        priorities: task id to a priority that replaces the task's own.

    Raises:
        CycleError: tasks wait for each other over dependencies, gates and children.
        ValueError: a task needs an agent and has no candidate.
    """

    def __init__(
        self,
        plan: ExecutionPlan,
        *,
        concurrency: int = 1,
        max_attempts: int = 3,
        attempts_by_type: Mapping[str, int] | None = None,
        candidates: Mapping[str, tuple[str, ...]] | None = None,
        skipped: Mapping[str, str] | None = None,
        priorities: Mapping[str, float] | None = None,
    ) -> None:
        self._skipped = {task.id: _LEFT_OUT for task in plan.tasks if task.status == "skipped"} | dict(skipped or {})
        shape = Structure(plan, candidates or {}, priorities or {}, self._skipped)
        self._names, self._ids, self._parent, self._candidates = shape.names, shape.ids, shape.parent, shape.candidates
        self._after, self._subjects, self._groups = shape.after, shape.subjects, shape.groups
        self._place, self._at_place = shape.place, shape.at_place
        self._holder = [-1] * shape.exclusions
        self._parked: list[list[int]] = [[] for _ in range(shape.exclusions)]
        by_type = attempts_by_type or {}
        self._max_attempts = [by_type.get(task.type, max_attempts) for task in plan.tasks]
        self._concurrency = concurrency
        self._out: list[Instruction] = []
        self._running = 0
        self._landing = -1
        self._lane: list[int] = []
        self._heap: list[int] = []
        self._stop: Stop | None = None
        self._finished = False
        self._opened = False
        self._restored: list[int] = []
        self._handlers: dict[type, Callable[[Any], None]] = {
            AttemptSealed: self._on_sealed,
            AttemptHeld: self._on_held,
            AttemptApproved: self._on_approved,
            AttemptLanded: self._on_landed,
            AttemptRejected: self._on_rejected,
            AttemptFailed: self._on_failed,
            RetryDue: self._on_retry_due,
            Stop: self._on_stop,
        }
        completed = {task.id: _COMPLETED for task in plan.tasks if task.status == "completed"}
        self._begin(dict.fromkeys(self._skipped, _SKIPPED) | completed, None)

    @classmethod
    def restore(cls, plan: ExecutionPlan, events: Iterable[Event] | RunState, **options: Any) -> Engine:
        """The engine as the log leaves it: sealed work goes on at landing and is never done again (or waits on for the approval that
        was asked for), an attempt that was running is lost and costs none of the task's attempts. ``events`` may be folded already; ``options`` are those of the class. The first
        :meth:`handle` says what to record and to do.
        """
        engine = cls(plan, **options)
        engine._restart(events if isinstance(events, RunState) else fold(events))
        return engine

    # --- construction ---------------------------------------------------------------------------------------------

    def _begin(self, states: Mapping[str, int], known: RunState | None) -> None:
        """Set every state from ``states``; what ``known`` already records is not recorded again."""
        count = len(self._names)
        self._state = [_PENDING] * count
        self._phase = [_IDLE] * count
        self._attempt = [0] * count
        self._failures = [0] * count
        self._choice = [0] * count
        self._agent_type: list[str | None] = [None] * count
        self._doomed: dict[int, int] = {}
        self._waiting = [0] * count
        self._gates = [0] * count
        for targets in self._after:
            for target in targets:
                self._waiting[target] += 1
        for targets in self._subjects:
            for target in targets:
                self._gates[target] += 1
        self._unfinished = count
        for name, state in states.items():
            self._state[self._ids[name]] = state
            self._unfinished -= 1
            recorded = known is not None and known.task(name).status == TASK_STATUSES[state]
            if not recorded:
                self._out.append(TaskCompleted(name) if state == _COMPLETED else TaskSkipped(name, self._skipped[name]))

    def _open_up(self) -> None:
        """Let ended tasks free or block what waits for them, and line up what is ready."""
        for index, state in enumerate(self._state):
            if state == _COMPLETED:
                for target in self._after[index]:
                    self._waiting[target] -= 1
                for target in self._subjects[index]:
                    self._gates[target] -= 1
        for index, state in enumerate(self._state):
            if state in (_FAILED, _SKIPPED, _BLOCKED, _CANCELLED):
                self._block_behind(index)
        for index, state in enumerate(self._state):
            if state == _PENDING and not self._waiting[index]:
                self._make_ready(index)

    def _restart(self, log: RunState) -> None:
        """Take over the states of a log."""
        settled = {"completed": _COMPLETED, "failed": _FAILED, "skipped": _SKIPPED, "blocked": _BLOCKED}
        states = dict.fromkeys(self._skipped, _SKIPPED)
        for name in self._names:
            status = log.task(name).status
            if log.task(name).phase == "landed":
                status = "completed"
            if status in settled:
                states[name] = settled[status]
        for name, index in self._ids.items():
            if self._state[index] == _COMPLETED:
                states[name] = _COMPLETED
        self._out.clear()
        self._begin(states, log)
        sealed = []
        for name, task in log.tasks.items():
            index = self._ids[name]
            self._attempt[index], self._failures[index] = task.attempts, task.failures
            candidates = self._candidates[index]
            self._choice[index] = min(task.declined, max(len(candidates) - 1, 0))
            if task.attempts and task.agent_type:
                self._agent_type[index] = task.agent_type
            if self._state[index] != _PENDING or task.status != "in_progress":
                continue
            if task.phase == "sealed" and task.approval == "requested":
                self._state[index], self._phase[index] = _IN_PROGRESS, _HELD
            elif task.phase == "sealed":
                sealed.append(index)
            elif task.phase == "running":
                self._out.append(AttemptLost(name, task.attempts))
        for index in sealed:
            self._state[index], self._phase[index] = _IN_PROGRESS, _SEALED
        self._restored = sealed

    # --- the public face ------------------------------------------------------------------------------------------

    def handle(self, *events: EngineEvent) -> list[Instruction]:
        """Take note of ``events`` in order and say what follows. Without events: what to do at the start.

        An event of an attempt that is no longer the task's current one is passed over, so a late or repeated message does no harm.
        """
        if not self._opened:
            self._opened = True
            self._open_up()
            for index in self._restored:
                if self._state[index] == _IN_PROGRESS:
                    self._hold(index)
                    self._after_seal(index)
        handlers = self._handlers
        for event in events:
            handlers[type(event)](event)
        self._dispatch()
        out, self._out = self._out, []
        return out

    def status(self, task: str) -> str:
        """The status of a task, one of ``TASK_STATUSES``."""
        return TASK_STATUSES[self._state[self._ids[task]]]

    def statuses(self) -> dict[str, str]:
        """Task id to status, in the order of the plan."""
        return {name: TASK_STATUSES[state] for name, state in zip(self._names, self._state, strict=True)}

    @property
    def finished(self) -> bool:
        """Whether :class:`Finish` was said."""
        return self._finished

    # --- events ---------------------------------------------------------------------------------------------------

    def _current(self, event: Any, *phases: int) -> int:
        """The index of the event's task, -1 when the event is not about its current attempt in one of ``phases``."""
        index = self._ids[event.task]
        return index if self._attempt[index] == event.attempt and self._phase[index] in phases else -1

    def _on_sealed(self, event: AttemptSealed) -> None:
        index = self._current(event, _RUNNING)
        if index >= 0:
            self._running -= 1
            self._phase[index] = _SEALED
            self._after_seal(index)

    def _on_held(self, event: AttemptHeld) -> None:
        index = self._current(event, _LANDING)
        if index >= 0:
            self._landing = -1
            self._release(index)
            self._phase[index] = _HELD

    def _on_approved(self, event: AttemptApproved) -> None:
        index = self._current(event, _HELD)
        if index >= 0:
            self._enqueue(index)

    def _on_landed(self, event: AttemptLanded) -> None:
        index = self._current(event, _LANDING)
        if index >= 0:
            self._landing = -1
            self._release(index)
            self._complete(index)

    def _on_rejected(self, event: AttemptRejected) -> None:
        index = self._current(event, _LANDING, _HELD)
        if index >= 0:
            if self._phase[index] == _LANDING:
                self._landing = -1
            self._release(index)
            self._again_or_fail(index, event, counted=True, declined=False)

    def _on_failed(self, event: AttemptFailed) -> None:
        index = self._current(event, _RUNNING, _LANDING)
        if index < 0:
            return
        if self._phase[index] == _LANDING:  # the landing was broken off: the work is still sealed
            self._landing = -1
            self._enqueue(index)
            return
        self._running -= 1
        self._release(index)
        self._again_or_fail(index, event, counted=event.reason in COUNTED, declined=event.reason == "declined")

    def _on_retry_due(self, event: RetryDue) -> None:
        index = self._ids[event.task]
        if self._phase[index] == _RESTING:
            self._make_ready(index)

    def _on_stop(self, event: Stop) -> None:
        harder = ("drain", "interrupt", "cancel")
        if self._stop is not None and harder.index(event.how) <= harder.index(self._stop.how):
            return
        self._stop = event
        if event.how == "drain":
            return
        for index, phase in enumerate(self._phase):
            if phase in (_RUNNING, _LANDING):
                self._out.append(Cancel(self._names[index], self._attempt[index]))

    # --- what follows ---------------------------------------------------------------------------------------------

    def _after_seal(self, index: int) -> None:
        """Sealed work goes to the lane, or waits for its gates and holds nothing."""
        if index in self._doomed:
            self._release(index)
            self._block(index, self._doomed.pop(index))
        elif self._gates[index]:
            self._release(index)
        else:
            self._enqueue(index)

    def _enqueue(self, index: int) -> None:
        self._phase[index] = _QUEUED
        heappush(self._lane, self._place[index])

    def _again_or_fail(
        self, index: int, event: AttemptFailed | AttemptRejected, *, counted: bool, declined: bool
    ) -> None:
        """Another attempt, by this or another agent type, or the end of the task."""
        name, candidates = self._names[index], self._candidates[index]
        self._phase[index] = _IDLE
        self._failures[index] += counted
        if index in self._doomed:
            self._block(index, self._doomed.pop(index))
            return
        if declined:
            if event.verdict != "reroute":
                self._choice[index] += 1
                if self._choice[index] >= len(candidates):
                    self._fail(index, f"no agent type takes the task: {event.error}")
                    return
            self._agent_type[index] = None
        elif event.verdict == "fail" or (event.permanent and event.verdict is None):
            self._fail(index, event.error)
            return
        elif counted and self._failures[index] >= self._max_attempts[index]:
            self._fail(index, f"attempt {self._failures[index]} of {self._max_attempts[index]}: {event.error}")
            return
        if event.verdict == "reroute" and event.agent_type:
            self._agent_type[index] = event.agent_type
        delay = 0.0 if declined else event.delay_s
        self._state[index] = _PENDING
        if self._stop is not None and not counted and not declined:
            return  # ended because the run was stopped: nothing is decided about the task
        self._out.append(RetryAt(name, self._attempt[index] + 1, delay, self._type_of(index)))
        if delay > 0:
            self._phase[index] = _RESTING
        else:
            self._make_ready(index)

    def _type_of(self, index: int) -> str:
        return self._agent_type[index] or self._candidates[index][self._choice[index]]

    def _make_ready(self, first: int) -> None:
        """Line a task up; a parent has no work and goes on at once."""
        self._phase[first] = _IDLE
        self._state[first] = _READY
        if not self._parent[first]:
            heappush(self._heap, self._place[first])
            return
        self._state[first], self._phase[first] = _IN_PROGRESS, _SEALED
        if not self._gates[first]:
            self._complete(first)

    def _complete(self, first: int) -> None:
        """The task is done: what waits for nothing else is ready, and completes in turn if it has no work."""
        done = [first]
        for index in done:
            self._state[index], self._phase[index] = _COMPLETED, _IDLE
            self._unfinished -= 1
            self._out.append(TaskCompleted(self._names[index]))
            for target in self._after[index]:
                self._waiting[target] -= 1
                if not self._waiting[target] and self._state[target] == _PENDING:
                    if self._parent[target] and not self._gates[target]:
                        self._state[target] = _IN_PROGRESS
                        done.append(target)
                    else:
                        self._make_ready(target)
            for target in self._subjects[index]:
                self._gates[target] -= 1
                if not self._gates[target] and self._phase[target] == _SEALED:
                    if self._parent[target]:
                        self._phase[target] = _IDLE
                        done.append(target)
                    else:
                        self._enqueue(target)

    def _fail(self, index: int, error: str) -> None:
        self._state[index], self._phase[index] = _FAILED, _IDLE
        self._unfinished -= 1
        self._out.append(TaskFailed(self._names[index], error))
        self._block_behind(index)

    def _block(self, index: int, by: int) -> None:
        self._set_blocked(index, by)
        self._block_behind(index)

    def _set_blocked(self, index: int, by: int) -> None:
        self._state[index], self._phase[index] = _BLOCKED, _IDLE
        self._unfinished -= 1
        self._out.append(TaskBlocked(self._names[index], (self._names[by],)))

    def _block_behind(self, first: int) -> None:
        """Everything that waits for a task that ended badly; a subject whose attempt is running is blocked when that has ended."""
        ended = [first]
        for index in ended:
            for target in self._after[index]:
                if self._state[target] in (_PENDING, _READY):
                    self._set_blocked(target, index)
                    ended.append(target)
            for target in self._subjects[index]:
                if self._state[target] in (_PENDING, _READY) or self._phase[target] == _SEALED:
                    self._set_blocked(target, index)
                    ended.append(target)
                elif self._phase[target] == _RUNNING:
                    self._doomed[target] = index

    # --- exclusions -----------------------------------------------------------------------------------------------

    def _release(self, index: int) -> None:
        """Give up what the task holds and wake one task for each."""
        for group in self._groups[index]:
            if self._holder[group] == index:
                self._holder[group] = -1
                self._wake(group)

    def _wake(self, group: int) -> None:
        """If the resource is free, line up the first task parked on it. So there is always one in line while it is free."""
        parked = self._parked[group]
        while parked and self._holder[group] < 0:
            place = heappop(parked)
            if self._state[self._at_place[place]] == _READY:
                heappush(self._heap, place)
                return

    def _hold(self, index: int) -> None:
        """Give restored sealed work back what it held."""
        for group in self._groups[index]:
            if self._holder[group] < 0:
                self._holder[group] = index

    def _take(self, index: int) -> bool:
        """Take all the task's resources, or park it on one that is held."""
        groups = self._groups[index]
        for group in groups:
            if self._holder[group] >= 0:
                heappush(self._parked[group], self._place[index])
                self._wake_free(index)
                return False
        for group in groups:
            self._holder[group] = index
        return True

    def _wake_free(self, index: int) -> None:
        """The task leaves the line without taking anything: let the next in for what it was woken for."""
        for group in self._groups[index]:
            self._wake(group)

    # --- starting, landing, finishing -----------------------------------------------------------------------------

    def _dispatch(self) -> None:
        """Fill the free places, occupy the lane, see whether all is over."""
        heap, out = self._heap, self._out
        if self._stop is None:
            while heap and self._running < self._concurrency:
                index = self._at_place[heappop(heap)]
                if self._state[index] != _READY:
                    self._wake_free(index)
                elif not self._groups[index] or self._take(index):
                    self._state[index], self._phase[index] = _IN_PROGRESS, _RUNNING
                    self._attempt[index] += 1
                    self._running += 1
                    out.append(Start(self._names[index], self._attempt[index], self._type_of(index)))
        if self._landing < 0 and self._lane and (self._stop is None or self._stop.how == "drain"):
            index = self._at_place[heappop(self._lane)]
            self._landing, self._phase[index] = index, _LANDING
            out.append(Land(self._names[index], self._attempt[index]))
        if not self._finished and not self._running and self._landing < 0:
            self._finish_if_over()

    def _finish_if_over(self) -> None:
        if not self._unfinished:
            self._finished = True
            self._out.append(Finish(self._outcome()))
        elif self._stop is not None:
            self._finished = True
            if self._stop.how == "cancel":
                self._give_up(self._stop.why)
            status = "cancelled" if self._stop.how == "cancel" else "paused"
            self._out.append(Finish(status, self._stop.why))
        elif _HELD in self._phase and _RESTING not in self._phase:
            self._finished = True
            waiting = [self._names[index] for index, phase in enumerate(self._phase) if phase == _HELD]
            self._out.append(Finish("paused", f"waiting for approval of {', '.join(waiting)}"))

    def _give_up(self, why: str) -> None:
        for index, state in enumerate(self._state):
            if state in (_PENDING, _READY, _IN_PROGRESS):
                self._state[index], self._phase[index] = _CANCELLED, _IDLE
                self._unfinished -= 1
                self._out.append(TaskCancelled(self._names[index], why))

    def _outcome(self) -> str:
        """``failed`` if a task failed for good, ``completed`` if every task is completed, else ``partial``."""
        states = set(self._state)
        if _FAILED in states:
            return "failed"
        return "completed" if states <= {_COMPLETED} else "partial"
