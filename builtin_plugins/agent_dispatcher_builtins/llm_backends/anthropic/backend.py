"""Any server that speaks Anthropic's messages, through the official SDK."""

from __future__ import annotations

import asyncio
import logging
import threading
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from attrs import define, field

from agent_dispatcher.errors import Unavailable
from agent_dispatcher.extension import LlmReply, LlmRequest, PricedAs, Services

from ..keys import find_key
from ..limits import Limits
from ..options import ANTHROPIC_URL, AnthropicOptions, is_loopback
from .dialect import Dialect
from .endpoint import Endpoint

if TYPE_CHECKING:
    from .messages import Messages

__all__ = ["AnthropicBackend"]

#: Said when a server refuses a request that went without a key.
_WANTS_KEY = "the server wants a key: name its environment variable in api_key_env"


@define
class AnthropicBackend:
    """Asks one endpoint. The SDK is imported by the first call."""

    endpoint: Endpoint
    log: logging.Logger
    _connecting: threading.Lock = field(factory=threading.Lock)
    _messages: Messages | None = None

    @classmethod
    def open(cls, options: AnthropicOptions, services: Services) -> AnthropicBackend:
        """For the dispatcher.

        Raises:
            Unavailable: the SDK or the key is not there.
        """
        if find_spec("anthropic") is None or find_spec("httpx2") is None:
            remedy = "pip install 'agent-dispatcher[anthropic]'"
            raise Unavailable("backend 'anthropic' needs the package anthropic 2", remedy)
        own = options.base_url.rstrip("/") == ANTHROPIC_URL
        key, hint = find_key(options, "anthropic", "ANTHROPIC_API_KEY" if own else "")
        if key and options.base_url.startswith("http://") and not is_loopback(options.base_url):
            services.log.warning("the key for %s travels unencrypted: use https", options.base_url)
        endpoint = Endpoint(
            base_url=options.base_url,
            model=options.model,
            limits=Limits.of(options),
            key=key,
            key_hint=hint or _WANTS_KEY,
            dialect=Dialect.asking(options.structured),
            own_server=own,
        )
        return cls(endpoint, services.log)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What nothing may show that is kept of a run."""
        return (self.endpoint.key,) if self.endpoint.key else ()

    def priced_as(self, request: LlmRequest) -> PricedAs:
        """The model that will be asked, at the configured server."""
        return PricedAs(model=request.model or self.endpoint.model, server=self.endpoint.base_url)

    async def complete(self, request: LlmRequest) -> LlmReply:
        """The model's reply.

        Raises:
            BackendError: why there is none, and of which sort that is.
        """
        messages = self._messages
        if messages is None:
            messages = await asyncio.to_thread(self._connect)
        return await messages.complete(request)

    def _connect(self) -> Messages:
        """What talks to the endpoint. The first one of a process takes as long as the import of the SDK, so it is made in a thread."""
        with self._connecting:
            if self._messages is None:
                self._messages = import_module(f"{__package__}.messages").Messages(self.endpoint, self.log)
            return self._messages
