"""The coordinator on a real event loop, with components that keep everything in memory."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent, SyncAgent
from agent_dispatcher.config.values import AgentFactorySettings
from agent_dispatcher.coordination.retry import FailureJudge
from agent_dispatcher.coordination.run_state import fold
from agent_dispatcher.coordination.state_manager import request
from agent_dispatcher.errors import Fenced, StoreError, Unavailable, WorkspaceError
from agent_dispatcher.extension import Fail, Lease, Reroute, Retry
from agent_dispatcher.models import Artifact, Event, Evidence, Task

DONE = AgentResult(status="done")


def test_a_run_from_start_to_finish(world: Any, plan_of: Any, verdict: Any) -> None:
    """Every transition is recorded in its order, the work is landed and the run completed."""
    world.verdicts["a"] = [verdict(evidence=(Evidence(id="e", check="pytest", passed=True),))]
    assert asyncio.run(world.run(plan_of("a b", "a>b"))) == "completed"
    assert world.log() == [
        ("run.started", None),
        ("run.prepared", None),
        ("attempt.started", "a"),
        ("attempt.sealed", "a"),
        ("attempt.checked", "a"),
        ("attempt.landed", "a"),
        ("task.completed", "a"),
        ("attempt.started", "b"),
        ("attempt.sealed", "b"),
        ("attempt.landed", "b"),
        ("task.completed", "b"),
        ("run.finished", None),
    ]
    state = fold(world.events())
    assert state.status == "completed"
    assert (state.tasks["b"].commit, state.tasks["b"].agent, state.tasks["b"].attempts) == ("c-b", "worker-1", 1)
    assert state.finished["commit"] == "c-b"
    assert world.workspace.finished == ["completed"]
    assert world.workspace.open_folders == set()


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


def test_sealed_commit_says_where_it_comes_from(world: Any, plan_of: Any) -> None:
    """Subject is the task's title; trailers name run, task, attempt, agent type and requirements."""
    asyncio.run(world.run(plan_of("a")))
    assert world.workspace.messages == [
        (
            "Task a\n\ndid it",
            [
                ("Dispatcher-Run", "r"),
                ("Dispatcher-Task", "a"),
                ("Dispatcher-Attempt", "1"),
                ("Dispatcher-Agent", "worker"),
                ("Dispatcher-Requirement", "R1"),
            ],
        )
    ]


def test_a_landing_that_waits_for_nothing_shares_its_transaction(world: Any, plan_of: Any) -> None:
    """Of a chain each task's end and the next one's start are recorded in one go; a landing that takes its time does not hold back what was sealed."""
    batches: list[list[str]] = []
    append = world.store.append

    def recording(lease: Lease, events: Sequence[Event]) -> int:
        batches.append([event.type for event in events])
        return int(append(lease, events))

    world.store.append = recording
    assert asyncio.run(world.run(plan_of("a b", "a>b"))) == "completed"
    between = ["attempt.sealed", "attempt.landed", "task.completed", "attempt.started"]
    assert [batch for batch in batches if "attempt.sealed" in batch] == [between, between[:3]]

    async def later(task: Task) -> None:
        await asyncio.sleep(0.01)

    again = type(world)(on_land=later)
    batches.clear()
    append, again.store.append = again.store.append, recording
    assert asyncio.run(again.run(plan_of("a"))) == "completed"
    assert [batch for batch in batches if "attempt.sealed" in batch] == [["attempt.sealed"]]


def test_attempts_start_from_the_tip(world: Any, plan_of: Any) -> None:
    """A dependent starts from the commit that holds what it depends on."""
    asyncio.run(world.run(plan_of("a b", "a>b")))
    bases = {event.task: event.data["base"] for event in world.events() if event.type == "attempt.started"}
    assert bases == {"a": "c0", "b": "c-a"}


def test_completion_is_recorded_before_a_dependent_runs(world: Any, plan_of: Any) -> None:
    """When an agent begins, the log already holds the completion of what it depends on and its own start."""
    seen: dict[str, list[tuple[str, str | None]]] = {}

    async def look(task: Task, context: AgentContext) -> AgentResult:
        seen[task.id] = world.log("task.completed", "attempt.started")
        return DONE

    world.script = look
    asyncio.run(world.run(plan_of("a b", "a>b")))
    assert seen["b"] == [("attempt.started", "a"), ("task.completed", "a"), ("attempt.started", "b")]


