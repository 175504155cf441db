"""The agent types that could do a task are known to every process of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.coordination.memory_store import MemoryStore
from agent_dispatcher.extension import AgentType
from agent_dispatcher.models import Event, ExecutionPlan, Specification, Task
from agent_dispatcher.runs.candidates import chosen_again, recorded_candidates, reopened
from agent_dispatcher.testing import dispatcher

DONE, DECLINED = AgentResult(status="done"), AgentResult(status="declined", error="not this one")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


class House:
    """Three agent types, of which one does the work; processes of one run, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = MemoryStore()
        self.declining: set[str] = set()
        self.pausing = True
        self.asked: list[tuple[str, str]] = []
        self.coordinators: list[Any] = []

    def _dispatcher(self, **config: Any) -> Any:
        house = self

        def agent_type(name: str, rank: int) -> AgentType:
            class Agent(BaseAgent):
                async def execute(self, task: Task, context: AgentContext) -> AgentResult:
                    house.asked.append((task.id, name))
                    if house.pausing:
                        house.coordinators[-1].pause()
                    return DECLINED if name in house.declining else DONE

            return AgentType(name=name, summary=name, factory=lambda o, s: Agent(), task_types={"*"}, default_rank=rank)

        types = [agent_type(name, rank) for rank, name in enumerate(("first", "second", "third"), 1)]
        return dispatcher(types, stores=[self.store], config=config)

    def begin(self, *tasks: Task, **config: Any) -> str:
        made = self._dispatcher(**config)
        plan = made.plan_tasks(tasks, dependencies=[("a", "b")])
        paused = made.execute(plan, output=self.folder / "out", on_coordinator=self.coordinators.append)
        assert paused.status == "paused"
        self.pausing = False
        return str(paused.run)

    def resume(self, run: str, **config: Any) -> str:
        ended = self._dispatcher(**config).resume(run, self.folder / "out", on_coordinator=self.coordinators.append)
        return str(ended.status)


def test_a_resumed_run_asks_every_agent_type_that_accepts_a_task(tmp_path: Path) -> None:
    """One that declines after a resume is followed by the next, as it would have been before."""
    house = House(tmp_path)
    run = house.begin(Task(id="a", title="A"), Task(id="b", title="B"))
    house.declining = {"first", "second"}
    assert house.resume(run) == "completed"
    assert house.asked == [("a", "first"), ("b", "first"), ("b", "second"), ("b", "third")]


def test_who_declined_before_is_not_asked_again(tmp_path: Path) -> None:
    """A task that was declined when the run stopped goes to the next agent type, and the one after it."""
    house = House(tmp_path)
    house.declining = {"first"}
    run = house.begin(Task(id="a", title="A"), Task(id="b", title="B"))
    house.declining = {"first", "second"}
    assert house.resume(run) == "completed"
    assert [name for task, name in house.asked if task == "a"] == ["first", "second", "third"]


def test_a_task_that_insists_is_given_to_nobody_else(tmp_path: Path) -> None:
    """What the plan says itself holds after a resume, too; the others of its type are for everyone."""
    house = House(tmp_path)
    run = house.begin(Task(id="a", title="A"), Task(id="b", title="B", agent_type="second"))
    house.declining = {"second"}
    assert house.resume(run) == "failed"
    assert house.asked == [("a", "first"), ("b", "second")]


def _event(type: str, **data: Any) -> Event:
    return Event(run="r", type=type, at=0.0, data=data)


def _plan(**agent_types: str | None) -> ExecutionPlan:
    tasks = tuple(Task(id=name, title=name, agent_type=given) for name, given in agent_types.items())
    return ExecutionPlan(specification=Specification(id="s", title="s"), tasks=tasks)


def test_a_task_that_was_given_away_since_stays_there() -> None:
    """What a patch says about a task counts more than what was found for it when the process began."""
    prepared = _event("run.prepared", candidates={"by_type": {"task": ["x", "y"]}, "by_task": {"c": ["y"]}})
    patched = _event("plan.patched", added=["d"], split=[], rerouted=["b"], candidates={"d": ["y", "x"], "b": ["z"]})
    plan = _plan(a="x", b="z", c="y", d="y")
    plan = ExecutionPlan(
        specification=plan.specification,
        tasks=tuple(Task(id=t.id, title="t", type="task", agent_type=t.agent_type) for t in plan.tasks),
    )
    recorded = recorded_candidates([prepared, patched], plan)
    assert recorded == {"a": ("x", "y"), "d": ("y", "x")}
    assert [task.agent_type for task in reopened(plan, recorded).tasks] == [None, "z", "y", None]


def test_what_was_chosen_before_is_chosen_again_where_it_can_be() -> None:
    """Else whoever routes tasks is asked, or the rank decides."""
    choose = chosen_again({"a": ("y", "x")}, None)
    assert choose is not None
    task = Task(id="a", title="A")
    assert (choose(task, ("x", "y")), choose(task, ("x",)), choose(Task(id="b", title="B"), ("x",))) == (
        "y",
        None,
        None,
    )
    routed = chosen_again({"a": ("y", "x")}, lambda task, accepting: accepting[-1])
    assert routed is not None and routed(task, ("x", "z")) == "z"
