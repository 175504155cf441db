"""What waits for the record: durable messages, and whoever goes on only when everything up to now is recorded."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from typing import Any

from .late_sync import Published
from .message_bus import MessageBus
from .state_manager import StateManager

__all__ = ["Outbox"]


class Outbox:
    """Gathers them during a turn of the loop.

    Args:
        state: where messages are recorded.
        bus: hands messages out.
        want_turn: has what is gathered recorded.
    """

    def __init__(self, state: StateManager, bus: MessageBus, want_turn: Callable[[], None]) -> None:
        self._state = state
        self._bus = bus
        self._want_turn = want_turn
        self._awaited: list[asyncio.Future[None]] = []
        self._published: list[Published] = []

    def open(self) -> None:
        """Carry the bus's durable messages from now on; what the log has is told to whoever subscribes."""
        self._bus.attach(self._publish, self._from_log, self._state.last_seq)

    def close(self) -> None:
        """Carry none any more."""
        detach = getattr(self._bus, "detach", None)  # another bus may keep nothing
        if detach is not None:
            detach()

    async def recorded(self) -> None:
        """Until everything gathered so far is recorded."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._awaited.append(future)
        self._want_turn()
        await future

    def take(self) -> tuple[list[asyncio.Future[None]], list[Published]]:
        """Who waits, and the messages; taken off the lists."""
        taken = self._awaited, self._published
        if self._awaited or self._published:
            self._awaited, self._published = [], []
        return taken

    def hand_out(self, recorded: Iterable[Published]) -> None:
        """What is recorded now reaches everyone in the order of the log, also where its publisher was cancelled meanwhile."""
        hand_out = getattr(self._bus, "hand_out", None)  # another bus may hand out when its publisher goes on
        for future, *message in recorded:
            if hand_out is not None:
                hand_out(*message)
            if not future.done():
                future.set_result(None)

    async def _publish(self, topic: str, payload: Any) -> int:
        """Record a durable message with the transaction of this turn; returns its number. It reaches others as it is recorded: without keys.

        Raises:
            TypeError, ValueError: JSON cannot hold the payload.
        """
        topic, payload = self._state.clean([topic, json.loads(json.dumps(payload, allow_nan=False))])
        number = self._state.append("message", data={"topic": topic, "payload": payload})
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._published.append((future, number, topic, payload, time.monotonic()))
        self._want_turn()
        await future
        return number

    def _from_log(self, after: int) -> Iterable[tuple[int, str, Any]]:
        for event in self._state.events(after):
            if event.type == "message":
                yield event.seq, event.data["topic"], event.data["payload"]
