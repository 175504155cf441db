"""Talks to one endpoint, and remembers what it does not understand. Imported when the first call is made."""

from __future__ import annotations

import logging
import time

from attrs import evolve

from agent_dispatcher.extension import LlmReply, LlmRequest, Usage
from agent_dispatcher.llm import bare_json, input_bound, output_bound

from .endpoint import Dialect, Endpoint
from .exchange import Refused, exchange
from .wire import Collected, Wire

__all__ = ["Client"]


class Client:
    """Safe for calls at the same time, and for one event loop after the other.

    Each call is made once. Only a request that the server refuses for the way it is put, which costs nothing, is put in another way; what was
    learned is kept for each model.
    """

    def __init__(self, endpoint: Endpoint, wire: Wire, log: logging.Logger) -> None:
        self.endpoint = endpoint
        self._wire = wire
        self._log = log
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
                collected = await exchange(self._wire, dialect.body(request, model), left, endpoint.failures)
            except Refused as refused:
                other = dialect.after(refused.complaint, request)
                if other is None or refused.may_cost:
                    raise
                self._log.debug("%s refused %s; next: %s", endpoint.base_url, dialect, other)
                dialect = other
            else:
                self._dialects[model] = dialect
                return self._reply(request, collected, in_words=dialect.structured != "json_schema")

    def _reply(self, request: LlmRequest, collected: Collected, *, in_words: bool) -> LlmReply:
        text, refusal, calls = collected.text, collected.refusal, collected.tool_calls
        written = text + refusal + "".join(call.name + call.arguments for call in calls)
        bound = Usage(input_tokens=input_bound(request), output_tokens=output_bound(written), estimated=True)
        if refusal:
            text = text or refusal
        elif request.schema is not None and in_words:
            text = bare_json(text)
        return LlmReply(
            text=text,
            usage=collected.usage or bound,
            model=collected.model,
            stop_reason="refused" if refusal else self._wire.stops.get(str(collected.finish), "stop"),
            tool_calls=calls,
        )
