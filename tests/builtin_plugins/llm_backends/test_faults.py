"""Each backend with an SDK against a server that misbehaves: each fault is one failure of the right sort, in time, and the key stays where it belongs."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import gzip
import logging
import socket
import time
import traceback
import tracemalloc
from collections.abc import Callable, Mapping
from email.utils import formatdate
from types import AsyncGeneratorType
from typing import Any

import pytest

from agent_dispatcher.coordination.backend_guard import BackendGuard
from agent_dispatcher.errors import BackendError, Unavailable
from agent_dispatcher.extension import LlmReply, LlmRequest, Usage
from agent_dispatcher.extension.components import LlmBackend
from agent_dispatcher.llm import MOST_TOKENS, MeteredLlm
from agent_dispatcher.testing import ModelServer, ScriptedBackend
from agent_dispatcher.testing.model_replies import (
    Cuts,
    Drops,
    Fails,
    Floods,
    Hangs,
    Redirects,
    Says,
    SendsBytes,
    Stalls,
)
from agent_dispatcher_builtins.llm_backends.http.failures import Failures, retry_after_s
from agent_dispatcher_builtins.llm_backends.http.streaming import counted

Ask = Callable[..., LlmReply]


def failure(dialect: Any, ask: Ask, reply: Any, **options: Any) -> BackendError:
    """The error that one reply of the server ends in; the server is asked exactly once."""
    with ModelServer(lambda received: reply) as server:
        backend = dialect.connect(server, **options)
        with pytest.raises(BackendError) as caught:
            ask(backend)
        assert len(server.requests) == 1
        assert server.origin in str(caught.value)
    return caught.value


# --- what the server says ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "sort"),
    [
        (400, "permanent"), (401, "permanent"), (403, "permanent"), (404, "permanent"), (413, "permanent"), (422, "permanent"),
        (408, "transient"), (409, "transient"), (429, "rate_limit"), (500, "transient"), (502, "outage"), (503, "outage"),
        (504, "outage"), (529, "rate_limit"),
    ],
)  # fmt: skip
def test_statuses_are_sorted(dialect: Any, ask: Ask, status: int, sort: str) -> None:
    """Each status is of the sort that says whether trying again makes sense; the server's own words are in the message."""
    error = failure(dialect, ask, Fails(status=status, message="the words", code="some_error"))
    assert (error.sort, f"{status} the words" in str(error)) == (sort, True), str(error)


def test_nothing_found_under_an_address_without_its_version_is_explained(dialect: Any, ask: Ask) -> None:
    """It is asked whether the address lacks its version, or has it twice, and nobody asks the other address unbidden."""
    with ModelServer(["well"]) as server:
        wrong, right = (
            (server.origin, server.base_url) if dialect.name == "openai" else (server.base_url, server.origin)
        )
        with pytest.raises(BackendError, match=rf"404 .*\(did you mean {right}\?\)") as caught:
            ask(dialect.connect(server, base_url=wrong))
        assert (caught.value.sort, caught.value.may_cost) == ("permanent", False)
        assert ask(dialect.connect(server)).text == "well", "the one reply is still there"
    assert "did you mean" not in str(failure(dialect, ask, Fails(status=404, message="no page")))


def test_a_model_that_is_not_there_is_no_matter_of_the_address() -> None:
    """Servers say both with the same status."""
    failures = Failures(server="https://x.invalid", path_hint="did you mean https://x.invalid/v1?")
    said = [str(failures.of_status(404, "no", code, {})) for code in ("model_not_found", None)]
    assert ["did you mean" in each for each in said] == [False, True]


