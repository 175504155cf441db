"""``anthropic`` with the official SDK against a real server on loopback: what is sent, what comes back, and every way it goes wrong."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agent_dispatcher.errors import BackendError, Unavailable
from agent_dispatcher.extension import ChatMessage, LlmReply, LlmRequest, PricedAs, Tool, ToolCall, Usage
from agent_dispatcher.extension.components import LlmBackend
from agent_dispatcher.testing import LlmBackendContract, ModelServer
from agent_dispatcher.testing.model_replies import Cuts, Fails, Floods, Hangs, Redirects, Says, SendsBytes, Stalls

Ask = Callable[..., LlmReply]
Connect = Callable[..., LlmBackend]

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
KEY = "sk-ant-canary-0123456789"


class TestContract(LlmBackendContract):
    """``anthropic`` keeps what every backend promises."""

    @pytest.fixture(autouse=True)
    def _servers(self, connect_anthropic: Connect) -> Iterator[None]:
        self.connect = connect_anthropic
        with (
            ModelServer(lambda received: "yes") as self.answering,
            ModelServer(lambda received: Hangs()) as self.slow,
            ModelServer(lambda received: Fails(status=500)) as self.failing,
        ):
            yield

    def make_backend(self) -> LlmBackend:
        return self.connect(self.answering)

    def make_failing(self) -> tuple[LlmBackend, Callable[[], int]]:
        return self.connect(self.failing), lambda: len(self.failing.requests)

    def make_slow(self) -> LlmBackend:
        return self.connect(self.slow)


# --- what is said -----------------------------------------------------------------------------------------------------------


def test_a_question_is_answered(connect_anthropic: Connect, ask: Ask) -> None:
    """System texts go where they belong, the reply is put together from its pieces, usage and model are the server's."""
    with ModelServer([Says(text="because it is so", usage=(12, 4), pieces=5)], model="served") as server:
        reply = ask(connect_anthropic(server), "Why?", system="Be short.", max_output_tokens=50, stop=["END"])
        (received,) = server.requests
    assert (received.path, received.body["system"], received.text) == ("/v1/messages", "Be short.", "Why?")
    assert {name: received.body[name] for name in ("model", "max_tokens", "temperature", "stop_sequences", "stream")} == {
        "model": "asked-model",
        "max_tokens": 50,
        "temperature": 0.0,
        "stop_sequences": ["END"],
        "stream": True,
    }  # fmt: skip
    assert (reply.text, reply.model, reply.stop_reason) == ("because it is so", "served", "stop")
    assert reply.usage == Usage(input_tokens=12, output_tokens=4)


def test_tools_go_and_come(connect_anthropic: Connect, ask: Ask) -> None:
    """A conversation with tools keeps its order; what answers two calls at once is one turn; arguments that are no object are passed on."""
    call = ToolCall(id="c1", name="look", arguments='{"at": "north"}')
    talk = (
        ChatMessage(role="user", content="Look!"),
        ChatMessage(
            role="assistant", content="", tool_calls=(call, ToolCall(id="c2", name="look", arguments="at: south"))
        ),
        ChatMessage(role="tool", content="a hill", tool_call_id="c1"),
        ChatMessage(role="tool", content="a lake", tool_call_id="c2"),
    )
    tool = Tool(name="look", description="Looks.", parameters={"type": "object", "properties": {}})
    with ModelServer([Says(text="And now:", tool_calls=(call,))]) as server:
        reply = asyncio.run(connect_anthropic(server).complete(LlmRequest(messages=talk, tools=(tool,))))
        body = server.requests[0].body
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert [block["input"] for block in body["messages"][1]["content"]] == [{"at": "north"}, {"arguments": "at: south"}]
    assert [block["tool_use_id"] for block in body["messages"][2]["content"]] == ["c1", "c2"]
    assert body["tools"] == [{"name": "look", "description": "Looks.", "input_schema": dict(tool.parameters)}]
    assert (reply.text, reply.tool_calls, reply.stop_reason) == ("And now:", (call,), "tool_calls")


