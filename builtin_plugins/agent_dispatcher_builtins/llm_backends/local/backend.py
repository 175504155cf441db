"""A model file on this machine: no key, no network. It is talked to as any other server is."""

from __future__ import annotations

import asyncio
import logging
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field

from agent_dispatcher.errors import Unavailable
from agent_dispatcher.extension import LlmReply, LlmRequest, PricedAs, Services

from ..limits import Limits
from ..openai.backend import make_chat, need_sdk
from ..openai.endpoint import Endpoint
from ..options import LocalOptions
from .model_file import check_model, download, model_url, stored_model
from .serving import Served, serve

if TYPE_CHECKING:
    from ..openai.chat import Chat

__all__ = ["LocalBackend"]


@define
class LocalBackend:
    """Loads its model for the first call and keeps it until it is closed. One call is computed at a time; the others wait for their turn, which counts for no limit.

    Attributes:
        path: the model file; it is downloaded by the first call when the options say from where.
    """

    options: LocalOptions
    path: Path
    log: logging.Logger
    _starting: threading.Lock = field(factory=threading.Lock)
    _served: Served | None = None
    _chat: Chat | None = None
    _turn: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    @classmethod
    def open(cls, options: LocalOptions, services: Services) -> LocalBackend:
        """For the dispatcher.

        Raises:
            Unavailable: what computes the model is not installed.
            ConfigError: the model file is none.
        """
        if find_spec("xllamacpp") is None:
            raise Unavailable("backend 'local' needs the package xllamacpp", "pip install 'agent-dispatcher[local]'")
        need_sdk("local")
        if options.model is not None:
            path = options.model.expanduser()
            check_model(path)
        else:
            path = stored_model(services.data_dir / "models", options)
        return cls(options, path, services.log)

    def priced_as(self, request: LlmRequest) -> PricedAs:
        """Nobody sends a bill for it."""
        return PricedAs(model=self.path.stem, free=True)

    async def complete(self, request: LlmRequest) -> LlmReply:
        """The model's reply; its name is that of the file.

        Raises:
            BackendError: why there is none, and of which sort that is.
        """
        async with self._my_turn():
            chat = self._chat
            if chat is None:
                chat = await asyncio.to_thread(self._start)
            return await chat.complete(request)

    async def aclose(self) -> None:
        """Give the model's memory back."""
        await asyncio.to_thread(self._stop)

    def _start(self) -> Chat:
        with self._starting:
            if self._chat is not None:
                return self._chat
            if self.options.model is None:
                download(model_url(self.options), self.path, self.options.sha256, self.log)
                check_model(self.path)
            served = serve(self.path, context_tokens=self.options.context_tokens, threads=self.options.threads)
            endpoint = Endpoint(
                base_url=f"{served.origin}/v1",
                model=self.path.stem,
                limits=Limits.of(self.options),
                key=served.key,
                key_hint="the server of this process refuses its own key",
            )
            self._served, self._chat = served, make_chat(endpoint, self.log)
            return self._chat

    def _stop(self) -> None:
        with self._starting:
            self._served, self._chat = None, None

    def _my_turn(self) -> asyncio.Lock:
        """One lock for each event loop."""
        loop = asyncio.get_running_loop()
        if self._turn is None or self._turn[0] is not loop:
            self._turn = (loop, asyncio.Lock())
        return self._turn[1]