@pytest.mark.parametrize(
    ("status", "code", "may_cost"),
    [
        *((status, None, False) for status in (400, 401, 404, 409, 413, 422, 425, 429, 501, 503, 529)),
        *((status, None, True) for status in (408, 499, 500, 502, 504, 520, 521, 522, 523, 524)),
        (429, "insufficient_quota", False),
        (400, "content_filter", True),
    ],
)
def test_only_what_is_known_to_be_unread_costs_nothing(status: int, code: str | None, may_cost: bool) -> None:
    """A refused request was read by no model; behind a gateway that lost the reply one may have been at work, whatever sort of failure that is."""
    failures = Failures(server="http://m")
    assert failures.of_status(status, "no", code, {}).may_cost is may_cost


@pytest.mark.parametrize(
    ("status", "code", "whatever_is_asked"),
    [
        (401, None, True),
        (403, None, True),
        (404, None, True),
        (307, None, True),
        (429, "insufficient_quota", True),
        (400, "model_not_found", True),
        (400, None, False),
        (400, "context_length_exceeded", False),
        (413, None, False),
        (429, None, False),
        (503, "invalid_api_key", False),
    ],
)
def test_what_is_wrong_with_every_request_is_told_from_what_is_wrong_with_one(
    status: int, code: str | None, whatever_is_asked: bool
) -> None:
    """The key, the address, the account or the model; a request that is too long may be asked again in other words, and an outage ends."""
    failures = Failures(server="http://here", key="", key_hint="the key")
    assert failures.of_status(status, "no", code, {}).whatever_is_asked is whatever_is_asked


def test_whoever_asks_is_told_what_is_wrong_with_every_request(dialect: Any, ask: Ask) -> None:
    """Also where the server answers as it does to a request that might be put in other words."""
    error = failure(dialect, ask, Fails(status=400, message="no such model", code="model_not_found"))
    assert (error.sort, error.whatever_is_asked) == ("permanent", dialect.name == "openai")
    assert not failure(dialect, ask, Fails(status=400, message="too long")).whatever_is_asked


@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_that_ends_without_a_word_may_cost(dialect: Any, ask: Ask, reset: bool) -> None:
    """The server has read the request; what it did with it nobody knows. It is an outage all the same."""
    error = failure(dialect, ask, Drops(reset=reset))
    assert (error.sort, error.may_cost) == ("outage", True)
    assert "the connection ended before the reply began" in str(error)


def test_a_server_is_asked_again_when_it_said(connect: Any) -> None:
    """On a real clock and connection: not before the time it asked for, and the reply is that of the second call."""
    with ModelServer([Fails(status=429, headers={"Retry-After": "0.4"}), Says(text="yes")]) as server:
        guard = BackendGuard(connect(server), "m")
        began = time.monotonic()
        reply = asyncio.run(guard.complete(LlmRequest.of("Why?")))
        assert (reply.text, len(server.requests)) == ("yes", 2)
    assert 0.4 <= time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "Retry-After": "9"}, 0.25),
        ({"Retry-After": "999999999999"}, 86_400.0),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait_is_passed_on(dialect: Any, ask: Ask, headers: dict[str, str], seconds: float | None) -> None:
    """Seconds and milliseconds, at most a day; what makes no sense is as if it were not there."""
    error = failure(dialect, ask, Fails(status=429, headers=headers))
    assert error.retry_after_s == (None if seconds is None else pytest.approx(seconds))


def test_a_date_to_wait_for() -> None:
    """The other form of the header: a moment, which may be past."""
    now = 1_700_000_000.0
    assert retry_after_s({"retry-after": formatdate(now + 60, usegmt=True)}, now) == 60.0
    assert retry_after_s({"retry-after": formatdate(now - 60, usegmt=True)}, now) == 0.0
    assert retry_after_s({"retry-after": "Fri, 99 Foo 2026 00:00:00 GMT"}, now) is None


