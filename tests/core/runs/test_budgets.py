"""A run with a budget, from the configuration to the exit code."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent_dispatcher import AgentDispatcher, AgentResult, BaseAgent
from agent_dispatcher.agents import AgentContext
from agent_dispatcher.extension import (
    AgentType,
    Component,
    Decomposition,
    LlmReply,
    LlmRequest,
    PlanningContext,
    PricedAs,
    Usage,
    hookimpl,
)
from agent_dispatcher.llm import input_bound
from agent_dispatcher.models import ExecutionResult, Specification, Task
from agent_dispatcher.reporting import result_to_json
from agent_dispatcher.testing import ScriptedBackend
from agent_dispatcher_builtins import default_plugins

SPECIFICATION = Specification(id="s", title="S", tasks=tuple(Task(id=f"t{n}", title=f"T{n}") for n in range(3)))
PRICES = {"m": {"input": 1.0, "output": 1.0}}
WORST = input_bound(LlmRequest.of("write it")) + 50


class House(ScriptedBackend):
    def __init__(self) -> None:
        super().__init__(
            lambda request: LlmReply(text="yes", usage=Usage(input_tokens=20, output_tokens=10), model="m")
        )

    def priced_as(self, request: LlmRequest) -> PricedAs:
        return PricedAs(model="m", server="https://models.example")


class Listed:
    """Takes the tasks as they are; asks the model once."""

    async def decompose(self, specification: Specification, context: PlanningContext) -> Decomposition:
        if context.llm is not None:
            await context.llm.complete(LlmRequest.of("write it", purpose="decompose", max_output_tokens=50))
        return Decomposition(tasks=specification.tasks)


class Writes(BaseAgent):
    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        assert context.llm is not None
        await context.llm.complete(LlmRequest.of("write it", max_output_tokens=50))
        context.workspace.write_text(f"{task.id}.txt", "yes")
        return AgentResult(status="done")


def ready(backend: House, **budget: Any) -> Any:
    writer = AgentType(
        name="writer", summary="Asks.", factory=lambda o, s: Writes(), task_types={"*"}, needs={"llm"}, default_rank=1
    )
    wanted = {"sql-store", "local-executor", "no-workspace", "no-sandbox", "local-bus"}
    builtins = [(name, plugin) for name, plugin in default_plugins() if name in wanted]

    class Own:
        @hookimpl
        def dispatcher_agent_types(self) -> Any:
            yield writer

        @hookimpl
        def dispatcher_decomposers(self) -> Any:
            yield Component("listed-here", "Under test.", lambda o, s: Listed(), default_rank=1)

    config = {
        "use": {"workspace": "none"},
        "llm_client": backend,
        "budget": budget,
        "prices": PRICES,
        "max_parallel_agents": 1,
    }
    return AgentDispatcher(config, plugins=[*builtins, ("own", Own())], discover=False)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_a_run_pauses_at_its_cap_and_goes_on_with_more(tmp_path: Path) -> None:
    """Planning and two tasks fit, the third does not; what was done is kept, the report says what it cost and why it stopped."""
    backend = House()
    usd = (3 * 30 + WORST - 1) / 1e6
    paused = ready(backend, max_cost_usd=usd).dispatch(SPECIFICATION, output=tmp_path / "out", unsafe_no_sandbox=True)
    assert (paused.status, paused.stopped_by, len(backend.requests)) == ("paused", "budget", 3)
    assert [task.status for task in paused.task_results].count("completed") == 2
    assert (paused.metrics.tokens, paused.metrics.cost_usd) == (90, 0.00009)
    assert "raise budget.max_cost_usd" in paused.reason
    report = result_to_json(paused)
    assert (report["stopped_by"], report["metrics"]["cost_usd"]) == ("budget", 0.00009)
    resumed = ready(backend, max_cost_usd=usd + 1).resume(output=tmp_path / "out", unsafe_no_sandbox=True)
    assert (resumed.status, resumed.stopped_by, resumed.metrics.tokens) == ("completed", "", 120)


def test_the_cap_holds_while_planning(tmp_path: Path) -> None:
    """A model of unknown price is not asked where a cost is limited, neither by planning nor by agents."""
    backend = House()
    made = ready(backend, max_cost_usd=WORST / 1e6 / 2)
    with pytest.raises(Exception, match="may cost"):
        made.plan(SPECIFICATION)
    assert backend.requests == []


def test_stopped_by_the_budget_has_its_own_exit_code() -> None:
    """4, where a pause is 5."""
    import click

    from agent_dispatcher.cli.run import carry_out

    plan = ready(House()).plan_tasks([Task(id="a", title="A")])

    def code(stopped_by: str) -> int:
        async def start(**hooks: Any) -> ExecutionResult:
            return ExecutionResult(run="r", status="paused", specification=SPECIFICATION, stopped_by=stopped_by)

        def begin(**hooks: Any) -> Awaitable[ExecutionResult]:
            return start(**hooks)

        @click.command()
        def command() -> None:
            raise SystemExit(carry_out(begin, plan, True))

        return CliRunner().invoke(command).exit_code

    assert (code("budget"), code("")) == (4, 5)
