"""The way past the count, where the user allows it: requests go to one configured server as they are, with the key that the program does not have.

Used for what the metering proxy cannot pass on. Nobody knows what it costs; no budget holds it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from ssl import create_default_context
from urllib.parse import urlsplit

from .http import BadRequest, HttpRequest, ReplyWriter, read_request

__all__ = ["UnmeteredProxy"]

_CONNECT_S = 15.0
_PIECE = 65536
#: Headers that are about the connection, or that carry a key.
_NOT_PASSED = frozenset(
    [
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "expect",
        "upgrade",
        "authorization",
        "x-api-key",
        "api-key",
        "proxy-authorization",
        "cookie",
    ]
)


class UnmeteredProxy:
    """Passes requests on to one origin.

    Args:
        url: the server, with the path that stands for ``/v1``'s parent.
        key: sent as both dialects want it; ``None`` for none.

    Attributes:
        calls: requests passed on.
    """

    def __init__(self, url: str, key: str | None) -> None:
        self._url = urlsplit(url)
        self._key = key
        self.calls = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass the one request of a connection on; a redirection is the program's to see, and leads it nowhere."""
        try:
            request = await read_request(reader)
            if request is not None:
                self.calls += 1
                await self._pass_on(request, writer)
        except BadRequest as error:
            await _refuse(writer, error.status, str(error))
        except (OSError, TimeoutError) as error:
            await _refuse(writer, 502, f"the model server cannot be reached: {error}")
        finally:
            writer.close()

    async def _pass_on(self, request: HttpRequest, writer: asyncio.StreamWriter) -> None:
        url = self._url
        secure = url.scheme == "https"
        connecting = asyncio.open_connection(
            url.hostname, url.port or (443 if secure else 80), ssl=create_default_context() if secure else None
        )
        replies, server = await asyncio.wait_for(connecting, _CONNECT_S)
        try:
            server.write(self._head(request) + request.body)
            await server.drain()
            while piece := await replies.read(_PIECE):
                writer.write(piece)
                await writer.drain()
        finally:
            server.close()

    def _head(self, request: HttpRequest) -> bytes:
        headers = {name: text for name, text in request.headers.items() if name not in _NOT_PASSED}
        headers |= {"host": self._url.netloc, "connection": "close", "content-length": str(len(request.body))}
        if self._key is not None:
            headers |= {"authorization": f"Bearer {self._key}", "x-api-key": self._key}
        target = self._url.path.rstrip("/") + request.target
        lines = [f"{request.method} {target} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def _refuse(writer: asyncio.StreamWriter, status: int, what: str) -> None:
    with suppress(OSError):
        await ReplyWriter(writer).whole(status, {"error": {"message": what, "type": "server_error"}})
