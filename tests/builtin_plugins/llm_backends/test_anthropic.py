"""``anthropic`` with the official SDK against a real server on loopback: what is sent, what comes back, and every way it goes wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agent_dispatcher.errors import Unavailable
from agent_dispatcher.extension import ChatMessage, LlmReply, LlmRequest, PricedAs, Tool, ToolCall, Usage
from agent_dispatcher.extension.components import LlmBackend
from agent_dispatcher.testing import LlmBackendContract, ModelServer
from agent_dispatcher.testing.model_replies import Fails, Hangs, Says, SendsBytes

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
    assert reply.usage == Usage(input_tokens=102, output_tokens=3, cached_input_tokens=90, cache_written_tokens=7)


def test_its_calls_can_be_priced(connect_anthropic: Connect) -> None:
    """By the model and the server; of the maker's own server the public list knows the price."""
    with ModelServer([]) as server:
        backend: Any = connect_anthropic(server, model="claude-sonnet-4-5")
        assert backend.priced_as(LlmRequest.of("why")) == PricedAs(model="claude-sonnet-4-5", server=server.origin)


# --- the key --------------------------------------------------------------------------------------------------------------------


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


def test_a_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch, connect_anthropic: Connect) -> None:
    """Without the SDK the backend says what to install; nothing is imported to find out."""
    from agent_dispatcher_builtins.llm_backends.http import backend

    monkeypatch.setattr(backend, "find_spec", lambda name: None)
    with ModelServer([]) as server, pytest.raises(Unavailable) as caught:
        connect_anthropic(server)
    assert str(caught.value).count("\n") == 0 and "pip install 'agent-dispatcher[anthropic]'" in str(caught.value)
