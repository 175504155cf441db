"""As much of HTTP/1.1 as a client of a model server needs: one request a connection, a reply whole or in pieces. Whatever comes is untrusted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from attrs import field, frozen

__all__ = [
    "MAX_HEAD_BYTES",
    "BadRequest",
    "HttpRequest",
    "ReplyWriter",
    "chunks",
    "length_of",
    "read_request",
    "refusal",
]

#: Of a request or a reply. What listens for requests sets no higher limit than this for what it reads ahead.
MAX_HEAD_BYTES: Final = 64 * 1024
#: Of one body; clients that do not know a length send pieces of some kilobytes.
_MOST_CHUNKS: Final = 10_000
_SORTS: Final = {402: "insufficient_quota", 429: "rate_limit_exceeded"}


class BadRequest(Exception):
    """The request cannot be answered.

    Attributes:
        status: what the client is told.
    """

    def __init__(self, what: str, status: int = 400) -> None:
        super().__init__(what)
        self.status = status


@frozen(kw_only=True)
class HttpRequest:
    """A request.

    Attributes:
        target: path and query as they came, beginning with ``/``.
        headers: by name in lower case.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


async def read_request(reader: asyncio.StreamReader, max_bytes: int) -> HttpRequest | None:
    """The next request; ``None`` when the client has gone.

    Args:
        max_bytes: of the body.

    Raises:
        BadRequest: it is malformed or too large.
    """
    head = await _head(reader)
    if head is None:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, _, rest = first.partition(" ")
    target = rest.rpartition(" ")[0]
    readable = all(" " <= character != "\x7f" for line in (first, *lines) for character in line.replace("\t", " "))
    if not readable or not target.startswith("/") or " " in target or not method.isalpha():
        raise BadRequest(f"the request line cannot be read: {first[:80]!r}")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await _body(reader, headers, max_bytes)
    return HttpRequest(method=method.upper(), target=target, headers=headers, body=body)


async def chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The pieces of a body that is sent in such, none of them longer than 64 KiB.

    Raises:
        BadRequest: a piece does not say how long it is.
        IncompleteReadError: the body ends too soon.
    """
    while left := length_of((await reader.readuntil(b"\r\n")).decode("latin-1").partition(";")[0].strip(), 16):
        while left:
            piece = await reader.read(min(left, MAX_HEAD_BYTES))
            if not piece:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(piece)
            yield piece
        await reader.readexactly(2)


def length_of(text: str, base: int = 10) -> int:
    """A number of bytes, in decimal or hexadecimal digits.

    Raises:
        BadRequest: it is none.
    """
    digits = "0123456789abcdef"[:base]
    if not text or set(text.lower()) - set(digits) or len(text) > 12:
        raise BadRequest(f"no length: {text[:40]!r}")
    return int(text, base)


def refusal(status: int, what: str) -> dict[str, Any]:
    """The document of an error, as clients of every dialect find its message."""
    sort = _SORTS.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": what, "type": sort, "code": str(status), "param": None}}


async def _head(reader: asyncio.StreamReader) -> bytes | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except asyncio.LimitOverrunError:
        raise BadRequest("the head of the request is too large", 431) from None
    if len(head) > MAX_HEAD_BYTES:
        raise BadRequest("the head of the request is too large", 431)
    return head[:-4]


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str], max_bytes: int) -> bytes:
    too_large = BadRequest(f"the request has more than {max_bytes:,} bytes (max_request_bytes)", 413)
    try:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            data, count = bytearray(), 0
            async for piece in chunks(reader):
                data += piece
                count += 1
                if len(data) > max_bytes or count > _MOST_CHUNKS:
                    raise too_large
            return bytes(data)
        length = length_of(headers.get("content-length", "0"))
        if length > max_bytes:
            raise too_large
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
        raise BadRequest("the request ends before its body does") from None


class ReplyWriter:
    """Sends one reply."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.began = False

    async def whole(self, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
        """Send ``value`` as JSON, and nothing after it."""
        data = json.dumps(value).encode()
        self.begin(status, {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})})
        await self.send(data)

    async def piece(self, text: str) -> None:
        """Send a piece of a stream of events; the first begins it."""
        if not self.began:
            self.begin(200, {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await self.send(text.encode())

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the head of a reply. The connection ends with it."""
        self.began = True
        known = {each.value: each.phrase for each in HTTPStatus}
        lines = [
            f"HTTP/1.1 {status} {known.get(status, 'Unknown')}",
            *(f"{name}: {text}" for name, text in headers.items()),
        ]
        self._writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"))

    async def send(self, data: bytes) -> None:
        """Send a part of a body; it waits while the program does not read."""
        self._writer.write(data)
        await self._writer.drain()
