"""Reads a page of the web as text, from hosts that the user named, within bounds. What it returns is data that strangers wrote.

A host's name is resolved once; the addresses are looked at, and those are connected to. Everything together has so many seconds, however slowly a
server speaks: what takes longer, and what nobody waits for any more, is cut off at its socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import urljoin, urlsplit, urlunsplit

from .addresses import Unfetched, Where, may_fetch, places_of
from .page_text import decoded, text_of_html

__all__ = ["Unfetched", "fetch_page", "fetch_text", "may_fetch"]

_MAX_BYTES = 2 * 1024**2
_TIMEOUT_S = 20.0
_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {
    "User-Agent": "agent-dispatcher-researcher",
    "Accept": "text/html, text/*, application/json",
    "Accept-Encoding": "identity",
    "Connection": "close",
}
_TEXTS = ("application/json", "application/xml", "application/xhtml+xml")


async def fetch_page(url: str, where: Where, *, timeout_s: float = _TIMEOUT_S, most_bytes: int = _MAX_BYTES) -> str:
    """The page's text, one line per block. No cookie, no credential and no proxy of the environment is used; redirects stay on allowed hosts.

    Returns or raises within ``timeout_s``, and at once when it is cancelled, with the connection closed.

    Raises:
        Unfetched: it may not be read, cannot be had, is too large, or is no text.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[str] = loop.create_future()
    fetch = _Fetch(url, where, timeout_s, most_bytes)

    def settle(text: str, error: BaseException | None) -> None:
        if not done.done():
            done.set_result(text) if error is None else done.set_exception(error)

    def work() -> None:
        text, error = "", None
        try:
            text = fetch.run()
        except BaseException as raised:  # it is the waiting task's
            error = raised
        with contextlib.suppress(RuntimeError):  # nobody waits any more
            loop.call_soon_threadsafe(settle, text, error)

    # A thread of its own, not one of the loop's: looking up a name cannot be cut off, and nobody shall wait for it.
    threading.Thread(target=work, name="fetch", daemon=True).start()
    try:
        async with asyncio.timeout(timeout_s):
            return await done
    except TimeoutError as error:
        raise fetch.late() from error
    finally:
        fetch.stop()


def fetch_text(url: str, hosts: Sequence[str], *, networks: Sequence[str] = (), timeout_s: float = _TIMEOUT_S) -> str:
    """As :func:`fetch_page`, for those who have no event loop. Blocks."""
    fetch = _Fetch(url, Where(hosts=tuple(hosts), networks=tuple(networks)), timeout_s, _MAX_BYTES)
    alarm = threading.Timer(timeout_s, fetch.stop)
    alarm.daemon = True
    alarm.start()
    try:
        return fetch.run()
    finally:
        alarm.cancel()


