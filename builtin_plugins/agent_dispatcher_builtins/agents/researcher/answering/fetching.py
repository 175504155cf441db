"""Reads a page of the web as text, from hosts that the user named, within bounds. What it returns is data that strangers wrote."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Sequence
from fnmatch import fnmatchcase
from html.parser import HTMLParser
from http.client import HTTPMessage
from typing import IO
from urllib.parse import urlsplit

__all__ = ["Unfetched", "fetch_text", "may_fetch"]

_MAX_BYTES = 2 * 1024**2
_TIMEOUT_S = 20.0
_AGENT = "agent-dispatcher-researcher"
_SILENT = frozenset({"script", "style", "template", "noscript", "svg", "head"})
_BLOCKS = frozenset(
    {"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "section", "article", "table", "dt", "dd"}
)


class Unfetched(Exception):
    """A page was not read; says why."""


def may_fetch(url: str, hosts: Sequence[str]) -> str:
    """Why a page may not be read, ``""`` when it may.

    Args:
        hosts: patterns of names (``*.readthedocs.io``), with ``:port`` where it is not the usual one; anything on other hosts is refused.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        return f"{url!r} is no address: {error}"
    if parts.scheme not in ("https", "http") or not host:
        return f"{url!r} is no http or https address"
    if parts.username or parts.password:
        return "an address with a name or password in it is not fetched"
    name = host if port is None else f"{host}:{port}"
    if any(fnmatchcase(name, pattern.lower()) for pattern in hosts):
        return ""
    allowed = ", ".join(hosts) if hosts else "none"
    return f"pages of {name} may not be read; allowed are: {allowed} (option fetch)"


def fetch_text(url: str, hosts: Sequence[str], *, timeout_s: float = _TIMEOUT_S) -> str:
    """The page's text, one line per block. No cookie, no credential and no proxy of the environment is used; redirects stay on allowed hosts. Blocks.

    Raises:
        Unfetched: it may not be read, cannot be had, is too large, or is no text.
    """
    refusal = may_fetch(url, hosts)
    if refusal:
        raise Unfetched(refusal)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Redirects(hosts))
    request = urllib.request.Request(
        url, headers={"User-Agent": _AGENT, "Accept": "text/html, text/*, application/json"}
    )
    try:
        with opener.open(request, timeout=timeout_s) as answer:
            kind = answer.headers.get_content_type()
            charset = answer.headers.get_content_charset() or "utf-8"
            data = answer.read(_MAX_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise Unfetched(f"{url} answered {error.code}") from error
    except (OSError, ValueError) as error:
        raise Unfetched(f"{url} cannot be read: {getattr(error, 'reason', error)}") from error
    if len(data) > _MAX_BYTES:
        raise Unfetched(f"{url} is larger than {_MAX_BYTES} bytes")
    if not (kind.startswith("text/") or kind in ("application/json", "application/xml", "application/xhtml+xml")):
        raise Unfetched(f"{url} is {kind}, which is no text")
    try:
        text = data.decode(charset, "replace")
    except LookupError:
        text = data.decode("utf-8", "replace")
    return _text_of_html(text) if kind in ("text/html", "application/xhtml+xml") else text


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to allowed hosts only."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self._hosts = hosts

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        refusal = may_fetch(newurl, self._hosts)
        if refusal:
            raise Unfetched(f"{req.full_url} leads elsewhere: {refusal}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Text(HTMLParser):
    """Gathers what a reader would see."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent.append(tag)
        elif tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if self._silent and tag == self._silent[-1]:
            self._silent.pop()
        elif tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)


def _text_of_html(page: str) -> str:
    parser = _Text()
    parser.feed(page)
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.parts).split("\n"))
    return re.sub(r"\n{2,}", "\n", "\n".join(lines)).strip("\n")
