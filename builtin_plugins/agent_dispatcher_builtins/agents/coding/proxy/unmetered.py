"""The way past the count, where the user allows it: requests go to one configured server as they are, with the key that the program does not have.

Used for what the metering proxy cannot pass on. Nobody knows what it costs; no budget holds it. It leads to the places where models are asked and
nowhere else, and what comes back has the key taken out.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from ssl import SSLContext, create_default_context
from typing import Final
from urllib.parse import urlsplit

from attrs import frozen

from ..options import MAX_REQUEST_BYTES
from .connections import Connections
from .http import MAX_HEAD_BYTES, BadRequest, HttpRequest, ReplyWriter, chunks, length_of
from .masking import Mask

__all__ = ["UnmeteredProxy"]

_CONNECT_S: Final = 15.0
#: Without a byte from the server: models that think for long say nothing meanwhile.
_IDLE_S: Final = 900.0
#: Where models are asked. Files, batches, accounts and what else a server keeps behind the same key are none of the program's business.
_PLACES: Final = {
    "GET": re.compile(r"(?:/v1)?/models(?:/[\w.:-]{1,200})?", re.ASCII),
    "POST": re.compile(
        r"(?:/v1)?/(?:chat/completions|completions|responses|messages(?:/count_tokens)?|embeddings)", re.ASCII
    ),
}
_QUERY: Final = re.compile(r"(?:\?[\w.=&-]*)?", re.ASCII)
#: Headers that are about the connection, or that carry a key. What is packed could not be looked into.
_NOT_SENT: Final = frozenset(
    [
        "host",
        "connection",
        "keep-alive",
        "content-length",
        "transfer-encoding",
        "te",
        "trailer",
        "expect",
        "upgrade",
        "accept-encoding",
        "authorization",
        "x-api-key",
        "api-key",
        "proxy-authorization",
        "cookie",
    ]
)
_NOT_RETURNED: Final = frozenset(
    ["connection", "keep-alive", "content-length", "transfer-encoding", "trailer", "upgrade", "set-cookie"]
)
_NO_BODY: Final = frozenset({204, 304})


class UnmeteredProxy:
    """Passes requests on to one origin.

    Args:
        url: the server, with the path that stands for ``/v1``'s parent.
        key: sent as both dialects want it; ``None`` for none.
        max_calls: after so many requests the attempt ends; ``None`` for no limit.
        max_request_bytes: of a request.

    Attributes:
        connections: of the program.
        calls: requests passed on.
    """

    def __init__(
        self, url: str, key: str | None, *, max_calls: int | None = None, max_request_bytes: int = MAX_REQUEST_BYTES
    ) -> None:
        self._url = urlsplit(url)
        self._key = key
        self._ssl: SSLContext | None = None
        self.connections = Connections(self._answer, max_requests=max_calls, max_bytes=max_request_bytes)
        self.calls = 0

    async def _answer(self, request: HttpRequest, out: ReplyWriter) -> None:
        """A redirection is the program's to see, and leads it nowhere."""
        places = _PLACES.get(request.method)
        query = request.target[len(request.path) :]
        if places is None or not places.fullmatch(request.path) or not _QUERY.fullmatch(query):
            raise BadRequest(
                f"{request.method} {request.path[:200]} is not passed on: only questions to models are", 404
            )
        self.calls += 1
        try:
            replies, server = await self._connected()
            try:
                server.write(self._head(request) + request.body)
                async with asyncio.timeout(_IDLE_S):
                    await server.drain()
                await self._pass_back(replies, out)
            finally:
                server.transport.abort()
        except (EOFError, asyncio.LimitOverrunError, ValueError, BadRequest, OSError) as error:
            if out.began:  # the program sees a reply that is broken off
                raise ConnectionResetError from error
            what = str(error) or type(error).__name__
            raise BadRequest(f"the model server cannot be reached, or makes no sense: {what}", 502) from error

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        secure = self._url.scheme == "https"
        if secure and self._ssl is None:
            self._ssl = await asyncio.to_thread(create_default_context)
        port = self._url.port or (443 if secure else 80)
        async with asyncio.timeout(_CONNECT_S):
            return await asyncio.open_connection(self._url.hostname, port, ssl=self._ssl if secure else None)

    def _head(self, request: HttpRequest) -> bytes:
        headers = {name: text for name, text in request.headers.items() if name not in _NOT_SENT}
        headers |= {"host": self._url.netloc, "connection": "close", "content-length": str(len(request.body))}
        headers["accept-encoding"] = "identity"
        if self._key is not None:
            headers |= {"authorization": f"Bearer {self._key}", "x-api-key": self._key}
        target = self._url.path.rstrip("/") + request.target
        lines = [f"{request.method} {target} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    async def _pass_back(self, replies: asyncio.StreamReader, out: ReplyWriter) -> None:
        head = await _read_head(replies)
        if head.headers.get("content-encoding", "identity") != "identity":
            raise ValueError("it packs its replies, though it was asked not to")
        mask = Mask(self._key)
        kept = {name: mask.whole(text) for name, text in head.headers.items() if name not in _NOT_RETURNED}
        if head.status in _NO_BODY:
            out.begin(head.status, kept)
            return
        out.begin(head.status, {**kept, "Transfer-Encoding": "chunked"})
        async for piece in _pieces(replies, head):
            await _send(out, mask.take(piece))
        await _send(out, mask.rest())
        await out.send(b"0\r\n\r\n")


@frozen(kw_only=True)
class _ReplyHead:
    status: int
    headers: dict[str, str]


async def _read_head(replies: asyncio.StreamReader) -> _ReplyHead:
    """Of the reply proper: what a server says before that is passed over."""
    while True:
        async with asyncio.timeout(_IDLE_S):
            head = await replies.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        status = length_of(first.split(" ")[1] if first.startswith("HTTP/1.") else "")
        if status >= 200:
            pairs = (line.partition(":") for line in lines)
            return _ReplyHead(status=status, headers={name.strip().lower(): text.strip() for name, _, text in pairs})


async def _pieces(replies: asyncio.StreamReader, head: _ReplyHead) -> AsyncIterator[bytes]:
    """The body, to its end and not less."""
    if head.headers.get("transfer-encoding", "").lower() == "chunked":
        pieces = chunks(replies)
        while True:
            async with asyncio.timeout(_IDLE_S):
                piece = await anext(pieces, None)
            if piece is None:
                return
            yield piece
    length = head.headers.get("content-length")
    left = None if length is None else length_of(length)
    while left is None or left:
        async with asyncio.timeout(_IDLE_S):
            piece = await replies.read(MAX_HEAD_BYTES if left is None else min(left, MAX_HEAD_BYTES))
        if piece:
            left = None if left is None else left - len(piece)
            yield piece
        elif left is None:
            return
        else:
            raise EOFError("it broke its reply off")


async def _send(out: ReplyWriter, piece: bytes) -> None:
    if piece:
        await out.send(b"%x\r\n%s\r\n" % (len(piece), piece))
