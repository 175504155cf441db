"""Messages reach who listens, durable ones without gaps, and nobody waits for a slow subscriber."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from agent_dispatcher.coordination.message_bus import Message, MessageBus, Subscription
from agent_dispatcher.errors import RunError


class Log:
    """Where durable messages go."""

    def __init__(self, *recorded: tuple[int, str, Any]) -> None:
        self.recorded = list(recorded)

    async def record(self, topic: str, payload: Any) -> int:
        seq = self.recorded[-1][0] + 3 if self.recorded else 3
        self.recorded.append((seq, topic, payload))
        return seq

    def replay(self, after: int) -> Iterable[tuple[int, str, Any]]:
        return [entry for entry in self.recorded if entry[0] > after]


def attached(log: Log, capacity: int = 1000) -> MessageBus:
    bus = MessageBus(capacity)
    bus.attach(log.record, log.replay, log.recorded[-1][0] if log.recorded else 0)
    return bus


async def take(subscription: Subscription, count: int) -> list[Message]:
    async with asyncio.timeout(2):
        return [await anext(subscription) for _ in range(count)]


def test_patterns_choose_topics() -> None:
    """A subscriber gets what its pattern covers, in order, and nothing else."""

    async def body() -> list[str]:
        bus = MessageBus()
        listening = bus.subscribe("task.*")
        for topic in ("task.done", "run.done", "task.failed", "task"):
            await bus.publish(topic)
        return [message.topic for message in await take(listening, 2)]

    assert asyncio.run(body()) == ["task.done", "task.failed"]


def test_slow_subscriber_loses_oldest_progress_with_a_count() -> None:
    """A flood costs a slow subscriber the oldest transient messages, counted; memory is bounded and others get everything."""

    async def body() -> tuple[list[Message], int]:
        bus = MessageBus(capacity=10)
        slow, quick = bus.subscribe("*"), bus.subscribe("*")
        received = 0
        for number in range(1000):
            bus.send("progress", number)
            received += len(await take(quick, 1))
        return await take(slow, 10), received

    late, received = asyncio.run(body())
    assert received == 1000
    assert [message.payload for message in late] == list(range(990, 1000))
    assert [message.missed for message in late] == [990] + [0] * 9


def test_durable_messages_are_never_lost() -> None:
    """A slow subscriber is caught up from the log: every durable message once, in order."""

    async def body() -> list[int]:
        bus = attached(Log(), capacity=5)
        slow = bus.subscribe("x")
        for number in range(50):
            await bus.publish("x", number, durable=True)
        first = await take(slow, 20)
        for number in range(50, 60):
            await bus.publish("x", number, durable=True)
        return [message.payload for message in [*first, *await take(slow, 40)]]

    assert asyncio.run(body()) == list(range(60))


def test_flood_of_progress_does_not_push_out_durable_messages() -> None:
    """Progress gives way to durable messages, and durable ones in the queue survive a flood of progress."""

    async def body() -> tuple[list[Any], int]:
        bus = attached(Log(), capacity=4)
        slow = bus.subscribe("*")
        for number in range(6):
            await bus.publish("state", number, durable=True)
            for _ in range(10):
                bus.send("progress", "p")
        durable, missed = [], 0
        while len(durable) < 6:
            (message,) = await take(slow, 1)
            missed += message.missed
            if message.seq:
                durable.append(message.payload)
        return durable, missed

    durable, missed = asyncio.run(body())
    assert durable == list(range(6))
    assert missed > 0


def test_replay_from_a_number() -> None:
    """A subscriber that names a number gets what was recorded after it, then what comes; one that does not gets only what comes."""

    async def body() -> tuple[list[Any], list[Any]]:
        bus = attached(Log((5, "x", "old"), (9, "x", "older"), (11, "y", "other")))
        after, now = bus.subscribe("x", after=5), bus.subscribe("x")
        await bus.publish("x", "new", durable=True)
        return [one.payload for one in await take(after, 2)], [one.payload for one in await take(now, 1)]

    assert asyncio.run(body()) == (["older", "new"], ["new"])


def test_late_overflow_does_not_replay_what_was_before() -> None:
    """A subscriber that overflows is caught up from where it began, not from the start of the log."""

    async def body() -> list[Any]:
        bus = attached(Log((5, "x", "before")), capacity=2)
        slow = bus.subscribe("x")
        for number in range(5):
            await bus.publish("x", number, durable=True)
        bus.send("x", "progress")
        return [one.payload for one in await take(slow, 6) if one.seq]

    assert asyncio.run(body()) == [0, 1, 2, 3, 4]


def test_durable_needs_a_run() -> None:
    """Without a run a durable message is refused, not quietly lost."""
    with pytest.raises(RunError, match="no run is attached"):
        asyncio.run(MessageBus().publish("x", durable=True))


def test_request_and_reply() -> None:
    """A question reaches a listener and its answer comes back to the asker alone; without a listener it times out."""

    async def body() -> tuple[Any, int]:
        bus = MessageBus()
        questions = bus.subscribe("add")

        async def answer() -> None:
            message = await anext(questions)
            bus.reply(message, sum(message.payload))

        job = asyncio.create_task(answer())
        result = await bus.request("add", [1, 2], timeout_s=2)
        await job
        await questions.aclose()
        with pytest.raises(TimeoutError):
            await bus.request("add", [1], timeout_s=0.01)
        return result, len(bus._subscriptions)

    assert asyncio.run(body()) == (3, 0)


def test_closed_subscription_ends() -> None:
    """After aclose the iteration ends with what was queued, also for whoever waits."""

    async def body() -> list[Any]:
        bus = MessageBus()
        listening = bus.subscribe("*")
        bus.send("a", 1)
        job = asyncio.create_task(_collect(listening))
        await asyncio.sleep(0)
        await listening.aclose()
        bus.send("a", 2)
        return await job

    async def _collect(listening: Subscription) -> list[Any]:
        return [message.payload async for message in listening]

    assert asyncio.run(body()) == [1]
