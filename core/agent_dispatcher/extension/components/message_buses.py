"""Message buses: what agents and observers say to each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Protocol

__all__ = ["MessageBusComponent"]


class MessageBusComponent(Protocol):
    """Carries messages between agents and observers. See :class:`agent_dispatcher.coordination.MessageBus` for the meaning."""

    async def publish(self, topic: str, payload: Any, *, durable: bool = False) -> int: ...

    def subscribe(self, pattern: str, *, after: int | None = None) -> AsyncIterator[Any]: ...
