"""A plain function from text to text as a backend. What it spends nobody knows; the configuration has to allow it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..errors import BackendError
from ..extension.llm import LlmReply, LlmRequest, Usage
from .bounds import input_bound, output_bound
from .prompting import bare_json, schema_in_prompt

__all__ = ["PlainFunction"]


class PlainFunction:
    """Calls ``function`` in a thread with the texts of the conversation, a blank line between two; a schema is said in words.

    The usage of a reply is an upper bound from the length of the texts.
    """

    def __init__(self, function: Callable[[str], str]) -> None:
        self._function = function

    async def complete(self, request: LlmRequest) -> LlmReply:
        """What the function returns.

        Raises:
            BackendError: it returned something else than a text.
            Exception: whatever it raised.
        """
        messages = schema_in_prompt(request).messages
        text = await asyncio.to_thread(self._function, "\n\n".join(each.content for each in messages))
        if not isinstance(text, str):
            raise BackendError(
                f"llm_client returned {type(text).__name__}, not a text: it must be a function from text to text",
                sort="poison",
            )
        usage = Usage(input_tokens=input_bound(request), output_tokens=output_bound(text), estimated=True)
        return LlmReply(text=text if request.schema is None else bare_json(text), usage=usage)
