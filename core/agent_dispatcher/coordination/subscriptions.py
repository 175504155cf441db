"""What a subscriber holds: a bounded queue of its own, from which it pulls.

The overflow policy: a durable message is never lost, since the log has it and the subscriber is caught up from there; of the transient ones the
oldest of the lowest priority goes first, and the next one delivered says in ``missed`` how many went.
"""

from __future__ import annotations

import asyncio
import logging
import time
from bisect import bisect_left
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from itertools import chain
from typing import Protocol

from attrs import evolve

from ..agents.messages import Message
from .bus_statistics import Latency, SubscriberStatistics
from .topics import matcher

__all__ = ["Consumer", "Subscription", "Where"]

log = logging.getLogger(__name__)

Where = Callable[[Message], bool]


class _Bus(Protocol):
    """What a subscription needs of its bus."""

    last_seq: int

    def recorded(self, after: int) -> Iterable[Message]: ...

    def forget(self, subscription: Subscription) -> None: ...


class Subscription(AsyncIterator[Message]):
    """Messages that match a pattern, from the moment it was made. Ends after :meth:`aclose` with what was queued by then.

    Args:
        after: first the recorded messages above this number; ``None`` for none.
        capacity: messages that may wait.
        where: further condition, pure and quick. When it raises, this subscription alone has failed: its next message is that error.
    """

    def __init__(self, bus: _Bus, pattern: str, after: int | None, capacity: int, where: Where | None = None) -> None:
        self._bus = bus
        self._pattern = pattern
        self._covers = matcher(pattern)
        self._capacity = capacity
        self._where = where
        self._queue: deque[Message] = deque()  # by priority, then by arrival
        self._durables = 0  # of those in the queue
        self._from_log: deque[Message] = deque()  # later than all durable ones in the queue
        self._seen = self._taken = bus.last_seq if after is None else after
        self._behind = after is not None
        self._missed = self._dropped = self._expired = self._delivered = self._deepest = 0
        self._latency = Latency()
        self._closed = False
        self._error: Exception | None = None
        self._wake = asyncio.Event()

    def matches(self, topic: str) -> bool:
        """Whether the pattern covers the topic."""
        return self._covers(topic)

    def statistics(self) -> SubscriberStatistics:
        """Its counters as of now."""
        return SubscriberStatistics(
            pattern=self._pattern,
            delivered=self._delivered,
            dropped=self._dropped,
            expired=self._expired,
            waiting=len(self._queue) + len(self._from_log),
            deepest=self._deepest,
            latency_mean_s=self._latency.mean_s,
            latency_p99_s=self._latency.quantile_s(0.99),
        )

    # --- taking in ------------------------------------------------------------------------------------------------

    def offer(self, message: Message) -> None:
        """Queue it, or note that it did not fit. Never waits and never raises."""
        if self._error is not None or not self._wanted(message):
            return
        if message.seq and (self._behind or self._from_log or len(self._queue) >= self._capacity):
            self._behind = True  # what was read from the log comes first
        elif len(self._queue) < self._capacity or self._drop_one_for(message):
            self._put(message)
        self._wake.set()

    def _wanted(self, message: Message) -> bool:
        if self._where is None:
            return True
        try:
            return bool(self._where(message))
        except Exception as error:
            self._error = error
            self._bus.forget(self)
            self._wake.set()
            log.warning("the condition of a subscriber of %r raised; it gets no more messages", self._pattern)
            return False

    def _put(self, message: Message) -> None:
        queue, place = self._queue, len(self._queue)
        while place and queue[place - 1].priority < message.priority:
            place -= 1
        queue.insert(place, message)
        if message.seq:
            self._durables += 1
            self._taken = message.seq
        if len(queue) > self._deepest:
            self._deepest = len(queue)

    def _drop_one_for(self, message: Message) -> bool:
        """Make room for a transient message; ``False`` when it is itself the one to go."""
        lowest = self._queue[-1].priority
        if message.priority < lowest:
            self._count_missed()
            return False
        return self._drop_oldest_transient(lowest)

    def _drop_oldest_transient(self, lowest: int) -> bool:
        queue = self._queue
        begin = 0 if queue[0].priority == lowest else bisect_left(queue, -lowest, key=_urgency)
        for place in chain(range(begin, len(queue)), range(begin)):
            if not queue[place].seq:
                del queue[place]
                self._count_missed()
                return True
        queue.clear()  # durable ones only: the log still has them
        self._durables, self._taken, self._behind = 0, self._seen, True
        return True

    def _count_missed(self) -> None:
        self._missed += 1
        self._dropped += 1

    # --- giving out -----------------------------------------------------------------------------------------------

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Message:
        while True:
            if self._error is not None:
                raise self._error
            message = self._next()
            if message is not None:
                return self._deliver(message)
            if self._error is not None:
                continue
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()

    def _next(self) -> Message | None:
        """The next one there is. What the log holds goes before progress, however much of that comes."""
        if (self._behind or self._from_log) and not self._durables:
            if not self._from_log:
                self._catch_up()
            if self._from_log:
                return self._from_log.popleft()
        while self._queue:
            message = self._queue.popleft()
            if message.seq:
                self._durables -= 1
                return message
            if message.expires_at > time.monotonic():
                return message
            self._expired += 1
        return None

    def _deliver(self, message: Message) -> Message:
        self._delivered += 1
        if message.published_at:
            self._latency.note(time.monotonic() - message.published_at)
        if message.seq:
            self._seen = message.seq
        missed, self._missed = self._missed, 0
        return evolve(message, missed=missed) if missed else message

    def _catch_up(self) -> None:
        """Read from the log what did not fit, as much as fits now."""
        for message in self._bus.recorded(self._taken):
            if self._error is not None or len(self._from_log) >= self._capacity:
                return
            if self._covers(message.topic) and self._wanted(message):
                self._from_log.append(message)
            self._taken = message.seq
        self._behind = False

    async def aclose(self) -> None:
        """Get no more messages."""
        self._closed = True
        self._bus.forget(self)
        self._wake.set()


def _urgency(message: Message) -> int:
    return -message.priority


class Consumer(Subscription):
    """Durable messages at least once: it begins after the last one that was acknowledged under its name, also in another process.

    Args:
        position: number of the last acknowledged message.
        record: records a new position.
    """

    def __init__(
        self,
        bus: _Bus,
        name: str,
        pattern: str,
        position: int,
        capacity: int,
        record: Callable[[int], Awaitable[None]],
    ) -> None:
        super().__init__(bus, pattern, position, capacity)
        self.name = name
        self.position = position
        self._record = record

    def offer(self, message: Message) -> None:
        """Queue a durable message; transient ones are not for consumers."""
        if message.seq:
            super().offer(message)

    async def acknowledge(self, message: Message) -> None:
        """This message and all before it need not come again; recorded when this returns. Twice is harmless."""
        if message.seq > self.position:
            await self._record(message.seq)
            self.position = max(self.position, message.seq)