# --- limits ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "options", "option"),
    [
        (Hangs(), {"first_byte_s": 0.4}, "first_byte_s"),
        (Stalls(), {"idle_s": 0.4}, "idle_s"),
        (Says(text="x" * 50, pieces=50, pause_s=0.1), {"idle_s": 0.3, "total_s": 0.4}, "total_s"),
        (Hangs(), {"total_s": 0.4}, "total_s"),
    ],
)
def test_each_limit_holds(dialect: Any, ask: Ask, reply: Any, options: dict[str, float], option: str) -> None:
    """A server that is silent before, or in, or slow all through its reply is left at the limit that is named, not at another one."""
    ask_once = time.monotonic()
    with ModelServer(["warm"]) as server:
        ask(dialect.connect(server))  # the import of the SDK belongs to nobody's limit
    begun = time.monotonic()
    error = failure(dialect, ask, reply, **options)
    took = time.monotonic() - begun
    assert f"({option})" in str(error) and error.sort == "transient"
    assert 0.3 <= took < 4.5, f"{took:.2f} s, warmed in {begun - ask_once:.2f} s"


def test_a_request_may_be_in_a_hurry(dialect: Any, ask: Ask) -> None:
    """Its own timeout goes before the configured total."""
    with ModelServer(lambda received: Hangs()) as server:
        backend = dialect.connect(server)
        with pytest.raises(BackendError, match=r"did not end within 0\.3 seconds"):
            ask(backend, timeout_s=0.3)


def test_nobody_is_there(dialect: Any, ask: Ask) -> None:
    """A refused connection is an outage."""
    with ModelServer([]) as server:
        pass
    with pytest.raises(BackendError, match="no connection") as caught:
        ask(dialect.connect(server))
    assert (caught.value.sort, caught.value.may_cost, caught.value.unreached) == ("outage", False, True)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_connection_has_a_limit_of_its_own(dialect: Any, ask: Ask, scheme: str) -> None:
    """A server that takes no connections any more, and one that never speaks TLS: left at ``connect_s``, unread."""
    waiting: list[socket.socket] = []
    with ModelServer(["warm"]) as server:
        ask(dialect.connect(server))  # the import of the SDK belongs to nobody's limit
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        if scheme == "http":  # the queue is filled
            for _ in range(4):
                waiting.append(socket.socket())
                waiting[-1].setblocking(False)
                waiting[-1].connect_ex(listening.getsockname())
        url = f"{scheme}://127.0.0.1:{listening.getsockname()[1]}/v1"
        began = time.monotonic()
        with pytest.raises(BackendError, match=r"no connection within 0\.4 seconds \(connect_s\)") as caught:
            ask(dialect.connect(server, base_url=url, connect_s=0.4))
        assert 0.3 <= time.monotonic() - began < 30
    for each in waiting:
        each.close()
    assert (caught.value.sort, caught.value.may_cost, caught.value.unreached) == ("outage", False, True)


def test_a_name_that_nobody_knows_is_an_outage(dialect: Any, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host's name is asked for once: nothing tries again by itself, and the error names the server."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def nobody_knows(host: Any, *rest: Any, **more: Any) -> Any:
        if host not in ("model.invalid", b"model.invalid"):
            return real(host, *rest, **more)
        asked.append(str(host))
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody_knows)
    with ModelServer([]) as server, pytest.raises(BackendError, match=r"model\.invalid.*no connection") as caught:
        ask(dialect.connect(server, base_url="https://model.invalid/v1"))
    assert (caught.value.sort, caught.value.may_cost, len(asked)) == ("outage", False, 1)


def test_cancelling_closes_the_connection(dialect: Any) -> None:
    """Before the first byte and in the stream: the server sees its client go."""

    async def work(backend: LlmBackend) -> bool:
        call = asyncio.ensure_future(backend.complete(LlmRequest.of("Why?")))
        for _ in range(1000):
            await asyncio.sleep(0.01)
            if server.requests:
                break
        await asyncio.sleep(0.1)
        call.cancel()
        await asyncio.wait({call}, timeout=30)
        for _ in range(1000):
            await asyncio.sleep(0.01)
            if server.left:
                break
        return call.cancelled()

    for reply in (Hangs(), Stalls()):
        with ModelServer([reply]) as server:
            assert asyncio.run(work(dialect.connect(server)))
            assert server.left == 1


