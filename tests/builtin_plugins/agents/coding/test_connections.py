"""What a hostile program can take of the dispatcher by the model server's socket: so much and no more."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agent_dispatcher_builtins.agents.coding.proxy import connections
from agent_dispatcher_builtins.agents.coding.proxy.connections import Connections, TooManyCalls
from agent_dispatcher_builtins.agents.coding.proxy.http import HttpRequest, ReplyWriter

ASK = b"POST /v1/messages HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Server:
    """Connections that are answered by the length of the body; ``/wait`` is answered when the test says so, ``/break`` never."""

    def __init__(self, **limits: int) -> None:
        self.go = asyncio.Event()
        self.answered = 0
        self.connections = Connections(self._answer, **{"max_requests": 100, "max_bytes": 1000, **limits})
        self._socket = ""
        self._clients: list[asyncio.StreamWriter] = []

    async def _answer(self, request: HttpRequest, out: ReplyWriter) -> None:
        if request.path == "/break":
            raise RuntimeError("sk-canary")
        if request.path == "/wait":
            await self.go.wait()
        self.answered += 1
        await out.whole(200, len(request.body))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        with tempfile.TemporaryDirectory() as folder:
            self._socket = f"{folder}/model"
            server = await asyncio.start_unix_server(self.connections.serve, self._socket)
            async with server:
                yield
                await self.connections.aclose()
                for client in self._clients:
                    client.close()

    async def send(self, data: bytes) -> Streams:
        reader, writer = await asyncio.open_unix_connection(self._socket)
        self._clients.append(writer)
        writer.write(data)
        return reader, writer

    async def ask(self, data: bytes) -> tuple[int, Any]:
        """Status and document of the reply."""
        reader, _ = await self.send(data)
        head, _, body = (await asyncio.wait_for(reader.read(), 20)).partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)


@pytest.fixture(autouse=True)
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a program that has been refused."""
    monkeypatch.setattr(connections, "_LINGER_S", 0.05)


def test_a_body_has_a_largest_size() -> None:
    """Whether it says how long it is or not, it is refused with 413 and not kept; what is just small enough is answered."""
    chunk = b"3e8\r\n" + b"a" * 1000 + b"\r\n"
    head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    cases = [
        (b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n" + b"a" * 1000, 200),
        (b"POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n", 413),
        (head + chunk + b"0\r\n\r\n", 200),
        (head + chunk + b"1\r\na\r\n", 413),
    ]

    async def go() -> list[int]:
        server = Server()
        async with server.listening():
            return [(await server.ask(request))[0] for request, _ in cases]

    assert [status for _, status in cases] == asyncio.run(go())


def test_a_body_in_crumbs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece for each byte is no way to send a request."""
    monkeypatch.setattr("agent_dispatcher_builtins.agents.coding.proxy.http._MOST_CHUNKS", 20)
    crumbs = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 21

    async def go() -> int:
        server = Server()
        async with server.listening():
            return (await server.ask(crumbs))[0]

    assert asyncio.run(go()) == 413


def test_so_many_connections_and_no_more() -> None:
    """The ninth is turned away at once, with word to come again, and is served when another has ended."""

    async def go() -> tuple[int, int, int]:
        server = Server()
        async with server.listening():
            for _ in range(8):
                await server.send(b"POST /wait HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
            while server.connections.requests < 8:
                await asyncio.sleep(0.01)
            refused, _ = await server.ask(ASK)
            server.go.set()
            while server.answered < 8:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            served, _ = await server.ask(ASK)
            return refused, served, server.connections.requests

    assert asyncio.run(go()) == (503, 200, 9)


def test_a_request_has_to_be_sent_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that stops in the middle does not keep its place, and has used up a call."""
    monkeypatch.setattr(connections, "_READ_S", 0.2)

    async def go() -> tuple[int, int]:
        server = Server()
        async with server.listening():
            status, _ = await server.ask(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{")
            return status, server.connections.requests

    assert asyncio.run(go()) == (408, 1)


def test_every_question_counts() -> None:
    """Also one that cannot be read, is too large or has no place; the one too many ends the attempt. To look at what there is costs nothing."""
    asked = [ASK, b"nonsense\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: 9999\r\n\r\n", b"DELETE / HTTP/1.1\r\n\r\n"]

    async def go() -> tuple[list[int], bool, int, Exception]:
        server = Server(max_requests=4)
        async with server.listening():
            await server.ask(b"GET /v1/models HTTP/1.1\r\n\r\n")
            statuses = [(await server.ask(request))[0] for request in asked]
            stopped = server.connections.stopped.done()
            last, _ = await server.ask(ASK)
            return statuses, stopped, last, await server.connections.stopped

    statuses, stopped, last, error = asyncio.run(go())
    assert (statuses, stopped, last) == ([200, 400, 413, 200], False, 402)
    assert isinstance(error, TooManyCalls)


def test_nothing_is_left_of_an_attempt() -> None:
    """A program that waits for ever, and one that never asked, are both cut off; whoever answered them is gone."""

    async def go() -> tuple[int, int, set[str]]:
        server = Server()
        async with server.listening():
            await server.send(b"POST /wait HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
            reader, _ = await server.send(b"")
            while server.connections.requests < 1 or len(server.connections._open) < 2:
                await asyncio.sleep(0.01)
            await server.connections.aclose()
            left = {task.get_name() for task in asyncio.all_tasks() if "_serve" in str(task.get_coro())}
            with pytest.raises((ConnectionError, EOFError)):
                await asyncio.wait_for(reader.readexactly(1), 20)
            return server.answered, len(server.connections._open), left

    assert asyncio.run(go()) == (0, 0, set())


def test_what_breaks_is_an_answer_too(caplog: pytest.LogCaptureFixture) -> None:
    """A mistake of the dispatcher's is one in its log, not a connection that ends without a word; what it says stays outside."""

    async def go() -> tuple[int, Any]:
        server = Server()
        async with server.listening():
            return await server.ask(b"POST /break HTTP/1.1\r\nContent-Length: 0\r\n\r\n")

    status, told = asyncio.run(go())
    assert (status, "RuntimeError" in told["error"]["message"], "canary" in str(told)) == (500, True, False)
    assert "RuntimeError" in caplog.text
