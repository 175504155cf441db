"""The way past the count leads to one server's models and nowhere else, and brings no key back."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agent_dispatcher.testing import ModelServer
from agent_dispatcher.testing.model_replies import Says
from agent_dispatcher_builtins.agents.coding.options import MAX_CALLS, CommandLineOptions
from agent_dispatcher_builtins.agents.coding.proxy import connections
from agent_dispatcher_builtins.agents.coding.proxy.connections import TooManyCalls
from agent_dispatcher_builtins.agents.coding.proxy.masking import Mask
from agent_dispatcher_builtins.agents.coding.proxy.unmetered import UnmeteredProxy

KEY = "sk-canary-unmetered-0123456789"
ASK = b"POST /v1/messages HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
Upstream = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@pytest.fixture(autouse=True)
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a program that has been refused."""
    monkeypatch.setattr(connections, "_LINGER_S", 0.05)


@asynccontextmanager
async def _listening(serve: Upstream) -> AsyncIterator[int]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def _proxied(upstream: Upstream, **limits: int) -> AsyncIterator[tuple[UnmeteredProxy, int]]:
    async with _listening(upstream) as port:
        proxy = UnmeteredProxy(f"http://127.0.0.1:{port}/tenant/a", KEY, **limits)
        async with _listening(proxy.connections.serve) as inside:
            yield proxy, inside
            await proxy.connections.aclose()


async def _raw(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()


def _replying(*pieces: bytes, seen: list[bytes] | None = None) -> Upstream:
    """A server that says this, piece by piece, and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(head)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)
        finally:
            writer.close()

    return serve


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"POST /v1/chat/completions", 200),
        (b"POST /v1/messages?beta=true", 200),
        (b"POST /chat/completions", 200),
        (b"GET /v1/models/a.b:c", 200),
        (b"TRACE /v1/messages", 404),
        (b"DELETE /v1/models/a", 404),
        (b"PUT /v1/messages", 404),
        (b"GET /v1/files/f1", 404),
        (b"POST /v1/files", 404),
        (b"POST /v1/messages/batches", 404),
        (b"POST /../../v1/messages", 404),
        (b"POST /v1/../v1/messages", 404),
        (b"POST /v1/%2e%2e/messages", 404),
        (b"GET /v1/models/../files", 404),
        (b"POST /v1/messages?a=/../b", 404),
        (b"POST //elsewhere/v1/messages", 404),
    ],
)
def test_only_questions_to_models_are_passed_on(line: bytes, status: int) -> None:
    """Whatever else the key opens at that server stays shut, and no path leads out of the configured one."""
    seen: list[bytes] = []

    async def go() -> int:
        async with _proxied(_replying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", seen=seen)) as (_, inside):
            reply = await _raw(inside, line + b" HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
            return int(reply.split()[1])

    assert status == asyncio.run(go())
    method, _, target = line.partition(b" ")
    expected = [b"%s /tenant/a%s HTTP/1.1" % (method, target)] if status == 200 else []
    assert expected == [each.partition(b"\r\n")[0] for each in seen]


@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTTP/1.1 401 No\r\nX-Echo: Bearer %s\r\n\r\nWrong key: " % KEY.encode(), KEY.encode(), b" is not known"),
        (
            b"HTTP/1.1 401 No\r\nContent-Length: 54\r\n\r\nWrong key: ",
            KEY[:9].encode(),
            KEY[9:].encode(),
            b" is not known",
        ),
        (
            b"HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"10\r\nWrong key: %s\r\n" % KEY[:5].encode(),
            b"26\r\n%s is not known\r\n0\r\n\r\n" % KEY[5:].encode(),
        ),
    ],
    ids=["to the end", "with a length", "in chunks"],
)
def test_the_key_does_not_come_back(pieces: tuple[bytes, ...]) -> None:
    """A server that quotes it, in its head or in the middle of its words, tells the program nothing; the rest arrives."""

    async def go() -> bytes:
        async with _proxied(_replying(*pieces)) as (_, inside):
            return await _raw(inside, ASK)

    reply = asyncio.run(go())
    assert reply.startswith(b"HTTP/1.1 401")
    assert b"canary" not in reply
    assert b"<secret>" in reply
    assert reply.endswith(b"0\r\n\r\n")
    assert b" is not known" in reply


def test_a_stream_is_passed_on_as_it_comes() -> None:
    """A real client reads a real server's events through it, and its own key is replaced on the way."""
    openai = pytest.importorskip("openai", reason="pip install 'agent-dispatcher[openai]'")

    async def go(server: ModelServer) -> str:
        proxy = UnmeteredProxy(server.origin, KEY)
        async with _listening(proxy.connections.serve) as inside:
            url = f"http://127.0.0.1:{inside}/v1"
            async with openai.AsyncOpenAI(base_url=url, api_key="its-own", max_retries=0) as client:
                asked = await client.chat.completions.create(
                    model="m", messages=[{"role": "user", "content": "a"}], stream=True
                )
                text = "".join([chunk.choices[0].delta.content or "" async for chunk in asked if chunk.choices])
            await proxy.connections.aclose()
            return text

    with ModelServer(lambda received: Says(text="word for word")) as server:
        assert asyncio.run(go(server)) == "word for word"
        assert [each.headers["authorization"] for each in server.requests] == [f"Bearer {KEY}"]


@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf of it",),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"ff\r\nhalf of it"),
    ],
)
def test_a_reply_that_is_broken_off_is_seen_to_be(pieces: tuple[bytes, ...]) -> None:
    """Nobody takes half a reply for a whole one."""

    async def go() -> bytes:
        async with _proxied(_replying(*pieces)) as (_, inside):
            try:
                return await _raw(inside, ASK)
            except ConnectionError:
                return b""

    assert not asyncio.run(go()).endswith(b"0\r\n\r\n")


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(KEY.encode()),
        b"what is this",
        b"HTTP/1.1 no OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"",
    ],
    ids=["packed", "no HTTP", "no status", "a long head", "nothing"],
)
def test_a_server_that_makes_no_sense_is_an_error(reply: bytes) -> None:
    """What cannot be looked into is not passed on."""

    async def go() -> bytes:
        async with _proxied(_replying(reply)) as (_, inside):
            return await _raw(inside, ASK)

    assert asyncio.run(go()).startswith(b"HTTP/1.1 502")


