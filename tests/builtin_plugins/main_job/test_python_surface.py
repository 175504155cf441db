"""The Python surface: the verbs, and an observable effect of every key of the architecture's configuration."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from agent_dispatcher import AgentDispatcher, AgentResult, BaseAgent, DispatcherError
from agent_dispatcher.errors import ConfigError, UsageError
from agent_dispatcher.extension import AgentType, LlmRequest, hookimpl
from agent_dispatcher.runs.checkpoint_file import read_checkpoint
from agent_dispatcher.testing import ScriptedBackend
from agent_dispatcher_builtins import default_plugins

TASKS = [{"id": f"t{number}", "title": f"Task {number}", "type": "probing"} for number in range(4)]


@define(eq=False)
class Probe:
    """A plugin with an agent that records how it is used."""

    seconds: float = 0.05
    now: int = 0
    most: int = 0
    made: int = 0
    torn_down: int = 0
    models: list[str] = field(factory=list)

    @hookimpl
    def dispatcher_agent_types(self) -> Iterator[AgentType]:
        yield AgentType(name="probe", summary="Waits.", factory=self._make, task_types={"probing"}, default_rank=1)

    def _make(self, options: None, services: Any) -> BaseAgent:
        self.made += 1
        return _ProbeAgent(self)


class _ProbeAgent(BaseAgent):
    def __init__(self, probe: Probe) -> None:
        self.probe = probe

    async def execute(self, task: Any, context: Any) -> AgentResult:
        self.probe.now += 1
        self.probe.most = max(self.probe.most, self.probe.now)
        if context.llm is not None:
            reply = await context.llm.complete(LlmRequest.of(task.title))
            self.probe.models.append(reply.text)
        try:
            await asyncio.sleep(self.probe.seconds)
        finally:
            self.probe.now -= 1
        return AgentResult(status="done", summary="waited")

    async def teardown(self) -> None:
        self.probe.torn_down += 1


def ran(config: dict[str, Any], output: Path, probe: Probe | None = None, dependencies: Any = ()) -> tuple[Probe, Any]:
    """Four probing tasks carried out under ``config``, without git."""
    probe = probe or Probe()
    dispatcher = AgentDispatcher(
        {**config, "use": {"workspace": "none"}}, plugins=[*default_plugins(), ("probe", probe)], discover=False
    )
    return probe, dispatcher.execute(dispatcher.plan_tasks(TASKS, dependencies), output=output)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_without_limits_tasks_run_at_the_same_time(tmp_path: Path) -> None:
    """Four independent tasks are all in progress together: the figure the limits below are measured against."""
    probe, result = ran({}, tmp_path / "out")
    assert (result.status, result.success_rate(), probe.most) == ("completed", 100.0, 4)


@pytest.mark.parametrize(
    ("config", "most"),
    [
        ({"max_parallel_agents": 2}, 2),
        ({"enable_parallel_execution": False}, 1),
        ({"coordinator": {"max_workers": 3}}, 3),
        ({"coordinator": {"max_concurrent_tasks": 2}}, 2),
        ({"agent_factory": {"max_total_agents": 1}}, 1),
    ],
    ids=str,
)
def test_each_limit_limits(config: dict[str, Any], most: int, tmp_path: Path) -> None:
    """Every one of the four limits, and the switch, bounds how many agents work at one time, and is used up to its bound."""
    probe, result = ran(config, tmp_path / "out")
    assert (result.status, probe.most) == ("completed", most)


def test_max_execution_time_ends_the_run(tmp_path: Path) -> None:
    """A run that takes longer than ``max_execution_time`` is stopped, says so, and can be resumed."""
    began = time.monotonic()
    _, result = ran({"max_execution_time": 0.5}, tmp_path / "out", Probe(seconds=30))
    assert result.status == "paused"
    assert "max_execution_time" in result.reason
    assert time.monotonic() - began < 15


def test_agent_timeout_ends_an_attempt(tmp_path: Path) -> None:
    """An attempt that takes longer than ``agent_timeout`` fails as timed out."""
    _, result = ran({"coordinator": {"agent_timeout": 0.2, "max_attempts": 1}}, tmp_path / "out", Probe(seconds=30))
    assert result.status == "failed"
    assert all("timed out" in (task.error or "") for task in result.task_results)


def test_pooling_reuses_agents(tmp_path: Path) -> None:
    """With pooling a chain of tasks is done by one agent; without, each gets its own; all are torn down."""
    chain = [("t0", "t1"), ("t1", "t2"), ("t2", "t3")]
    pooled, _ = ran({}, tmp_path / "a", dependencies=chain)
    single, _ = ran({"agent_factory": {"enable_pooling": False}}, tmp_path / "b", dependencies=chain)
    assert (pooled.made, single.made) == (1, 4)
    assert (pooled.torn_down, single.torn_down) == (1, 4)


def test_default_pool_size_keeps_that_many(tmp_path: Path) -> None:
    """Of four agents that fall idle at once, ``default_pool_size`` wait for more work and the rest are made anew."""
    fan = [("t0", "t2"), ("t0", "t3"), ("t1", "t2"), ("t1", "t3")]
    kept, _ = ran({"agent_factory": {"default_pool_size": 2}}, tmp_path / "a", dependencies=fan)
    dropped, _ = ran({"agent_factory": {"default_pool_size": 0}}, tmp_path / "b", dependencies=fan)
    assert (kept.made, dropped.made) == (2, 4)


def test_enable_persistence_decides_whether_there_is_a_store(tmp_path: Path) -> None:
    """With persistence the log is on disk; without, the run lives in memory and its result is the same."""
    _, kept = ran({}, tmp_path / "a")
    _, lost = ran({"state_manager": {"enable_persistence": False}}, tmp_path / "b")
    assert (tmp_path / "a/.dispatcher/state.db").exists()
    assert not (tmp_path / "b/.dispatcher/state.db").exists()
    assert kept.status == lost.status == "completed"


def test_checkpoints_go_where_and_when_they_are_wanted(tmp_path: Path) -> None:
    """``auto_checkpoint_interval`` writes checkpoint files into ``checkpoint_dir`` below ``.dispatcher``."""
    settings = {"checkpoint_dir": "./points", "auto_checkpoint_interval": 0.3}
    ran({"state_manager": settings}, tmp_path / "out", Probe(seconds=1.5))
    (found, *_) = sorted((tmp_path / "out/.dispatcher/points").glob("*.zip"))
    with read_checkpoint(found) as opened:
        assert opened.contents.events[0].type == "run.started"
    ran({"state_manager": {**settings, "auto_checkpoint_interval": 0}}, tmp_path / "none", Probe(seconds=1.0))
    assert not (tmp_path / "none/.dispatcher/points").exists()


def test_llm_client_reaches_the_agents(tmp_path: Path) -> None:
    """A backend given as ``llm_client`` answers what agents ask in their context, and what that took is in the result."""
    model = ScriptedBackend(lambda request: f"to {request.messages[-1].content}")
    probe, result = ran({"llm_client": model}, tmp_path / "out")
    assert sorted(probe.models) == [f"to {task['title']}" for task in TASKS]
    assert sum(cost.calls for cost in result.model_costs) == 4 and result.metrics.tokens > 0


def test_a_plain_function_must_be_allowed_as_unmetered(tmp_path: Path) -> None:
    """``llm_client`` as ``str -> str`` cannot be metered: refused unless ``budget.allow_unmetered`` says so."""
    with pytest.raises(ConfigError, match="allow_unmetered"):
        AgentDispatcher({"llm_client": str.upper}, discover=False)
    probe, _ = ran({"llm_client": str.upper, "budget": {"allow_unmetered": True}}, tmp_path / "out")
    assert sorted(probe.models) == [task["title"].upper() for task in TASKS]


@pytest.mark.parametrize(
    ("key", "type"), [("include_tests", "testing"), ("include_docs", "documentation")], ids=["tests", "docs"]
)
def test_the_code_writer_leaves_out_what_is_not_wanted(key: str, type: str, small: Path) -> None:
    """``code_writer_config`` decides whether tests and documentation are planned at all."""
    with_it = AgentDispatcher().plan(small)
    without = AgentDispatcher({"agent_factory": {"code_writer_config": {key: False}}}).plan(small)
    assert type in {task.type for task in with_it.tasks}
    assert type not in {task.type for task in without.tasks}
    assert "code_writing" in {task.type for task in without.tasks}


def test_default_language_is_what_is_planned_for(small: Path) -> None:
    """``default_language`` names the language plugin; one that nobody offers is refused by name."""
    plan = AgentDispatcher({"agent_factory": {"code_writer_config": {"default_language": "python"}}}).plan(small)
    assert any(ref.name.endswith(".py") for task in plan.tasks for ref in task.produces)
    with pytest.raises(DispatcherError, match="cobol"):
        AgentDispatcher({"agent_factory": {"code_writer_config": {"default_language": "cobol"}}}).plan(small)


@pytest.mark.sandbox
def test_the_verbs_of_the_design(small: Path, tmp_path: Path) -> None:
    """plan, execute, resume, dispatch: as the design's example has them."""
    dispatcher = AgentDispatcher({"max_parallel_agents": 4})
    plan = dispatcher.plan(small)
    result = dispatcher.execute(plan, output=tmp_path / "shelf")
    assert (result.status, result.success_rate()) == ("completed", 100.0)
    assert {artifact.type for artifact in result.final_artifacts} >= {"code", "test", "doc"}
    assert result.metrics.work_s > 0
    assert len(result.task_results) == len(plan.tasks)
    again = AgentDispatcher().resume(result.run)
    assert (again.run, again.status, again.commit) == (result.run, "completed", result.commit)
    assert dispatcher.dispatch(plan.specification, output=tmp_path / "other").status == "completed"


def test_a_plain_verb_refuses_inside_a_running_loop(small: Path) -> None:
    """Inside an event loop the plain verb names its twin instead of blocking."""

    async def inside() -> None:
        AgentDispatcher().plan(small)

    with pytest.raises(UsageError, match="plan_async"):
        asyncio.run(inside())


def test_two_dispatchers_at_the_same_time_are_independent(tmp_path: Path) -> None:
    """Two dispatchers in two threads carry out two runs without seeing each other's plugins or limits."""
    probes = {1: Probe(), 3: Probe()}

    def work(limit: int) -> None:
        ran({"max_parallel_agents": limit}, tmp_path / str(limit), probes[limit])

    threads = [threading.Thread(target=work, args=(limit,)) for limit in probes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {limit: probe.most for limit, probe in probes.items()} == {1: 1, 3: 3}
