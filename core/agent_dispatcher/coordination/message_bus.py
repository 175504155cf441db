"""Messages between agents and observers, inside one process.

Two sorts, by how a message is published:

* *durable*: the message is an event of the run (type ``message``); it is delivered after it is recorded, in order, without gaps, and can
  be read again from a sequence number, also after a restart. A subscriber that is too slow is caught up from the log; a consumer with a name
  gets each at least once, from the position it acknowledged. What is recorded neither expires nor overtakes: both are for the other sort.
* *transient* (the default): delivered at most once to whoever listens now, the highest priority first, unless it expired. A subscriber that is
  too slow loses the oldest ones of the lowest priority, and :attr:`Message.missed` of the next one says how many.

Nobody waits for a subscriber: each has a bounded queue of its own and pulls from it, so one that is slow, raises or never comes back harms no one.
:mod:`.topics` says what a pattern is, :mod:`.subscriptions` what happens when a queue is full.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from itertools import count
from typing import Any

from ..agents.messages import Message
from ..errors import RunError
from .blocking_bus import BlockingBus
from .bus_statistics import BusStatistics
from .subscriptions import Consumer, Subscription, Where
from .topics import OWN, check_topic, matcher

__all__ = ["Message", "MessageBus", "Subscription"]

log = logging.getLogger(__name__)

Record = Callable[[str, Any], Awaitable[int]]
Replay = Callable[[int], Iterable[tuple[int, str, Any]]]

#: Topic on which the positions of consumers are recorded.
_POSITION = f"{OWN}position"

#: So many topics have their subscribers remembered.
_REMEMBERED = 1024


class MessageBus:
    """Carries messages; see the module for what is promised. Everything but :meth:`send` and :meth:`blocking` belongs to the event loop's thread.

    Args:
        capacity: messages that may wait for one subscriber.
        max_durable_bytes: of the payload of one durable message, as JSON. More belongs into a file of the workspace.
    """

    def __init__(self, capacity: int = 1000, max_durable_bytes: int = 1024**2) -> None:
        self._capacity = capacity
        self._max_durable_bytes = max_durable_bytes
        self._subscriptions: list[Subscription] = []
        self._by_topic: dict[str, tuple[Subscription, ...]] = {}
        self._consumers: dict[str, Consumer] = {}
        self._record: Record | None = None
        self._replay: Replay | None = None
        self._numbers: dict[str, int] | None = None
        self._requests = count(1)
        self._transient = self._durable = self._crowded_out = self._handed_out = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: int | None = None
        self._from_threads: deque[Message] = deque(maxlen=capacity)
        self.last_seq = 0

    def attach(self, record: Record, replay: Replay, last_seq: int = 0) -> None:
        """Say where durable messages are kept: ``record(topic, payload)`` gives the event's number once it is recorded,
        ``replay(after)`` gives (number, topic, payload) in order; ``last_seq`` is the last number there is now."""
        self._record, self._replay, self.last_seq, self._numbers, self._handed_out = record, replay, last_seq, None, 0
        self._bind()

    def detach(self) -> None:
        """The run is over: nothing durable can be published or read again until the next one is attached, and nothing of that run is kept."""
        self._record = self._replay = self._numbers = None

    # --- publishing -----------------------------------------------------------------------------------------------

    async def publish(self, topic: str, payload: Any = None, *, durable: bool = False) -> int:
        """Send to everyone whose pattern matches.

        Returns:
            The event's number of a durable message, else 0.

        Raises:
            RunError: nobody may publish on this topic, or durable and no run is attached, or durable and larger than ``max_durable_bytes``.
            TypeError, ValueError: durable, and JSON cannot hold the payload.
        """
        if not durable:
            self.send(topic, payload)
            return 0
        check_topic(topic)
        if self._record is None:
            raise RunError(
                f"message on {topic!r} cannot be durable: no run is attached to the bus; publish it transient"
            )
        size = len(json.dumps(payload, allow_nan=False))
        if size > self._max_durable_bytes:
            raise RunError(
                f"message on {topic!r} is too large for the log: {size} bytes of JSON, {self._max_durable_bytes} are allowed; "
                "write it to a file of the workspace and publish its path"
            )
        return await self._publish_durable(self._record, topic, payload)

    async def _publish_durable(self, record: Record, topic: str, payload: Any) -> int:
        began = time.monotonic()
        seq = await record(topic, payload)
        if seq > self._handed_out:
            self.hand_out(seq, topic, payload, began)
        return seq

    def hand_out(self, seq: int, topic: str, payload: Any, published_at: float) -> None:
        """The log holds this message now. Whoever records says so at once, in the order of the numbers: then it reaches everyone in that order, also
        when its publisher was cancelled meanwhile."""
        self._handed_out = seq
        self.last_seq = max(self.last_seq, seq)
        self._durable += 1
        if self._numbers is not None:
            self._numbers[topic] = max(seq, self._numbers.get(topic, 0))
        self._offer(Message(topic=topic, payload=payload, seq=seq, published_at=published_at))

    def send(
        self, topic: str, payload: Any = None, *, reply_to: str = "", priority: int = 0, expires_s: float | None = None
    ) -> None:
        """Publish a transient message from code that cannot await, on any thread.

        Args:
            priority: the highest that waits is delivered first, and lost last.
            expires_s: seconds after which it is of no use to anyone.

        Raises:
            RunError: nobody may publish on this topic.
        """
        check_topic(topic)
        self._send(topic, payload, reply_to, priority, expires_s)

    def _send(
        self, topic: str, payload: Any, reply_to: str = "", priority: int = 0, expires_s: float | None = None
    ) -> None:
        self._transient += 1
        if not self._subscriptions:
            return
        now = time.monotonic()
        expires_at = float("inf") if expires_s is None else now + expires_s
        message = Message(
            topic=topic,
            payload=payload,
            reply_to=reply_to,
            priority=priority,
            published_at=now,
            expires_at=expires_at,
        )
        if self._thread is None or threading.get_ident() == self._thread:
            self._offer(message)
        else:
            self._hand_over(message)

    def _hand_over(self, message: Message) -> None:
        """From another thread. A flood is bounded here, too: the oldest go, and are counted."""
        waiting = self._from_threads
        if len(waiting) >= self._capacity:
            self._crowded_out += 1
        waiting.append(message)
        if len(waiting) == 1 or len(waiting) >= self._capacity:
            try:
                assert self._loop is not None
                self._loop.call_soon_threadsafe(self._take_over)
            except RuntimeError:
                return  # the loop is closed: nobody listens any more

    def _take_over(self) -> None:
        while self._from_threads:
            self._offer(self._from_threads.popleft())

    def _offer(self, message: Message) -> None:
        listeners = self._by_topic.get(message.topic)
        if listeners is None:
            if len(self._by_topic) >= _REMEMBERED:
                self._by_topic.clear()
            listeners = tuple(one for one in self._subscriptions if one.matches(message.topic))
            self._by_topic[message.topic] = listeners
        for subscription in listeners:
            subscription.offer(message)

    # --- listening ------------------------------------------------------------------------------------------------

    def subscribe(self, pattern: str, *, after: int | None = None, where: Where | None = None) -> Subscription:
        """Everything that matches from now on; with ``after``, first the recorded messages above that number (0: all).

        Args:
            where: a further condition; see :class:`~agent_dispatcher.coordination.subscriptions.Subscription`.
        """
        return self._add(Subscription(self, pattern, after, self._capacity, where))

    def consume(self, name: str, pattern: str) -> Consumer:
        """Durable messages at least once: from the first one that the consumer of this name did not acknowledge.

        Raises:
            RunError: no run is attached, or a consumer of that name is at work.
        """
        if name in self._consumers:
            raise RunError(f"consumer {name!r} is at work already: close it, or use another name")
        record = self._record
        if record is None:
            raise RunError(f"consumer {name!r} cannot begin: no run is attached to the bus")

        async def keep(seq: int) -> None:
            self.last_seq = max(self.last_seq, await record(_POSITION, {"consumer": name, "seq": seq}))

        positions = (one.payload for one in self.recorded(0) if one.topic == _POSITION)
        position = max((int(one["seq"]) for one in positions if one["consumer"] == name), default=0)
        made = self._consumers[name] = Consumer(self, name, pattern, position, self._capacity, keep)
        self._add(made)
        return made

    def _add(self, subscription: Subscription) -> Subscription:
        self._bind()
        self._subscriptions.append(subscription)
        self._by_topic.clear()
        return subscription

    def forget(self, subscription: Subscription) -> None:
        """Stop delivering to it."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
            self._by_topic.clear()
        if isinstance(subscription, Consumer) and self._consumers.get(subscription.name) is subscription:
            del self._consumers[subscription.name]

    def _bind(self) -> None:
        """Remember whose thread this is."""
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._thread = threading.get_ident()

    # --- reading again --------------------------------------------------------------------------------------------

    def recorded(self, after: int) -> Iterable[Message]:
        """Durable messages with a number above ``after``, in order; none when no run is attached."""
        if self._replay is not None:
            for seq, topic, payload in self._replay(after):
                yield Message(topic=topic, payload=payload, seq=seq)

    def history(self, pattern: str = "*", *, after: int = 0) -> tuple[Message, ...]:
        """The recorded messages that match, above ``after``, in order."""
        covers = matcher(pattern)
        return tuple(message for message in self.recorded(after) if covers(message.topic))

    async def latest(self, pattern: str, *, timeout_s: float = 30.0) -> Message:
        """The last durable message that matches; when there is none yet, the next one. So it does not matter who comes first.

        Raises:
            TimeoutError: there was none in time.
        """
        inbox = self._add(Subscription(self, pattern, None, self._capacity, lambda message: bool(message.seq)))
        try:
            number = self._last_number(pattern)
            if number:
                return next(iter(self.recorded(number - 1)))
            async with asyncio.timeout(timeout_s):
                return await anext(inbox)
        finally:
            await inbox.aclose()

    def _last_number(self, pattern: str) -> int:
        """Number of the last recorded message that matches, 0 when there is none. The log is read for it once."""
        if self._numbers is None:
            self._numbers = {message.topic: message.seq for message in self.recorded(0)}
        covers = matcher(pattern)
        return max((seq for topic, seq in self._numbers.items() if covers(topic)), default=0)

    # --- asking ---------------------------------------------------------------------------------------------------

    async def request(self, topic: str, payload: Any = None, *, timeout_s: float = 30.0) -> Any:
        """Ask whoever listens on ``topic`` and wait for the first :meth:`reply`.

        Raises:
            TimeoutError: nobody answered in time.
        """
        own = f"{OWN}reply.{next(self._requests)}"
        inbox = self.subscribe(own)
        try:
            check_topic(topic)
            self._send(topic, payload, own, expires_s=timeout_s)
            async with asyncio.timeout(timeout_s):
                answer = await anext(inbox)
            return answer.payload
        finally:
            await inbox.aclose()

    def reply(self, message: Message, payload: Any = None) -> None:
        """Answer a message that came through :meth:`request`; to others nothing is sent."""
        if message.reply_to:
            self._send(message.reply_to, payload)

    # --- for others -----------------------------------------------------------------------------------------------

    def blocking(self) -> BlockingBus:
        """The bus for agents that block: calls that wait in the caller's own thread.

        Raises:
            RunError: nobody uses the bus on an event loop yet.
        """
        if self._loop is None or self._thread is None:
            raise RunError("the bus has no event loop yet: no run is attached and nobody listens")
        return BlockingBus(self, self._loop, self._thread)

    def statistics(self) -> BusStatistics:
        """The counters as of now."""
        return BusStatistics(
            transient=self._transient,
            durable=self._durable,
            crowded_out=self._crowded_out,
            subscribers=tuple(one.statistics() for one in self._subscriptions),
        )
