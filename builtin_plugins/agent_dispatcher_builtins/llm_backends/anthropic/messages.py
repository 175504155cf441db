"""Talks to one endpoint, and remembers what it does not understand. Imported when the first call is made: it brings the SDK."""

from __future__ import annotations

import logging
import os
import time
from typing import Final

import anthropic
from attrs import evolve

from agent_dispatcher.extension import LlmReply, LlmRequest, Usage
from agent_dispatcher.llm import bare_json, input_bound, output_bound

from ..connection import make_http
from .dialect import Dialect
from .endpoint import Endpoint
from .exchange import Collected, Refused, exchange

__all__ = ["Messages"]

_STOPS: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "refused",
}


class Messages:
    """Safe for calls at the same time, and for one event loop after the other.

    Each call is made once. Only a request that the server refuses for the way it is put, which costs nothing, is put in another way; what was
    learned is kept for each model.
    """

    def __init__(self, endpoint: Endpoint, log: logging.Logger) -> None:
        self.endpoint = endpoint
        self._log = log
        self._client = _client(endpoint)
        self._dialects: dict[str, Dialect] = {}

    async def complete(self, request: LlmRequest) -> LlmReply:
        """The model's reply.

        Raises:
            BackendError: why there is none, and of which sort that is.
        """
        endpoint, limits = self.endpoint, self.endpoint.limits
        model = request.model or endpoint.model
        dialect = self._dialects.get(model, endpoint.dialect)
        end = time.monotonic() + min(limits.total_s, request.timeout_s or limits.total_s)
        while True:
            left = evolve(limits, total_s=max(0.0, end - time.monotonic()))
            try:
                collected = await exchange(self._client, dialect.body(request, model), left, endpoint.failures)
            except Refused as refused:
                other = dialect.after(refused.complaint, request)
                if other is None:
                    raise
                self._log.debug("%s refused %s; next: %s", endpoint.base_url, dialect, other)
                dialect = other
            else:
                self._dialects[model] = dialect
                return _reply(request, collected, in_words=dialect.structured == "prompt")


def _client(endpoint: Endpoint) -> anthropic.AsyncAnthropic:
    """A client of the SDK that makes each call once, and sends no header that the environment asks for to a server it is not meant for."""
    unasked: list[str] = [] if endpoint.key else ["Authorization", "X-Api-Key"]
    if not endpoint.own_server:
        lines = os.environ.get("ANTHROPIC_CUSTOM_HEADERS", "").split("\n")
        unasked += [name for line in lines if (name := line.partition(":")[0].strip()) and name.lower() not in _OURS]
    http = make_http(endpoint.base_url, endpoint.limits, endpoint.failures, unasked)
    return anthropic.AsyncAnthropic(
        api_key=endpoint.key or "none", base_url=endpoint.base_url, max_retries=0, http_client=http
    )


#: Headers that a request cannot do without; whoever sets them for another server gets them there.
_OURS: Final = frozenset({"authorization", "content-length", "content-type", "host"})


def _reply(request: LlmRequest, collected: Collected, *, in_words: bool) -> LlmReply:
    text, calls = collected.text, collected.tool_calls
    written = text + "".join(call.name + call.arguments for call in calls)
    bound = Usage(input_tokens=input_bound(request), output_tokens=output_bound(written), estimated=True)
    return LlmReply(
        text=bare_json(text) if request.schema is not None and in_words else text,
        usage=collected.usage or bound,
        model=collected.model,
        stop_reason=_STOPS.get(str(collected.finish), "stop"),
        tool_calls=calls,
    )
