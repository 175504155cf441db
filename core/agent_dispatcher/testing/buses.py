"""What a message bus must keep to: order, patterns, durable messages without gaps, and publishers that wait for nobody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from typing import Any

from ..errors import DispatcherError
from ..extension.components import MessageBusComponent
from .contract import Contract

__all__ = ["MessageBusContract"]


class MessageBusContract(Contract):
    """Subclass it and override :meth:`make_bus`."""

    def make_bus(self) -> MessageBusComponent:
        """A fresh bus, to which no run is attached."""
        self.to_override("make_bus(self)")

    def test_a_message_reaches_its_subscribers(self) -> None:
        """Everyone whose pattern is the topic, or covers it, gets topic and payload; others get nothing."""

        async def work(bus: MessageBusComponent) -> None:
            patterns = ("task.done", "task.*", "*", "other", "task")
            inboxes = {pattern: bus.subscribe(pattern) for pattern in patterns}
            await bus.publish("task.done", {"n": [1, None, "ü"]})
            for pattern, inbox in inboxes.items():
                got = [(one.topic, one.payload) for one in await _taken(inbox, 1)]
                expected = [] if pattern in ("other", "task") else [("task.done", {"n": [1, None, "ü"]})]
                self.promise(
                    got == expected,
                    f"a subscriber of {pattern!r} got {got}",
                    "a pattern is a topic in which * stands for any characters",
                )

        self._with(work)

    def test_messages_keep_their_order(self) -> None:
        """A subscriber gets messages in the order in which they were published, over all topics it listens to."""

        async def work(bus: MessageBusComponent) -> None:
            inbox = bus.subscribe("t.*")
            for number in range(100):
                await bus.publish(f"t.{number % 7}", number)
            got = [one.payload for one in await _taken(inbox, 100)]
            self.promise(got == list(range(100)), f"100 messages came as {got[:10]}...", "messages come in order")

        self._with(work)

    def test_nobody_gets_what_was_before(self) -> None:
        """A transient message reaches only who listens when it is published."""

        async def work(bus: MessageBusComponent) -> None:
            await bus.publish("t", 1)
            inbox = bus.subscribe("t")
            await bus.publish("t", 2)
            got = [one.payload for one in await _taken(inbox, 2)]
            self.promise(got == [2], f"a later subscriber got {got}", "transient messages reach those who listen now")

        self._with(work)

    def test_publishers_wait_for_nobody(self) -> None:
        """However many messages a subscriber leaves lying, publishing goes on, and quick subscribers miss nothing."""

        async def work(bus: MessageBusComponent) -> None:
            bus.subscribe("t")
            quick = bus.subscribe("t")
            begun, got = time.monotonic(), 0
            for number in range(20_000):
                await bus.publish("t", number)
                if number % 100 == 99:
                    got += len(await _taken(quick, 100))
            took = time.monotonic() - begun
            self.promise(
                took < 10.0,
                f"20000 messages beside a silent subscriber took {took:.1f} seconds",
                "nobody waits for a subscriber",
            )
            self.promise(
                got == 20_000, f"a quick subscriber got {got} of 20000 messages", "a slow subscriber harms only itself"
            )

        self._with(work)

    def test_lost_messages_are_counted(self) -> None:
        """A subscriber that was too slow loses the oldest transient messages, and is told how many."""

        async def work(bus: MessageBusComponent) -> None:
            inbox = bus.subscribe("t")
            for number in range(50_000):
                await bus.publish("t", number)
            got = await _taken(inbox, 50_000)
            told = sum(one.missed for one in got)
            self.promise(
                len(got) + told == 50_000,
                f"of 50000 messages {len(got)} came and {told} were said to be lost",
                "missed says how many were lost",
            )
            newest = [one.payload for one in got][-1:] == [49_999]
            self.promise(newest, "the newest message is not among those that came", "the oldest are lost first")

        self._with(work)

    def test_durable_messages_are_recorded_first(self) -> None:
        """A durable message is in the log before anyone gets it, and publish returns its number there."""

        async def work(bus: MessageBusComponent) -> None:
            log = _Log()
            log.attach(bus)
            inbox = bus.subscribe("t")
            first = await bus.publish("t", "a", durable=True)
            second = await bus.publish("t", "b", durable=True)
            self.promise(
                (first, second) == (1, 2),
                f"publish returned {first}, {second} for the events 1 and 2",
                "publish returns the event's number",
            )
            got = [(one.seq, one.payload) for one in await _taken(inbox, 2)]
            self.promise(
                got == [(1, "a"), (2, "b")],
                f"the subscriber got {got}",
                "durable messages come with their number, in order",
            )
            log.fails = True
            try:
                await bus.publish("t", "c", durable=True)
            except OSError:
                pass
            else:
                self.broken(
                    "a message that could not be recorded was published without an error",
                    "what recording raises passes through",
                )
            late = [one.payload for one in await _taken(inbox, 1)]
            self.promise(
                not late,
                f"a message that could not be recorded was delivered: {late}",
                "it is delivered after it is recorded",
            )

        self._with(work)

    def test_durable_messages_have_no_gaps(self) -> None:
        """A subscriber that is far behind gets every durable message, in order, once."""

        async def work(bus: MessageBusComponent) -> None:
            _Log().attach(bus)
            inbox = bus.subscribe("t")
            for number in range(1, 5001):
                await bus.publish("t", number, durable=True)
            got = [one.payload for one in await _taken(inbox, 5000)]
            self.promise(
                got == list(range(1, 5001)),
                f"of 5000 durable messages {len(got)} came",
                "durable messages come without gaps, also to slow subscribers",
            )

        self._with(work)

    def test_a_flood_of_progress_loses_no_durable_message(self) -> None:
        """A subscriber that cannot keep up with transient messages gets every durable one all the same, and the others are counted."""

        async def work(bus: MessageBusComponent) -> None:
            _Log().attach(bus)
            inbox = bus.subscribe("*")
            for number in range(1, 21):
                await bus.publish("state", number, durable=True)
                for _ in range(2000):
                    await bus.publish("progress", number)
            got = await _taken(inbox, 40_020)
            durable = [one.payload for one in got if one.seq]
            self.promise(
                durable == list(range(1, 21)),
                f"of 20 durable messages among 40000 others came {durable}",
                "progress may be dropped, state never",
            )
            told = sum(one.missed for one in got)
            self.promise(
                len(got) + told == 40_020,
                f"of 40020 messages {len(got)} came and {told} were said to be lost",
                "missed says how many were lost",
            )

        self._with(work)

    def test_durable_messages_can_be_read_again(self) -> None:
        """With ``after`` a subscriber first gets the recorded messages above that number, then new ones, none twice."""

        async def work(bus: MessageBusComponent) -> None:
            _Log().attach(bus)
            for number in range(1, 4):
                await bus.publish("t", number, durable=True)
            inbox = bus.subscribe("t", after=1)
            await bus.publish("t", 4, durable=True)
            got = [one.payload for one in await _taken(inbox, 4)]
            self.promise(
                got == [2, 3, 4],
                f"a subscriber after number 1 got {got}",
                "after gives the recorded ones above it, then the new ones",
            )

        self._with(work)

    def test_durable_needs_a_run(self) -> None:
        """Without a run a durable message is refused, since nobody could keep the promise."""

        async def work(bus: MessageBusComponent) -> None:
            try:
                await bus.publish("t", 1, durable=True)
            except DispatcherError as error:
                self.promise("t" in str(error), "the refusal does not name the topic", "an error says what and why")
                return
            self.broken("a durable message without a run was accepted", "durable without a run raises RunError")

        self._with(work)

    def test_leaving_ends_the_iteration(self) -> None:
        """After ``aclose`` a subscriber's iteration ends, and publishing goes on."""

        async def work(bus: MessageBusComponent) -> None:
            inbox = bus.subscribe("t")
            waiting = asyncio.ensure_future(_all(inbox))
            await asyncio.sleep(0.01)
            await inbox.aclose()  # type: ignore[attr-defined]
            done, _ = await asyncio.wait({waiting}, timeout=2.0)
            waiting.cancel()
            self.promise(done, "a subscriber that left still waits for messages", "the iteration ends after aclose")
            await bus.publish("t", 1)

        self._with(work)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _with(self, work: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
        __tracebackhide__ = True

        async def on_the_loop() -> None:
            await work(self.make_bus())

        self.go(on_the_loop())


class _Log:
    """Stands for the event log of a run."""

    def __init__(self) -> None:
        self.messages: list[tuple[int, str, Any]] = []
        self.fails = False

    def attach(self, bus: Any) -> None:
        """Make the bus keep durable messages here."""
        record: Callable[[str, Any], Awaitable[int]] = self._record
        bus.attach(record, self._replay, 0)

    async def _record(self, topic: str, payload: Any) -> int:
        await asyncio.sleep(0)
        if self.fails:
            raise OSError("disk full")
        self.messages.append((len(self.messages) + 1, topic, payload))
        return len(self.messages)

    def _replay(self, after: int) -> Iterable[tuple[int, str, Any]]:
        return iter(self.messages[after:])


async def _taken(inbox: AsyncIterator[Any], most: int) -> list[Any]:
    """Up to ``most`` messages that are there now."""
    got: list[Any] = []
    while len(got) < most:
        try:
            async with asyncio.timeout(0.05):
                got.append(await anext(inbox))
        except (TimeoutError, StopAsyncIteration):
            break
    return got


async def _all(inbox: AsyncIterator[Any]) -> list[Any]:
    return [message async for message in inbox]
