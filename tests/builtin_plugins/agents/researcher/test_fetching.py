"""Fetching a page: whatever a server does, within bounds, at addresses that are meant, and never past the time it has (real servers, real sockets)."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from agent_dispatcher_builtins.agents.researcher.answering import fetching
from agent_dispatcher_builtins.agents.researcher.answering.addresses import Unfetched, Where, may_fetch, places_of
from agent_dispatcher_builtins.agents.researcher.answering.fetching import fetch_page, fetch_text
from agent_dispatcher_builtins.agents.researcher.answering.page_text import decoded, text_of_html
from agent_dispatcher_builtins.agents.researcher.options import ResearcherOptions

_ANSWERS = {
    "/short": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nabc",
    "/garbage": b"HELLO THERE\r\n\r\n",
    "/headers": b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(300)) + b"\r\n",
    "/chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\nZZZ\r\nabc\r\n",
    "/packed": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Type: text/plain\r\n\r\nx",
    "/round": b"HTTP/1.1 302 Found\r\nLocation: /round\r\n\r\n",
    "/nowhere": b"HTTP/1.1 302 Found\r\n\r\n",
    "/plain": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=punycode\r\n\r\nna\xc3\xafve",
    "/nothing": b"",
}


class _Answering(BaseHTTPRequestHandler):
    def handle(self) -> None:
        """Send what is written for the path, byte for byte."""
        path = self.rfile.readline().split()[1].decode()
        while self.rfile.readline().strip():
            pass
        with suppress(OSError):
            if path == "/drip":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
                while True:
                    self.wfile.write(b"x")
                    time.sleep(0.02)
            if path == "/drip-headers":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
                while True:
                    self.wfile.write(b"x")
                    time.sleep(0.02)
            self.wfile.write(_ANSWERS[path])

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """``127.0.0.1:port`` of a server that answers anything."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answering)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/short", "97 bytes before its end"),
        ("/garbage", "cannot be read: HELLO THERE"),
        ("/headers", "more than 100 headers"),
        ("/chunk", "cannot be read"),
        ("/packed", "is compressed"),
        ("/round", "leads on and on"),
        ("/nowhere", "does not say where to"),
        ("/nothing", "cannot be read"),
        ("/a b", "holds blanks"),
    ],
)
def test_what_a_server_does_wrong_is_told(site: str, path: str, why: str) -> None:
    """No answer ends more than the fetch."""
    with pytest.raises(Unfetched, match=why):
        fetch_text(f"http://{site}{path}", (site,))


@pytest.mark.parametrize("path", ["/drip", "/drip-headers"])
def test_a_page_that_drips_ends_in_time(site: str, path: str) -> None:
    """The limit is for all of it, not for each read."""
    began = time.monotonic()
    with pytest.raises(Unfetched, match=r"was not read within 0\.3 s"):
        fetch_text(f"http://{site}{path}", (site,), timeout_s=0.3)
    with pytest.raises(Unfetched, match=r"was not read within 0\.3 s"):
        asyncio.run(fetch_page(f"http://{site}{path}", Where(hosts=(site,)), timeout_s=0.3))
    assert time.monotonic() - began < 10


def test_a_cancelled_fetch_leaves_no_thread(site: str) -> None:
    """Whoever cancels does not wait, and the connection is closed."""

    async def cancelled() -> None:
        task = asyncio.create_task(fetch_page(f"http://{site}/drip", Where(hosts=(site,)), timeout_s=600))
        while not any(thread.name == "fetch" for thread in threading.enumerate()):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    for thread in threading.enumerate():
        if thread.name == "fetch":
            thread.join(20)
            assert not thread.is_alive()


def test_the_encoding_a_server_names_is_one_of_a_few(site: str) -> None:
    """Others, of which some take very long, are UTF-8."""
    assert fetch_text(f"http://{site}/plain", (site,)) == "naïve"
    assert decoded("né".encode("latin-1"), "ISO-8859-1") == "né"
    assert decoded(b"\xff", "utf-7") == decoded(b"\xff", None) == "\ufffd"


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<head><title>t</title><body><p>One writer", "One writer"),
        ("<head><script>x</script><p>One writer", "One writer"),
        ("<p>a<svg><style>.a{}</svg><p>One writer", "a\nOne writer"),
        ("<p>a<svg><path/><p>One writer", "a\nOne writer"),
        ("<svg/><p>One writer", "One writer"),
        ("<p>One<template><p>hidden</template> writer", "One\nwriter"),
        ("<noscript>One writer</noscript>", "One writer"),
        ("<p>One<style>p {}</style> writer</head>", "One writer"),
    ],
)
def test_what_nobody_closed_hides_nothing(page: str, text: str) -> None:
    """An unclosed head or picture ends where the text begins."""
    assert text_of_html(page) == text


