"""The message bus for code that blocks: a :class:`~agent_dispatcher.agents.SyncAgent` in its own thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

from ..agents.messages import Message
from ..errors import RunError

__all__ = ["BlockingBus"]

_T = TypeVar("_T")


class _Bus(Protocol):
    async def publish(self, topic: str, payload: Any = None, *, durable: bool = False) -> int: ...

    async def latest(self, pattern: str, *, timeout_s: float = 30.0) -> Message: ...

    async def request(self, topic: str, payload: Any = None, *, timeout_s: float = 30.0) -> Any: ...


class BlockingBus:
    """Does on the event loop what is asked for here, and waits for it in the caller's thread.

    Raises:
        RunError: by every call, when it is made on the event loop's own thread (it would wait for itself), or when the run is over.
    """

    def __init__(self, bus: _Bus, loop: asyncio.AbstractEventLoop, thread: int) -> None:
        self._bus = bus
        self._loop = loop
        self._thread = thread

    def publish(self, topic: str, payload: Any = None, *, durable: bool = False) -> int:
        """As :meth:`~agent_dispatcher.coordination.message_bus.MessageBus.publish`."""
        return self._wait(self._bus.publish(topic, payload, durable=durable))

    def latest(self, pattern: str, *, timeout_s: float = 30.0) -> Message:
        """As :meth:`~agent_dispatcher.coordination.message_bus.MessageBus.latest`."""
        return self._wait(self._bus.latest(pattern, timeout_s=timeout_s))

    def request(self, topic: str, payload: Any = None, *, timeout_s: float = 30.0) -> Any:
        """As :meth:`~agent_dispatcher.coordination.message_bus.MessageBus.request`."""
        return self._wait(self._bus.request(topic, payload, timeout_s=timeout_s))

    def _wait(self, work: Coroutine[Any, Any, _T]) -> _T:
        if threading.get_ident() == self._thread:
            work.close()
            raise RunError("the blocking bus is for other threads: on the event loop await the bus itself")
        try:
            asked = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError as error:
            work.close()
            raise RunError("the run is over: nobody takes messages any more") from error
        return asked.result()
