"""Plans learn from runs: what tasks took is what the next plan expects of tasks like them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher import AgentDispatcher, AgentResult, BaseAgent
from agent_dispatcher.extension import AgentType, hookimpl
from agent_dispatcher.models import Specification, Task
from agent_dispatcher_builtins import default_plugins

SPECIFICATION = Specification(
    id="six",
    title="Six",
    format="native",
    tasks=tuple(Task(id=f"t{number}", title=f"Task {number}", type="probing") for number in range(6)),
)


class _Waits(BaseAgent):
    async def execute(self, task: Task, context: Any) -> AgentResult:
        await asyncio.sleep(0.02)
        return AgentResult(status="done", summary="waited")


class _Plugin:
    @hookimpl
    def dispatcher_agent_types(self) -> Iterator[AgentType]:
        yield AgentType(
            name="waits",
            summary="Waits.",
            factory=lambda options, services: _Waits(),
            task_types={"probing"},
            default_rank=1,
        )


def dispatcher(**config: Any) -> AgentDispatcher:
    plugins = [*default_plugins(), ("waits", _Plugin())]
    return AgentDispatcher({"use": {"workspace": "none"}, **config}, plugins=plugins, discover=False)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AGENT_DISPATCHER_PLANNING_LEARN_FROM_RUNS")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_a_plan_expects_what_the_last_run_took(tmp_path: Path) -> None:
    """Estimates and their ranges come from the run; a plan file read again has them too; who wants none of it says so."""
    before = dispatcher().plan(SPECIFICATION)
    assert (before.estimates.work_s, before.estimates.work_range_s) == (360, None)
    result = dispatcher().execute(before, output=tmp_path / "out")
    assert result.status == "completed"
    after = dispatcher().plan(SPECIFICATION)
    assert 0.12 <= after.estimates.work_s < 60
    assert after.estimates.work_range_s is not None
    low, high = after.estimates.work_range_s
    assert 0.12 <= low <= after.estimates.work_s <= high
    assert after.estimates.span_range_s is not None
    assert [task.id for task in after.tasks] == [task.id for task in before.tasks]
    forgetful = dispatcher(planning={"learn_from_runs": 0}).plan(SPECIFICATION)
    assert forgetful.estimates == before.estimates


def test_learning_costs_planning_next_to_nothing(tmp_path: Path) -> None:
    """With twenty runs to learn from a small plan takes no 50 ms longer."""
    for number in range(3):
        dispatcher().execute(dispatcher().plan(SPECIFICATION), output=tmp_path / f"out{number}")
    written = tmp_path / "state" / "agent-dispatcher" / "durations"
    (one, *_) = written.glob("*.json")
    for number in range(20):
        (written / f"00000000-{number:02}.json").write_bytes(one.read_bytes())

    def seconds(runs: int) -> float:
        best = float("inf")
        for _ in range(5):
            asked = dispatcher(planning={"learn_from_runs": runs})
            started = time.process_time()
            asked.plan(SPECIFICATION)
            best = min(best, time.process_time() - started)
        return best

    assert seconds(20) - seconds(0) < 0.05
