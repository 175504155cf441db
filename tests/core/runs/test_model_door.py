"""Whoever asks a language model goes through one door: planning and runs keep to the same pace, and leave a server alone that does not answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.config import load_config
from agent_dispatcher.errors import BackendError
from agent_dispatcher.extension import Decomposition, LlmRequest, PlanningContext
from agent_dispatcher.llm import ActiveBackend
from agent_dispatcher.models import Event, Specification, Task
from agent_dispatcher.runs.model_door import ModelDoor
from agent_dispatcher.testing import ScriptedBackend, dispatcher

SPECIFICATION = Specification(id="house", title="House", tasks=(Task(id="a", title="A"),))
QUESTION = LlmRequest.of("how", max_output_tokens=5)


class Asks:
    """A decomposer that asks the model so often, and takes the tasks as they are listed."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.failures: list[BackendError] = []

    async def decompose(self, specification: Specification, context: PlanningContext) -> Decomposition:
        assert context.llm is not None
        for _ in range(self.times):
            try:
                await context.llm.complete(QUESTION)
            except BackendError as error:
                self.failures.append(error)
        return Decomposition(tasks=specification.tasks)


class Writer(BaseAgent):
    """Says in its summary what became of its question."""

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        assert context.llm is not None
        try:
            await context.llm.complete(QUESTION)
        except BackendError as error:
            return AgentResult(status="done", summary=str(error))
        return AgentResult(status="done", summary="it answered")


def house(backend: ScriptedBackend, decomposer: Asks, **throttle: Any) -> Any:
    config = {"llm_client": backend}
    if throttle:
        config = {"throttle": {"llm-backends-1": throttle}, "use": {"llm": "llm-backends-1"}}
        return dispatcher([Writer], config=config, decomposers=[decomposer], llm_backends=[backend])
    return dispatcher([Writer], config=config, decomposers=[decomposer])


def test_planning_waits_when_the_server_says_it_is_too_fast() -> None:
    """The call is sent again when its time has come: the plan does not fail, and whoever asked notices nothing."""
    backend = ScriptedBackend([BackendError("too fast", sort="rate_limit", retry_after_s=0.05), "well"])
    decomposer = Asks(1)
    assert len(house(backend, decomposer).plan(SPECIFICATION).tasks) == 1
    assert (len(backend.requests), decomposer.failures) == (2, [])


def test_planning_leaves_a_server_alone_that_does_not_answer() -> None:
    """After three outages in a row the rest of planning is told so at once, and nothing is sent."""
    backend = ScriptedBackend(lambda request: BackendError("gone", sort="outage"))
    decomposer = Asks(6)
    house(backend, decomposer).plan(SPECIFICATION)
    assert len(backend.requests) == 3
    assert [failure.sort for failure in decomposer.failures] == ["outage"] * 6
    assert "does not answer" in str(decomposer.failures[3])


def test_a_run_is_kept_to_the_pace_that_planning_has_begun_with(tmp_path: Path) -> None:
    """What planning has asked counts: the limit is the server's, whoever asks."""
    backend = ScriptedBackend(lambda request: "well")
    made = house(backend, Asks(2), requests_per_minute=6, patience_s=0)
    plan = made.plan(SPECIFICATION)
    assert len(backend.requests) == 1, "the second would have had to wait"
    events: list[Event] = []
    made.execute(plan, output=tmp_path / "out", on_events=events.extend)
    said = [event.data["summary"] for event in events if event.type == "attempt.sealed"]
    assert len(said) == 1 and "the next call may be made in" in said[0]
    assert len(backend.requests) == 1


def test_one_throttle_for_a_backend_and_a_circuit_for_each_who_asks() -> None:
    """Planning may wait longer, since no agent is held by it."""
    door = ModelDoor(load_config(use_files=False, overrides={"throttle": {"m": {"patience_s": 7.0}}}))
    llm = ActiveBackend("m", ScriptedBackend([]))
    planning, run = door.open(llm, planning=True), door.open(llm)
    assert planning.throttle is run.throttle
    assert planning.circuit is not run.circuit
    assert (planning._patience_s, run._patience_s) == (70.0, 7.0)
    assert door.open(ActiveBackend("other", ScriptedBackend([]))).throttle is not run.throttle
