"""Durable messages come from the log: without gaps, from any number, again until they are acknowledged."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agent_dispatcher.agents import AgentResult
from agent_dispatcher.coordination.message_bus import MessageBus
from agent_dispatcher.coordination.subscriptions import Consumer
from agent_dispatcher.errors import RunError


def test_durable_messages_are_never_lost(bus_log: Any, attached: Any, take: Any) -> None:
    """A slow subscriber is caught up from the log: every durable message once, in order."""

    async def body() -> list[int]:
        bus = attached(bus_log(), capacity=5)
        slow = bus.subscribe("x")
        for number in range(50):
            await bus.publish("x", number, durable=True)
        first = await take(slow, 20)
        for number in range(50, 60):
            await bus.publish("x", number, durable=True)
        return [message.payload for message in [*first, *await take(slow, 40)]]

    assert asyncio.run(body()) == list(range(60))


def test_replay_from_a_number(bus_log: Any, attached: Any, take: Any) -> None:
    """A subscriber that names a number gets what was recorded after it, then what comes; one that does not gets only what comes."""

    async def body() -> tuple[list[Any], list[Any]]:
        bus = attached(bus_log((5, "x", "old"), (9, "x", "older"), (11, "y", "other")))
        after, now = bus.subscribe("x", after=5), bus.subscribe("x")
        await bus.publish("x", "new", durable=True)
        return [one.payload for one in await take(after, 2)], [one.payload for one in await take(now, 1)]

    assert asyncio.run(body()) == (["older", "new"], ["new"])


def test_late_overflow_does_not_replay_what_was_before(bus_log: Any, attached: Any, take: Any) -> None:
    """A subscriber that overflows is caught up from where it began, not from the start of the log."""

    async def body() -> list[Any]:
        bus = attached(bus_log((5, "x", "before")), capacity=2)
        slow = bus.subscribe("x")
        for number in range(5):
            await bus.publish("x", number, durable=True)
        bus.send("x", "progress")
        return [one.payload for one in await take(slow, 6) if one.seq]

    assert asyncio.run(body()) == [0, 1, 2, 3, 4]


def test_what_was_read_from_the_log_comes_before_what_is_published_meanwhile(
    bus_log: Any, attached: Any, take: Any
) -> None:
    """A subscriber that is half way through what was recorded before gets a new message after the rest of it."""

    async def body() -> list[int]:
        bus = attached(bus_log((3, "a", 0), (6, "a", 0)))
        listening = bus.subscribe("a", after=0)
        first = await take(listening, 1)
        await bus.publish("a", durable=True)
        return [message.seq for message in [*first, *await take(listening, 2)]]

    assert asyncio.run(body()) == [3, 6, 9]


def test_durable_needs_a_run() -> None:
    """Without a run a durable message is refused, not quietly lost."""
    with pytest.raises(RunError, match="no run is attached"):
        asyncio.run(MessageBus().publish("x", durable=True))


def test_consumer_goes_on_where_it_acknowledged(bus_log: Any, attached: Any, take: Any) -> None:
    """What was not acknowledged comes again, to the next consumer of that name on another bus; what was, does not."""
    log = bus_log()

    async def first() -> list[Any]:
        bus = attached(log)
        consumer = bus.consume("reviewer", "x.*")
        for number in range(5):
            await bus.publish("x.y", number, durable=True)
            bus.send("x.y", "progress")
        got = await take(consumer, 4)
        await consumer.acknowledge(got[1])
        await consumer.acknowledge(got[0])
        return [message.payload for message in got]

    async def second() -> list[Any]:
        bus = attached(log)
        await bus.publish("x.z", 5, durable=True)
        return [message.payload for message in await take(bus.consume("reviewer", "x.*"), 4)]

    async def other() -> list[Any]:
        return [message.payload for message in await take(attached(log).consume("other", "x.*"), 6)]

    assert asyncio.run(first()) == [0, 1, 2, 3]
    assert [payload["seq"] for _, topic, payload in log.recorded if topic == "$position"] == [6]
    assert asyncio.run(second()) == [2, 3, 4, 5]
    assert asyncio.run(other()) == [0, 1, 2, 3, 4, 5]


def test_one_consumer_of_a_name_at_a_time(bus_log: Any, attached: Any) -> None:
    """Two would steal each other's position: the second is refused until the first has closed."""

    async def body() -> Consumer:
        bus = attached(bus_log())
        first = bus.consume("c", "*")
        with pytest.raises(RunError, match="at work already"):
            bus.consume("c", "*")
        await first.aclose()
        with pytest.raises(RunError, match="no run is attached"):
            MessageBus().consume("c", "*")
        return bus.consume("c", "*")

    assert asyncio.run(body()).position == 0


def test_history_and_latest(bus_log: Any, attached: Any) -> None:
    """History is what was recorded; latest is the last of it, or the first to come, whoever is first."""

    async def body() -> tuple[list[Any], list[Any]]:
        bus = attached(bus_log((3, "a.x", 1), (6, "b", 2), (9, "a.x", 3)))
        history = [message.payload for message in bus.history("a.*", after=1)]
        found = [(await bus.latest(pattern)).payload for pattern in ("a.*", "b")]
        waiting = asyncio.create_task(bus.latest("c"))
        await asyncio.sleep(0)
        bus.send("c", "transient")
        await bus.publish("c", 4, durable=True)
        found.append((await waiting).payload)
        found.append((await bus.latest("c")).payload)
        with pytest.raises(TimeoutError):
            await bus.latest("d", timeout_s=0.01)
        assert bus.statistics().subscribers == ()
        return history, found

    assert asyncio.run(body()) == ([1, 3], [3, 2, 4, 4])


def test_too_large_for_the_log(bus_log: Any) -> None:
    """A payload that would bloat the log is refused with the remedy, and nothing is recorded."""
    log = bus_log()

    async def body() -> None:
        bus = MessageBus(max_durable_bytes=1000)
        bus.attach(log.record, log.replay)
        with pytest.raises(RunError, match="1002 bytes of JSON, 1000 are allowed; write it to a file"):
            await bus.publish("t", "x" * 1000, durable=True)

    asyncio.run(body())
    assert log.recorded == []


def test_recorded_messages_arrive_in_order_and_without_their_publishers(world: Any, plan_of: Any) -> None:
    """What the log holds reaches who listens, in the order of the log, also when its publisher was cancelled before he learned of it."""
    world.bus = MessageBus()
    heard: list[Any] = []

    async def script(task: Any, context: Any) -> AgentResult:
        listening = context.bus.subscribe("t")
        publishing = [asyncio.create_task(context.bus.publish("t", number, durable=True)) for number in range(3)]
        await asyncio.sleep(0)
        publishing[1].cancel()
        await asyncio.gather(*publishing, return_exceptions=True)
        heard.extend([(await anext(listening)).payload for _ in range(3)])
        return AgentResult(status="done")

    world.script = script
    assert asyncio.run(world.run(plan_of("a"))) == "completed"
    assert heard == [0, 1, 2] == [event.data["payload"] for event in world.events() if event.type == "message"]
