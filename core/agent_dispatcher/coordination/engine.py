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
for its gates or for a person's approval. Work lands in batches: whatever waits when the lane is free, at most ``max_batch``.

A patch changes the plan between two decisions: what was known of each task is carried over, and who waits for whom is counted anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from heapq import heappop, heappush
from typing import Any

from attrs import evolve

from ..models import TASK_STATUSES, Event, ExecutionPlan
from ..planning.needs import shortages
from .ageing import Ageing
from .board import (
    BLOCKED,
    CANCELLED,
    COMPLETED,
    FAILED,
    HELD,
    IDLE,
    IN_PROGRESS,
    LANDING,
    PENDING,
    QUEUED,
    READY,
    RESTING,
    RUNNING,
    SEALED,
    SKIPPED,
    Board,
)
from .demand import Demand, backend_resource
from .ended import failed_in, rejected_in
from .exclusions import Exclusions
from .failures import POISON, QUARANTINE_AFTER, costs_attempt
from .named_resources import NamedResources, Needs
from .revisions import Revisions
from .run_state import RunState, fold
from .snapshot import Snapshot, take_snapshot
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
    CircuitChanged,
    EngineEvent,
    Finish,
    Instruction,
    Land,
    PatchAsked,
    PatchRefused,
    RetryAt,
    RetryDue,
    Start,
    Stop,
    TaskBlocked,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
    TaskFreed,
    TaskSkipped,
)

__all__ = ["Engine"]

