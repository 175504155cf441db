"""A backend for one endpoint, whichever SDK it is asked through."""

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
from ..options import KeyedOptions, is_loopback
from .endpoint import WANTS_KEY, Dialect, Endpoint
from .limits import Limits

if TYPE_CHECKING:
    from .client import Client

__all__ = ["EndpointBackend", "connect", "keyed_endpoint", "need_sdk"]


@define
class EndpointBackend:
    """Asks one endpoint. The SDK is imported by the first call.

    Attributes:
        wire: name of the module that brings the SDK; its ``connect(endpoint, log)`` makes the client.
    """

    endpoint: Endpoint
    wire: str
    log: logging.Logger
    _connecting: threading.Lock = field(factory=threading.Lock)
    _client: Client | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What nothing may show that is kept of a run."""
        return (self.endpoint.key,) if self.endpoint.key else ()

    def priced_as(self, request: LlmRequest) -> PricedAs:
        """The model that will be asked, at the configured server."""
        return PricedAs(model=request.model or self.endpoint.model, server=self.endpoint.base_url)

    def answers_as(self, request: LlmRequest) -> str:
        """The model at its address, through its SDK."""
        return f"{self.wire} {self.endpoint.base_url} {request.model or self.endpoint.model}"

    async def complete(self, request: LlmRequest) -> LlmReply:
        """The model's reply.

        Raises:
            BackendError: why there is none, and of which sort that is.
        """
        client = self._client
        if client is None:
            client = await asyncio.to_thread(self._connect)
        return await client.complete(request)

    def _connect(self) -> Client:
        with self._connecting:
            if self._client is None:
                self._client = connect(self.wire, self.endpoint, self.log)
            return self._client


def connect(wire: str, endpoint: Endpoint, log: logging.Logger) -> Client:
    """What talks to an endpoint. The first one of a process takes as long as the import of the SDK, so call it in a thread."""
    made: Client = import_module(wire).connect(endpoint, log)
    return made


def keyed_endpoint(
    options: KeyedOptions,
    base_url: str,
    dialect: Dialect,
    services: Services,
    *,
    backend: str,
    maker: str,
    usual: str,
    path_hint: str = "",
) -> Endpoint:
    """The endpoint that the options of a backend describe, with its key.

    Args:
        maker: the address of the server of the SDK's maker.
        usual: the variable with the key of that server, and of no other.
        path_hint: as in :class:`Endpoint`.

    Raises:
        Unavailable: the key is not there.
    """
    own = base_url.rstrip("/") == maker
    key, hint = find_key(options, backend, usual if own else "")
    if key and base_url.startswith("http://") and not is_loopback(base_url):
        services.log.warning("the key for %s travels unencrypted: use https", base_url)
    return Endpoint(
        base_url=base_url,
        model=options.model,
        limits=Limits.of(options),
        dialect=dialect,
        key=key,
        key_hint=hint or WANTS_KEY,
        own_server=own,
        path_hint=path_hint,
    )


def need_sdk(package: str, version: str, backend: str) -> None:
    """Refuse in one line where the SDK is not installed; it is not imported.

    Raises:
        Unavailable: it is not there, or is of a line before ``version``.
    """
    if find_spec(package) is None or find_spec("httpx2") is None:
        remedy = f"pip install 'agent-dispatcher[{backend}]'"
        raise Unavailable(f"backend {backend!r} needs the package {package} {version}", remedy)
