"""Which addresses of the web may be read: hosts that the user named, on networks where strangers' names may not lead."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from attrs import frozen

__all__ = ["Unfetched", "Where", "may_fetch", "places_of"]

#: Characters of an address, and of what stands behind its ``?`` and ``#``: what a model writes there leaves the machine.
_MAX_URL = 1000
_MAX_QUERY = 200
_SEEN = re.compile(r"[!-~]+")
#: Networks whose addresses end in one of the older kind.
_CARRYING = (ip_network("64:ff9b::/96"), ip_network("::/96"))


class Unfetched(Exception):
    """A page was not read; says why."""


@frozen(kw_only=True)
class Where:
    """From where pages may be read.

    Attributes:
        hosts: patterns of names (``*.readthedocs.io``), with ``:port`` where it is not the usual one. Addresses in numbers are only met by themselves.
        networks: networks (``10.1.0.0/16``) in which a named host may lie although they are not public.
    """

    hosts: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


def may_fetch(url: str, hosts: Sequence[str]) -> str:
    """Why a page may not be read, ``""`` when it may, as far as its address tells; see :func:`places_of`.

    Args:
        hosts: as in :class:`Where`; anything on other hosts is refused.
    """
    if not _SEEN.fullmatch(url):
        return f"{url[:200]!r} is no address: it holds blanks or characters that are not ASCII"
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        return f"{url[:200]!r} is no address: {error}"
    if parts.scheme not in ("https", "http") or not host:
        return f"{url[:200]!r} is no http or https address"
    if parts.username is not None or parts.password is not None:
        return "an address with a name or password in it is not fetched"
    name = host if port is None else f"{host}:{port}"
    if not any(_meets(name, host, pattern.lower()) for pattern in hosts):
        allowed = ", ".join(hosts) if hosts else "none"
        return f"pages of {name[:200]} may not be read; allowed are: {allowed} (option fetch)"
    if len(url) > _MAX_URL or len(parts.query) + len(parts.fragment) > _MAX_QUERY:
        return f"an address of {len(url)} characters is too long: {_MAX_URL} are allowed, {_MAX_QUERY} of them behind ? and #"
    return ""


def places_of(host: str, port: int, where: Where) -> list[tuple[int, str]]:
    """``(family, address)`` of a host, to be connected to as they are: a name that is asked for again may lead elsewhere.

    Raises:
        Unfetched: it has none, or one on a network that is not public and that the user did not name.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise Unfetched(f"{host} is not known: {error}") from error
    places = list(dict.fromkeys((int(family), str(address[0])) for family, _, _, _, address in found))
    for _, address in places:
        if not _allowed(address, host, where):
            raise Unfetched(f"{host} leads to {address}, which is no public address (option fetch_networks)")
    return places


def _meets(name: str, host: str, pattern: str) -> bool:
    """An address in numbers is met by itself, not by a wildcard."""
    return name == pattern if _numbers(host) else fnmatchcase(name, pattern)


def _allowed(address: str, host: str, where: Where) -> bool:
    number = ip_address(address.partition("%")[0])
    if _numbers(host) or any(number in ip_network(network) for network in where.networks):
        return True  # an address in numbers was named itself: no wildcard meets it
    named = any(pattern.lower().partition(":")[0] == host for pattern in where.hosts)
    return _public(number) or (host == "localhost" and named and number.is_loopback)


def _public(number: IPv4Address | IPv6Address) -> bool:
    """Whether it is a place on the open network; of an address that only carries another one, whether that is."""
    if isinstance(number, IPv6Address):
        carried = number.ipv4_mapped or number.sixtofour
        if number.teredo is not None:
            carried = number.teredo[1]
        if any(number in network for network in _CARRYING):
            carried = IPv4Address(int(number) & 0xFFFFFFFF)
        if carried is not None:
            return _public(carried)
        if number.is_site_local:
            return False
    return number.is_global and not number.is_multicast


def _numbers(host: str) -> bool:
    """Whether a host is an address in numbers, in any way of writing it that a resolver takes for one."""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return re.fullmatch(r"(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+))*\.?", host) is not None
    return True
