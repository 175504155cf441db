"""What the coordinator makes of attempts that raise, fail, decline, are refused, hang or answer nonsense."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent, SyncAgent
from agent_dispatcher.coordination.retry import FailureJudge
from agent_dispatcher.coordination.run_state import fold
from agent_dispatcher.errors import Unavailable
from agent_dispatcher.extension import Fail, Reroute, Retry
from agent_dispatcher.models import Artifact, Evidence, Task

DONE = AgentResult(status="done")


class Speechless(Exception):
    """An error that raises when it is asked what it says."""

    def __str__(self) -> str:
        raise ValueError("no words")


def test_an_error_that_cannot_be_read_fails_its_attempt(world: Any, plan_of: Any) -> None:
    """The run goes on and ends; the error is named by its class."""

    async def script(task: Task, context: AgentContext) -> AgentResult:
        if task.id == "a":
            raise Speechless
        return DONE

    world.script, world.max_attempts = script, 1
    assert asyncio.run(asyncio.wait_for(world.run(plan_of("a b")), 10)) == "failed"
    assert "Speechless: it cannot say what is wrong" in str(fold(world.events()).tasks["a"].error)
    assert fold(world.events()).tasks["b"].status == "completed"


def test_what_goes_wrong_after_a_failure_ends_the_run(
    world: Any, plan_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that is never told how an attempt ended would wait for ever."""

    async def script(task: Task, context: AgentContext) -> AgentResult:
        raise RuntimeError("no luck")

    def judge(*_: Any, **__: Any) -> Any:
        raise LookupError("the judge has gone")

    world.script = script
    monkeypatch.setattr(FailureJudge, "judge", judge)
    with pytest.raises(LookupError, match="the judge has gone"):
        asyncio.run(asyncio.wait_for(world.run(plan_of("a")), 10))


def test_failed_attempt_is_tried_again(world: Any, plan_of: Any) -> None:
    """An agent that raises is replaced and the task tried again; the error is recorded."""

    async def once(task: Task, context: AgentContext) -> AgentResult:
        if len(world.calls) == 1:
            raise RuntimeError("no luck")
        return DONE

    world.script = once
    assert asyncio.run(world.run(plan_of("a"))) == "completed"
    failed = next(event for event in world.events() if event.type == "attempt.failed")
    assert (failed.data["error"], failed.data["reason"], failed.attempt) == ("RuntimeError: no luck", "raised", 1)
    assert len(world.agents) == 2
    assert world.workspace.open_folders == set()


def test_agent_that_exits_fails_only_its_attempt(world: Any, plan_of: Any) -> None:
    """sys.exit() in an agent does not end the run."""

    async def leave(task: Task, context: AgentContext) -> AgentResult:
        raise SystemExit(3)

    world.script, world.max_attempts = leave, 1
    assert asyncio.run(world.run(plan_of("a"))) == "failed"
    assert fold(world.events()).tasks["a"].error == "attempt 1 of 1: SystemExit: 3"


def test_permanent_failure_is_not_repeated(world: Any, plan_of: Any) -> None:
    """An agent that says another attempt would end the same way is believed; dependents are blocked, siblings go on."""

    async def work(task: Task, context: AgentContext) -> AgentResult:
        return AgentResult(status="failed", error="contradiction", permanent=True) if task.id == "a" else DONE

    world.script = work
    assert asyncio.run(world.run(plan_of("a b c", "a>b"))) == "failed"
    state = fold(world.events())
    assert {name: task.status for name, task in state.tasks.items()} == {
        "a": "failed",
        "b": "blocked",
        "c": "completed",
    }
    assert world.calls.count("a") == 1


def test_declined_goes_to_the_next_agent_type(world: Any, plan_of: Any) -> None:
    """Each candidate is asked in rank; one that cannot work here counts as having declined."""

    class Choosy(BaseAgent):
        def __init__(self, name: str) -> None:
            self.name = name

        async def execute(self, task: Task, context: AgentContext) -> AgentResult:
            return DONE if self.name == "third" else AgentResult(status="declined", error="not mine")

    def make(name: str) -> BaseAgent:
        if name == "second":
            raise Unavailable("no licence", "buy one")
        return Choosy(name)

    world.make_agent, world.max_attempts = make, 1
    world.assignments["a"] = ("first", "second", "third")
    assert asyncio.run(world.run(plan_of("a"))) == "completed"
    reasons = [event.data["error"] for event in world.events() if event.type == "attempt.failed"]
    assert reasons == ["not mine", "no licence (buy one)"]
    assert fold(world.events()).tasks["a"].agent_type == "third"


@pytest.mark.parametrize(
    ("answer", "expected"), [(Retry(0.0), 3), (Fail(), 1), (Reroute("expert"), 3), (None, 3), ("nonsense", 3)]
)
def test_policy_decides_what_follows_a_failure(world: Any, plan_of: Any, answer: object, expected: int) -> None:
    """The hook's answer is obeyed; no opinion leaves it to the limit of attempts."""

    async def work(task: Task, context: AgentContext) -> AgentResult:
        return AgentResult(status="failed", error="no")

    asked: list[tuple[str, int, str]] = []

    def policy(task: Task, attempt: int, error: str, sort: str) -> object:
        asked.append((task.id, attempt, error))
        return answer

    world.script, world.on_task_error = work, policy
    assert asyncio.run(world.run(plan_of("a"))) == "failed"
    assert asked == [("a", number, "no") for number in range(1, expected + 1)]
    types = [event.data["agent_type"] for event in world.events() if event.type == "attempt.started"]
    assert types[1:] == (["expert"] * 2 if isinstance(answer, Reroute) else ["worker"] * (expected - 1))


