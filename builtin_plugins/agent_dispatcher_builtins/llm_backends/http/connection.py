"""One HTTP client for one origin: nothing goes anywhere else, and nothing endless comes back.

Imported when the first call is made: it brings the HTTP library of the SDKs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from urllib.parse import urlsplit

import httpx2

from ..options import is_loopback
from .failures import Failures
from .limits import Limits

__all__ = ["make_http"]


def make_http(base_url: str, limits: Limits, failures: Failures, unasked: Iterable[str]) -> httpx2.AsyncClient:
    """A client for an SDK to use.

    Connections are not kept: a call that finds its connection closed would be a failure, as nothing is retried here, and a client that holds
    none belongs to no event loop once its calls have ended. Replies are asked for uncompressed, so that their size on the wire is their size.

    Args:
        unasked: headers that an SDK takes from the environment and that are not for this server.
    """
    origin, unasked = _origin(base_url), tuple(unasked)

    async def only_there(request: httpx2.Request) -> None:
        if _origin(str(request.url)) != origin:
            what = f"a request to {request.url.host} was stopped: it is not the configured server"
            raise failures.error(what, "permanent")
        for name in unasked:
            request.headers.pop(name, None)

    async def only_so_much(response: httpx2.Response) -> None:
        encoding = response.headers.get("content-encoding", "identity")
        if encoding != "identity":
            raise failures.error(f"the reply is compressed ({encoding}), which was not asked for", "poison")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        most = min(limits.max_reply_bytes, _MOST_OF_AN_ERROR) if response.is_error else limits.max_reply_bytes
        response.stream = _Capped(response.stream, most, failures)

    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(None, connect=limits.connect_s),
        limits=httpx2.Limits(max_keepalive_connections=0),
        follow_redirects=False,
        trust_env=not is_loopback(base_url),  # what stays on this machine goes through no proxy
        headers={"Accept-Encoding": "identity"},
        event_hooks={"request": [only_there], "response": [only_so_much]},
    )


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)


#: What a server says of an error is read as a whole, several times over: a page of a proxy fits, more is not worth it.
_MOST_OF_AN_ERROR = 1_000_000


class _Capped(httpx2.AsyncByteStream):
    """The body of a response, cut off at ``most`` bytes."""

    def __init__(self, stream: httpx2.AsyncByteStream, most: int, failures: Failures) -> None:
        self._stream = stream
        self._most = most
        self._failures = failures

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for chunk in self._stream:
            read += len(chunk)
            if read > self._most:
                raise self._failures.error(f"the reply is larger than {self._most:,} bytes (max_reply_bytes)", "poison")
            yield chunk

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()
