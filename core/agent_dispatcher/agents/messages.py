"""Messages as agents see them: what one holds, and what an agent may ask of the bus.

:class:`agent_dispatcher.coordination.message_bus.MessageBus` is the bus behind it, and its module says what is promised.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Protocol

from attrs import field, frozen

__all__ = ["AgentBus", "Inbox", "Message"]


@frozen(kw_only=True)
class Message:
    """What was published.

    Attributes:
        seq: number of its event for a durable message, 0 for a transient one. Who acts on durable messages keys by run and number.
        missed: transient messages this subscriber lost since the one before.
        reply_to: the topic on which the asker waits for an answer, ``""`` otherwise.
        priority: of a transient message; the highest that waits comes first.
        published_at, expires_at: seconds on :func:`time.monotonic`'s clock; 0 for a message that was read from the log.
    """

    topic: str
    payload: Any = None
    seq: int = 0
    missed: int = 0
    reply_to: str = ""
    priority: int = 0
    published_at: float = field(default=0.0, eq=False)
    expires_at: float = field(default=float("inf"), eq=False)


class Inbox(Protocol):
    """Messages as they come; ``async for`` ends after :meth:`aclose`."""

    def __aiter__(self) -> AsyncIterator[Message]: ...

    async def __anext__(self) -> Message: ...

    async def aclose(self) -> None:
        """Get no more messages."""
        ...


class AgentBus(Protocol):
    """What an agent may ask of the bus. Everything but :meth:`send` and :meth:`blocking` is for code on the event loop."""

    async def publish(self, topic: str, payload: Any = None, *, durable: bool = False) -> int:
        """Send to everyone whose pattern matches; a durable message is in the run's log when this returns its number."""
        ...

    def send(
        self, topic: str, payload: Any = None, *, reply_to: str = "", priority: int = 0, expires_s: float | None = None
    ) -> None:
        """Publish a transient message, from any thread."""
        ...

    def subscribe(self, pattern: str, *, after: int | None = None) -> Inbox:
        """Everything that matches from now on; with ``after``, first the recorded messages above that number."""
        ...

    async def latest(self, pattern: str, *, timeout_s: float = 30.0) -> Message:
        """The last durable message that matches, or the next one when there is none yet; :class:`TimeoutError`."""
        ...

    def history(self, pattern: str = "*", *, after: int = 0) -> tuple[Message, ...]:
        """The durable messages so far that match, above ``after``, in order."""
        ...

    async def request(self, topic: str, payload: Any = None, *, timeout_s: float = 30.0) -> Any:
        """Ask whoever listens on ``topic`` and wait for the first answer; :class:`TimeoutError`."""
        ...

    def reply(self, message: Message, payload: Any = None) -> None:
        """Answer a message that came through :meth:`request`."""
        ...

    def blocking(self) -> BlockingAgentBus:
        """The same for a :class:`~agent_dispatcher.agents.SyncAgent`: calls that block the agent's own thread."""
        ...


class BlockingAgentBus(Protocol):
    """The bus for agents that block. Each call waits in the caller's thread and nowhere else."""

    def publish(self, topic: str, payload: Any = None, *, durable: bool = False) -> int:
        """As :meth:`AgentBus.publish`."""
        ...

    def latest(self, pattern: str, *, timeout_s: float = 30.0) -> Message:
        """As :meth:`AgentBus.latest`."""
        ...

    def request(self, topic: str, payload: Any = None, *, timeout_s: float = 30.0) -> Any:
        """As :meth:`AgentBus.request`."""
        ...
