"""Backends of language models: one question, one reply."""

from __future__ import annotations

from typing import Protocol

from ..llm import LlmReply, LlmRequest

__all__ = ["LlmBackend"]


class LlmBackend(Protocol):
    """A language model. Retries of its SDK are set to 0: what to do about an error is decided by the caller."""

    async def complete(self, request: LlmRequest) -> LlmReply:
        """One reply with its usage; :class:`agent_dispatcher.errors.BackendError` says what went wrong and of which sort it is.
        Cancelling it closes the connection."""
        ...