class _Fetch:
    """One page, read in one thread and stopped, if need be, from another."""

    def __init__(self, url: str, where: Where, timeout_s: float, most_bytes: int) -> None:
        self._url = url
        self._where = where
        self._timeout_s = timeout_s
        self._most_bytes = most_bytes
        self._until = time.monotonic() + timeout_s
        self._lock = threading.Lock()
        self._wire: socket.socket | None = None
        self._stopped = False

    def run(self) -> str:
        """The text.

        Raises:
            Unfetched: see :func:`fetch_page`.
        """
        url = self._url
        try:
            for _ in range(_MAX_REDIRECTS + 1):
                found = self._get(url)
                if isinstance(found, str):
                    return found
                url = self._next(url, *found)
        except (OSError, ValueError, HTTPException) as error:
            self._look_up()
            what = str(error) or type(error).__name__
            raise Unfetched(f"{url[:200]} cannot be read: {what[:200]}") from error
        raise Unfetched(f"{self._url[:200]} leads on and on: more than {_MAX_REDIRECTS} times")

    def stop(self) -> None:
        """Cut the connection; whoever reads from it gets to its end."""
        with self._lock:
            self._stopped = True
            if self._wire is not None:
                with contextlib.suppress(OSError):
                    # Not SSLSocket's own, which takes the encryption from under the thread that reads.
                    socket.socket.shutdown(self._wire, socket.SHUT_RDWR)

    def late(self) -> Unfetched:
        """What there is to say when time is over."""
        return Unfetched(f"{self._url[:200]} was not read within {self._timeout_s:g} s")

    def _look_up(self) -> None:
        if self._stopped or time.monotonic() >= self._until:
            raise self.late()

    def _get(self, url: str) -> str | tuple[int, str]:
        """The text, or the status and place of a redirect."""
        refusal = may_fetch(url, self._where.hosts)
        if refusal:
            raise Unfetched(refusal)
        parts = urlsplit(url)
        connection = _Connection(self, parts.hostname or "", parts.port, secure=parts.scheme == "https")
        try:
            connection.request("GET", urlunsplit(("", "", parts.path or "/", parts.query, "")), headers=_HEADERS)
            with connection.getresponse() as answer:
                if answer.status in _REDIRECTS:
                    return answer.status, answer.headers.get("Location", "")
                return self._text(url, answer)
        finally:
            with self._lock:
                self._wire = None
            connection.close()

    def _next(self, url: str, status: int, location: str) -> str:
        if not location:
            raise Unfetched(f"{url[:200]} answered {status} and does not say where to")
        following = urljoin(url, location)
        refusal = may_fetch(following, self._where.hosts)
        if not refusal and url.startswith("https:") and not following.startswith("https:"):
            refusal = "from https to http"
        if refusal:
            raise Unfetched(f"{url[:200]} leads elsewhere: {refusal}")
        return following

    def _text(self, url: str, answer: HTTPResponse) -> str:
        if answer.status != 200:
            raise Unfetched(f"{url[:200]} answered {answer.status}")
        kind = answer.headers.get_content_type()
        if not (kind.startswith("text/") or kind in _TEXTS):
            raise Unfetched(f"{url[:200]} is {kind[:100]}, which is no text")
        if (answer.headers.get("Content-Encoding") or "identity").lower() != "identity":
            raise Unfetched(f"{url[:200]} is compressed, which was not asked for")
        data = answer.read(self._most_bytes + 1)
        self._look_up()
        if len(data) > self._most_bytes:
            raise Unfetched(f"{url[:200]} is larger than {self._most_bytes} bytes")
        if answer.length:
            raise Unfetched(f"{url[:200]} ended {answer.length} bytes before its end")
        text = decoded(data, answer.headers.get_content_charset())
        return text_of_html(text, self._look_up) if kind in ("text/html", "application/xhtml+xml") else text

    def open(self, host: str, port: int, *, secure: bool) -> socket.socket:
        """A connection to one of the host's addresses, known to :meth:`stop` from its first moment.

        Raises:
            OSError: none of them can be reached, or it is not the host's.
            Unfetched: one of them is not public, or time is over.
        """
        failed: OSError | None = None
        places = places_of(host, port, self._where)
        for number, (family, address) in enumerate(places):
            left = max(self._until - time.monotonic(), 0)
            until = time.monotonic() + left / (
                len(places) - number
            )  # one that does not answer leaves the others theirs
            wire = socket.socket(family, socket.SOCK_STREAM)
            try:
                self._hold(wire, until)
                wire.connect((address, port))
                if secure:
                    context = ssl.create_default_context()
                    wire = context.wrap_socket(wire, server_hostname=host, do_handshake_on_connect=False)
                    self._hold(wire, until)
                    wire.do_handshake()
                self._hold(wire, self._until)
                return wire
            except OSError as error:
                wire.close()
                failed = error
            except BaseException:
                wire.close()
                raise
        raise failed or OSError("it has no address")

    def _hold(self, wire: socket.socket, until: float) -> None:
        self._look_up()
        with self._lock:
            self._wire = wire
            if not self._stopped:
                wire.settimeout(max(until - time.monotonic(), 0.01))
                return
        raise self.late()


class _Connection(HTTPConnection):
    """HTTP over a connection that :class:`_Fetch` opens."""

    def __init__(self, fetch: _Fetch, host: str, port: int | None, *, secure: bool) -> None:
        usual = 443 if secure else 80
        super().__init__(host, port or usual)
        self.default_port = usual
        self._fetch = fetch
        self._secure = secure

    def connect(self) -> None:
        """Called before the request is sent."""
        self.sock = self._fetch.open(self.host, self.port, secure=self._secure)
