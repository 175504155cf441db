"""Replay: a run is carried out again from its log alone, and must come out the same.

The engine is a function of what it is given and told, and the log holds both. So no agent, model, file or clock is needed: the engine is given
what each process gave it, told what that process told it, and every decision is compared with the one in the log. A difference means that the
log was changed, that another version of the engine decides otherwise, or that a fault got between the engine and the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import define, field, frozen

from ..codec import structure
from ..errors import DispatcherError
from ..models import Event, ExecutionPlan, PlanPatch
from ..planning.revising import revise_all
from . import transitions as t
from .beginning import Beginning
from .engine import Engine
from .replay_log import Process, Told, Turn, decision_in, decision_of, read_processes, told_in
from .run_state import RunState, fold
from .snapshot import Snapshot

__all__ = ["Difference", "Replay", "replay"]

#: No turn reaches over one of these.
_BORDERS = frozenset({"run.started", "run.resumed", "run.prepared", "run.paused", "run.finished"})


@frozen
class Difference:
    """The first place at which the log says something else than the engine.

    Attributes:
        seq: number of the event in the log.
        expected: what the engine says.
        found: what the log has there.
    """

    seq: int
    expected: str
    found: str

    def __str__(self) -> str:
        return f"event {self.seq}: the engine says {self.expected}, the log has {self.found}"


@frozen(kw_only=True)
class Replay:
    """What a replay found.

    Attributes:
        last_seq: number of the last event that was looked at.
        processes: how many processes were replayed.
        turns: how often the engine was asked.
        decisions: how many decisions were the same.
        difference: the first one; ``None``: there is none.
        unchecked: what could not be replayed, and why.
        snapshot: the engine as it was left; ``None`` when its process could not be replayed.
        plan: the plan at that moment.
        state: what the log adds up to at that moment.
    """

    last_seq: int
    processes: int
    turns: int
    decisions: int
    difference: Difference | None
    unchecked: tuple[str, ...]
    snapshot: Snapshot | None
    plan: ExecutionPlan
    state: RunState


def replay(plan: ExecutionPlan, events: Sequence[Event], *, until: int | None = None) -> Replay:
    """Carry a run out again.

    Args:
        plan: as the run was begun with, no patch in it.
        events: the whole log, in order.
        until: stop behind this event, and behind what was decided in the same turn; ``None``: at the end.
    """
    return _Replayer(plan, _part(events, until)).run()


def _part(events: Sequence[Event], until: int | None) -> Sequence[Event]:
    """The log up to an event, with the rest of the turn it belongs to: what is told and decided there happens at once."""
    if until is None:
        return events
    length = sum(event.seq <= until for event in events)
    turn = next((told_in(event) for event in reversed(events[:length]) if told_in(event) is not None), None)
    for place in range(length, len(events)):
        event = events[place]
        if event.type in _BORDERS or told_in(event) not in (None, turn):
            break
        if told_in(event) is not None or decision_in(event) is not None:
            length = place + 1
    return events[:length]


class _Differs(Exception):
    """Not an error, the answer."""

    def __init__(self, seq: int, expected: object, found: object) -> None:
        super().__init__()
        self.difference = Difference(seq, str(expected), str(found))


@define
class _World:
    """What the engine waits for: it can be told the end of an attempt only while that is going on."""

    running: set[tuple[str, int]] = field(factory=set)
    landing: set[tuple[str, int]] = field(factory=set)
    finish: t.Finish | None = None
    broken_off: t.Stop | None = None

    def hear(self, told: Told) -> None:
        event = told.event
        if isinstance(event, t.Stop) and self.finish is not None:
            self.broken_off = event
        if isinstance(event, t.AttemptSealed | t.AttemptFailed) and (event.task, event.attempt) not in self.landing:
            if (event.task, event.attempt) not in self.running:
                raise _Differs(
                    told.seq, f"that attempt {event.attempt} of {event.task} is not in progress", "how it ended"
                )
            self.running.discard((event.task, event.attempt))
        elif isinstance(event, t.AttemptLanded | t.AttemptHeld | t.AttemptFailed):
            if (event.task, event.attempt) not in self.landing:
                names = ", ".join(sorted(task for task, _ in self.landing))
                said = f"{names} is to land" if names else "nothing is to land"
                raise _Differs(told.seq, said, f"the landing of {event.task}")
            self.landing.discard((event.task, event.attempt))
        elif isinstance(event, t.AttemptRejected):
            self.landing.discard((event.task, event.attempt))

    def obey(self, instruction: t.Instruction) -> None:
        if isinstance(instruction, t.Start):
            self.running.add((instruction.task, instruction.attempt))
        elif isinstance(instruction, t.Land):
            self.landing.add((instruction.task, instruction.attempt))
        elif isinstance(instruction, t.Finish):
            self.finish = instruction


class _Replayer:
    def __init__(self, plan: ExecutionPlan, events: Sequence[Event]) -> None:
        self._begun = plan
        self._events = events
        self._read = 0
        self._state = RunState()
        self._plan = plan
        self._engine: Engine | None = None
        self._processes = self._turns = self._decisions = 0
        self._unchecked: list[str] = []

    def run(self) -> Replay:
        difference = None
        try:
            for process in self._read_processes():
                self._process(process)
        except _Differs as found:
            difference = found.difference
        self._fold(len(self._events))
        snapshot = None if self._engine is None else self._engine.look()
        return Replay(
            last_seq=self._state.last_seq,
            processes=self._processes,
            turns=self._turns,
            decisions=self._decisions,
            difference=difference,
            unchecked=tuple(self._unchecked),
            snapshot=snapshot,
            plan=self._revised() if self._engine is None else self._engine.plan,
            state=self._state,
        )

    def _read_processes(self) -> list[Process]:
        try:
            return read_processes(self._events)
        except (DispatcherError, KeyError, TypeError) as error:
            raise _Differs(self._events[0].seq, "that what it is told can be read", _in_words(error)) from error

    def _fold(self, length: int) -> RunState:
        """The state after so many events."""
        self._state = fold(self._events[self._read : length], self._state)
        self._read = max(self._read, length)
        return self._state

    def _revised(self) -> ExecutionPlan:
        patches = [structure(data["patch"], PlanPatch) for data in self._state.patches]
        return revise_all(self._begun, patches)

    def _process(self, process: Process) -> None:
        self._engine = None
        if process.prepared is None:
            if process.worked:
                text = f"the process that began with event {process.first}: what it gave its engine was not recorded"
                self._unchecked.append(text)
            return
        self._processes += 1
        self._engine = self._restored(process.prepared)
        world = _World()
        for place, turn in enumerate(process.turns):
            last = turn is process.turns[-1]
            if turn.late and not (last and process.cut_short):
                raise _Differs(turn.late[0].seq, "what it decided in that turn already", turn.late[0].type)
            called_again = last or process.turns[place + 1].number > turn.number + 1
            self._turn(self._engine, turn, world, complete=not (last and process.cut_short), called_again=called_again)
        if process.end is not None:
            _compare_end(process.end, world.finish, world.broken_off)

    def _restored(self, prepared: Event) -> Engine:
        first = self._events[0].seq
        state = self._fold(prepared.seq - first)
        try:
            beginning, plan = Beginning.from_data(prepared.data, self._revised())
            return Engine.restore(plan, state, **beginning.options())
        except (DispatcherError, KeyError, TypeError, ValueError) as error:
            raise _Differs(prepared.seq, "that the log before it can be taken up", _in_words(error)) from error

    def _turn(self, engine: Engine, turn: Turn, world: _World, *, complete: bool, called_again: bool) -> None:
        """Tell the engine what it was told, and compare.

        Args:
            complete: whether every decision was recorded; else the last ones may be missing.
            called_again: whether the engine was called again before the next turn, without being told anything.
        """
        self._turns += 1
        for told in turn.told:
            world.hear(told)
        last = turn.told[-1].seq if turn.told else None
        try:
            said = engine.handle(*(told.event for told in turn.told), hold=True)
            if called_again and engine.holding:
                said += engine.handle(hold=True)
        except (DispatcherError, KeyError, ValueError) as error:
            raise _Differs(last or self._state.last_seq, "that it cannot be told this", _in_words(error)) from error
        decided = iter(turn.decided)
        for instruction in said:
            world.obey(instruction)
            expected = decision_of(instruction)
            if expected is None:
                continue
            event = next(decided, None)
            if event is None:
                if complete:
                    raise _Differs(self._behind(turn, last), expected, "nothing of it")
                continue
            found = decision_in(event)
            if found != expected:
                raise _Differs(event.seq, expected, found)
            self._decisions += 1
        for event in decided:
            raise _Differs(event.seq, "nothing", decision_in(event))

    def _behind(self, turn: Turn, told: int | None) -> int:
        """Where a decision of the turn should have stood."""
        if turn.decided:
            return turn.decided[-1].seq + 1
        return told + 1 if told is not None else self._state.last_seq + 2


def _compare_end(end: Event, finish: t.Finish | None, broken_off: t.Stop | None) -> None:
    """The end as it is recorded, against :class:`Finish`. An interrupted process does not wait for it, checks of the whole can refuse it, and
    they can be broken off."""
    if broken_off is not None and finish is not None:
        wanted = "cancelled" if broken_off.how == "cancel" else "paused"
        recorded = "paused" if end.type == "run.paused" else end.data.get("status")
        if (recorded, end.data.get("error" if recorded == "cancelled" else "why")) == (wanted, broken_off.why):
            return
    if end.type == "run.paused":
        why = end.data.get("why")
        found = ("paused", why)
        same = why == "interrupted" or (finish is not None and (finish.status, finish.why) == found)
    else:
        found = (end.data["status"], end.data.get("error"))
        refused = any(not each.get("passed") for each in end.data.get("evidence") or ())
        same = finish is not None and (finish.status == found[0] or (found[0] == "failed" and refused))
    if not same:
        expected = "that the run goes on" if finish is None else _end_in_words(finish.status, finish.why)
        raise _Differs(end.seq, expected, _end_in_words(*found))


def _end_in_words(status: str, why: Any) -> str:
    return f"the end, {status}{f' ({why})' if why else ''}"


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
