"""Messages between agents and observers, inside one process.

Two sorts of topics, by how a message is published:

* *durable*: the message is an event of the run (type ``message``); it is delivered after it is recorded, in order, without gaps, and can
  be read again from a sequence number, also after a restart. A subscriber that is too slow is caught up from the log.
* *transient* (the default): delivered at most once to whoever listens now. A subscriber that is too slow loses the oldest ones,
  and :attr:`Message.missed` of the next one says how many.

Nobody waits for a subscriber: each has a bounded queue of its own and pulls from it, so one that is slow, raises or never comes back harms no one.
A pattern is a topic in which ``*`` stands for any characters, as in ``task.*``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from fnmatch import fnmatchcase
from itertools import count
from typing import Any

from attrs import frozen

from ..errors import RunError

__all__ = ["Message", "MessageBus", "Subscription"]


@frozen(kw_only=True)
class Message:
    """What was published.

    Attributes:
        seq: number of its event for a durable message, 0 for a transient one.
        missed: transient messages this subscriber lost since the one before.
        reply_to: the topic on which :meth:`MessageBus.request` waits for an answer, ``""`` otherwise.
    """

    topic: str
    payload: Any = None
    seq: int = 0
    missed: int = 0
    reply_to: str = ""


class Subscription(AsyncIterator[Message]):
    """Messages that match a pattern, from the moment it was made. Ends after :meth:`aclose`."""

    def __init__(self, bus: MessageBus, pattern: str, after: int | None, capacity: int) -> None:
        self._bus = bus
        self._pattern = pattern
        self._capacity = capacity
        self._queue: deque[Message] = deque()
        self._seen = bus.last_seq if after is None else after
        self._behind = after is not None
        self._missed = 0
        self._closed = False
        self._wake = asyncio.Event()

    def matches(self, topic: str) -> bool:
        """Whether the pattern covers the topic."""
        return self._pattern == topic or fnmatchcase(topic, self._pattern)

    def offer(self, message: Message) -> None:
        """Queue it, or note that it did not fit. Never waits."""
        if message.seq and (self._behind or len(self._queue) >= self._capacity):
            self._behind = True
        else:
            if len(self._queue) >= self._capacity:
                self._drop_oldest_transient()
            self._queue.append(message)
        self._wake.set()

    def _drop_oldest_transient(self) -> None:
        for place, waiting in enumerate(self._queue):
            if not waiting.seq:
                del self._queue[place]
                self._missed += 1
                return
        self._queue.clear()  # durable ones only: the log still has them
        self._behind = True

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Message:
        while True:
            if self._queue:
                return self._deliver(self._queue.popleft())
            if self._behind:
                self._catch_up()
                if self._queue:
                    continue
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()

    def _deliver(self, message: Message) -> Message:
        if message.seq:
            self._seen = message.seq
            return message
        missed, self._missed = self._missed, 0
        if not missed:
            return message
        return Message(topic=message.topic, payload=message.payload, missed=missed, reply_to=message.reply_to)

    def _catch_up(self) -> None:
        """Read from the log what did not fit, as much as fits now."""
        for message in self._bus.recorded(self._seen):
            if self.matches(message.topic):
                if len(self._queue) >= self._capacity:
                    return
                self._queue.append(message)
        self._behind = False

    async def aclose(self) -> None:
        """Get no more messages."""
        self._closed = True
        self._bus.forget(self)
        self._wake.set()


class MessageBus:
    """Carries messages; see the module for what is promised.

    Args:
        capacity: messages that may wait for one subscriber.
    """

    def __init__(self, capacity: int = 1000) -> None:
        self._capacity = capacity
        self._subscriptions: list[Subscription] = []
        self._record: Callable[[str, Any], Awaitable[int]] | None = None
        self._replay: Callable[[int], Iterable[tuple[int, str, Any]]] | None = None
        self._requests = count(1)
        self.last_seq = 0

    def attach(
        self,
        record: Callable[[str, Any], Awaitable[int]],
        replay: Callable[[int], Iterable[tuple[int, str, Any]]],
        last_seq: int = 0,
    ) -> None:
        """Say where durable messages are kept: ``record(topic, payload)`` gives the event's number once it is recorded,
        ``replay(after)`` gives (number, topic, payload) in order; ``last_seq`` is the last number there is now."""
        self._record, self._replay, self.last_seq = record, replay, last_seq

    async def publish(self, topic: str, payload: Any = None, *, durable: bool = False) -> int:
        """Send to everyone whose pattern matches.

        Returns:
            The event's number of a durable message, else 0.

        Raises:
            RunError: durable, but no run is attached.
        """
        if not durable:
            self.send(topic, payload)
            return 0
        if self._record is None:
            raise RunError(
                f"message on {topic!r} cannot be durable: no run is attached to the bus; publish it transient"
            )
        seq = self.last_seq = await self._record(topic, payload)
        self._offer(Message(topic=topic, payload=payload, seq=seq))
        return seq

    def send(self, topic: str, payload: Any = None, *, reply_to: str = "") -> None:
        """Publish a transient message from code that cannot await."""
        if self._subscriptions:
            self._offer(Message(topic=topic, payload=payload, reply_to=reply_to))

    def _offer(self, message: Message) -> None:
        for subscription in self._subscriptions:
            if subscription.matches(message.topic):
                subscription.offer(message)

    def subscribe(self, pattern: str, *, after: int | None = None) -> Subscription:
        """Everything that matches from now on; with ``after``, first the recorded messages above that number (0: all)."""
        subscription = Subscription(self, pattern, after, self._capacity)
        self._subscriptions.append(subscription)
        return subscription

    def recorded(self, after: int) -> Iterable[Message]:
        """Durable messages with a number above ``after``, in order; none when no run is attached."""
        if self._replay is not None:
            for seq, topic, payload in self._replay(after):
                yield Message(topic=topic, payload=payload, seq=seq)

    def forget(self, subscription: Subscription) -> None:
        """Stop delivering to it."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

    async def request(self, topic: str, payload: Any = None, *, timeout_s: float = 30.0) -> Any:
        """Ask whoever listens on ``topic`` and wait for the first :meth:`reply`.

        Raises:
            TimeoutError: nobody answered in time.
        """
        inbox = self.subscribe(f"reply.{next(self._requests)}")
        try:
            self.send(topic, payload, reply_to=inbox._pattern)
            async with asyncio.timeout(timeout_s):
                answer = await anext(inbox)
            return answer.payload
        finally:
            await inbox.aclose()

    def reply(self, message: Message, payload: Any = None) -> None:
        """Answer a message that came through :meth:`request`."""
        if message.reply_to:
            self.send(message.reply_to, payload)