@pytest.mark.parametrize("unit", ["<!--", "<a ", "<", "<svg><style>", "</"])
def test_a_page_cannot_be_slow_for_ever(unit: str) -> None:
    """However a page is made, time is looked at while it is read."""
    looks = iter(range(1000))

    def look_up() -> None:
        if next(looks) > 900:
            raise Unfetched("late")

    with pytest.raises(Unfetched, match="late"):
        text_of_html(unit * 2000, look_up)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://docs.org/" + "x" * 1000, "too long"),
        ("https://docs.org/?q=" + "x" * 300, "200 of them behind"),
        ("https://docs.org/#" + "x" * 300, "200 of them behind"),
        ("https://docs.org/é", "not ASCII"),
        ("https://docs.org/\r\nHost: x", "blanks"),
        ("http://@docs.org/", "name or password"),
        ("http://169.254.169.254/latest/meta-data", "may not be read"),
        ("http://[::1]/", "may not be read"),
        ("http://0x7f000001/", "may not be read"),
        ("http://2130706433/", "may not be read"),
    ],
)
def test_addresses_that_carry_much_or_are_numbers_are_refused(url: str, why: str) -> None:
    """Also where the user allowed every name."""
    assert why in may_fetch(url, ("*",))


_Resolver = Callable[..., list[tuple[int, int, int, str, tuple[str, int]]]]


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, list[str]]], list[str]]:
    """Has names lead to addresses, as a stranger's name server does; gives the names that were asked for."""

    def lead(names: dict[str, list[str]]) -> list[str]:
        asked: list[str] = []

        def resolve(host: str, port: int, *, type: int) -> list[tuple[int, int, int, str, tuple[str, int]]]:
            asked.append(host)
            family = {True: socket.AF_INET6, False: socket.AF_INET}
            return [(family[":" in each], type, 6, "", (each, port)) for each in names[host]]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        return asked

    return lead


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "169.254.169.254",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1",
        "fd00::1",
        "fec0::1",
        "::ffff:127.0.0.1",
        "::ffff:a9fe:a9fe",
        "64:ff9b::a9fe:a9fe",
        "::127.0.0.1",
        "2002:7f00:1::",
    ],
)
def test_a_name_that_leads_inside_is_refused(named: Callable[..., list[str]], address: str) -> None:
    """Loopback, private, link-local and what carries them, alone or beside a public address."""
    where = Where(hosts=("*.docs.org",))
    named({"evil.docs.org": [address], "both.docs.org": ["93.184.216.34", address]})
    for host in ("evil.docs.org", "both.docs.org"):
        with pytest.raises(Unfetched, match="no public address"):
            places_of(host, 80, where)


def test_what_the_user_named_may_lie_inside(named: Callable[..., list[str]]) -> None:
    """A network of the user's, ``localhost`` by its name, and public addresses."""
    named({"wiki.docs.org": ["10.1.2.3"], "localhost": ["127.0.0.1"], "docs.org": ["93.184.216.34", "2606:4700::1"]})
    assert places_of("wiki.docs.org", 80, Where(hosts=("*.docs.org",), networks=("10.1.0.0/16",)))
    assert places_of("localhost", 80, Where(hosts=("localhost:80",)))
    with pytest.raises(Unfetched, match="no public address"):
        places_of("localhost", 80, Where(hosts=("*",)))
    assert [each for _, each in places_of("docs.org", 80, Where(hosts=("*",)))] == ["93.184.216.34", "2606:4700::1"]
    with pytest.raises(ValueError, match="no network"):
        ResearcherOptions(fetch_networks=("10.1",))


def test_a_name_is_asked_for_once(named: Callable[..., list[str]], site: str) -> None:
    """What was looked at is what is connected to; a second answer would be a stranger's choice."""
    port = site.partition(":")[2]
    asked = named({"docs.org": ["127.0.0.1"]})
    text = fetch_text(f"http://docs.org:{port}/plain", (f"docs.org:{port}",), networks=("127.0.0.0/8",))
    assert (text, asked) == ("naïve", ["docs.org"])


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is Linux's")
def test_an_address_that_does_not_answer_leaves_time_for_the_next(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of a name's two addresses takes no connection; the second one's page is read."""
    port = int(site.partition(":")[2])
    with ExitStack() as open_:
        hole = open_.enter_context(socket.socket())
        hole.bind(("127.0.0.2", port))
        hole.listen(0)
        for _ in range(3):
            waiting = open_.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.2", port))
        places = [(socket.AF_INET, "127.0.0.2"), (socket.AF_INET, "127.0.0.1")]
        monkeypatch.setattr(fetching, "places_of", lambda *_: places)
        assert fetch_text(f"http://{site}/plain", (site,), timeout_s=6) == "naïve"


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """``localhost:port`` of a server that speaks TLS with a certificate that is trusted here, and sends on to http."""
    import ssl

    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("the program openssl is not there, which makes the server's certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [
        openssl,
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key)]
    subprocess.run([*command, "-out", str(certificate)], check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    away = f"HTTP/1.1 302 Found\r\nLocation: http://localhost:{port}/\r\n\r\n".encode()

    def serve() -> None:
        with suppress(OSError):
            while True:
                wire, _ = listening.accept()
                with suppress(OSError), context.wrap_socket(wire, server_side=True) as spoken:
                    asked = spoken.recv(1000)
                    spoken.sendall(away if asked.startswith(b"GET /away") else _ANSWERS["/plain"])

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"localhost:{port}"
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


def test_https_is_checked_and_never_left(secure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page over TLS; no redirect to http; no certificate of nobody."""
    assert fetch_text(f"https://{secure}/plain", (secure,)) == "naïve"
    with pytest.raises(Unfetched, match="leads elsewhere: from https to http"):
        fetch_text(f"https://{secure}/away", (secure,))
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
    monkeypatch.setenv("SSL_CERT_DIR", os.devnull)
    with pytest.raises(Unfetched, match=r"(?i)certificate"):
        fetch_text(f"https://{secure}/plain", (secure,))
