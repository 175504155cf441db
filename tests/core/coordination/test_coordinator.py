"""The coordinator on a real event loop, with components that keep everything in memory: what is recorded, in which order, and who runs when."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Sequence
from typing import Any

import pytest

from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.config.values import AgentFactorySettings
from agent_dispatcher.coordination.replay import replay
from agent_dispatcher.coordination.run_state import fold
from agent_dispatcher.errors import RunError
from agent_dispatcher.extension import Lease
from agent_dispatcher.models import Event, Evidence, Task

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

    async def waiting(task: Task, context: AgentContext) -> AgentResult:
        await asyncio.sleep(0.01)
        return DONE

    again = type(world)(script=waiting)
    again.store.append, append = recording, again.store.append
    batches.clear()
    assert asyncio.run(again.run(plan_of("a b", "a>b"))) == "completed"
    assert [batch for batch in batches if "attempt.sealed" in batch] == [between, between[:3]]

    async def later(task: Task) -> None:
        await asyncio.sleep(0.01)

    again = type(world)(on_land=later)
    batches.clear()
    append, again.store.append = again.store.append, recording
    assert asyncio.run(again.run(plan_of("a"))) == "completed"
    assert [batch for batch in batches if "attempt.sealed" in batch] == [["attempt.sealed"]]


def test_a_link_of_a_chain_takes_one_turn_of_the_loop(world: Any, plan_of: Any) -> None:
    """From the end of one agent to the beginning of the next the loop goes round once, so that all else in it has its turn, and no more often."""
    rounds: list[int] = []

    async def goes_round() -> None:
        while True:
            await asyncio.sleep(0)
            if rounds:
                rounds[-1] += 1

    async def work(task: Task, context: AgentContext) -> AgentResult:
        rounds.append(0)
        return DONE

    async def whole() -> str:
        beside = asyncio.create_task(goes_round())
        status = await world.run(plan_of(names, " ".join(f"t{n}>t{n + 1}" for n in range(29))))
        beside.cancel()
        return str(status)

    names, world.script = " ".join(f"t{n}" for n in range(30)), work
    assert asyncio.run(whole()) == "completed"
    assert rounds[:-1] == [1] * 29


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


def test_agents_that_end_together_are_followed_little_by_little(world: Any, plan_of: Any) -> None:
    """When all that are at work end at once, the next ones begin after the record of the first few, not after that of all; nobody is forgotten."""
    together, seen, events = asyncio.Barrier(16), list[int](), world.events

    async def work(task: Task, context: AgentContext) -> AgentResult:
        if int(task.id[1:]) < 16:
            await together.wait()
        else:
            seen.append(sum(event.type == "attempt.sealed" for event in events()))
        return DONE

    world.script, world.concurrency = work, 16
    plan = plan_of(" ".join(f"t{n}" for n in range(32)))
    assert asyncio.run(world.run(plan)) == "completed"
    assert seen[0] == 9  # eight, and the last to come, who did not wait
    assert seen[-1] >= 16
    assert replay(plan, world.events()).difference is None


def test_what_ended_before_a_stop_is_told_before_it(world: Any, plan_of: Any) -> None:
    """A cancelled run keeps what was sealed by then, also where no turn had taken it up yet."""
    together = asyncio.Barrier(16)

    async def work(task: Task, context: AgentContext) -> AgentResult:
        await together.wait()
        return DONE

    def when_sealed() -> None:
        if len(world.workspace.messages) < 16:
            asyncio.get_running_loop().call_soon(when_sealed)
        else:
            world.coordinator.cancel()

    async def both() -> str:
        asyncio.get_running_loop().call_soon(when_sealed)
        return str(await world.run(plan))

    plan = plan_of(" ".join(f"t{n}" for n in range(24)))
    world.script, world.concurrency = work, 16
    assert asyncio.run(both()) == "cancelled"
    kinds = [event.type for event in world.events()]
    assert kinds.count("attempt.sealed") == 16
    assert kinds.index("run.stopping") > max(place for place, kind in enumerate(kinds) if kind == "attempt.sealed")
    assert replay(plan, world.events()).difference is None


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


def test_final_checks_decide(world: Any, plan_of: Any) -> None:
    """A whole that does not pass makes the run failed, with the reason; the checks see everything that landed."""
    world.final_evidence = (Evidence(id="f", check="pytest", passed=False, summary="2 failed"),)
    assert asyncio.run(world.run(plan_of("a b"))) == "failed"
    assert world.final_calls == [frozenset({"a", "b"})]
    finished = fold(world.events()).finished
    assert finished["error"] == "the finished whole did not pass: pytest: 2 failed"
    assert world.workspace.finished == ["failed"]


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


def test_the_bus_keeps_nothing_of_a_run_that_is_over(world: Any, plan_of: Any) -> None:
    """Whoever holds the bus does not hold the coordinator, and nothing durable is published into a log that is closed."""
    assert asyncio.run(world.run(plan_of("a"))) == "completed"
    over = weakref.ref(world.coordinator)
    world.coordinator = None
    world.contexts.clear()
    gc.collect()
    assert over() is None
    assert world.bus.history() == ()
    with pytest.raises(RunError, match="no run is attached"):
        asyncio.run(world.bus.publish("late", durable=True))


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
