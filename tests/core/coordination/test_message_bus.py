"""Messages reach who listens, durable ones without gaps, and nobody waits for a slow subscriber."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import tracemalloc
from collections.abc import Iterable
from typing import Any

import pytest

from agent_dispatcher.agents import AgentResult
from agent_dispatcher.coordination.message_bus import Message, MessageBus, Subscription
from agent_dispatcher.coordination.subscriptions import Consumer
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
    async with asyncio.timeout(20):
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


def test_what_was_read_from_the_log_comes_before_what_is_published_meanwhile() -> None:
    """A subscriber that is half way through what was recorded before gets a new message after the rest of it."""

    async def body() -> list[int]:
        bus = attached(Log((3, "a", 0), (6, "a", 0)))
        listening = bus.subscribe("a", after=0)
        first = await take(listening, 1)
        await bus.publish("a", durable=True)
        return [message.seq for message in [*first, *await take(listening, 2)]]

    assert asyncio.run(body()) == [3, 6, 9]


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


# --- order, expiry, conditions --------------------------------------------------------------------------------------


def test_urgent_messages_come_first() -> None:
    """Of what waits the highest priority is delivered first, equals in the order they were published; a full queue loses the least urgent."""

    async def body() -> tuple[list[Any], int]:
        bus = MessageBus(capacity=4)
        inbox = bus.subscribe("*")
        for number, priority in enumerate((0, 5, 0, 5, -1, 9)):
            bus.send("t", number, priority=priority)
        got = await take(inbox, 4)
        return [message.payload for message in got], sum(message.missed for message in got)

    assert asyncio.run(body()) == ([5, 1, 3, 2], 2)


def test_expired_messages_are_not_delivered() -> None:
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


def test_condition_beside_the_pattern() -> None:
    """A subscriber gets only what its condition holds for, from the log too."""

    async def body() -> list[Any]:
        bus = attached(Log((3, "t", 1), (6, "t", 2)))
        inbox = bus.subscribe("t", after=0, where=lambda message: message.payload % 2 == 0)
        for number in range(3, 7):
            await bus.publish("t", number, durable=True)
        return [message.payload for message in await take(inbox, 3)]

    assert asyncio.run(body()) == [2, 4, 6]


def test_condition_that_raises_harms_its_subscriber_alone(caplog: pytest.LogCaptureFixture) -> None:
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
def test_topics_that_are_refused(topic: str) -> None:
    """Nothing is published on a pattern, on nothing, or on a topic of the bus itself, durable or not."""

    async def body() -> None:
        bus = attached(Log())
        for durable in (False, True):
            with pytest.raises(RunError, match="nothing can be published on the topic"):
                await bus.publish(topic, 1, durable=durable)

    asyncio.run(body())


def test_only_the_star_is_special() -> None:
    """Other signs of file patterns stand for themselves, and what the bus tells itself is seen by no pattern of others."""

    async def body() -> list[Any]:
        bus = attached(Log((3, "x", 0)))
        listening, all_of_it = bus.subscribe("[ab]?.*"), bus.subscribe("*", after=0)
        for topic in ("a1.x", "[ab]?.x"):
            bus.send(topic)
        consumer = bus.consume("c", "x")
        await consumer.acknowledge((await take(consumer, 1))[0])
        with pytest.raises(TimeoutError):
            await bus.request("nobody", timeout_s=0.01)
        return [one.topic for one in [*await take(listening, 1), *await take(all_of_it, 3)]]

    assert asyncio.run(body()) == ["[ab]?.x", "x", "a1.x", "[ab]?.x"]


# --- durable messages -----------------------------------------------------------------------------------------------


def test_consumer_goes_on_where_it_acknowledged() -> None:
    """What was not acknowledged comes again, to the next consumer of that name on another bus; what was, does not."""
    log = Log()

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


def test_one_consumer_of_a_name_at_a_time() -> None:
    """Two would steal each other's position: the second is refused until the first has closed."""

    async def body() -> Consumer:
        bus = attached(Log())
        first = bus.consume("c", "*")
        with pytest.raises(RunError, match="at work already"):
            bus.consume("c", "*")
        await first.aclose()
        with pytest.raises(RunError, match="no run is attached"):
            MessageBus().consume("c", "*")
        return bus.consume("c", "*")

    assert asyncio.run(body()).position == 0


def test_history_and_latest() -> None:
    """History is what was recorded; latest is the last of it, or the first to come, whoever is first."""

    async def body() -> tuple[list[Any], list[Any]]:
        bus = attached(Log((3, "a.x", 1), (6, "b", 2), (9, "a.x", 3)))
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


def test_too_large_for_the_log() -> None:
    """A payload that would bloat the log is refused with the remedy, and nothing is recorded."""
    log = Log()

    async def body() -> None:
        bus = MessageBus(max_durable_bytes=1000)
        bus.attach(log.record, log.replay)
        with pytest.raises(RunError, match="1002 bytes of JSON, 1000 are allowed; write it to a file"):
            await bus.publish("t", "x" * 1000, durable=True)

    asyncio.run(body())
    assert log.recorded == []


def test_durable_messages_do_not_starve_behind_progress() -> None:
    """A subscriber that never gets to the end of a flood of progress gets what the log holds all the same."""

    async def body() -> list[Any]:
        bus = attached(Log(), capacity=10)
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


# --- load -----------------------------------------------------------------------------------------------------------


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
            begun = time.perf_counter()
            await bus.publish("t", number)
            times.append(time.perf_counter() - begun)
            await anext(quick)
        if bad:
            slow.cancel()
        return sorted(times)[len(times) * 99 // 100]

    assert asyncio.run(cost(True)) < 10 * asyncio.run(cost(False)) + 0.0005


async def _slow(inbox: Subscription) -> None:
    async for _ in inbox:
        await asyncio.sleep(1)


def test_flood_is_bounded_in_memory_and_loses_no_state() -> None:
    """Of 50,000 messages the queue holds its capacity; every durable one arrives, every lost transient one is counted."""

    async def body() -> tuple[int, int, int, int]:
        bus = attached(Log(), capacity=1000)
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


def test_counters() -> None:
    """The counters say what was published, what each subscriber got and lost, and how long messages waited."""

    async def body() -> None:
        bus = attached(Log(), capacity=2)
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


# --- threads --------------------------------------------------------------------------------------------------------


def test_messages_from_other_threads() -> None:
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


def test_blocking_bus() -> None:
    """A thread can publish, wait for messages and ask, blocking itself alone; on the loop it is refused, after the run too."""
    log = Log()
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
