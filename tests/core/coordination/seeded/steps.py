"""Watches which steps tasks and attempts take in the engine: every assignment to its board, and what a resume makes of a log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from attrs import define, field

from agent_dispatcher.coordination.board import COMPLETED, Board
from agent_dispatcher.coordination.engine import Engine
from agent_dispatcher.coordination.run_state import RunState, fold
from agent_dispatcher.coordination.structure import Structure
from agent_dispatcher.models import TASK_STATUSES, Event

#: By the phases of a board: idle, running, sealed, queued, landing, resting, held.
STATIONS = ("ended", "running", "sealed", "sealed", "landing", "ended", "waiting")


@define
class Steps:
    """What was seen; nothing is while ``still`` is set: then a board is filled from what is known, and nothing happens."""

    tasks: set[tuple[str, str]] = field(factory=set)
    attempts: set[tuple[str, str]] = field(factory=set)
    still: int = 1

    def state(self, old: int, new: int) -> None:
        if old != new and not self.still:
            self.tasks.add((TASK_STATUSES[old], TASK_STATUSES[new]))

    def phase(self, old: int, new: int, state: int) -> None:
        before, after = STATIONS[old], STATIONS[new]
        if after == "ended" and state == COMPLETED:
            after = "landed"
        if before != after and not self.still and (before, after) != ("ended", "landed"):
            self.attempts.add((before, after))

    def resumed(self, log: Iterable[Event]) -> None:
        """Add what the fold makes of tasks when a run is resumed."""
        state = RunState()
        for event in log:
            before = {name: task.status for name, task in state.tasks.items()}
            fold([event], state)
            if event.type == "run.resumed":
                after = ((old, state.tasks[name].status) for name, old in before.items())
                self.tasks.update((old, new) for old, new in after if old != new)


class Watched(list[int]):
    """A list that says what is assigned to it."""

    def __init__(self, values: Iterable[int], seen: Callable[[int, int, int], None]) -> None:
        super().__init__(values)
        self._seen = seen

    def __setitem__(self, index: Any, value: Any) -> None:
        self._seen(index, self[index], value)
        super().__setitem__(index, value)


@contextmanager
def watched() -> Iterator[Steps]:
    """While this lasts, every engine is watched."""
    steps = Steps()
    fresh, carried, handle = Board.fresh, Board.carried, Engine.handle

    def watching(shape: Structure) -> Board:
        board = fresh(shape)
        board.state = Watched(board.state, lambda index, old, new: steps.state(old, new))
        board.phase = Watched(board.phase, lambda index, old, new: steps.phase(old, new, board.state[index]))
        return board

    def carrying(self: Board, old: Mapping[str, int], shape: Structure) -> Board:
        steps.still += 1
        try:
            return carried(self, old, shape)
        finally:
            steps.still -= 1

    def handling(self: Engine, *events: Any, **how: Any) -> Any:
        steps.still -= 1
        try:
            return handle(self, *events, **how)
        finally:
            steps.still += 1

    Board.fresh, Board.carried, Engine.handle = staticmethod(watching), carrying, handling  # type: ignore[method-assign, assignment]
    try:
        yield steps
    finally:
        Board.fresh, Board.carried, Engine.handle = fresh, carried, handle  # type: ignore[method-assign]