def test_one_turn_is_one_transaction(world: Any, plan_of: Any) -> None:
    """What happens in one turn of the loop is recorded at once: a wide plan needs far fewer transactions than events."""
    batches: list[int] = []
    append = world.store.append

    def counting(lease: Lease, events: Sequence[Event]) -> int:
        batches.append(len(events))
        return int(append(lease, events))

    world.store.append = counting
    world.concurrency = 20
    names = " ".join(f"t{n}" for n in range(200))
    assert asyncio.run(world.run(plan_of(names))) == "completed"
    assert sum(batches) == 3 + 4 * 200
    assert len(batches) < 60


def test_never_more_attempts_than_allowed(world: Any, plan_of: Any) -> None:
    """No more attempts run at once than the limit, and all places are used."""
    running, most = 0, 0

    async def work(task: Task, context: AgentContext) -> AgentResult:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return DONE

    world.script, world.concurrency = work, 3
    asyncio.run(world.run(plan_of("a b c d e f g h")))
    assert most == 3


def test_nobody_waits_for_a_slow_landing(world: Any, plan_of: Any) -> None:
    """The place of an agent that is done goes to the next task while its work is still being looked at."""
    next_began = asyncio.Event()

    async def work(task: Task, context: AgentContext) -> AgentResult:
        if task.id == "b":
            next_began.set()
        return DONE

    async def slowly(task: Task) -> None:
        await next_began.wait()

    world.script, world.on_land, world.concurrency = work, slowly, 1
    assert asyncio.run(asyncio.wait_for(world.run(plan_of("a b")), 10)) == "completed"


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


def test_final_checks_decide(world: Any, plan_of: Any) -> None:
    """A whole that does not pass makes the run failed, with the reason; the checks see everything that landed."""
    world.final_evidence = (Evidence(id="f", check="pytest", passed=False, summary="2 failed"),)
    assert asyncio.run(world.run(plan_of("a b"))) == "failed"
    assert world.final_calls == [frozenset({"a", "b"})]
    finished = fold(world.events()).finished
    assert finished["error"] == "the finished whole did not pass: pytest: 2 failed"
    assert world.workspace.finished == ["failed"]


def test_attempt_that_takes_too_long(world: Any, plan_of: Any) -> None:
    """An attempt is ended when its time is over and tried again; that costs an attempt."""

    async def work(task: Task, context: AgentContext) -> AgentResult:
        if len(world.calls) == 1:
            await asyncio.sleep(60)
        return DONE

    world.script, world.timeout_s = work, 0.1
    begun = time.monotonic()
    assert asyncio.run(world.run(plan_of("a"))) == "completed"
    assert time.monotonic() - begun < 5
    failed = next(event for event in world.events() if event.type == "attempt.failed")
    assert (failed.data["reason"], failed.data["error"]) == ("timeout", "timed out after 0.1 s")


@pytest.mark.parametrize("late", ["returns", "raises"])
def test_agent_that_swallows_its_cancellation(world: Any, plan_of: Any, late: str) -> None:
    """An agent that refuses to end is given up: the run goes on, its folder goes to nobody else, its late result counts for nothing."""

    async def work(task: Task, context: AgentContext) -> AgentResult:
        if len(world.calls) == 1:
            until = time.monotonic() + 1.5
            while time.monotonic() < until:
                try:
                    await asyncio.sleep(0.05)
                except asyncio.CancelledError:
                    continue
            if late == "raises":
                raise RuntimeError("too late")
        return DONE

    world.script, world.timeout_s, world.grace_s = work, 0.1, 0.1

    async def whole() -> tuple[str, float]:
        begun = time.monotonic()
        status = await world.run(plan_of("a"))
        took = time.monotonic() - begun
        await asyncio.sleep(1.6)
        return status, took

    status, took = asyncio.run(whole())
    assert status == "completed"
    assert took < 1.4
    assert ("a", 1) in world.workspace.open_folders
    assert [event.attempt for event in world.events() if event.type == "attempt.sealed"] == [2]
    assert [event.attempt for event in world.events() if event.type == "attempt.failed"] == [1]