def test_arguments_that_json_does_not_know_are_passed_on_as_text(connect_anthropic: Connect) -> None:
    """What a model wrote earlier in a conversation never makes a request that is no JSON."""
    said = [
        ToolCall(id=str(n), name="f", arguments=text) for n, text in enumerate(('{"n": NaN}', "[1]", "[" * 100_000))
    ]
    talk = (ChatMessage(role="user", content="Go."), ChatMessage(role="assistant", content="", tool_calls=said))
    with ModelServer(["yes"]) as server:
        asyncio.run(connect_anthropic(server).complete(LlmRequest(messages=talk)))
        sent = server.requests[0].body["messages"][1]["content"]
    assert [block["input"] for block in sent] == [{"arguments": call.arguments} for call in said]


@pytest.mark.parametrize(
    ("finish", "stop"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "refused"),
        ("something new", "stop"),
    ],
)
def test_why_it_stopped_is_told(connect_anthropic: Connect, ask: Ask, finish: str, stop: str) -> None:
    """In the dispatcher's words."""
    with ModelServer([Says(text="so", finish_reason=finish)]) as server:
        assert ask(connect_anthropic(server)).stop_reason == stop


def test_a_schema_is_asked_for_as_the_server_can(connect_anthropic: Connect, ask: Ask) -> None:
    """Enforced where the server can, else in words with the JSON picked out; what was refused once is not asked of it again."""
    with ModelServer(['{"n": 1}']) as able:
        assert json.loads(ask(connect_anthropic(able), schema=SCHEMA).text) == {"n": 1}
        assert able.requests[0].body["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    with ModelServer(
        lambda received: 'Sure:\n```json\n{"n": 1}\n```', refuses={"json_schema", "temperature"}
    ) as server:
        backend = connect_anthropic(server)
        for _ in range(2):
            assert json.loads(ask(backend, schema=SCHEMA).text) == {"n": 1}
        asked = ["output_config" in each.body for each in server.requests]
        warm = ["temperature" in each.body for each in server.requests]
    assert len(asked) == 4 and asked[-2:] == [False, False] and warm[-2:] == [False, False]


def test_a_server_that_does_not_count(connect_anthropic: Connect, ask: Ask) -> None:
    """Its replies are charged the most they can have taken."""
    with ModelServer(["yes"], counts=False) as server:
        usage = ask(connect_anthropic(server)).usage
    assert usage.estimated and usage.input_tokens > 0 and usage.output_tokens > 0


def test_what_is_cached_is_part_of_what_is_read(connect_anthropic: Connect, ask: Ask) -> None:
    """The server counts them apart; here tokens read again are within the tokens read."""
    usage = {"input_tokens": 5, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 7, "output_tokens": 1}
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
    events = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "hm"}},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "yes"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    ]
    body = "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events).encode()
    with ModelServer([SendsBytes(body=body)]) as server:
        reply = ask(connect_anthropic(server))
    assert reply.text == "yes"
    assert reply.usage == Usage(input_tokens=102, output_tokens=3, cached_input_tokens=90)


def test_its_calls_can_be_priced(connect_anthropic: Connect) -> None:
    """By the model and the server; of the maker's own server the public list knows the price."""
    with ModelServer([]) as server:
        backend: Any = connect_anthropic(server, model="claude-sonnet-4-5")
        assert backend.priced_as(LlmRequest.of("why")) == PricedAs(model="claude-sonnet-4-5", server=server.origin)


# --- faults -------------------------------------------------------------------------------------------------------------------


