"""Nobody waits for a slow subscriber, memory is bounded, and what is lost is counted; threads may take part."""

from __future__ import annotations

import asyncio
import threading
import time
import tracemalloc
from typing import Any

import pytest

from agent_dispatcher.coordination.message_bus import Message, MessageBus, Subscription
from agent_dispatcher.errors import RunError


def test_slow_subscriber_loses_oldest_progress_with_a_count(take: Any) -> None:
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


def test_flood_of_progress_does_not_push_out_durable_messages(bus_log: Any, attached: Any, take: Any) -> None:
    """Progress gives way to durable messages, and durable ones in the queue survive a flood of progress."""

    async def body() -> tuple[list[Any], int]:
        bus = attached(bus_log(), capacity=4)
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


def test_durable_messages_do_not_starve_behind_progress(bus_log: Any, attached: Any, take: Any) -> None:
    """A subscriber that never gets to the end of a flood of progress gets what the log holds all the same."""

    async def body() -> list[Any]:
        bus = attached(bus_log(), capacity=10)
        slow = bus.subscribe("*")
        for number in range(30):
            await bus.publish("state", number, durable=True)
        got: list[Any] = []
        for _ in range(100):
            for _ in range(20):
                bus.send("progress")
            got.extend(one.payload for one in await take(slow, 1) if one.seq)
        return got

    assert asyncio.run(body()) == list(range(30))


def test_bad_subscribers_do_not_delay_publishing() -> None:
    """Beside subscribers that are slow, raise or never take anything, publishing costs at most a few times what it costs for a quick one."""

    async def cost(bad: bool) -> float:
        bus = MessageBus()
        quick = bus.subscribe("t")
        if bad:
            bus.subscribe("t")  # never takes anything
            bus.subscribe("t", where=lambda message: bool(1 / 0))
            slow = asyncio.create_task(_slow(bus.subscribe("t")))
            await asyncio.sleep(0)
        times = []
        for number in range(20_000):
            begun = time.thread_time()
            await bus.publish("t", number)
            times.append(time.thread_time() - begun)
            await anext(quick)
        if bad:
            slow.cancel()
        return sorted(times)[len(times) * 99 // 100]

    assert asyncio.run(cost(True)) < 10 * asyncio.run(cost(False)) + 0.0005


async def _slow(inbox: Subscription) -> None:
    async for _ in inbox:
        await asyncio.sleep(1)


def test_flood_is_bounded_in_memory_and_loses_no_state(bus_log: Any, attached: Any) -> None:
    """Of 50,000 messages the queue holds its capacity; every durable one arrives, every lost transient one is counted."""

    async def body() -> tuple[int, int, int, int]:
        bus = attached(bus_log(), capacity=1000)
        slow = bus.subscribe("*")
        tracemalloc.start()
        for number in range(50_000):
            bus.send("progress", number)
            if number % 2000 == 0:
                await bus.publish("state", number, durable=True)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        waiting = bus.statistics().subscribers[0].waiting
        got = []
        while True:
            try:
                async with asyncio.timeout(0.05):
                    got.append(await anext(slow))
            except TimeoutError:
                break
        lost = sum(message.missed for message in got)
        durable = sum(1 for message in got if message.seq)
        assert lost + len(got) == 50_025
        return peak, waiting, durable, bus.statistics().subscribers[0].dropped - lost

    peak, waiting, durable, uncounted = asyncio.run(body())
    assert peak < 4 * 1024**2
    assert (waiting, durable, uncounted) == (1000, 25, 0)


def test_counters(bus_log: Any, attached: Any, take: Any) -> None:
    """The counters say what was published, what each subscriber got and lost, and how long messages waited."""

    async def body() -> None:
        bus = attached(bus_log(), capacity=2)
        inbox = bus.subscribe("t")
        for number in range(5):
            bus.send("t", number)
        await asyncio.sleep(0.02)
        await take(inbox, 1)
        await bus.publish("t", "d", durable=True)
        counted = bus.statistics()
        mine = counted.subscribers[0]
        assert (counted.transient, counted.durable) == (5, 1)
        assert (mine.delivered, mine.dropped, mine.waiting, mine.deepest) == (1, 3, 2, 2)
        assert 0.02 <= mine.latency_mean_s < mine.latency_p99_s * 2 < 4

    asyncio.run(body())


def test_messages_from_other_threads(take: Any) -> None:
    """What a thread sends wakes the loop at once, in order; a flood from threads is bounded and counted."""

    async def body() -> tuple[list[Any], int, int]:
        bus = MessageBus(capacity=100)
        inbox = bus.subscribe("t")
        thread = threading.Thread(target=lambda: [bus.send("t", number) for number in range(50)])
        thread.start()
        got = [message.payload for message in await take(inbox, 50)]
        thread.join()
        flood = threading.Thread(target=lambda: [bus.send("t", number) for number in range(5000)])
        flood.start()
        flood.join()  # the loop stands still meanwhile
        await asyncio.sleep(0.01)
        late = await take(inbox, 100)
        assert late[-1].payload == 4999
        return got, len(late), bus.statistics().crowded_out

    assert asyncio.run(body()) == (list(range(50)), 100, 4900)


def test_blocking_bus(bus_log: Any, attached: Any, take: Any) -> None:
    """A thread can publish, wait for messages and ask, blocking itself alone; on the loop it is refused, after the run too."""
    log = bus_log()
    results: list[Any] = []

    async def body() -> MessageBus:
        bus = attached(log)
        questions = bus.subscribe("double")

        def work() -> None:
            blocking = bus.blocking()
            results.append(blocking.publish("t", 1, durable=True))
            results.append(blocking.latest("t").payload)
            results.append(blocking.request("double", 21, timeout_s=5))

        thread = asyncio.create_task(asyncio.to_thread(work))
        question = (await take(questions, 1))[0]
        bus.reply(question, question.payload * 2)
        await thread
        with pytest.raises(RunError, match="on the event loop await the bus itself"):
            bus.blocking().publish("t")
        return bus

    bus = asyncio.run(body())
    assert results == [3, 1, 42]
    errors: list[BaseException] = []

    def late() -> None:
        try:
            bus.blocking().publish("t")
        except RunError as error:
            errors.append(error)

    thread = threading.Thread(target=late)
    thread.start()
    thread.join()
    assert "the run is over" in str(errors[0])
