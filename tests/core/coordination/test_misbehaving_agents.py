"""Agents that sleep, raise, leak, lie, return 100 MB or ignore being told to end: each ends in a typed result in time, and the others notice nothing."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from attrs import evolve

from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent, SyncAgent
from agent_dispatcher.coordination.attempt import checked_result
from agent_dispatcher.coordination.run_state import fold
from agent_dispatcher.errors import PluginError
from agent_dispatcher.extension import AgentType
from agent_dispatcher.models import Artifact, Finding, Task
from agent_dispatcher.testing import dispatcher
from agent_dispatcher_builtins.executors.local import LocalExecutor

DONE = AgentResult(status="done", summary="did it")
FOUND = Finding(path="a.py", line=1, rule="clarity", severity="low", what="A reader is misled")
HUGE = 100 * 1024**2
TIMEOUT_S, GRACE_S = 1.0, 0.5


class Trouble:
    """What the agents of one test did, and how to let go of it."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.children: list[subprocess.Popen[bytes]] = []
        self.took: list[float] = []


@pytest.fixture
def trouble() -> Iterator[Trouble]:
    made = Trouble()
    yield made
    made.release.set()
    for child in made.children:
        child.kill()
        child.wait()


class Good(BaseAgent):
    """Works in small steps and notes how long they took."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        for _ in range(15):
            begun = time.monotonic()
            await asyncio.sleep(0.02)
            self.trouble.took.append(time.monotonic() - begun)
        return DONE


class Sleeping(BaseAgent):
    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        await asyncio.sleep(60)
        return DONE


class Raising(BaseAgent):
    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        raise ValueError("x" * 1_000_000)


class Lying(BaseAgent):
    async def execute(self, task: Task, context: AgentContext) -> Any:
        return {"status": "done"}


class Huge(SyncAgent):
    def execute(self, task: Task, context: AgentContext) -> AgentResult:
        context.progress(0.5, "y" * 1_000_000)
        return AgentResult(status="done", summary="x" * HUGE)


class Leaking(SyncAgent):
    """Leaves threads behind."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble

    def execute(self, task: Task, context: AgentContext) -> AgentResult:
        for _ in range(100):
            threading.Thread(target=self.trouble.release.wait, daemon=True).start()
        return DONE


class Stubborn(BaseAgent):
    """Goes on when it is cancelled, and says at last that it is done."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        while not self.trouble.release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.02)
        return DONE


class Deaf(SyncAgent):
    """Blocks its thread, with a child process."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble

    def execute(self, task: Task, context: AgentContext) -> AgentResult:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        self.trouble.children.append(child)
        self.trouble.release.wait(20)
        return DONE


BAD = {
    "sleeping": ("timeout", "timed out after 1 s"),
    "raising": ("raised", "characters left out"),
    "lying": ("raised", "PluginError: agent lying-1 returned a dict"),
    "huge": ("raised", f"returned an AgentResult of {HUGE} characters"),
    "stubborn": ("timeout", "the agent did not end when it was told to"),
    "deaf": ("timeout", ""),  # whichever notices first: its limit, or whoever looks after it
}
GOOD = [f"good{number}" for number in range(8)]


def make(name: str, trouble: Trouble) -> BaseAgent | SyncAgent:
    if name in ("sleeping", "raising", "lying", "huge"):
        return {"sleeping": Sleeping, "raising": Raising, "lying": Lying, "huge": Huge}[name]()
    return {"leaking": Leaking, "stubborn": Stubborn, "deaf": Deaf}.get(name, Good)(trouble)


def carry_out(world: Any, plan_of: Any, trouble: Trouble, names: list[str]) -> list[float]:
    """How long the steps of the good agents took."""
    world.make_agent = lambda name: make(name, trouble)
    world.assignments = {name: ("good" if name in GOOD else name,) for name in names}
    world.concurrency, world.max_attempts = 40, 1
    world.timeout_s, world.grace_s = TIMEOUT_S if len(names) > len(GOOD) else 30.0, GRACE_S

    async def whole() -> None:
        await world.run(plan_of(" ".join(names)))
        trouble.release.set()  # asyncio.run would wait for ever

    asyncio.run(whole())
    took, trouble.took = trouble.took, []
    return took


def test_each_ends_in_time_and_nobody_else_notices(
    world: Any, plan_of: Any, trouble: Trouble, caplog: pytest.LogCaptureFixture
) -> None:
    """Every bad agent's attempt fails with its reason, within its limit and its grace; the steps of the others take what they take alone."""
    alone = carry_out(type(world)(), plan_of, trouble, GOOD)
    trouble.release.clear()
    together = carry_out(world, plan_of, trouble, [*GOOD, *BAD, "leaking"])
    state = fold(world.events())
    failed = {event.task: event.data for event in world.events() if event.type == "attempt.failed"}
    assert {name: failed[name]["reason"] for name in BAD} == {name: reason for name, (reason, _) in BAD.items()}
    for name, (_, error) in BAD.items():
        assert error in failed[name]["error"], name
        assert len(failed[name]["error"]) < 30_000
        assert failed[name]["duration_s"] < TIMEOUT_S + GRACE_S + 3.0, name
    assert {name: state.tasks[name].error for name in [*GOOD, "leaking"]} == dict.fromkeys([*GOOD, "leaking"])
    assert {state.tasks[name].status for name in [*GOOD, "leaking"]} == {"completed"}
    # not the slowest: to make a text of 100 MB holds the interpreter for a tenth of a second, whoever does it
    assert median(together) < 1.5 * median(alone)
    assert trouble.children[0].wait(5) < 0
    assert (
        "agent deaf-1 did not end when it was told to: task deaf goes on without it, 1 of its processes were killed"
        in caplog.text
    )
    assert "agent stubborn-1 did not end when it was told to: task stubborn goes on without it" in caplog.text