def failure(connect: Connect, ask: Ask, reply: Any, **options: Any) -> BackendError:
    """The error that one reply of the server ends in; the server is asked exactly once."""
    with ModelServer(lambda received: reply) as server:
        with pytest.raises(BackendError) as caught:
            ask(connect(server, **options))
        assert len(server.requests) == 1
        assert server.origin in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("status", "sort"),
    [
        (400, "permanent"), (401, "permanent"), (403, "permanent"), (404, "permanent"), (413, "permanent"),
        (408, "transient"), (429, "rate_limit"), (500, "transient"), (503, "outage"), (529, "rate_limit"),
    ],
)  # fmt: skip
def test_statuses_are_sorted(connect_anthropic: Connect, ask: Ask, status: int, sort: str) -> None:
    """Each status is of the sort that says whether trying again makes sense; the server's own words are in the message."""
    error = failure(connect_anthropic, ask, Fails(status=status, message="the words", code="some_error"))
    assert (error.sort, f"{status} the words" in str(error)) == (sort, True), str(error)


def test_how_long_to_wait_is_passed_on(connect_anthropic: Connect, ask: Ask) -> None:
    """The header is read, and the SDK does not wait by itself."""
    begun = time.monotonic()
    error = failure(connect_anthropic, ask, Fails(status=429, headers={"Retry-After": "60"}))
    assert (error.retry_after_s, time.monotonic() - begun < 50) == (60.0, True)


@pytest.mark.parametrize(
    ("reply", "options", "option"),
    [
        (Hangs(), {"first_byte_s": 0.4}, "first_byte_s"),
        (Stalls(), {"idle_s": 0.4}, "idle_s"),
        (Says(text="x" * 50, pieces=50, pause_s=0.1), {"idle_s": 0.3, "total_s": 0.4}, "total_s"),
    ],
)
def test_each_limit_holds(
    connect_anthropic: Connect, ask: Ask, reply: Any, options: dict[str, float], option: str
) -> None:
    """A server that is silent before, or in, or slow all through its reply is left at the limit that is named, not at another one."""
    with ModelServer(["warm"]) as server:
        ask(connect_anthropic(server))  # the import of the SDK belongs to nobody's limit
    begun = time.monotonic()
    error = failure(connect_anthropic, ask, reply, **options)
    took = time.monotonic() - begun
    assert (f"({option})" in str(error), error.sort) == (True, "transient")
    assert 0.3 <= took < 4.5, f"{took:.2f} s"