def test_blocking_agent_does_not_block_the_others(world: Any, plan_of: Any) -> None:
    """Agents that block run side by side in threads, and one that never returns is ended by its time."""
    hold = threading.Event()

    class Blocking(SyncAgent):
        def execute(self, task: Task, context: AgentContext) -> AgentResult:
            world.calls.append(task.id)
            if task.id == "stuck":
                hold.wait(20)
            else:
                time.sleep(0.1)
            return DONE

    world.make_agent = lambda name: Blocking()
    world.timeout_s, world.max_attempts, world.concurrency = 0.5, 1, 12
    begun = time.monotonic()
    status = asyncio.run(world.run(plan_of("stuck " + " ".join(f"t{n}" for n in range(11)))))
    took = time.monotonic() - begun
    hold.set()
    assert status == "failed"
    assert took < 3
    assert fold(world.events()).tasks["stuck"].error == "attempt 1 of 1: timed out after 0.5 s"


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


def test_pools_reuse_agents(world: Any, plan_of: Any) -> None:
    """Agents are used again; without pooling every attempt has its own."""
    world.concurrency = 1
    asyncio.run(world.run(plan_of("a b c")))
    assert len(world.agents) == 1
    alone = type(world)(pool=AgentFactorySettings(enable_pooling=False), concurrency=1)
    asyncio.run(alone.run(plan_of("a b c")))
    assert len(alone.agents) == 3


def test_progress_reaches_bus_and_agent(world: Any, plan_of: Any) -> None:
    """What an agent reports is published and given to its callback."""
    told: list[tuple[float, str]] = []

    class Chatty(BaseAgent):
        async def execute(self, task: Task, context: AgentContext) -> AgentResult:
            context.progress(0.5, "half")
            return DONE

        def on_progress(self, task: Task, fraction: float, text: str) -> None:
            told.append((fraction, text))

    world.make_agent = lambda name: Chatty()

    async def whole() -> Any:
        listening = world.bus.subscribe("attempt.*")
        await world.run(plan_of("a"))
        return await anext(listening)

    message = asyncio.run(whole())
    assert message.payload == {"task": "a", "attempt": 1, "fraction": 0.5, "text": "half"}
    assert told == [(0.5, "half")]


def test_what_an_attempt_used_is_given_back_at_once(world: Any, plan_of: Any) -> None:
    """The contexts of attempts that are over are gone without the collector of cycles, which in a large run seldom comes."""

    def there() -> list[AgentContext]:
        return [each for each in gc.get_objects() if type(each) is AgentContext]

    gc.collect()
    gc.disable()
    try:
        earlier = [id(each) for each in there()]  # a thread of another test may still have some
        assert asyncio.run(world.run(plan_of("a b c", "a>b"))) == "completed"
        world.contexts.clear()
        assert [each for each in there() if id(each) not in earlier] == []
    finally:
        gc.enable()


def test_durable_message_is_an_event(world: Any, plan_of: Any) -> None:
    """What an agent publishes durably is in the log, numbered, before the call returns; what JSON cannot hold is refused there."""
    numbers: list[int] = []

    async def work(task: Task, context: AgentContext) -> AgentResult:
        numbers.append(await context.bus.publish("found.it", {"n": 1}, durable=True))
        numbers.append(next(event.seq for event in world.events() if event.type == "message"))
        with pytest.raises(TypeError):
            await context.bus.publish("bad", object(), durable=True)
        return DONE

    world.script = work
    assert asyncio.run(world.run(plan_of("a"))) == "completed"
    assert numbers[0] == numbers[1] > 0


# --- stopping ---------------------------------------------------------------------------------------------------------


async def _sleep(task: Task, context: AgentContext) -> AgentResult:
    await asyncio.sleep(60)
    return DONE


def test_interrupted_run_can_be_resumed(world: Any, plan_of: Any) -> None:
    """Cancelling the call ends the agents, leaves a paused log, and the next call does only what is left."""
    hold = True

    async def work(task: Task, context: AgentContext) -> AgentResult:
        if task.id == "b" and hold:
            await asyncio.sleep(60)
        return DONE

    world.script, world.max_attempts = work, 1

    async def interrupted() -> None:
        job = asyncio.create_task(world.run(plan_of("a b c", "a>b b>c")))
        while "b" not in world.calls:
            await asyncio.sleep(0.01)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(interrupted())
    state = fold(world.events())
    assert (state.status, state.error) == ("paused", "interrupted")
    assert world.workspace.finished == []
    assert world.workspace.open_folders == set()
    hold = False
    assert asyncio.run(world.run(plan_of("a b c", "a>b b>c"))) == "completed"
    assert world.calls == ["a", "b", "b", "c"]