def one_run(agents: list[Any], folder: Path, **coordinator: Any) -> tuple[str, list[str]]:
    """Status and warnings of a run of one task for each agent type."""
    types = [
        AgentType(
            name=agent.__name__.lower(),
            summary="Under test.",
            factory=lambda options, services, agent=agent: agent(),
            task_types=frozenset({agent.__name__.lower()}),
            default_rank=number,
        )
        for number, agent in enumerate(agents)
    ]
    seen: list[Any] = []
    ready = dispatcher(types, config={"coordinator": {"max_attempts": 1, **coordinator}}, executors=[LocalExecutor])
    plan = ready.plan_tasks([{"id": one.name, "title": one.name, "type": one.name} for one in types])
    result = ready.execute(plan, folder / "out", on_events=seen.extend)
    return result.status, [event.data["text"] for event in seen if event.type == "run.warning"]


def test_an_agent_that_leaks_is_named(trouble: Trouble, tmp_path: Path) -> None:
    """A warning of the run says what grew and names the agent type."""

    class Leaky(SyncAgent):
        def execute(self, task: Task, context: AgentContext) -> AgentResult:
            for _ in range(50):
                threading.Thread(target=trouble.release.wait, daemon=True).start()
            trouble.children.extend(subprocess.Popen(["sleep", "60"]) for _ in range(6))
            return DONE

    status, warnings = one_run([Leaky], tmp_path)
    assert status == "completed"
    assert [text.partition(":")[0] for text in warnings] == [
        "agents leave threads behind",
        "agents leave processes behind",
    ]
    assert all("agent type: leaky (1 attempts so far)" in text for text in warnings)


def test_an_agent_that_blocks_the_loop_is_named(tmp_path: Path) -> None:
    """One that says it awaits and does not: a warning names it, with file and line, since nobody can end it."""

    class Blocker(BaseAgent):
        async def execute(self, task: Task, context: AgentContext) -> AgentResult:
            time.sleep(4.5)
            return DONE

    status, warnings = one_run([Blocker], tmp_path)
    assert status == "completed"
    assert len(warnings) == 1
    assert warnings[0].startswith(f"agent blocker-1 ({__file__}:")
    assert "make it a SyncAgent" in warnings[0]


def test_a_program_ends_although_an_agent_does_not(tmp_path: Path) -> None:
    """An agent that never ends when it is told to holds up neither the run nor the end of the program; the run says who it was."""
    script = tmp_path / "program.py"
    script.write_text(
        """
import asyncio, sys
from agent_dispatcher import AgentResult, BaseAgent
from agent_dispatcher.testing import dispatcher

class Stubborn(BaseAgent):
    async def execute(self, task, context):
        while True:
            try:
                await asyncio.sleep(0.02)
            except asyncio.CancelledError:
                pass

texts = []
ready = dispatcher([Stubborn], config={"coordinator": {"agent_timeout": 0.2, "max_attempts": 1}})
plan = ready.plan_tasks([{"id": "a", "title": "a", "type": "x"}])
result = ready.execute(plan, sys.argv[1], on_events=lambda events: texts.extend(e.data.get("text", "") for e in events))
print(result.status, *texts)
""",
        encoding="utf-8",
    )
    ended = subprocess.run(
        [sys.executable, script, tmp_path / "out"], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("failed")
    assert "agent agent-1-1 did not end when it was told to: task a goes on without it" in ended.stdout
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "findings",
    [
        [FOUND],
        ({"path": "a.py", "line": 1},),
        (evolve(FOUND, line="1"),),
        (evolve(FOUND, what=None),),
        (evolve(FOUND, what="x" * 2_000_000),),
    ],
    ids=["list", "dict", "line", "what", "huge"],
)
def test_findings_that_cannot_be_recorded_are_a_fault_of_the_agent(findings: Any) -> None:
    """As any other field that holds something else than it says, or too much of it."""
    sound = Artifact(name="n", type="note", path="n.md", task="a", findings=(FOUND,))
    result = AgentResult(status="done", artifacts=(sound,))
    assert checked_result(result, "agent-1") is result
    with pytest.raises(PluginError, match=r"whose artifacts cannot be recorded|characters, 1000000 are allowed"):
        checked_result(AgentResult(status="done", artifacts=(evolve(sound, findings=findings),)), "agent-1")