@pytest.mark.parametrize(
    ("reply", "sort", "words"),
    [
        (Cuts("so f"), "transient", "cut off"),
        (Cuts("so f", reset=True), "transient", "the connection broke"),
        (SendsBytes(body=b""), "transient", "cut off"),
        (SendsBytes(body=b"<html>welcome</html>", content_type="text/html"), "poison", "no event stream, but text/html"),
        (SendsBytes(body=b"event: message_start\ndata: {\n\n"), "poison", "no message"),
        (SendsBytes(body=b'event: message_start\ndata: {"type": "message_start"}\n\n'), "poison", "no message"),
        (SendsBytes(body=b"event: message_stop\ndata: [1]\n\n"), "poison", "no message"),
        (SendsBytes(body=b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "\xff\xfe"}}\n\n'), "poison", "no message"),
        (SendsBytes(body=b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": [1]}}\n\n'), "poison", "not a text"),
        (SendsBytes(body=b"event: message_stop\ndata: " + b"[" * 200_000 + b"\n\n"), "poison", "no message"),
        (SendsBytes(body=b'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", "message": "overheated"}}\n\n'), "transient", "overheated"),
    ],
)  # fmt: skip
def test_what_is_no_reply_is_a_failure(connect_anthropic: Connect, ask: Ask, reply: Any, sort: str, words: str) -> None:
    """Truncated, reset, not JSON, not UTF-8, nested without end, an error in the stream: one failure that says which."""
    error = failure(connect_anthropic, ask, reply)
    assert (error.sort, words in str(error)) == (sort, True), str(error)


@pytest.mark.parametrize("in_one_line", [False, True])
def test_an_endless_reply_is_cut_while_reading(connect_anthropic: Connect, ask: Ask, in_one_line: bool) -> None:
    """At most the cap, and what was on its way, is read, even when the first line never ends."""
    with ModelServer([Floods(in_one_line)]) as server:
        with pytest.raises(BackendError, match=r"larger than 1,000,000 bytes \(max_reply_bytes\)"):
            ask(connect_anthropic(server, max_reply_bytes=1_000_000))
        assert server.sent_bytes < 20_000_000


def test_a_bomb_is_not_unpacked(connect_anthropic: Connect, ask: Ask) -> None:
    """A reply that is compressed though nobody asked for it is refused before it is read."""
    bomb = gzip.compress(b"data: " + b"x" * 5_000_000)
    error = failure(connect_anthropic, ask, SendsBytes(body=bomb, headers={"Content-Encoding": "gzip"}))
    assert (error.sort, "compressed (gzip)" in str(error)) == ("poison", True)


def test_cancelling_closes_the_connection(connect_anthropic: Connect) -> None:
    """Before the first byte and in the stream: the server sees its client go."""

    async def work(backend: LlmBackend) -> bool:
        call = asyncio.ensure_future(backend.complete(LlmRequest.of("Why?")))
        for _ in range(500):
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
            assert asyncio.run(work(connect_anthropic(server)))
            assert server.left == 1


# --- the key --------------------------------------------------------------------------------------------------------------------


def test_the_key_goes_to_its_server_only(connect_anthropic: Connect, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A redirect is not followed: nothing arrives there, and the error says where it led."""
    monkeypatch.setenv("MY_KEY", KEY)
    for status in (301, 307, 308):
        with (
            ModelServer(["stolen"]) as other,
            ModelServer([Redirects(f"{other.origin}/v1/messages", status)]) as server,
        ):
            with pytest.raises(BackendError, match=rf"redirected to {other.origin}.*base_url") as caught:
                ask(connect_anthropic(server, api_key_env="MY_KEY"))
            assert KEY in str(server.requests[0].headers)
            assert (other.requests, caught.value.sort) == ([], "permanent")


def test_another_server_gets_nothing_of_the_environment(
    connect_anthropic: Connect, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without ``api_key_env`` a server that is not Anthropic's gets no key, no token and no header that the environment asks for."""
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, f"{name}-canary")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Secret: header-canary\nX-Other: other-canary")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    with ModelServer(["yes"]) as server:
        ask(connect_anthropic(server))
        assert [value for value in server.requests[0].headers.values() if "canary" in value] == []


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_the_key_is_in_no_message_log_or_traceback(
    connect_anthropic: Connect,
    ask: Ask,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Even a server that repeats the key in its error does not get it into anything that people see."""
    monkeypatch.setenv("MY_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    with ModelServer(lambda received: Fails(status=status, message=f"no: {received.headers}")) as server:
        backend = connect_anthropic(server, api_key_env="MY_KEY")
        with pytest.raises(BackendError) as caught:
            ask(backend)
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(backend) + repr(caught.value)
    assert KEY not in shown


def test_a_missing_key_is_said_before_the_first_call(
    connect_anthropic: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable is named, for Anthropic's own server the usual one."""
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with ModelServer([]) as server:
        with pytest.raises(Unavailable, match="MY_KEY is not set"):
            connect_anthropic(server, api_key_env="MY_KEY")
        with pytest.raises(Unavailable, match="ANTHROPIC_API_KEY is not set"):
            connect_anthropic(server, base_url="https://api.anthropic.com")


def test_a_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch, connect_anthropic: Connect) -> None:
    """Without the SDK the backend says what to install; nothing is imported to find out."""
    from agent_dispatcher_builtins.llm_backends.http import backend

    monkeypatch.setattr(backend, "find_spec", lambda name: None)
    with ModelServer([]) as server, pytest.raises(Unavailable) as caught:
        connect_anthropic(server)
    assert str(caught.value).count("\n") == 0 and "pip install 'agent-dispatcher[anthropic]'" in str(caught.value)