_LEFT_OUT = "left out by decision when the run was started"


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
        max_patches: patches of agents that are taken; those of people are not counted.
        max_patched_tasks: tasks that patches of agents may bring.
        demand: what tasks need beside an agent, and how much there is; ``None``: nothing.
        fallbacks: task id to the agent types that take over one after the other; without an entry, the task's own.
        max_batch: sealed attempts that may land together.

    Raises:
        CycleError: tasks wait for each other over dependencies, gates and children.
        ValueError: a task needs an agent and has no candidate, or more of a resource than there is.
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
        max_patches: int = 20,
        max_patched_tasks: int = 100,
        max_batch: int = 1,
        demand: Demand | None = None,
        fallbacks: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        left_out = {task.id: _LEFT_OUT for task in plan.tasks if task.status == "skipped"} | dict(skipped or {})
        self._skipped = {task.id: left_out[task.id] for task in plan.tasks if task.id in left_out}
        self._given = dict(candidates or {})
        self._priorities = dict(priorities or {})
        self._attempts_for = max_attempts, dict(attempts_by_type or {})
        self._demand = demand
        self._circuits: dict[str, str] = {}
        self._fallbacks = dict(fallbacks or {})
        self._concurrency = concurrency
        self._revisions = Revisions(max_patches, max_patched_tasks)
        self._ageing = Ageing()
        self._out: list[Instruction] = []
        self._running = 0
        self._landing = 0
        self._max_batch = max_batch
        self._lane: list[int] = []
        self._heap: list[int] = []
        self._stop: Stop | None = None
        self._finished = False
        self._holding = False
        self._opened = False
        self._restored: list[int] = []
        self._undecided: list[AttemptFailed | AttemptRejected] = []
        self._handlers: dict[type, Callable[[Any], None]] = {
            AttemptSealed: self._on_sealed,
            AttemptHeld: self._on_held,
            AttemptApproved: self._on_approved,
            AttemptLanded: self._on_landed,
            AttemptRejected: self._on_rejected,
            AttemptFailed: self._on_failed,
            RetryDue: self._on_retry_due,
            CircuitChanged: self._on_circuit,
            Stop: self._on_stop,
            PatchAsked: self._on_patch,
        }
        self._use(self._shape(plan))
        completed = {task.id: COMPLETED for task in plan.tasks if task.status == "completed"}
        self._begin(dict.fromkeys(self._skipped, SKIPPED) | completed, None)

    @classmethod
    def restore(cls, plan: ExecutionPlan, events: Iterable[Event] | RunState, **options: Any) -> Engine:
        """The engine as the log leaves it; ``plan`` has every patch in it that the log has. Sealed work goes on at landing and is never done again (or waits on for the approval that
        was asked for), an attempt that was running is lost and costs none of the task's attempts. ``events`` may be folded already; ``options`` are those of the class. The first
        :meth:`handle` says what to record and to do.
        """
        engine = cls(plan, **options)
        engine._restart(events if isinstance(events, RunState) else fold(events))
        return engine

    # --- construction ---------------------------------------------------------------------------------------------

    def _shape(self, plan: ExecutionPlan, first: Sequence[str] = ()) -> Structure:
        """The plan as indices; the tasks in ``first`` come before all others."""
        self._plan = plan
        return Structure(plan, self._given, self._priorities, self._skipped, first)

    def _use(self, shape: Structure, board: Board | None = None) -> None:
        """Count in these indices from now on, with what ``board`` knows in them; nothing is known without one."""
        self._structure = shape
        self._names, self._ids, self._parent, self._candidates = shape.names, shape.ids, shape.parent, shape.candidates
        self._after, self._subjects, self._groups = shape.after, shape.subjects, shape.groups
        self._place, self._at_place = shape.place, shape.at_place
        max_attempts, by_type = self._attempts_for
        self._max_attempts = [by_type.get(task.type, max_attempts) for task in self._plan.tasks]
        self._heap.clear()
        self._exclusions = Exclusions(shape.exclusions, shape.groups, shape.place, self._line_up)
        self._resources, self._needs = self._supply(shape)
        self._board = board = board or Board.fresh(shape)
        self._state, self._phase, self._attempt, self._failures = (
            board.state,
            board.phase,
            board.attempt,
            board.failures,
        )
        self._choice, self._agent_type, self._freely = board.choice, board.agent_type, board.freely
        self._waiting, self._gates, self._doomed = board.waiting, board.gates, board.doomed
        self._unfinished = sum(state in (PENDING, READY, IN_PROGRESS) for state in board.state)

    def _supply(self, shape: Structure) -> tuple[NamedResources | None, list[dict[str, int]]]:
        """The resources, and index to what the task needs of those that are named; ``None`` when no task can want any."""
        demand = self._demand
        if demand is None:
            if not any(task.needs for task in self._plan.tasks):
                return None, []
            demand = Demand()
        needs = [demand.own_needs(task) for task in self._plan.tasks]
        if not demand.backends and not any(needs):
            return None, []
        for task in self._plan.tasks:
            if task.id not in self._skipped and task.status != "completed":
                for name, amount, there_is in demand.excess(task):
                    raise ValueError(f"task {task.id} needs {amount} of {name}, and there is {there_is}")
        capacity = demand.capacity(self._circuits)
        return NamedResources(capacity, shape.place, shape.at_place, self._line_up), needs

    def _begin(self, states: Mapping[str, int], known: RunState | None) -> None:
        """Set every state from ``states``; what ``known`` already records is not recorded again."""
        for name, state in states.items():
            self._state[self._ids[name]] = state
            self._unfinished -= 1
            recorded = known is not None and known.task(name).status == TASK_STATUSES[state]
            if not recorded:
                self._out.append(TaskCompleted(name) if state == COMPLETED else TaskSkipped(name, self._skipped[name]))

    def _open_up(self) -> None:
        """Let ended tasks free or block what waits for them, and line up what is ready."""
        for index, state in enumerate(self._state):
            if state == COMPLETED:
                for target in self._after[index]:
                    self._waiting[target] -= 1
                for target in self._subjects[index]:
                    self._gates[target] -= 1
        for index, state in enumerate(self._state):
            if state in (FAILED, SKIPPED, BLOCKED, CANCELLED):
                self._block_behind(index)
        for index, state in enumerate(self._state):
            if state == PENDING and self._phase[index] == IDLE and not self._waiting[index]:
                self._make_ready(index)

    def _restart(self, log: RunState) -> None:
        """Take over the states of a log."""
        if not log.tasks:
            self._revisions.remember(log.patches)
            return
        settled = {"completed": COMPLETED, "failed": FAILED, "skipped": SKIPPED, "blocked": BLOCKED}
        states = dict.fromkeys(self._skipped, SKIPPED)
        for name in self._names:
            known = log.tasks.get(name)
            status = "pending" if known is None else "completed" if known.phase == "landed" else known.status
            if status in settled:
                states[name] = settled[status]
        for name, index in self._ids.items():
            if self._state[index] == COMPLETED:
                states[name] = COMPLETED
        self._out.clear()
        self._use(self._structure)
        self._begin(states, log)
        self._revisions.remember(log.patches)
        sealed = []
        for name, task in log.tasks.items():
            if name not in self._ids:
                continue  # a patch removed it, and its wait for another attempt ended after that
            index = self._ids[name]
            if self._state[index] == BLOCKED:
                self._board.blocked_by[index] = next(iter(task.blocked_by), "")
                if task.phase == "sealed":
                    self._board.kept.add(index)
            self._attempt[index], self._failures[index] = task.attempts, task.failures
            if self._state[index] == COMPLETED:
                continue  # whatever came before that is over
            candidates = self._candidates[index]
            self._choice[index] = min(task.declined, max(len(candidates) - 1, 0))
            if task.poisoned:
                self._board.poisoned[index] = task.poisoned
            if task.fallen:
                self._board.fallen[index] = task.fallen
            if task.attempts and task.agent_type:
                self._agent_type[index] = task.agent_type
            ended = task.undecided if task.status == "pending" else None
            if ended is not None and ended.attempt == task.attempts and self._state[index] == PENDING:
                self._tell_again(index, ended, task.declined)
            if self._state[index] != PENDING or task.status != "in_progress":
                continue
            if task.phase == "sealed" and task.approval == "requested":
                self._state[index], self._phase[index], self._freely[index] = IN_PROGRESS, HELD, True
            elif task.phase == "sealed":
                sealed.append(index)
            elif task.phase == "running":
                self._out.append(AttemptLost(name, task.attempts))
        for index in sealed:
            self._state[index], self._phase[index] = IN_PROGRESS, SEALED
        self._restored = sealed

    def _tell_again(self, index: int, ended: Event, declined: int) -> None:
        """The process died between the record of an attempt's end and what follows from it: put the attempt back to where that is decided."""
        event: AttemptFailed | AttemptRejected
        if ended.type == "attempt.rejected":
            event, self._phase[index] = rejected_in(ended), LANDING
            self._failures[index] -= 1
            self._landing += 1
        else:
            event, self._phase[index] = failed_in(ended), RUNNING
            self._failures[index] -= costs_attempt(event.reason, event.sort)
            self._running += 1
            if event.sort == POISON:
                self._board.poisoned[index] -= 1
            if event.reason == "declined":
                self._choice[index] = declined - 1
        self._state[index] = IN_PROGRESS
        self._undecided.append(event)

    # --- the public face ------------------------------------------------------------------------------------------

    def handle(self, *events: EngineEvent, hold: bool = False) -> list[Instruction]:
        """Take note of ``events`` in order and say what follows. Without events: what to do at the start.

        An event of an attempt that is no longer the task's current one is passed over, so a late or repeated message does no harm.

        Args:
            hold: fill no place in a call that gives the lane something, since what lands at once may free a task that is more urgent than those that are
                ready; the next call fills them, whatever it is told. See :attr:`holding`.
        """
        if not self._opened:
            self._opened = True
            self._open_up()
            for told in self._undecided:
                self._handlers[type(told)](told)
            for index in self._restored:
                if self._state[index] == IN_PROGRESS:
                    self._exclusions.hold(index)
                    self._after_seal(index)
        handlers = self._handlers
        for event in events:
            handlers[type(event)](event)
        self._dispatch(hold)
        out, self._out = self._out, []
        return out

    def status(self, task: str) -> str:
        """The status of a task, one of ``TASK_STATUSES``."""
        return TASK_STATUSES[self._state[self._ids[task]]]

    def statuses(self) -> dict[str, str]:
        """Task id to status, in the order of the plan."""
        return {name: TASK_STATUSES[state] for name, state in zip(self._names, self._state, strict=True)}

    def look(self) -> Snapshot:
        """Everything at this moment, for whoever wants to see it."""
        stopping = self._stop.how if self._stop is not None else ""
        held, resources = self._exclusions.holders(), self._resources

        def short_of(index: int) -> str:
            return "" if resources is None else resources.short_of(index, self._needs_of(index))

        return take_snapshot(
            self._plan,
            self._board,
            place=self._place,
            groups=self._groups,
            holders=held,
            stopping=stopping,
            short_of=short_of,
        )

    @property
    def plan(self) -> ExecutionPlan:
        """The plan as it is now, every patch in it."""
        return self._plan

    @property
    def holding(self) -> bool:
        """Whether the last call left places free for the next one: make it in the same turn, with whatever has landed by then."""
        return self._holding

    @property
    def finished(self) -> bool:
        """Whether :class:`Finish` was said."""
        return self._finished

    # --- events ---------------------------------------------------------------------------------------------------

    def _current(self, event: Any, *phases: int) -> int:
        """The index of the event's task, -1 when the event is not about its current attempt in one of ``phases``."""
        index = self._ids.get(event.task, -1)
        return index if index >= 0 and self._attempt[index] == event.attempt and self._phase[index] in phases else -1

    def _on_sealed(self, event: AttemptSealed) -> None:
        index = self._ids.get(event.task, -1)
        if index < 0 or self._attempt[index] != event.attempt or self._phase[index] != RUNNING:
            return
        self._running -= 1
        if self._resources is not None:
            self._resources.release(index)
        if self._gates[index] or index in self._doomed:
            self._after_seal(index)
        else:
            self._enqueue(index)

    def _on_held(self, event: AttemptHeld) -> None:
        index = self._current(event, LANDING)
        if index >= 0:
            self._landing -= 1
            self._release(index)
            self._phase[index] = HELD

    def _on_approved(self, event: AttemptApproved) -> None:
        index = self._current(event, HELD)
        if index >= 0 and not self._finished:  # an answer at the very end is on record for the next process
            self._after_seal(index)

    def _on_landed(self, event: AttemptLanded) -> None:
        index = self._ids.get(event.task, -1)
        if index < 0 or self._attempt[index] != event.attempt or self._phase[index] != LANDING:
            return
        self._landing -= 1
        self._release(index)
        self._complete(index)

    def _on_rejected(self, event: AttemptRejected) -> None:
        index = self._current(event, LANDING, HELD)
        if index >= 0:
            if self._phase[index] == LANDING:
                self._landing -= 1
            self._release(index)
            self._again_or_fail(index, event, counted=True, declined=False)

    def _on_failed(self, event: AttemptFailed) -> None:
        index = self._current(event, RUNNING, LANDING)
        if index < 0:
            return
        if self._phase[index] == LANDING:  # the landing was broken off: the work is still sealed
            self._landing -= 1
            self._after_seal(index)
            return
        self._running -= 1
        if self._resources is not None:
            self._resources.release(index)
        self._release(index)
        if event.sort == "budget" and event.verdict is None and self._stop is None:
            self._stop = Stop("drain", f"stopped by the budget: {event.error}")
        counted = costs_attempt(event.reason, event.sort)
        self._again_or_fail(index, event, counted=counted, declined=event.reason == "declined")

    def _on_retry_due(self, event: RetryDue) -> None:
        index = self._ids.get(event.task, -1)
        if index >= 0 and self._phase[index] == RESTING:
            self._phase[index] = IDLE
            if not self._waiting[index]:  # a patch may have given it something to wait for meanwhile
                self._make_ready(index)

    def _on_circuit(self, event: CircuitChanged) -> None:
        self._circuits[event.backend] = event.state
        name = backend_resource(event.backend)
        if self._resources is not None and self._demand is not None and self._resources.has(name):
            self._resources.resize(name, self._demand.capacity(self._circuits)[name])

    def _on_stop(self, event: Stop) -> None:
        harder = ("drain", "interrupt", "cancel")
        if self._stop is not None and harder.index(event.how) <= harder.index(self._stop.how):
            return
        self._stop = event
        if event.how == "drain":
            return
        for index, phase in enumerate(self._phase):
            if phase in (RUNNING, LANDING):
                self._out.append(Cancel(self._names[index], self._attempt[index]))

    # --- patches --------------------------------------------------------------------------------------------------

    def _on_patch(self, asked: PatchAsked) -> None:
        statuses = self.statuses() | {self._names[index]: "in_progress" for index in self._board.kept}
        asked = self._with_shortages(asked)
        decided = self._revisions.decide(asked, self._plan, statuses)
        self._out.append(decided)
        if isinstance(decided, PatchRefused):
            return
        patch = decided.patch
        if asked.candidates is not None:
            self._given.update(asked.candidates)
        else:
            for name in patch.reroute:
                self._given.pop(name, None)
        again = {split.task for split in patch.split} | set(patch.reroute)
        self._change_to(decided.plan, again, self._aged([task.id for task in patch.new_tasks]))

    def _with_shortages(self, asked: PatchAsked) -> PatchAsked:
        """What is asked for, with an objection to each task that would wait for ever."""
        demand = self._demand or Demand()
        found = shortages(asked.patch.new_tasks, demand.resources, demand.by_type)
        news = tuple(one for one in found if one not in asked.problems)
        return evolve(asked, problems=(*asked.problems, *news)) if news else asked

    def _aged(self, brought: Sequence[str]) -> list[str]:
        """The ready tasks that were passed too often by what patches brought; this one brings more."""
        ids, state = self._ids, self._state
        ready = [self._names[index] for index in self._at_place if state[index] == READY]
        return self._ageing.patched(
            ready,
            lambda name: name in ids and self._attempt[ids[name]] > 0,
            lambda name: self._place[ids[name]],
            brought,
        )

    def _change_to(self, plan: ExecutionPlan, again: Set[str], first: Sequence[str]) -> None:
        """Go on with another plan. The tasks in ``again`` have another beginning, those in ``first`` are the first to start."""
        board, shape = self._board, self._shape(plan, first)
        board = board.carried(self._ids, shape)
        freed = board.begin_again(shape.ids[name] for name in again)
        was_blocked, board.blocked_by = board.blocked_by, {}
        sealed = board.open_again(shape.parent)
        self._use(shape, board)
        self._lane.clear()
        for index, phase in enumerate(self._phase):
            if phase in (RUNNING, QUEUED, LANDING) and not self._freely[index]:
                self._exclusions.hold(index)
            if phase == RUNNING and self._resources is not None:
                self._resources.hold(index, self._needs_of(index))
        said, self._out = self._out, []
        self._open_up()
        freed += [index for index in was_blocked if self._state[index] != BLOCKED]
        known = {TaskBlocked(self._names[index], (by,)) for index, by in was_blocked.items()}
        news = [one for one in self._out if not (isinstance(one, TaskBlocked) and one in known)]
        self._out = [*said, *(TaskFreed(self._names[index]) for index in sorted(freed)), *news]
        for index in sealed:
            if self._state[index] == IN_PROGRESS:
                self._after_seal(index)
        for index in sorted(board.kept):
            if self._state[index] != BLOCKED:
                board.kept.discard(index)
                self._state[index], self._freely[index] = IN_PROGRESS, True
                self._after_seal(index)

    # --- what follows ---------------------------------------------------------------------------------------------

    def _after_seal(self, index: int) -> None:
        """Sealed work goes to the lane, or waits for its gates and holds nothing."""
        self._phase[index] = SEALED
        if index in self._doomed:
            self._release(index)
            self._block(index, self._doomed.pop(index))
        elif self._gates[index]:
            self._release(index)
        else:
            self._enqueue(index)

    def _enqueue(self, index: int) -> None:
        self._phase[index] = QUEUED
        heappush(self._lane, self._place[index])

    def _again_or_fail(
        self, index: int, event: AttemptFailed | AttemptRejected, *, counted: bool, declined: bool
    ) -> None:
        """Another attempt, by this or another agent type, or the end of the task."""
        name, candidates = self._names[index], self._candidates[index]
        self._phase[index] = IDLE
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
        elif event.verdict == "fail":
            self._fail(index, event.error)
            return
        elif isinstance(event, AttemptFailed) and event.sort == POISON and self._quarantine(index, event.error):
            return
        elif event.permanent and event.verdict is None:
            self._fall_back(index, event.error)
            return
        elif counted and self._failures[index] >= self._max_attempts[index]:
            self._fall_back(index, f"attempt {self._failures[index]} of {self._max_attempts[index]}: {event.error}")
            return
        if event.verdict == "reroute" and event.agent_type:
            self._agent_type[index] = event.agent_type
        delay = 0.0 if declined else event.delay_s
        self._state[index] = PENDING
        if self._stop is not None and not counted and not declined:
            return  # ended because the run was stopped: nothing is decided about the task
        self._out.append(RetryAt(name, self._attempt[index] + 1, delay, self._type_of(index)))
        if delay > 0:
            self._phase[index] = RESTING
        else:
            self._make_ready(index)

    def _quarantine(self, index: int, error: str) -> bool:
        """Count an attempt that its agent did not survive; whether that was one too many."""
        count = self._board.poisoned[index] = self._board.poisoned.get(index, 0) + 1
        if count < QUARANTINE_AFTER:
            return False
        self._fail(index, f"quarantined after {count} attempts that their agents did not survive: {error}")
        return True

    def _fall_back(self, index: int, error: str) -> None:
        """Give the task to its next fallback agent type, with all its attempts; it has failed when there is none."""
        name, task = self._names[index], self._plan.tasks[index]
        fallbacks, fallen = self._fallbacks.get(name, task.fallback), self._board.fallen.get(index, 0)
        if fallen >= len(fallbacks):
            self._fail(index, error)
            return
        self._board.fallen[index] = fallen + 1
        self._agent_type[index], self._failures[index], self._state[index] = fallbacks[fallen], 0, PENDING
        self._out.append(RetryAt(name, self._attempt[index] + 1, 0.0, fallbacks[fallen], fallen + 1))
        self._make_ready(index)

    def _needs_of(self, index: int) -> Needs:
        """What an attempt at the task takes, its agent type's backend included."""
        own = self._needs[index]
        backend = self._demand.backends.get(self._type_of(index)) if self._demand is not None else None
        return own if backend is None else {**own, backend_resource(backend): 1}

    def _may_start(self, index: int) -> bool:
        """Take all that the task needs and excludes, or park it. Only where there are resources; else exclusions are all there is."""
        resources = self._resources
        assert resources is not None
        needs = self._needs_of(index)
        if resources.short_of(index, needs):
            resources.park(index, needs)
            self._exclusions.pass_on(index)
            return False
        if self._groups[index] and not self._exclusions.take(index):
            resources.pass_on(index)
            return False
        resources.take(index, needs)
        return True

    def _type_of(self, index: int) -> str:
        return self._agent_type[index] or self._candidates[index][self._choice[index]]

    def _make_ready(self, first: int) -> None:
        """Line a task up; a parent has no work and goes on at once."""
        self._phase[first] = IDLE
        self._state[first] = READY
        if not self._parent[first]:
            heappush(self._heap, self._place[first])
            return
        self._state[first], self._phase[first] = IN_PROGRESS, SEALED
        if not self._gates[first]:
            self._complete(first)

    def _complete(self, first: int) -> None:
        """The task is done: what waits for nothing else is ready, and completes in turn if it has no work."""
        done, state, phase, waiting = [first], self._state, self._phase, self._waiting
        for index in done:
            state[index], phase[index] = COMPLETED, IDLE
            self._unfinished -= 1
            self._out.append(TaskCompleted(self._names[index]))
            for target in self._after[index]:
                waiting[target] -= 1
                if not waiting[target] and state[target] == PENDING and phase[target] == IDLE:
                    if self._parent[target] and not self._gates[target]:
                        self._state[target] = IN_PROGRESS
                        done.append(target)
                    else:
                        self._make_ready(target)
            for target in self._subjects[index]:
                self._gates[target] -= 1
                if not self._gates[target] and self._phase[target] == SEALED:
                    if self._parent[target]:
                        self._phase[target] = IDLE
                        done.append(target)
                    else:
                        self._enqueue(target)

    def _fail(self, index: int, error: str) -> None:
        self._state[index], self._phase[index] = FAILED, IDLE
        self._unfinished -= 1
        self._out.append(TaskFailed(self._names[index], error))
        self._block_behind(index)

    def _block(self, index: int, by: int) -> None:
        self._set_blocked(index, by)
        self._block_behind(index)

    def _set_blocked(self, index: int, by: int) -> None:
        self._board.blocked_by[index] = self._names[by]
        if self._resources is not None:
            self._resources.forget(index)
        if self._phase[index] == SEALED and not self._parent[index]:
            self._board.kept.add(index)
        self._state[index], self._phase[index] = BLOCKED, IDLE
        self._unfinished -= 1
        self._out.append(TaskBlocked(self._names[index], (self._names[by],)))

    def _block_behind(self, first: int) -> None:
        """Everything that waits for a task that ended badly; a subject in the middle of something is blocked when that has ended."""
        ended = [first]
        for index in ended:
            for target in self._after[index]:
                if self._state[target] in (PENDING, READY):
                    self._set_blocked(target, index)
                    ended.append(target)
            for target in self._subjects[index]:
                if self._state[target] in (PENDING, READY) or self._phase[target] == SEALED:
                    self._set_blocked(target, index)
                    ended.append(target)
                elif self._phase[target] in (RUNNING, LANDING, HELD):
                    self._doomed[target] = index

    # --- starting, landing, finishing -----------------------------------------------------------------------------

    def _release(self, index: int) -> None:
        """Give up what the task excludes."""
        self._freely[index] = True
        if self._groups[index]:
            self._exclusions.release(index)

    def _line_up(self, place: int) -> bool:
        """Put a parked task back in line, if it is still to be started."""
        if self._state[self._at_place[place]] != READY:
            return False
        heappush(self._heap, place)
        return True

    def _dispatch(self, hold: bool) -> None:
        """Fill the free places, occupy the lane, see whether all is over."""
        lane, out, stop = self._lane, self._out, self._stop
        lands = bool(lane) and not self._landing and (stop is None or stop.how == "drain")
        self._holding = hold and lands and not self._holding and bool(self._heap) and self._running < self._concurrency
        if stop is None and not self._holding:
            self._fill()
        if lands:
            while lane and self._landing < self._max_batch:
                index = self._at_place[heappop(lane)]
                self._phase[index] = LANDING
                self._landing += 1
                out.append(Land(self._names[index], self._attempt[index]))
        if not self._finished and not self._running and not self._landing:
            self._finish_if_over()

    def _fill(self) -> None:
        """Start what is ready, the most urgent first, as long as there are places."""
        heap, out, resources = self._heap, self._out, self._resources
        while heap and self._running < self._concurrency:
            index = self._at_place[heappop(heap)]
            if self._state[index] != READY:
                self._exclusions.pass_on(index)
                if resources is not None:
                    resources.pass_on(index)
            elif (
                not self._groups[index] or self._exclusions.take(index) if resources is None else self._may_start(index)
            ):
                self._freely[index] = False
                self._state[index], self._phase[index] = IN_PROGRESS, RUNNING
                self._attempt[index] += 1
                self._running += 1
                out.append(Start(self._names[index], self._attempt[index], self._type_of(index)))

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
        elif HELD in self._phase and RESTING not in self._phase and READY not in self._state:  # ready: for a backend
            self._finished = True
            waiting = [self._names[index] for index, phase in enumerate(self._phase) if phase == HELD]
            self._out.append(Finish("paused", f"waiting for approval of {', '.join(waiting)}"))

    def _give_up(self, why: str) -> None:
        for index, state in enumerate(self._state):
            if state in (PENDING, READY, IN_PROGRESS):
                self._state[index], self._phase[index] = CANCELLED, IDLE
                self._unfinished -= 1
                self._out.append(TaskCancelled(self._names[index], why))

    def _outcome(self) -> str:
        """``failed`` if a task failed for good, ``completed`` if every task is completed, else ``partial``."""
        states = set(self._state)
        if FAILED in states:
            return "failed"
        return "completed" if states <= {COMPLETED} else "partial"