# --- what is no reply ----------------------------------------------------------------------------------------------------------


def sends(line: bytes) -> SendsBytes:
    return SendsBytes(body=b"data: " + line + b"\n\n")


def delta(text: bytes) -> SendsBytes:
    """An event of Anthropic's with a piece of text."""
    data = b'{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ' + text + b"}}"
    return SendsBytes(body=b"event: content_block_delta\ndata: " + data + b"\n\n")


WRONG = [
    (Cuts("so f"), "transient", "cut off"),
    (Cuts("so f", reset=True), "transient", "the connection broke"),
    (SendsBytes(body=b""), "transient", "cut off"),
    (SendsBytes(body=b"<html>welcome</html>", content_type="text/html"), "poison", "no event stream, but text/html"),
    (SendsBytes(body=b'{"choices": []}', content_type="application/json"), "poison", "is base_url right?"),
]
WRONG_OPENAI = [
    (sends(b'{"choices": [{"delta": {"content": [1]}}]}'), "poison", "not a text"),
    (sends(b'{"usage": {"prompt_tokens": -1}}'), "poison", "no chat completion"),
    (sends(b'{"usage": {"prompt_tokens": 1' + b"0" * 400 + b"}}"), "poison", "more tokens than an exchange can have"),
    (sends(b'{"usage": {"completion_tokens": 1e999}}'), "poison", "more tokens than an exchange can have"),
    (
        sends(b'{"created": 1e999, "choices": [{"index": 1e999, "delta": {"tool_calls": 1}}]}'),
        "poison",
        "no chat completion",
    ),
    (sends(b"{"), "poison", "no chat completion"),
    (sends(b'{"choices": 7}'), "poison", "no chat completion"),
    (sends(b"[1, 2]"), "poison", "no chat completion"),
    (sends(b'{"choices": [{"delta": {"content": "\xff\xfe"}}]}'), "poison", "no chat completion"),
    (sends(b"[" * 200_000), "poison", "no chat completion"),
    (sends(b'{"error": {"message": "overheated"}}'), "transient", "overheated"),
]
WRONG_ANTHROPIC = [
    (delta(b"[1]"), "poison", "not a text"),
    (SendsBytes(body=b"event: message_start\ndata: {\n\n"), "poison", "no message"),
    (SendsBytes(body=b'event: message_start\ndata: {"type": "message_start"}\n\n'), "poison", "no message"),
    (SendsBytes(body=b'event: message_delta\ndata: {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 1e999}}\n\n'), "poison", "more tokens"),
    (SendsBytes(body=b"event: message_stop\ndata: [1]\n\n"), "poison", "no message"),
    (delta(b'"\xff\xfe"'), "poison", "no message"),
    (SendsBytes(body=b"event: message_stop\ndata: " + b"[" * 200_000 + b"\n\n"), "poison", "no message"),
    (SendsBytes(body=b'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", "message": "overheated"}}\n\n'), "transient", "overheated"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("dialect", "reply", "sort", "words"),
    [
        *(("openai", *each) for each in (*WRONG, *WRONG_OPENAI)),
        *(("anthropic", *each) for each in (*WRONG, *WRONG_ANTHROPIC)),
    ],
    indirect=["dialect"],
)
def test_what_is_no_reply_is_a_failure(dialect: Any, ask: Ask, reply: Any, sort: str, words: str) -> None:
    """Truncated, reset, not JSON, not UTF-8, nested without end, an error in the stream: one failure that says which."""
    error = failure(dialect, ask, reply)
    assert (error.sort, words in str(error)) == (sort, True), str(error)


@pytest.mark.parametrize("in_one_line", [False, True])
def test_an_endless_reply_is_cut_while_reading(dialect: Any, ask: Ask, in_one_line: bool) -> None:
    """At most the cap, and what was on its way, is read, even when the first line never ends."""
    with ModelServer([Floods(in_one_line)]) as server:
        backend = dialect.connect(server, max_reply_bytes=1_000_000)
        with pytest.raises(BackendError, match=r"larger than 1,000,000 bytes \(max_reply_bytes\)") as caught:
            ask(backend)
        assert server.sent_bytes < 20_000_000
    assert caught.value.sort == "poison"


def peak_of(call: Callable[[], Any]) -> int:
    """Bytes that Python has more of at the worst moment of the call than before it."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("reply", ["endless", "endless line", "just fits", "error"])
def test_a_large_reply_takes_no_more_than_three_times_the_cap(dialect: Any, ask: Ask, reply: str) -> None:
    """Cut off or read to its end: what the call holds in memory at its worst moment is bounded by ``max_reply_bytes``; the server's own copy is counted with it."""
    cap = 3_000_000
    replies = {
        "endless": Floods(in_one_line=False),
        "endless line": Floods(in_one_line=True),
        "just fits": Says(text="x" * (cap // 2)),
        "error": Fails(status=500, message="x" * 900_000),
    }

    def call() -> None:
        with contextlib.suppress(BackendError):
            ask(backend)

    with ModelServer(["warm", replies[reply]]) as server:
        backend = dialect.connect(server, max_reply_bytes=cap)
        ask(backend)
        peak = peak_of(call)
        assert len(server.requests) == 2
    assert peak <= 3 * cap, f"{peak:,} bytes, {peak / cap:.1f} times the cap"


def test_an_endless_error_is_cut_too(dialect: Any, ask: Ask) -> None:
    """The cap holds for the body of an error."""
    with ModelServer([Fails(status=500, message="x" * 3_000_000)]) as server:
        backend = dialect.connect(server, max_reply_bytes=1_000_000)
        with pytest.raises(BackendError, match="max_reply_bytes"):
            ask(backend)


def test_a_bomb_is_not_unpacked(dialect: Any, ask: Ask) -> None:
    """A reply that is compressed though nobody asked for it is refused before it is read."""
    bomb = gzip.compress(b"data: " + b"x" * 5_000_000)
    error = failure(dialect, ask, SendsBytes(body=bomb, headers={"Content-Encoding": "gzip"}))
    assert (error.sort, "compressed (gzip)" in str(error)) == ("poison", True)


# --- the key --------------------------------------------------------------------------------------------------------------------

KEY = "sk-canary-0123456789"


def test_the_key_goes_to_its_server_only(dialect: Any, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A redirect to another host, or another path, is not followed: nothing arrives there, and the error says where it led."""
    monkeypatch.setenv("MY_KEY", KEY)
    for status in (301, 302, 303, 307, 308):
        with (
            ModelServer(["stolen"]) as other,
            ModelServer([Redirects(f"{other.origin}{dialect.path}", status)]) as server,
        ):
            with pytest.raises(BackendError, match=rf"redirected to {other.origin}.*base_url") as caught:
                ask(dialect.connect(server, api_key_env="MY_KEY"))
            assert KEY in str(server.requests[0].headers)
            assert (other.requests, caught.value.sort) == ([], "permanent")


def test_what_stays_on_this_machine_goes_through_no_proxy(
    dialect: Any, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy in the environment sees nothing of a call to a server on loopback."""
    monkeypatch.setenv("MY_KEY", KEY)
    with ModelServer(["from the proxy"]) as proxy, ModelServer(["yes"]) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.origin)
        assert ask(dialect.connect(server, api_key_env="MY_KEY")).text == "yes"
        assert proxy.requests == []


@pytest.mark.parametrize(
    ("dialect", "usual", "own"),
    [
        ("openai", "OPENAI_API_KEY", "https://api.openai.com/v1"),
        ("anthropic", "ANTHROPIC_API_KEY", "https://api.anthropic.com"),
    ],
    indirect=["dialect"],
)
def test_a_missing_key_is_said_before_the_first_call(
    dialect: Any, usual: str, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable is named, for the maker's own server the usual one; a key that cannot be one is not shown."""
    monkeypatch.delenv(usual, raising=False)
    monkeypatch.delenv("MY_KEY", raising=False)
    with ModelServer([]) as server:
        with pytest.raises(Unavailable, match="MY_KEY is not set"):
            dialect.connect(server, api_key_env="MY_KEY")
        with pytest.raises(Unavailable, match=f"{usual} is not set"):
            dialect.connect(server, base_url=own)
        monkeypatch.setenv("MY_KEY", f"{KEY}\x07")
        with pytest.raises(Unavailable) as caught:
            dialect.connect(server, api_key_env="MY_KEY")
    assert KEY not in str(caught.value)


def _sent_key(headers: Mapping[str, str]) -> str:
    """Each dialect has a header of its own for it."""
    return headers.get("x-api-key") or headers["authorization"].removeprefix("Bearer ")


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_the_key_is_in_no_message_log_or_traceback(
    dialect: Any,
    ask: Ask,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Even a server that repeats the key in its error does not get it into anything that people see."""
    monkeypatch.setenv("MY_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    with ModelServer(lambda received: Fails(status=status, message=f"no: {_sent_key(received.headers)}")) as server:
        backend = dialect.connect(server, api_key_env="MY_KEY")
        try:
            ask(backend)
        except BackendError as error:
            seen = "".join(traceback.format_exception(error)) + repr(error) + repr(backend)
        assert _sent_key(server.requests[0].headers) == KEY
    assert "no: <key>" in seen
    assert KEY not in seen + caplog.text


def test_a_plain_connection_with_a_key_is_warned_of(
    dialect: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """http to another machine: said once, without the key; to this one it is nobody's business."""
    monkeypatch.setenv("MY_KEY", KEY)
    with ModelServer([]) as server:
        dialect.connect(server, api_key_env="MY_KEY")
        assert caplog.text == ""
        dialect.connect(server, base_url="http://models.example/v1", api_key_env="MY_KEY")
    assert "unencrypted" in caplog.text and KEY not in caplog.text


@pytest.mark.parametrize("more", [0, 1])
def test_what_no_exchange_can_have_is_the_same_for_all(more: int) -> None:
    """Whoever reads a server's count and whoever keeps count draw one line."""
    usage = Usage(input_tokens=MOST_TOKENS + more)
    meter = MeteredLlm(ScriptedBackend(lambda request: LlmReply(text="a", usage=usage)))
    if not more:
        assert counted(MOST_TOKENS) == MOST_TOKENS
        assert asyncio.run(meter.complete(LlmRequest.of("a"))).usage == usage
        return
    with pytest.raises(ValueError, match="more tokens than an exchange can have"):
        counted(MOST_TOKENS + more)
    with pytest.raises(BackendError, match="more tokens than an exchange can have"):
        asyncio.run(meter.complete(LlmRequest.of("a")))


@pytest.mark.parametrize("reply", [Says(text="because"), Stalls(), Cuts()], ids=lambda reply: type(reply).__name__)
def test_what_reads_a_reply_ends_with_it(dialect: Any, reply: Any) -> None:
    """However the reply ends, no generator of the SDK waits for the collector, which may run in any thread while this one ends it too."""

    def suspended() -> int:
        return sum(isinstance(each, AsyncGeneratorType) and each.ag_frame is not None for each in gc.get_objects())

    async def ask_twice(backend: LlmBackend) -> None:
        for _ in range(2):
            with contextlib.suppress(BackendError):
                await backend.complete(LlmRequest.of("Why?"))
        await asyncio.sleep(0.1)  # what is let go of is ended by the loop, one generator after the other
        assert suspended() == 0

    gc.collect()
    gc.disable()
    try:
        with ModelServer(lambda received: reply) as server:
            asyncio.run(ask_twice(dialect.connect(server, idle_s=0.2)))
    finally:
        gc.enable()