def test_what_nobody_waits_for_is_ended() -> None:
    """When the program hangs up, and when the attempt ends, the call at the server ends too."""
    ends: list[str] = []

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nthe beginning")
        try:
            await asyncio.wait_for(reader.read(), 20)
        except ConnectionError:
            pass
        finally:
            ends.append("left")
            writer.close()

    async def go() -> None:
        async with _proxied(hold) as (proxy, inside):
            for by_program in (True, False):
                reader, writer = await asyncio.open_connection("127.0.0.1", inside)
                writer.write(ASK)
                await asyncio.wait_for(reader.readuntil(b"the beginning"), 20)
                if by_program:
                    writer.close()
                else:
                    await proxy.connections.aclose()
                for _ in range(500):
                    if len(ends) == 2 - by_program:
                        break
                    await asyncio.sleep(0.01)
                writer.close()

    asyncio.run(go())
    assert len(ends) == 2


def test_calls_are_counted_here_too() -> None:
    """After the last the attempt ends."""

    async def go() -> Exception:
        reply = _replying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        async with _proxied(reply, max_calls=1) as (proxy, inside):
            assert (await _raw(inside, ASK)).startswith(b"HTTP/1.1 200")
            assert (await _raw(inside, ASK)).startswith(b"HTTP/1.1 402")
            return await proxy.connections.stopped

    assert isinstance(asyncio.run(go()), TooManyCalls)


def test_nothing_is_counted_that_nobody_wants_counted() -> None:
    """Past the count a long session is not ended at a number that nobody wrote down."""
    assert CommandLineOptions(command=("x",)).max_calls is None

    async def go() -> bool:
        reply = _replying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        async with _proxied(reply) as (proxy, inside):
            for _ in range(MAX_CALLS + 1):
                assert (await _raw(inside, ASK)).startswith(b"HTTP/1.1 200")
            return proxy.connections.stopped.done()

    assert not asyncio.run(go())


def test_a_key_is_found_wherever_it_is_cut() -> None:
    """In any two pieces, and beside its own beginning; what only begins like it is passed on whole."""
    text = f"a sk-can {KEY} sk-canary-unmetered{KEY} b".encode()
    for cut in range(len(text)):
        mask = Mask(KEY)
        assert mask.take(text[:cut]) + mask.take(text[cut:]) + mask.rest() == (
            b"a sk-can <secret> sk-canary-unmetered<secret> b"
        )
    mask = Mask(KEY)
    assert mask.take(b"ends in sk-can") + mask.rest() == b"ends in sk-can"
    assert Mask("short").take(b"a short one") == b"a short one"
