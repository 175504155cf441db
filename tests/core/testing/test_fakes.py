"""The fakes do what their pages say, and a suite works under pytest without anything being installed for it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

import agent_dispatcher.testing
from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.errors import BackendError, PluginError, SandboxUnavailable, SpecificationError
from agent_dispatcher.extension import LlmReply, LlmRequest, PlanningContext, Requires
from agent_dispatcher.models import Specification, Task
from agent_dispatcher.testing import (
    Deadlock,
    ScriptedBackend,
    VirtualClock,
    dispatcher,
    run_agent,
    run_virtual,
)


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


# --- under pytest ---------------------------------------------------------------------------------------------------

SUITE = """
from agent_dispatcher.testing import MemoryStore, StoreContract

class Forgetful(MemoryStore):
    def read(self, run, after=0):
        return iter(())

class TestForgetful(StoreContract):
    durable = False
    def make_store(self, data_dir):
        return Forgetful()

class TestUnfinished(StoreContract):
    durable = False
"""


def test_pytest_collects_a_subclass_and_nothing_else(tmp_path: Path) -> None:
    """The imported suite itself is not collected; a broken promise fails with what the contract asks, one that does not apply is skipped, and a missing
    method is named."""
    (tmp_path / "test_mine.py").write_text(SUITE)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rsf",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=100, check=False)
    said = done.stdout
    assert "StoreContract::" not in said.replace("TestForgetful", "").replace("TestUnfinished", "")
    assert "FAILED test_mine.py::TestForgetful::test_events_come_back_in_order_and_numbered" in said
    assert "The contract asks: append numbers events on from the last" in said
    assert "the store keeps nothing beyond its process" in said
    assert "TestUnfinished must override make_store(self, data_dir)" in said


def test_the_package_is_light_and_complete() -> None:
    """Importing it imports no pytest and no Hypothesis; every name it announces is there."""
    code = "import sys, agent_dispatcher.testing as t; [getattr(t, n) for n in t.__all__]; print({'pytest', 'hypothesis'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert agent_dispatcher.testing.__all__ == sorted(agent_dispatcher.testing.__all__)


# --- scripted backend -----------------------------------------------------------------------------------------------


def test_a_scripted_backend_says_its_lines(tmp_path: Path) -> None:
    """Texts, replies, errors and functions come in their order; what was asked is remembered; the end is an error that quotes the request."""
    lines: list[Any] = [
        "one",
        LlmReply(text="two", model="m"),
        OSError("503"),
        lambda request: f"you said {request.messages[-1].content}",
    ]
    backend = ScriptedBackend(lines)

    async def ask(text: str) -> str:
        return (await backend.complete(LlmRequest.of(text))).text

    assert asyncio.run(ask("a")) == "one"
    assert asyncio.run(ask("b")) == "two"
    with pytest.raises(OSError, match="503"):
        asyncio.run(ask("c"))
    assert asyncio.run(ask("d")) == "you said d"
    assert ([each.messages[-1].content for each in backend.requests], backend.left) == (["a", "b", "c", "d"], 0)
    with pytest.raises(BackendError, match=r"has 4 replies, and this is request 5: 'e'"):
        asyncio.run(ask("e"))


def test_a_script_is_read_from_a_file(tmp_path: Path) -> None:
    """JSON lines are replies; one that is none is named with its line."""
    file = tmp_path / "script.jsonl"
    file.write_text('"one"\n\n{"text": "two", "usage": {"input_tokens": 7}}\n')
    backend = ScriptedBackend.from_file(file)
    replies = [asyncio.run(backend.complete(LlmRequest.of("x"))) for _ in range(2)]
    assert [(reply.text, reply.usage.input_tokens) for reply in replies] == [("one", 1), ("two", 7)]
    file.write_text('"one"\n{"says": "two"}\n')
    with pytest.raises(SpecificationError, match=r"script.jsonl:2: .*'says'"):
        ScriptedBackend.from_file(file)


# --- virtual time ---------------------------------------------------------------------------------------------------


def test_hours_take_no_time() -> None:
    """Timers fire in their order at their virtual moments, timeouts included, without waiting."""
    clock, seen = VirtualClock(epoch=1000.0), []

    async def work() -> None:
        async def later(hours: float) -> None:
            await asyncio.sleep(hours * 3600)
            seen.append((hours, clock.monotonic(), clock.now()))

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(86400):
                await asyncio.gather(later(2), later(1), later(48))

    begun = time.monotonic()
    run_virtual(work(), clock=clock)
    assert time.monotonic() - begun < 5.0
    assert seen == [(1, 3600.0, 4600.0), (2, 7200.0, 8200.0)]
    assert clock.monotonic() == 86400.0


def test_waiting_for_nobody_is_a_deadlock() -> None:
    """A program that nobody will ever wake is an error that names who waits."""

    async def stuck() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match="stuck"):
        run_virtual(stuck())


def test_a_seed_is_an_interleaving() -> None:
    """Check-then-act shows with some seeds, and with the same seed again."""

    async def claim_twice() -> int:
        owner: list[int] = []

        async def claim(me: int) -> None:
            if not owner:
                await asyncio.sleep(0)
                owner.append(me)

        await asyncio.gather(claim(1), claim(2))
        return owner[-1]

    outcomes = [run_virtual(claim_twice(), seed=seed) for seed in range(20)]
    assert set(outcomes) == {1, 2}
    assert outcomes == [run_virtual(claim_twice(), seed=seed) for seed in range(20)]


def test_the_wall_clock_can_be_set() -> None:
    """Setting it does not touch monotonic time, and time does not go back."""
    clock = VirtualClock(epoch=1000.0)
    clock.advance(5.0)
    clock.set_wall_clock(500.0)
    assert (clock.now(), clock.monotonic()) == (500.0, 5.0)
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1.0)


# --- agents alone ---------------------------------------------------------------------------------------------------


class Shouts(BaseAgent):
    """Writes a file in capitals."""

    def __init__(self) -> None:
        self.life: list[str] = []

    async def setup(self) -> None:
        self.life.append("setup")

    async def teardown(self) -> None:
        self.life.append("teardown")

    def on_start(self, task: Task) -> None:
        self.life.append("start")

    def on_result(self, task: Task, result: AgentResult) -> None:
        self.life.append(result.status)

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        context.progress(0.5, "shouting")
        context.workspace.write_text("out.txt", context.workspace.read_text("in.txt").upper())
        return AgentResult(status="done")


def test_an_agent_is_run_alone() -> None:
    """Files go in, the result, the files and the progress come out, and the agent had its whole life."""
    agent = Shouts()
    run = run_agent(agent, files={"in.txt": "hello"})
    assert run.result.status == "done"
    assert dict(run.files) == {"in.txt": "hello", "out.txt": "HELLO"}
    assert run.progress == ((0.5, "shouting"),)
    assert agent.life == ["setup", "start", "done", "teardown"]


def test_what_an_agent_must_not_do_alone_either() -> None:
    """A command without a sandbox is refused, and something that is no result is an error."""

    class Runs(BaseAgent):
        async def execute(self, task: Task, context: AgentContext) -> AgentResult:
            await context.sandbox.run(["true"])
            return AgentResult(status="done")

    class Says(BaseAgent):
        async def execute(self, task: Task, context: AgentContext) -> AgentResult:
            return "done"  # type: ignore[return-value]

    with pytest.raises(SandboxUnavailable, match="pass sandbox="):
        run_agent(Runs())
    with pytest.raises(PluginError, match="must return an AgentResult"):
        run_agent(Says())


# --- the dispatcher in one line -------------------------------------------------------------------------------------


def test_a_dispatcher_of_two_functions(tmp_path: Path) -> None:
    """A whole run with a function as agent: what it wrote is in the output, in the order that the plan asks for."""
    order: list[str] = []

    def write(task: Task, context: AgentContext) -> dict[str, str]:
        order.append(task.id)
        return {f"{task.id}.txt": task.title}

    made = dispatcher(agents=[write])
    plan = made.plan_tasks([{"id": "b", "title": "B"}, {"id": "a", "title": "A"}], [("a", "b")])
    result = made.execute(plan, tmp_path / "out")
    assert (result.status, order) == ("completed", ["a", "b"])
    assert (tmp_path / "out" / "a.txt").read_text() == "A"
    assert [registered.name for registered in made.registry.plugins()] == ["under-test"]


def test_a_dispatcher_with_a_rule_of_ones_own(tmp_path: Path) -> None:
    """Components are given as objects or classes; a kind that does not exist is an error that lists those that do."""

    class Backwards:
        async def find(
            self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
        ) -> Iterable[Requires]:
            return [Requires(tasks[-1].id, tasks[0].id, evidence="backwards")]

    tasks = (Task(id="a", title="A"), Task(id="b", title="B"))
    specification = Specification(id="s", title="s", tasks=tasks)
    plan = dispatcher(agents=[Shouts], rules=[Backwards]).plan(specification)
    assert plan.binding_edges() == (("b", "a"),)
    with pytest.raises(TypeError, match=r"no kind of components called 'ruels'.*rules"):
        dispatcher(ruels=[Backwards()])


def test_a_failing_agent_fails_the_run(tmp_path: Path) -> None:
    """What an agent raises ends up in the result, as in a real run."""

    def fail(task: Task, context: AgentContext) -> Any:
        return AgentResult(status="failed", error="no ink", permanent=True)

    made = dispatcher(agents=[fail])
    result = made.execute(made.plan_tasks([{"id": "a", "title": "A"}]), tmp_path / "out")
    assert result.status == "failed"
    assert "no ink" in str(result.task_results[0].error)
