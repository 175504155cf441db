"""A model file on this machine: no key, no network. It is talked to as any other server is."""

from __future__ import annotations

import asyncio
import logging
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field

from agent_dispatcher.errors import BackendError, Unavailable
from agent_dispatcher.extension import LlmReply, LlmRequest, PricedAs, Services
from agent_dispatcher.llm import held_back

from ..http.backend import connect, need_sdk
from ..http.endpoint import Endpoint
from ..http.limits import Limits
from ..openai.backend import WIRE
from ..openai.dialect import Dialect
from ..options import LocalOptions
from .described_calls import with_described_calls
from .model_file import check_model, download, model_url, stored_model
from .serving import Served, launch
from .stoppable import run_stoppable

if TYPE_CHECKING:
    from ..http.client import Client

__all__ = ["LocalBackend"]


@define
class LocalBackend:
    """Loads its model for the first call and keeps it until it is closed. So many calls as ``parallel`` says are computed at once; the others wait for their turn, which counts for no limit.

    Attributes:
        path: the model file; it is downloaded by the first call when the options say from where.
    """

    options: LocalOptions
    path: Path
    log: logging.Logger
    _starting: threading.Lock = field(factory=threading.Lock)
    _served: Served | None = None
    _client: Client | None = None
    _places: tuple[asyncio.AbstractEventLoop, asyncio.Semaphore] | None = None

    @classmethod
    def open(cls, options: LocalOptions, services: Services) -> LocalBackend:
        """For the dispatcher.

        Raises:
            Unavailable: what computes the model is not installed.
            ConfigError: the model file is none.
        """
        if find_spec("xllamacpp") is None:
            raise Unavailable("backend 'local' needs the package xllamacpp", "pip install 'agent-dispatcher[local]'")
        need_sdk("openai", "3", "local")
        if options.model is not None:
            path = options.model.expanduser()
            check_model(path)
        else:
            path = stored_model(services.data_dir / "models", options)
        return cls(options, path, services.log)

    def priced_as(self, request: LlmRequest) -> PricedAs:
        """Nobody sends a bill for it."""
        return PricedAs(model=self.path.stem, free=True)

    def answers_as(self, request: LlmRequest) -> str:
        """The model in its file: by its digest where that is configured, else by the file as it stands."""
        if self.options.model is None:
            return self.options.sha256
        found = self.path.stat()
        return f"{self.path} {found.st_size} {found.st_mtime_ns}"

    async def complete(self, request: LlmRequest) -> LlmReply:
        """The model's reply; its name is that of the file. A call of a tool that the model only describes counts as made.

        Raises:
            BackendError: why there is none, and of which sort that is.
        """
        place = self._place()
        with held_back():
            await place.acquire()
        try:
            client = self._ready()
            if client is None:
                with held_back():
                    await self._have(request.timeout_s)
                    client = await asyncio.to_thread(self._start)
            return with_described_calls(await client.complete(request), request)
        finally:
            place.release()

    async def aclose(self) -> None:
        """Give the model's memory back, whatever is being computed."""
        await asyncio.to_thread(self._stop)

    async def _have(self, timeout_s: float | None) -> None:
        """Download the file, where it is not there. It goes on where it was broken off, be it by time or because nobody waits for it."""
        options = self.options
        if options.model is not None or self._client is not None:
            return

        def fetch(stop: threading.Event) -> None:
            download(model_url(options), self.path, options.sha256, self.log, max_bytes=options.max_bytes, stop=stop)
            check_model(self.path)

        try:
            await run_stoppable(fetch, timeout_s)
        except TimeoutError:
            what = f"{model_url(options)} was not here within {timeout_s:g} s (what has come is kept)"
            raise BackendError(what, sort="outage", may_cost=False) from None

    def _start(self) -> Client:
        with self._starting:
            client = self._ready()
            if client is not None:
                return client
            self._client = None
            self._served = served = launch(
                self.path,
                context_tokens=self.options.context_tokens,
                threads=self.options.threads,
                parallel=self.options.parallel,
            )
            endpoint = Endpoint(
                base_url=f"{served.origin(self.options.first_byte_s)}/v1",
                model=self.path.stem,
                limits=Limits.of(self.options),
                dialect=Dialect(),
                key=served.key,
                key_hint="the server refuses its own key",
            )
            self._client = client = connect(WIRE, endpoint, self.log)
            return client

    def _ready(self) -> Client | None:
        """What talks to the server, while it runs: one that died is started anew."""
        return self._client if self._served is not None and self._served.runs else None

    def _stop(self) -> None:
        served = self._served
        if served is not None:
            served.end()  # also while it loads: who waits for that lets go of the lock
        with self._starting:
            self._served, self._client = None, None

    def _place(self) -> asyncio.Semaphore:
        """One for each event loop."""
        loop = asyncio.get_running_loop()
        if self._places is None or self._places[0] is not loop:
            self._places = (loop, asyncio.Semaphore(self.options.parallel))
        return self._places[1]