def test_sealing_is_not_interrupted(world: Any, plan_of: Any) -> None:
    """Work that is being sealed when the run is interrupted is sealed, recorded and landed by the next process, not done again."""
    world.workspace.seal_s = 0.1

    async def interrupted() -> None:
        job = asyncio.create_task(world.run(plan_of("a")))
        while not world.calls:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.03)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job

    asyncio.run(interrupted())
    assert world.log("attempt.sealed") == [("attempt.sealed", "a")]
    assert asyncio.run(world.run(plan_of("a"))) == "completed"
    assert world.calls == ["a"]


def test_cancelled_run_gives_up_what_is_left(world: Any, plan_of: Any) -> None:
    """A cancel request from another process ends the agents and the run; a resume takes the run up again."""
    world.script = _sleep

    async def cancelled() -> str:
        job = asyncio.create_task(world.run(plan_of("a b", "a>b")))
        while not world.calls:
            await asyncio.sleep(0.01)
        request(world.store, "r", {"command": "cancel"})
        return str(await job)

    assert asyncio.run(cancelled()) == "cancelled"
    state = fold(world.events())
    assert {name: task.status for name, task in state.tasks.items()} == {"a": "cancelled", "b": "cancelled"}
    assert state.finished["status"] == "cancelled"
    assert world.final_calls == []
    world.script = None
    assert asyncio.run(world.run(plan_of("a b", "a>b"))) == "completed"


