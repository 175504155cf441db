"""What a configuration gives a run beside agents: resources, fallbacks, and a backend that may be slow or away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.errors import BackendError, PlanError
from agent_dispatcher.extension import AgentType, LlmRequest
from agent_dispatcher.models import Event, ResourceNeed, Task
from agent_dispatcher.testing import ScriptedBackend, dispatcher
from agent_dispatcher_builtins.executors.local import LocalExecutor

DONE = AgentResult(status="done", summary="did it")


class Agent(BaseAgent):
    def __init__(self, script: Callable[[Task, AgentContext], Any]) -> None:
        self._script = script

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        result: AgentResult = await self._script(task, context)
        return result


def agent_type(name: str, rank: int, script: Callable[[Task, AgentContext], Any], **fields: Any) -> AgentType:
    return AgentType(
        name=name,
        summary=name,
        factory=lambda options, services: Agent(script),
        task_types=["*"],
        default_rank=rank,
        **fields,
    )


async def works(task: Task, context: AgentContext) -> AgentResult:
    return DONE


async def breaks(task: Task, context: AgentContext) -> AgentResult:
    raise RuntimeError("this one never works")


async def asks(task: Task, context: AgentContext) -> AgentResult:
    assert context.llm is not None
    await context.llm.complete(LlmRequest.of("why", max_output_tokens=5))
    return DONE


def carried_out(
    agents: Iterable[AgentType], tasks: Iterable[Task], folder: Path, config: dict[str, Any], **components: Any
) -> tuple[Any, list[Event]]:
    events: list[Event] = []
    ready = dispatcher(agents, config=config, **components)
    plan = ready.plan_tasks(tasks, title="Shelf")
    return ready.execute(plan, output=folder / "out", on_events=events.extend), events


def test_a_fallback_of_the_configuration_takes_over(tmp_path: Path) -> None:
    """When the agent type that was chosen has used up its attempts, the next one does the task."""
    config = {
        "coordinator": {"max_attempts": 2, "backoff_base_s": 0.0},
        "task_types": {"note": {"fallback": ["second"]}},
    }
    agents = [agent_type("first", 1, breaks), agent_type("second", 2, works)]
    result, events = carried_out(agents, [Task(id="a", title="A", type="note")], tmp_path, config)
    assert result.status == "completed"
    started = [event.data["agent_type"] for event in events if event.type == "attempt.started"]
    assert started == ["first", "first", "second"]


def test_fallbacks_that_could_not_take_over_refuse_the_plan(tmp_path: Path) -> None:
    """A name that nobody has, and one that does not take the task, are said before anything begins."""

    def no_notes(task: Task, available: Any) -> str | None:
        return "does no notes" if task.type == "note" else None

    agents = [agent_type("first", 1, works), agent_type("second", 2, works, accepts=no_notes)]
    tasks = [
        Task(id="a", title="A", type="note", fallback=("secnd",)),
        Task(id="b", title="B", type="note", fallback=("second",)),
    ]
    with pytest.raises(PlanError) as refused:
        carried_out(agents, tasks, tmp_path, {})
    assert "task a (A) falls back on 'secnd', which is no active agent type" in str(refused.value)
    assert "task b (B) falls back on second, which does no notes" in str(refused.value)
    assert "second" in refused.value.problems[0].remedy


def test_a_throttle_for_nobody_refuses_the_plan(tmp_path: Path) -> None:
    """A misspelt backend is said, with the name that was meant, not passed over."""
    config = {"throttle": {"llm-backend-1": {"requests_per_minute": 60}}}
    with pytest.raises(PlanError, match=r"\[throttle.llm-backend-1\]: there is no language-model backend") as refused:
        carried_out(
            [agent_type("first", 1, works)],
            [Task(id="a", title="A")],
            tmp_path,
            config,
            llm_backends=[ScriptedBackend([])],
        )
    assert "llm-backends-1" in refused.value.problems[0].remedy


def test_no_more_at_once_than_there_is_of_a_resource(tmp_path: Path) -> None:
    """Six tasks need a card, there are two: never more than two are at work on one, and all are done."""
    at_work, most = 0, 0

    async def counts(task: Task, context: AgentContext) -> AgentResult:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0.01)
        at_work -= 1
        return DONE

    config = {"resources": {"gpu": 2}, "coordinator": {"max_workers": 6}, "agent_factory": {"max_total_agents": 6}}
    tasks = [Task(id=f"t{number}", title="T", needs=(ResourceNeed(resource="gpu"),)) for number in range(6)]
    result, _ = carried_out([agent_type("first", 1, counts)], tasks, tmp_path, config)
    assert (result.status, most) == ("completed", 2)


def test_a_backend_that_is_away_costs_no_attempt_and_holds_nobody_else(tmp_path: Path) -> None:
    """Outages open the circuit: the task that needs the model waits and has all its attempts, the others are done meanwhile; then it is tried
    again, answers, and the run is completed."""
    gone = BackendError("connection refused", sort="outage")
    backend = ScriptedBackend([gone, gone, gone, "because", "because"])
    config = {
        "coordinator": {"max_attempts": 1, "backoff_base_s": 0.0, "max_workers": 2},
        "throttle": {"llm-backends-1": {"outages": 2, "longest_wait_s": 0.2}},
        "budget": {"allow_unmetered": True},
    }
    agents = [
        agent_type(
            "asker", 1, asks, needs=["llm"], accepts=lambda task, available: None if task.type == "ask" else "no"
        )
    ]
    agents.append(agent_type("plain", 2, works))
    tasks = [Task(id="a", title="A", type="ask"), *(Task(id=f"p{number}", title="P") for number in range(3))]
    result, events = carried_out(agents, tasks, tmp_path, config, llm_backends=[backend])
    assert result.status == "completed"
    assert [event.data["state"] for event in events if event.type == "circuit.changed"] == [
        "open",
        "half_open",
        "open",
        "half_open",
        "closed",
    ]
    ends = [event.task for event in events if event.type == "task.completed"]
    assert sorted(ends[:3]) == ["p0", "p1", "p2"] and ends[3] == "a"
    failures = [(event.data["sort"], event.data["reason"]) for event in events if event.type == "attempt.failed"]
    assert failures == [("outage", "raised")] * 3, "while the circuit is open the task is not begun"
    assert len(backend.requests) == 4


def test_waiting_for_the_models_turn_is_not_the_attempts_time(tmp_path: Path) -> None:
    """A call that waits longer than ``agent_timeout`` for its turn does not end its attempt."""
    backend = ScriptedBackend([BackendError("slow down", sort="rate_limit", retry_after_s=1.0), "because"])
    config = {"coordinator": {"max_attempts": 1, "agent_timeout": 0.5}, "budget": {"allow_unmetered": True}}
    result, events = carried_out(
        [agent_type("asker", 1, asks, needs=["llm"])],
        [Task(id="a", title="A")],
        tmp_path,
        config,
        executors=[LocalExecutor()],
        llm_backends=[backend],
    )
    assert result.status == "completed", [event.data for event in events if event.type == "attempt.failed"]
    assert sum(event.type == "attempt.started" for event in events) == 1


def test_a_server_that_is_never_reached_pauses_the_run(tmp_path: Path) -> None:
    """Its address may be wrong: the run says so and can be resumed, and no attempt is used up. One that was reached is waited for."""
    gone = BackendError("http://127.0.0.1:1: no connection", sort="outage", unreached=True)
    config = {
        "coordinator": {"max_attempts": 1, "backoff_base_s": 0.0},
        "throttle": {"llm-backends-1": {"outages": 1, "longest_wait_s": 0.1, "unreached_s": 0.3}},
        "budget": {"allow_unmetered": True},
    }
    agents = [agent_type("asker", 1, asks, needs=["llm"])]
    tasks = [Task(id="a", title="A")]
    away = ScriptedBackend(lambda request: gone)
    result, _ = carried_out(agents, tasks, tmp_path / "1", config, llm_backends=[away])
    assert (result.status, result.task_results[0].status) == ("paused", "pending")
    assert result.reason == (
        "backend llm-backends-1 was not reached even once: http://127.0.0.1:1: no connection (is its address right?)"
    )
    assert len(away.requests) >= 2
    late = ScriptedBackend([BackendError("503", sort="outage"), *[gone] * 6, "because"])
    result, _ = carried_out(agents, tasks, tmp_path / "2", config, llm_backends=[late])
    assert result.status == "completed"
