"""A log read as a replay needs it: process by process, call of the engine by call, what it was told and what it decided.

::

    run.started  run.prepared │ attempt.started ... │ attempt.sealed   │ attempt.started ... │ run.paused
                 (given)      │ (decided, turn 1)   │ (told, turn 2)   │ (decided, turn 2)   │ (end)

What the engine is told stands in the log before what it decides, with the number of the call (``turn``) in which it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import define, field, frozen

from ..codec import structure
from ..errors import PlanError, Problem
from ..models import Event, PlanPatch
from . import transitions as t
from .ended import failed_in, rejected_in
from .patches import patch_to_json

__all__ = ["DECIDED", "Decision", "Process", "Told", "Turn", "decision_in", "decision_of", "read_processes", "told_in"]


@frozen
class Decision:
    """A decision in the words of the log, with what can be compared of its data."""

    type: str
    task: str | None = None
    attempt: int | None = None
    data: Mapping[str, Any] = field(factory=dict)

    def __str__(self) -> str:
        what = " ".join(str(part) for part in (self.type, self.task) if part)
        attempt = f" attempt {self.attempt}" if self.attempt is not None else ""
        facts = ", ".join(f"{key} {value!r}" for key, value in self.data.items() if value not in (None, [], ""))
        return f"{what}{attempt}{f' ({facts})' if facts else ''}"


@frozen
class Told:
    """What the engine was told, and the number of the event that says so."""

    seq: int
    event: t.EngineEvent


@define
class Turn:
    """One call of the engine.

    Attributes:
        told: in the order of the log.
        decided: the events that record what it said.
        late: events that claim to be told in this turn, and stand behind its decisions.
    """

    number: int
    told: list[Told] = field(factory=list)
    decided: list[Event] = field(factory=list)
    late: list[Event] = field(factory=list)


@define
class Process:
    """What one process did.

    Attributes:
        first: number of its first event.
        prepared: ``run.prepared``; ``None`` in logs of versions that did not record it.
        turns: in order.
        worked: whether anything was decided in it; what a process finds in the workspace before that is not.
        end: ``run.paused`` or ``run.finished``; ``None`` when the process died, or is at work.
    """

    first: int
    prepared: Event | None = None
    turns: list[Turn] = field(factory=list)
    worked: bool = False
    end: Event | None = None

    @property
    def cut_short(self) -> bool:
        """Whether it may have been told something of which no decision was recorded any more."""
        return self.end is None or (self.end.type == "run.paused" and self.end.data.get("why") == "interrupted")

    def turn(self, number: int) -> Turn:
        """The turn of that number; a new one if it is not the last."""
        if not self.turns or self.turns[-1].number != number:
            self.turns.append(Turn(number))
        return self.turns[-1]


#: What is recorded only after an engine decided something.
_WORKED = frozenset(
    {
        "attempt.started",
        "attempt.failed",
        "attempt.retry",
        "task.failed",
        "task.blocked",
        "task.skipped",
        "run.finished",
    }
)

#: Type of a decision -> keys of its data that the engine decides.
DECIDED: Mapping[str, tuple[str, ...]] = {
    "attempt.started": ("agent_type",),
    "attempt.retry": ("delay_s", "agent_type", "fallback"),
    "attempt.failed": ("reason",),
    "task.completed": (),
    "task.failed": ("error",),
    "task.blocked": ("by",),
    "task.skipped": ("why",),
    "task.cancelled": ("why",),
    "task.freed": (),
    "plan.patched": ("revision", "patch", "added", "removed", "split", "rerouted", "warnings"),
    "patch.refused": ("problems",),
}


def read_processes(events: Iterable[Event]) -> list[Process]:
    """The processes of a run, in order.

    Raises:
        PlanError: a patch in the log is none.
    """
    processes: list[Process] = []
    for event in events:
        if not processes or event.type in ("run.started", "run.resumed"):
            processes.append(Process(event.seq))
        process = processes[-1]
        process.worked = process.worked or event.type in _WORKED
        if event.type == "run.prepared":
            process.prepared = event
            process.turn(1)
        elif event.type in ("run.paused", "run.finished"):
            process.end = event
        elif process.prepared is not None or event.type == "run.stopping":
            _take(process, event)
    return processes


def _take(process: Process, event: Event) -> None:
    number = told_in(event)
    patch = event.type in ("plan.patched", "patch.refused")
    if number is not None:
        turn = process.turn(number)
        if turn.decided and not patch:
            turn.late.append(event)
        else:
            turn.told.append(Told(event.seq, _TOLD[event.type](event)))
    if decision_in(event) is not None and process.turns:
        process.turns[-1].decided.append(event)


def told_in(event: Event) -> int | None:
    """The turn in which the engine is told of an event, 1 for the first; ``None`` for an event of which it is not."""
    if event.type == "run.prepared":
        return 1
    return event.data.get("turn") if event.type in _TOLD else None


def decision_in(event: Event) -> Decision | None:
    """The decision that an event records; ``None`` when it records something else."""
    keys = DECIDED.get(event.type)
    if keys is None or (event.type in ("attempt.failed", "patch.refused") and not _is_decided(event)):
        return None
    attempt = event.attempt if event.type.startswith("attempt.") else None
    return Decision(event.type, event.task, attempt, {key: event.data.get(key) for key in keys})


def _is_decided(event: Event) -> bool:
    """An attempt that was lost with its process is found so by the engine; a patch that cannot be read never gets to the engine."""
    told = "turn" in event.data
    return told if event.type == "patch.refused" else not told


# --- what was decided -------------------------------------------------------------------------------------------------


def decision_of(instruction: t.Instruction) -> Decision | None:
    """An instruction in the words of the log; ``None`` for one that is only carried out (:class:`Land`, :class:`Cancel`, :class:`Finish`)."""
    match instruction:
        case t.Start(task, attempt, agent_type):
            return Decision("attempt.started", task, attempt, {"agent_type": agent_type})
        case t.RetryAt(task, attempt, delay_s, agent_type, fallback):
            data = {"delay_s": round(delay_s, 3), "agent_type": agent_type, "fallback": fallback or None}
            return Decision("attempt.retry", task, attempt, data)
        case t.AttemptLost(task, attempt):
            return Decision("attempt.failed", task, attempt, {"reason": "lost"})
        case t.TaskCompleted(task):
            return Decision("task.completed", task)
        case t.TaskFailed(task, error):
            return Decision("task.failed", task, None, {"error": error})
        case t.TaskBlocked(task, by):
            return Decision("task.blocked", task, None, {"by": list(by)})
        case t.TaskSkipped(task, why):
            return Decision("task.skipped", task, None, {"why": why})
        case t.TaskCancelled(task, why):
            return Decision("task.cancelled", task, None, {"why": why})
        case t.TaskFreed(task):
            return Decision("task.freed", task)
        case t.PlanPatched():
            return Decision("plan.patched", None, None, _patched(instruction))
        case t.PatchRefused():
            return Decision("patch.refused", None, None, {"problems": [str(each) for each in instruction.problems]})
        case _:
            return None


def _patched(said: t.PlanPatched) -> dict[str, Any]:
    patch = said.patch
    return {
        "revision": said.revision,
        "patch": patch_to_json(patch),
        "added": [task.id for task in patch.new_tasks],
        "removed": list(patch.remove),
        "split": [split.task for split in patch.split],
        "rerouted": list(patch.reroute),
        "warnings": list(said.warnings),
    }


# --- what was told ----------------------------------------------------------------------------------------------------


def _names(event: Event) -> tuple[str, int]:
    return event.task or "", event.attempt or 0


def _asked(event: Event) -> t.EngineEvent:
    data = event.data
    candidates = data.get("candidates")
    return t.PatchAsked(
        patch=structure(data["patch"], PlanPatch, where=f"event {event.seq}", error=PlanError),
        by=data["by"],
        task=data["task"],
        attempt=data["attempt"],
        request=data["request"],
        candidates=None if candidates is None else {task: tuple(names) for task, names in candidates.items()},
        problems=tuple(Problem(**each) for each in data.get("objections") or ()),
    )


_TOLD: Mapping[str, Callable[[Event], t.EngineEvent]] = {
    "run.stopping": lambda event: t.Stop(event.data["how"], event.data["why"]),
    "circuit.changed": lambda event: t.CircuitChanged(event.data["backend"], event.data["state"]),
    "attempt.sealed": lambda event: t.AttemptSealed(*_names(event)),
    "attempt.failed": failed_in,
    "attempt.landed": lambda event: t.AttemptLanded(*_names(event)),
    "attempt.rejected": rejected_in,
    "attempt.due": lambda event: t.RetryDue(event.task or ""),
    "landing.stopped": lambda event: t.AttemptFailed(*_names(event), "the landing was broken off", "cancelled"),
    "approval.requested": lambda event: t.AttemptHeld(*_names(event)),
    "approval.given": lambda event: t.AttemptApproved(*_names(event)),
    "plan.patched": _asked,
    "patch.refused": _asked,
}
