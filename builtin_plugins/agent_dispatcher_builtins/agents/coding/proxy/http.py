"""As much of HTTP/1.1 as a client of a model server needs: one request a connection, a reply whole or in pieces. Whatever comes is untrusted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from attrs import field, frozen

__all__ = ["MAX_BODY_BYTES", "BadRequest", "HttpRequest", "ReplyWriter", "read_request"]

_MAX_HEAD_BYTES = 64 * 1024
#: Of a request; a whole conversation is in it.
MAX_BODY_BYTES = 32 * 1024**2


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

    def json(self) -> dict[str, Any]:
        """The body as an object; :class:`BadRequest` when it is none."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            raise BadRequest("the body is no JSON") from None
        if not isinstance(value, dict):
            raise BadRequest("the body is no JSON object")
        return value


async def read_request(reader: asyncio.StreamReader) -> HttpRequest | None:
    """The next request; ``None`` when the client has gone.

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
    return HttpRequest(method=method.upper(), target=target, headers=headers, body=await _body(reader, headers))


async def _head(reader: asyncio.StreamReader) -> bytes | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except asyncio.LimitOverrunError:
        raise BadRequest("the head of the request is too large", 431) from None
    if len(head) > _MAX_HEAD_BYTES:
        raise BadRequest("the head of the request is too large", 431)
    return head[:-4]


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    try:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return await _chunks(reader)
        length = _number(headers.get("content-length", "0"), 10)
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
        raise BadRequest("the request ends before its body does") from None


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts, total = [], 0
    while True:
        size = _number((await reader.readuntil(b"\r\n")).decode("latin-1").partition(";")[0].strip(), 16)
        total += size
        if total > MAX_BODY_BYTES:
            raise BadRequest("the request is too large", 413)
        parts.append((await reader.readexactly(size + 2))[:-2])
        if size == 0:
            return b"".join(parts)


def _number(text: str, base: int) -> int:
    digits = "0123456789abcdef"[:base]
    if not text or set(text.lower()) - set(digits) or len(text) > 12:
        raise BadRequest(f"no length: {text[:40]!r}")
    number = int(text, base)
    if number > MAX_BODY_BYTES:
        raise BadRequest("the request is too large", 413)
    return number


class ReplyWriter:
    """Sends one reply."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.began = False

    async def whole(self, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
        """Send ``value`` as JSON, and nothing after it."""
        data = json.dumps(value).encode()
        self._head(status, {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})})
        self._writer.write(data)
        await self._writer.drain()

    async def piece(self, text: str) -> None:
        """Send a piece of a stream of events; the first begins it."""
        if not self.began:
            self._head(200, {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        self._writer.write(text.encode())
        await self._writer.drain()

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.began = True
        lines = [
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
            *(f"{name}: {text}" for name, text in headers.items()),
        ]
        self._writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"))