def test_rejected_work_goes_back_with_feedback(world: Any, plan_of: Any, verdict: Any, tmp_path: Path) -> None:
    """The next attempt is told why the work was refused, with what the checks and their logs said."""
    (tmp_path / "log.txt").write_text("E   assert 1 == 2")
    red = Evidence(
        id="e", check="pytest", passed=False, summary="1 failed", log="log.txt", details={"failed": ["test_x"]}
    )
    expected = Evidence(id="f", check="other", passed=False, expected_red=True)
    world.verdicts["a"] = [
        verdict(why="checks did not pass", evidence=(red, expected)),
        verdict(why="clash", conflict=("x.py",)),
    ]
    world.run_dir = tmp_path
    assert asyncio.run(world.run(plan_of("a"))) == "completed"
    feedback = [context.feedback for context in world.contexts]
    assert feedback == [
        "",
        "checks did not pass\npytest: 1 failed\n  test_x\nE   assert 1 == 2",
        "clash\nin conflict with work that landed before: x.py",
    ]
    rejected = [event.data["conflict"] for event in world.events() if event.type == "attempt.rejected"]
    assert rejected == [[], ["x.py"]]
    delays = [event.data["delay_s"] for event in world.events() if event.type == "attempt.retry"]
    assert delays == [0.01, 0.0], "after a conflict nothing is gained by waiting"


def test_attempt_that_takes_too_long(world: Any, plan_of: Any) -> None:
    """An attempt is ended when its time is over and tried again; that costs an attempt."""

    async def work(task: Task, context: AgentContext) -> AgentResult:
        if len(world.calls) == 1:
            await asyncio.sleep(60)
        return DONE

    world.script, world.timeout_s = work, 0.1
    assert asyncio.run(asyncio.wait_for(world.run(plan_of("a")), 30)) == "completed"
    failed = next(event for event in world.events() if event.type == "attempt.failed")
    assert (failed.data["reason"], failed.data["error"]) == ("timeout", "timed out after 0.1 s")


@pytest.mark.parametrize("late", ["returns", "raises"])
def test_agent_that_swallows_its_cancellation(world: Any, plan_of: Any, late: str) -> None:
    """An agent that refuses to end is given up: the run goes on, its folder goes to nobody else, its late result counts for nothing."""

    over, ended = asyncio.Event(), asyncio.Event()

    async def work(task: Task, context: AgentContext) -> AgentResult:
        if len(world.calls) == 1:
            while not over.is_set():
                try:
                    await over.wait()
                except asyncio.CancelledError:
                    continue
            ended.set()
            if late == "raises":
                raise RuntimeError("too late")
        return DONE

    world.script, world.timeout_s, world.grace_s = work, 0.1, 0.1

    async def whole() -> str:
        status = str(await asyncio.wait_for(world.run(plan_of("a")), 30))
        assert not ended.is_set(), "the run did not wait for it"
        over.set()
        await asyncio.wait_for(ended.wait(), 30)
        await asyncio.sleep(0.05)  # whatever it returned has been heard of by now
        return status

    assert asyncio.run(whole()) == "completed"
    assert ("a", 1) in world.workspace.open_folders
    assert [event.attempt for event in world.events() if event.type == "attempt.sealed"] == [2]
    assert [event.attempt for event in world.events() if event.type == "attempt.failed"] == [1]


def test_blocking_agent_does_not_block_the_others(world: Any, plan_of: Any) -> None:
    """Agents that block run side by side in threads, and one that never returns is ended by its time."""
    hold, all_at_once = threading.Event(), threading.Barrier(11)

    class Blocking(SyncAgent):
        def execute(self, task: Task, context: AgentContext) -> AgentResult:
            if task.id == "stuck":
                hold.wait(60)
            else:
                all_at_once.wait(60)
            return DONE

    world.make_agent = lambda name: Blocking()
    world.timeout_s, world.max_attempts, world.concurrency = 1.0, 1, 12
    status = asyncio.run(asyncio.wait_for(world.run(plan_of("stuck " + " ".join(f"t{n}" for n in range(11)))), 30))
    hold.set()
    state = fold(world.events())
    assert status == "failed"
    assert state.tasks.pop("stuck").error == "attempt 1 of 1: timed out after 1 s"
    assert {task.status for task in state.tasks.values()} == {"completed"}


def test_wrong_result_is_the_agents_fault(world: Any, plan_of: Any) -> None:
    """Whatever an agent returns that is no result is a failed attempt that names the agent, and harms nothing."""
    wrong: list[Any] = [
        None,
        {"status": "done"},
        AgentResult(status="done", summary=object()),  # type: ignore[arg-type]
        AgentResult(status="done", artifacts=("x",)),  # type: ignore[arg-type]
        AgentResult(status="done", artifacts=(Artifact(name=b"x", type="code", path="p", task="a"),)),  # type: ignore[arg-type]
        AgentResult(status="done", tokens=float("nan")),  # type: ignore[arg-type]
        AgentResult(status="done", cost_usd=float("nan")),
        AgentResult(status="failed", error=object()),  # type: ignore[arg-type]
    ]

    async def work(task: Task, context: AgentContext) -> Any:
        return wrong[int(task.id)]

    world.script, world.max_attempts = work, 1
    names = [str(n) for n in range(len(wrong))]
    assert asyncio.run(world.run(plan_of(" ".join(names)))) == "failed"
    state = fold(world.events())
    for name in names:
        assert "worker-" in str(state.tasks[name].error), name