def test_who_watches_may_cancel_at_the_very_start_of_an_attempt(
    world: Any, plan_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempt ends before its agent began: nobody waits for a grace, and no agent is said not to have ended."""
    open_state = world.open_state

    def watched() -> Any:
        def see(events: Sequence[Event]) -> None:
            if any(event.type == "attempt.started" for event in events):
                world.coordinator.cancel()

        state = open_state()
        state.subscribe(see)
        return state

    monkeypatch.setattr(type(world), "open_state", lambda _: watched())
    world.grace_s = 60.0
    assert asyncio.run(asyncio.wait_for(world.run(plan_of("a b")), 10)) == "cancelled"
    errors = {event.task: event.data["error"] for event in world.events() if event.type == "attempt.failed"}
    assert errors == {"a": "cancelled before it began", "b": "cancelled before it began"}
    assert world.calls == []


def test_paused_run_lets_the_running_end(world: Any, plan_of: Any) -> None:
    """A pause request lets agents in progress end and land, and starts nothing; resume does the rest once."""
    gate: asyncio.Event

    async def work(task: Task, context: AgentContext) -> AgentResult:
        if task.id == "a":
            await gate.wait()
        return DONE

    world.script = work

    async def paused() -> str:
        nonlocal gate
        gate = asyncio.Event()
        job = asyncio.create_task(world.run(plan_of("a b", "a>b")))
        while not world.calls:
            await asyncio.sleep(0.01)
        request(world.store, "r", {"command": "pause"})
        await asyncio.sleep(0.1)
        gate.set()
        return str(await job)

    assert asyncio.run(paused()) == "paused"
    assert fold(world.events()).status == "paused"
    assert world.log("task.completed") == [("task.completed", "a")]
    assert asyncio.run(world.run(plan_of("a b", "a>b"))) == "completed"
    assert world.calls == ["a", "b"]


def test_pause_before_the_run_begins(world: Any, plan_of: Any) -> None:
    """A coordinator that is told to pause before it began starts nothing."""

    async def early() -> str:
        job = asyncio.create_task(world.run(plan_of("a")))
        while world.coordinator is None:
            await asyncio.sleep(0)
            if world.coordinator is not None:
                world.coordinator.pause()
        return str(await job)

    assert asyncio.run(early()) in ("paused", "completed")


def test_run_that_takes_too_long(world: Any, plan_of: Any) -> None:
    """max_execution_time pauses the run, with the reason; the next process goes on with it, with a time of its own."""
    script, world.script, world.max_execution_time_s = world.script, _sleep, 0.1
    assert asyncio.run(world.run(plan_of("a b"))) == "paused"
    assert fold(world.events()).error == "max_execution_time of 0.1 s was reached"
    world.script, world.max_execution_time_s = script, 60.0
    assert asyncio.run(world.run(plan_of("a b"))) == "completed"


def test_landing_that_does_not_end_is_broken_off(world: Any, plan_of: Any) -> None:
    """A landing gets its grace when the run is interrupted; then the work stays sealed and lands with the next process."""
    forever = True

    async def hang(task: Task) -> None:
        if forever:
            await asyncio.sleep(60)

    world.on_land = hang

    async def interrupted() -> float:
        job = asyncio.create_task(world.run(plan_of("a")))
        while ("a", 1) not in world.workspace.sealed:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        begun = time.monotonic()
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        return time.monotonic() - begun

    assert asyncio.run(interrupted()) < 2
    forever = False
    assert asyncio.run(world.run(plan_of("a"))) == "completed"
    assert world.calls == ["a"]


# --- trouble ----------------------------------------------------------------------------------------------------------


def test_owner_that_was_taken_over_reports_nothing(world: Any, plan_of: Any, verdict: Any) -> None:
    """After a takeover the old owner neither records nor moves anything, and raises instead of returning a status."""
    world.verdicts["b"] = [verdict(evidence=(Evidence(id="e", check="pytest", passed=True),))]

    async def stolen(task: Task, context: AgentContext) -> AgentResult:
        if task.id == "b":
            world.store._owners.clear()
            world.store.acquire("r", "somebody else")
        return DONE

    world.script = stolen
    with pytest.raises(Fenced, match="taken over by somebody else"):
        asyncio.run(world.run(plan_of("a b", "a>b")))
    assert world.log("task.completed") == [("task.completed", "a")]
    assert list(world.workspace.landed) == ["a"]
    assert world.workspace.finished == []


def test_takeover_before_the_final_report_is_noticed(world: Any, plan_of: Any) -> None:
    """The lease is looked at again before the status is returned."""
    finish = world.workspace.finish

    async def stolen(status: str) -> str:
        world.store._owners.clear()
        world.store.acquire("r", "somebody else")
        return str(await finish(status))

    world.workspace.finish = stolen
    with pytest.raises(Fenced):
        asyncio.run(world.run(plan_of("a")))
    assert world.log("run.finished") == []


@pytest.mark.parametrize("nth", range(1, 9))
def test_store_that_fails_stops_the_run_resumable(world: Any, plan_of: Any, nth: int) -> None:
    """When the n-th write fails the run stops with that error; the next process completes it, each result recorded once."""
    append, count = world.store.append, 0

    def failing(lease: Lease, events: Sequence[Event]) -> int:
        nonlocal count
        count += 1
        if count == nth:
            raise StoreError("the disk is full")
        return int(append(lease, events))

    world.store.append = failing
    plan = plan_of("a b", "a>b")
    try:
        assert asyncio.run(world.run(plan)) == "completed"
    except StoreError as error:
        assert str(error) == "the disk is full"
        assert asyncio.run(world.run(plan)) == "completed"
    assert sorted(world.log("task.completed")) == [("task.completed", "a"), ("task.completed", "b")]
    assert len(world.calls) <= 3


def test_error_of_the_lane_stops_the_run(world: Any, plan_of: Any) -> None:
    """A workspace that cannot land stops the run with its error; the work stays sealed and lands with the next process."""

    async def broken(task: Task) -> None:
        raise WorkspaceError("the disk of the repository is full")

    world.on_land = broken
    with pytest.raises(WorkspaceError, match="the repository is full"):
        asyncio.run(world.run(plan_of("a b")))
    world.on_land = None
    assert asyncio.run(world.run(plan_of("a b"))) == "completed"
    assert sorted(world.calls) == ["a", "b"]


def test_work_landed_without_record_is_adopted(world: Any, plan_of: Any) -> None:
    """What the workspace holds and the log does not know is recorded on resume, and not done again."""
    plan = plan_of("a b c", "a>b b>c")
    asyncio.run(world.run(plan))
    for cut in range(1, len(world.events())):
        again = type(world)(workspace=world.workspace)
        again.store._events["r"] = [event for event in world.events() if event.seq <= cut]
        assert asyncio.run(again.run(plan)) == "completed", cut
        assert again.calls == [], cut
        for kind in ("attempt.landed", "task.completed"):
            assert sorted(again.log(kind)) == [(kind, name) for name in "abc"], cut


def test_branch_that_lost_landed_work_is_refused(world: Any, plan_of: Any) -> None:
    """A branch from which landed commits vanished is an error that names them."""
    plan = plan_of("a b", "a>b")
    asyncio.run(world.run(plan))
    again = type(world)()
    events = [event for event in world.events() if event.seq <= 5]
    events[0].data["branch"] = "dispatcher/r"
    again.store._events["r"] = events
    with pytest.raises(WorkspaceError, match=r"dispatcher/r no longer holds work that landed: a \(c-a\)"):
        asyncio.run(again.run(plan))
