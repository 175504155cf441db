"""Replies of servers that do not stream although they were asked to: all of a reply is one piece. Imported with the SDK."""

from __future__ import annotations

import json
from typing import Any

import openai
from openai.types.chat import ChatCompletionChunk

__all__ = ["AtOnce", "is_at_once"]


def is_at_once(response: Any) -> bool:
    """Whether a response is JSON, and so no stream of events."""
    kind: str = response.headers.get("content-type", "")
    return kind.partition(";")[0].strip().lower() == "application/json"


class AtOnce:
    """A chat completion as a stream of one piece. How much it may be, and how long it may take, its response and its reader see to."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self._taken = False

    async def __anext__(self) -> ChatCompletionChunk:
        """The reply, as if it had come in pieces and been put together.

        Raises:
            StopAsyncIteration: it was taken.
            APIError: it tells of an error, with a status that says that all is well.
            ValueError, TypeError, AttributeError: it is no chat completion.
        """
        if self._taken:
            raise StopAsyncIteration
        self._taken = True
        whole = json.loads(await self.response.aread())
        if whole.get("error"):
            raise openai.APIError("the server broke off", self.response.request, body=whole["error"])
        choices = [{**choice, "delta": choice.get("message")} for choice in whole.get("choices") or ()]
        return ChatCompletionChunk.construct(**{**whole, "choices": choices})

    async def close(self) -> None:
        """Close the connection."""
        await self.response.aclose()
