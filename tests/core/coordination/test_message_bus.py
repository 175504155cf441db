"""Messages reach who listens: topics, order, expiry, conditions, questions."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from agent_dispatcher.coordination.message_bus import MessageBus, Subscription
from agent_dispatcher.errors import RunError


def test_patterns_choose_topics(take: Any) -> None:
    """A subscriber gets what its pattern covers, in order, and nothing else."""

    async def body() -> list[str]:
        bus = MessageBus()
        listening = bus.subscribe("task.*")
        for topic in ("task.done", "run.done", "task.failed", "task"):
            await bus.publish(topic)
        return [message.topic for message in await take(listening, 2)]

    assert asyncio.run(body()) == ["task.done", "task.failed"]


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


def test_urgent_messages_come_first(take: Any) -> None:
    """Of what waits the highest priority is delivered first, equals in the order they were published; a full queue loses the least urgent."""

    async def body() -> tuple[list[Any], int]:
        bus = MessageBus(capacity=4)
        inbox = bus.subscribe("*")
        for number, priority in enumerate((0, 5, 0, 5, -1, 9)):
            bus.send("t", number, priority=priority)
        got = await take(inbox, 4)
        return [message.payload for message in got], sum(message.missed for message in got)

    assert asyncio.run(body()) == ([5, 1, 3, 2], 2)


def test_expired_messages_are_not_delivered(take: Any) -> None:
    """A message whose time is over is passed over and counted; others are not held up by it."""

    async def body() -> tuple[list[Any], int]:
        bus = MessageBus()
        inbox = bus.subscribe("*")
        bus.send("t", "old", expires_s=0.01)
        bus.send("t", "lasting", expires_s=60)
        bus.send("t", "for ever")
        await asyncio.sleep(0.02)
        got = await take(inbox, 2)
        return [message.payload for message in got], bus.statistics().subscribers[0].expired

    assert asyncio.run(body()) == (["lasting", "for ever"], 1)


def test_condition_beside_the_pattern(bus_log: Any, attached: Any, take: Any) -> None:
    """A subscriber gets only what its condition holds for, from the log too."""

    async def body() -> list[Any]:
        bus = attached(bus_log((3, "t", 1), (6, "t", 2)))
        inbox = bus.subscribe("t", after=0, where=lambda message: message.payload % 2 == 0)
        for number in range(3, 7):
            await bus.publish("t", number, durable=True)
        return [message.payload for message in await take(inbox, 3)]

    assert asyncio.run(body()) == [2, 4, 6]


def test_condition_that_raises_harms_its_subscriber_alone(caplog: pytest.LogCaptureFixture, take: Any) -> None:
    """The publisher and the others notice nothing; the one it belongs to gets the error, once in the log."""

    async def body() -> list[Any]:
        bus = MessageBus()
        broken = bus.subscribe("t", where=lambda message: message.payload["no such"] is None)
        sound = bus.subscribe("t")
        for number in range(100):
            await bus.publish("t", number)
        with pytest.raises(TypeError, match="not subscriptable"):
            await take(broken, 1)
        return [message.payload for message in await take(sound, 100)]

    with caplog.at_level(logging.WARNING):
        assert asyncio.run(body()) == list(range(100))
    assert len(caplog.records) == 1


@pytest.mark.parametrize("topic", ["", "a.*", "$position", "$reply.1"])
def test_topics_that_are_refused(topic: str, bus_log: Any, attached: Any) -> None:
    """Nothing is published on a pattern, on nothing, or on a topic of the bus itself, durable or not."""

    async def body() -> None:
        bus = attached(bus_log())
        for durable in (False, True):
            with pytest.raises(RunError, match="nothing can be published on the topic"):
                await bus.publish(topic, 1, durable=durable)

    asyncio.run(body())


def test_only_the_star_is_special(bus_log: Any, attached: Any, take: Any) -> None:
    """Other signs of file patterns stand for themselves, and what the bus tells itself is seen by no pattern of others."""

    async def body() -> list[Any]:
        bus = attached(bus_log((3, "x", 0)))
        listening, all_of_it = bus.subscribe("[ab]?.*"), bus.subscribe("*", after=0)
        for topic in ("a1.x", "[ab]?.x"):
            bus.send(topic)
        consumer = bus.consume("c", "x")
        await consumer.acknowledge((await take(consumer, 1))[0])
        with pytest.raises(TimeoutError):
            await bus.request("nobody", timeout_s=0.01)
        return [one.topic for one in [*await take(listening, 1), *await take(all_of_it, 3)]]

    assert asyncio.run(body()) == ["[ab]?.x", "x", "a1.x", "[ab]?.x"]
