"""``status`` says which language-model backend does not answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent_dispatcher.cli.runs import _silent_backends
from agent_dispatcher.coordination.memory_store import MemoryStore
from agent_dispatcher.models import Event, ExecutionPlan, Specification
from agent_dispatcher.runs.desk import RunDesk


def desk(*rows: tuple[str, dict[str, Any]]) -> RunDesk:
    store = MemoryStore()
    lease = store.acquire("r", "somebody")
    store.append(lease, [Event(run="r", at=1000.0, type=type, data=data) for type, data in rows])
    plan = ExecutionPlan(specification=Specification(id="s", title="s"), tasks=())
    return RunDesk(output=Path("out"), run="r", plan=plan, open_store=lambda: store)


def changed(state: str) -> tuple[str, dict[str, Any]]:
    why = "no answer\nat all" if state == "open" else ""
    return "circuit.changed", {"backend": "m", "state": state, "why": why, "wait_s": 30.0, "turn": 2}


STARTED: tuple[str, dict[str, Any]] = ("run.started", {})


def test_an_open_circuit_is_said_with_its_reason() -> None:
    """Which backend, since when, until when tasks wait for it, and the first line of why."""
    (line,) = _silent_backends(desk(STARTED, changed("open")))
    assert line.startswith("backend m does not answer since ") and line.endswith(": no answer")
    since, until = (part for part in line.replace(",", " ").replace(": no", " no").split() if part.count(":") == 2)
    assert int(until[-2:]) == (int(since[-2:]) + 30) % 60


def test_a_half_open_one_is_being_tried() -> None:
    """One task at a time finds out."""
    (line,) = _silent_backends(desk(STARTED, changed("open"), changed("half_open")))
    assert "is being tried again" in line


def test_nothing_is_said_of_what_answers_or_of_another_process() -> None:
    """A closed circuit, a run that is over or was resumed since: no line."""
    assert _silent_backends(desk(STARTED, changed("open"), changed("closed"))) == []
    assert _silent_backends(desk(STARTED, changed("open"), ("run.paused", {"why": "x"}))) == []
    resumed = (STARTED, changed("open"), ("run.paused", {"why": "x"}), ("run.resumed", {}))
    assert _silent_backends(desk(*resumed)) == []
