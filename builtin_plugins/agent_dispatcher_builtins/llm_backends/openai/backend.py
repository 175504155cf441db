"""Any server that speaks OpenAI's chat completions, through the official SDK."""

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
from ..options import OPENAI_URL, OpenAIOptions, is_loopback
from .dialect import Dialect
from .endpoint import WANTS_KEY, Endpoint

if TYPE_CHECKING:
    from .chat import Chat

__all__ = ["OpenAIBackend", "make_chat", "need_sdk"]


@define
class OpenAIBackend:
    """Asks one endpoint. The SDK is imported by the first call."""

    endpoint: Endpoint
    log: logging.Logger
    _connecting: threading.Lock = field(factory=threading.Lock)
    _chat: Chat | None = None

    @classmethod
    def open(cls, options: OpenAIOptions, services: Services) -> OpenAIBackend:
        """For the dispatcher.

        Raises:
            Unavailable: the SDK or the key is not there.
        """
        need_sdk("openai")
        key, hint = find_key(options, "openai", "OPENAI_API_KEY" if _is_own(options) else "")
        if key and options.base_url.startswith("http://") and not is_loopback(options.base_url):
            services.log.warning("the key for %s travels unencrypted: use https", options.base_url)
        endpoint = Endpoint(
            base_url=options.base_url,
            model=options.model,
            limits=Limits.of(options),
            key=key,
            key_hint=hint or WANTS_KEY,
            dialect=Dialect.asking(options.structured),
            own_server=_is_own(options),
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
        chat = self._chat
        if chat is None:
            chat = await asyncio.to_thread(self._connect)
        return await chat.complete(request)

    def _connect(self) -> Chat:
        with self._connecting:
            if self._chat is None:
                self._chat = make_chat(self.endpoint, self.log)
            return self._chat


def make_chat(endpoint: Endpoint, log: logging.Logger) -> Chat:
    """What talks to an endpoint. The first one of a process takes as long as the import of the SDK, so call it in a thread."""
    made: Chat = import_module(f"{__package__}.chat").Chat(endpoint, log)
    return made


def need_sdk(backend: str) -> None:
    """Refuse in one line where the SDK is not installed; it is not imported.

    Raises:
        Unavailable: it is not there, or is of the line before 3.
    """
    if find_spec("openai") is None or find_spec("httpx2") is None:
        remedy = f"pip install 'agent-dispatcher[{backend}]'"
        raise Unavailable(f"backend {backend!r} needs the package openai 3", remedy)


def _is_own(options: OpenAIOptions) -> bool:
    return options.base_url.rstrip("/") == OPENAI_URL
