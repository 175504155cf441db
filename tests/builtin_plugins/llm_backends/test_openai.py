"""``openai`` against a real server on loopback: what is sent, what comes back, what a server need not understand."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.config import Config
from agent_dispatcher.errors import BackendError, ConfigError, Unavailable
from agent_dispatcher.extension import ChatMessage, LlmReply, LlmRequest, Services, Tool, ToolCall, Usage
from agent_dispatcher.extension.components import LlmBackend
from agent_dispatcher.extension.registry import Registry
from agent_dispatcher.llm import input_bound
from agent_dispatcher.testing import LlmBackendContract, ModelServer
from agent_dispatcher.testing.model_replies import Fails, Hangs, Says, SendsBytes
from agent_dispatcher_builtins.llm_backends import hooks
from agent_dispatcher_builtins.llm_backends.openai.backend import OpenAIBackend
from agent_dispatcher_builtins.llm_backends.options import OpenAIOptions

Ask = Callable[..., LlmReply]
Connect = Callable[..., LlmBackend]

OBJECT = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}


class TestOpenAI(LlmBackendContract):
    @pytest.fixture(autouse=True)
    def _servers(self, connect: Connect) -> Iterator[None]:
        with (
            ModelServer(lambda received: "yes") as self.server,
            ModelServer(lambda received: Fails(status=503)) as self.failing,
            ModelServer(lambda received: Hangs()) as self.slow,
        ):
            self.connect = connect
            yield

    def make_backend(self) -> LlmBackend:
        return self.connect(self.server)

    def make_failing(self) -> tuple[LlmBackend, Callable[[], int]]:
        return self.connect(self.failing), lambda: len(self.failing.requests)

    def make_slow(self) -> LlmBackend:
        return self.connect(self.slow)


# --- what is sent, and what comes back ----------------------------------------------------------------------------------


def at_once(message: object, **more: object) -> SendsBytes:
    """What a server sends that does not stream."""
    reply = {"id": "1", "object": "chat.completion", "created": 1, "model": "m-2", **more}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return SendsBytes(
        body=json.dumps({**reply, "choices": [choice]}).encode(), content_type="application/json; charset=utf-8"
    )


def test_a_server_that_does_not_stream_is_read_as_well(connect: Connect, ask: Ask) -> None:
    """Text, usage, model and calls of tools of a reply that comes at once."""
    usage = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}
    replies = [
        at_once({"role": "assistant", "content": "Because é."}, usage=usage),
        at_once({"role": "assistant", "content": None, "tool_calls": [call]}, usage=usage),
    ]
    with ModelServer(replies) as server:
        said = ask(connect(server))
        called = ask(connect(server))
    assert (said.text, said.model, said.stop_reason) == ("Because é.", "m-2", "stop")
    assert (said.usage.input_tokens, said.usage.output_tokens) == (12, 5)
    assert (called.text, called.tool_calls) == ("", (ToolCall(id="c1", name="look", arguments='{"a": 1}'),))


@pytest.mark.parametrize(
    ("body", "sort", "words"),
    [
        (b'{"error": {"message": "overheated"}}', "transient", "overheated"),
        (b"[1]", "poison", "no chat completion"),
        (b'{"choices": [7]}', "poison", "no chat completion"),
        (b'{"choices": [{"message": 7, "finish_reason": "stop"}]}', "poison", "no chat completion"),
        (b"{" + b" " * 3_000_000 + b"}", "poison", "max_reply_bytes"),
    ],
    ids=["an error", "a list", "no choice", "no message", "too large"],
)
def test_what_comes_at_once_and_is_no_reply(connect: Connect, ask: Ask, body: bytes, sort: str, words: str) -> None:
    """A failure that says which, as of what is streamed."""
    with (
        ModelServer([SendsBytes(body=body, content_type="application/json")]) as server,
        pytest.raises(BackendError) as caught,
    ):
        ask(connect(server, max_reply_bytes=2_000_000))
    assert (caught.value.sort, words in str(caught.value)) == (sort, True), str(caught.value)


def test_a_question_is_answered(connect: Connect, ask: Ask) -> None:
    """The whole request arrives; text, usage and model come back as the server says them."""
    with ModelServer([Says(text="Because é.", usage=(12, 5))]) as server:
        reply = ask(
            connect(server), "Why?", system="Be brief.", max_output_tokens=9, temperature=0.5, seed=3, stop=["#"]
        )
        body = dict(server.requests[0].body)
    assert reply == LlmReply(text="Because é.", usage=Usage(input_tokens=12, output_tokens=5), model="test-model")
    assert body == {
        "model": "asked-model",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
        "max_tokens": 9,
        "temperature": 0.5,
        "seed": 3,
        "stop": ["#"],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_a_request_may_name_its_model(connect: Connect, ask: Ask) -> None:
    """The request's model goes before the configured one."""
    with ModelServer(["yes"]) as server:
        ask(connect(server), model="another")
        assert server.requests[0].body["model"] == "another"


def test_tools_go_and_come(connect: Connect, ask: Ask) -> None:
    """Tools are offered, calls come back whole, and their answers are sent as such."""
    call = ToolCall(id="c1", name="look", arguments='{"path": "a.py"}')
    other = ToolCall(id="c2", name="look", arguments='{"path": "b.py"}')
    tool = Tool(name="look", description="Reads a file.", parameters={"type": "object", "properties": {"path": {}}})
    with ModelServer([Says(tool_calls=[call, other]), "done"]) as server:
        backend = connect(server)
        reply = ask(backend, tools=[tool])
        turns = [
            ChatMessage(role="user", content="Why?"),
            ChatMessage(role="assistant", content="", tool_calls=reply.tool_calls),
            ChatMessage(role="tool", content="text of a.py", tool_call_id="c1"),
        ]
        asyncio.run(backend.complete(LlmRequest(messages=turns, tools=[tool])))
        first, second = (received.body for received in server.requests)
    assert (reply.tool_calls, reply.stop_reason) == ((call, other), "tool_calls")
    assert first["tools"][0]["function"] == {
        "name": "look",
        "description": "Reads a file.",
        "parameters": {"type": "object", "properties": {"path": {}}},
    }
    assert second["messages"][1]["tool_calls"][1]["function"]["arguments"] == '{"path": "b.py"}'
    assert second["messages"][2] == {"role": "tool", "content": "text of a.py", "tool_call_id": "c1"}


def test_tool_calls_that_are_not_counted(connect: Connect, ask: Ask) -> None:
    """Some servers give calls no index: a new id is a new call."""
    parts = [
        {"id": "c1", "function": {"name": "a", "arguments": "{"}},
        {"function": {"arguments": "}"}},
        {"id": "c2", "function": {"name": "b", "arguments": "{}"}},
    ]
    pieces = [{"choices": [{"delta": {"tool_calls": [part]}}]} for part in parts]
    pieces.append({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]})
    body = b"".join(b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in pieces)
    with ModelServer([SendsBytes(body=body)]) as server:
        reply = ask(connect(server))
    assert [(each.id, each.name, each.arguments) for each in reply.tool_calls] == [("c1", "a", "{}"), ("c2", "b", "{}")]


@pytest.mark.parametrize(
    ("finish", "stop"), [("stop", "stop"), ("length", "length"), ("content_filter", "refused"), ("eos", "stop")]
)
def test_why_it_stopped_is_told(connect: Connect, ask: Ask, finish: str, stop: str) -> None:
    """A reply that was cut at its limit, or refused, says so."""
    with ModelServer([Says(text="x", finish_reason=finish)]) as server:
        assert ask(connect(server)).stop_reason == stop


def test_a_server_that_does_not_count(connect: Connect, ask: Ask) -> None:
    """The usage is then an upper bound of what was read and written, and says that it is one."""
    with ModelServer([Says(text="éé")], counts=False) as server:
        usage = ask(connect(server)).usage
    assert usage == Usage(input_tokens=input_bound(LlmRequest.of("Why?")), output_tokens=5, estimated=True)


def test_one_backend_serves_one_loop_after_the_other(connect: Connect) -> None:
    """Planning twice in one program, each time on a loop of its own and with a call that is given up, leaves nothing behind to trip over."""

    async def several(backend: LlmBackend) -> list[str]:
        given_up = asyncio.ensure_future(backend.complete(LlmRequest.of("Hang")))
        calls = [backend.complete(LlmRequest.of(f"Why {number}?")) for number in range(5)]
        replies = await asyncio.gather(*calls)
        given_up.cancel()
        return [reply.text for reply in replies]

    with ModelServer(lambda received: Hangs() if received.text == "Hang" else received.text) as server:
        backend = connect(server)
        for _ in range(3):
            assert asyncio.run(several(backend)) == [f"Why {number}?" for number in range(5)]


# --- what a server need not understand ------------------------------------------------------------------------------------


def formats(server: ModelServer) -> list[str]:
    return [received.body.get("response_format", {}).get("type", "none") for received in server.requests]


@pytest.mark.parametrize(
    ("refuses", "asked"),
    [
        ([], ["json_schema"]),
        (["json_schema"], ["json_schema", "json_object"]),
        (["json_schema", "json_object"], ["json_schema", "json_object", "none"]),
    ],
)
def test_a_schema_is_asked_for_as_the_server_can(
    connect: Connect, ask: Ask, refuses: list[str], asked: list[str]
) -> None:
    """From the strictest way down; what was found out is remembered, so that the second request is right at once."""
    with ModelServer(lambda received: Says(text='{"a": 1}'), refuses=refuses) as server:
        backend = connect(server)
        assert [ask(backend, schema=OBJECT).text for _ in range(2)] == ['{"a": 1}'] * 2
        assert formats(server) == [*asked, asked[-1]]
        system = [each["content"] for each in server.requests[-1].body["messages"] if each["role"] == "system"]
        assert bool(system) == (asked[-1] != "json_schema")


def test_json_is_picked_out_where_it_was_asked_in_words(connect: Connect, ask: Ask) -> None:
    """A server without structured output may wrap the JSON; one that enforces a schema is taken at its word."""
    wrapped = 'Here:\n```json\n{"a": 1}\n```'
    with ModelServer(lambda received: wrapped) as server:
        assert ask(connect(server, structured="prompt"), schema=OBJECT).text == '{"a": 1}'
        assert ask(connect(server, structured="json_schema"), schema=OBJECT).text == wrapped


def test_only_a_strict_schema_is_called_strict(connect: Connect, ask: Ask) -> None:
    """Where a property is optional, or others are allowed, the server is not told to be strict, which it would refuse."""
    loose = {"type": "object", "properties": {"a": OBJECT, "b": {"type": "string"}}, "required": ["a"]}
    with ModelServer(lambda received: "{}") as server:
        for schema in (OBJECT, loose):
            ask(connect(server), schema=schema, schema_name="task list")
        sent = [received.body["response_format"]["json_schema"] for received in server.requests]
    assert [each["strict"] for each in sent] == [True, False]
    assert sent[0]["name"] == "task_list" and sent[1]["schema"] == loose


@pytest.mark.parametrize(
    ("refused", "instead"),
    [
        ("max_tokens", {"max_completion_tokens": 4096}),
        ("temperature", {}),
        ("seed", {}),
        ("stream_options", {}),
    ],
)
def test_parameters_a_model_does_not_take(connect: Connect, ask: Ask, refused: str, instead: dict[str, Any]) -> None:
    """What it refuses is left out or called otherwise, and not sent again."""
    with ModelServer(lambda received: "yes", refuses=[refused]) as server:
        backend = connect(server)
        for _ in range(2):
            assert ask(backend, seed=1).text == "yes"
        assert len(server.requests) == 3
        last = server.requests[-1].body
        assert refused not in last and {name: last[name] for name in instead} == instead


def test_several_refusals_end(connect: Connect, ask: Ask) -> None:
    """A server that understands next to nothing is still asked in a way it understands."""
    refuses = ["json_schema", "json_object", "stream_options", "max_tokens", "temperature", "seed"]
    with ModelServer(lambda received: Says(text='{"a": 1}'), refuses=refuses) as server:
        assert ask(connect(server), schema=OBJECT, seed=1).text == '{"a": 1}'
        assert len(server.requests) == 7


def test_another_complaint_is_passed_on_at_once(connect: Connect, ask: Ask) -> None:
    """A request that is too long, or a server that always complains, is not put again in other words for ever."""
    too_long = Fails(status=400, message="maximum context length is 4096 tokens", code="context_length_exceeded")
    with ModelServer([too_long]) as server:
        with pytest.raises(BackendError, match="maximum context length") as caught:
            ask(connect(server), schema=OBJECT)
        assert (caught.value.sort, len(server.requests)) == ("permanent", 1)
    with ModelServer(lambda received: Fails(status=400, message="bad response_format and temperature")) as server:
        with pytest.raises(BackendError, match="bad response_format"):
            ask(connect(server), schema=OBJECT)
        assert len(server.requests) == 4


def test_the_users_choice_stays(connect: Connect, ask: Ask) -> None:
    """``structured`` other than ``auto`` is used as it is, and its refusal reported."""
    with ModelServer(lambda received: "{}", refuses=["json_object"]) as server:
        with pytest.raises(BackendError, match="json_object"):
            ask(connect(server, structured="json_object"), schema=OBJECT)
        assert formats(server) == ["json_object"]


# --- configuration ---------------------------------------------------------------------------------------------------------


class _Plugin:
    dispatcher_llm_backends = hooks.openai.dispatcher_llm_backends


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/v1",
        "host/v1",
        "http://",
        "http://user:pass@host/v1",
        "http://host/v1?x=1",
        "http://evil\x00.host/v1",
        "http://ho st/v1",
        "http://host\\@other/v1",
        "http://höst/v1",
        "http://host:port/v1",
        "http://ho%00st/v1",
    ],
)
def test_a_doubtful_address_is_refused(url: str) -> None:
    """What two programs could read as two hosts is no address of a server; the message names the option."""
    config = Config(options={"llm:openai": {"model": "m", "base_url": url}})
    with pytest.raises(ConfigError, match=r"base_url"):
        Registry(config, [("openai", hooks.openai)], discover=False).options("llm", "openai")


def test_a_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the SDK the backend says which extra brings it; nothing is imported to find that out."""
    monkeypatch.setitem(sys.modules, "openai", None)
    services = Services(log=logging.getLogger("t"), data_dir=Path(), config=Config())
    options = OpenAIOptions(model="m", base_url="http://127.0.0.1:1/v1")
    with pytest.raises(
        Unavailable, match=r"^backend 'openai' needs the package openai 3 \(pip install 'agent-dispatcher\[openai\]'\)$"
    ):
        OpenAIBackend.open(options, services)


def test_the_sdk_is_imported_by_the_first_call() -> None:
    """Choosing the backend, making it and planning without asking it costs no import of the SDK."""
    code = (
        "import sys\nfrom agent_dispatcher import AgentDispatcher\n"
        "options = {'llm:openai': {'model': 'm', 'base_url': 'http://127.0.0.1:1/v1'}}\n"
        "dispatcher = AgentDispatcher({'use': {'llm': 'openai', 'decomposers': ['listed']}, 'options': options})\n"
        "backend = dispatcher.registry.scope(__import__('pathlib').Path()).get('llm', 'openai')\n"
        "print(type(backend).__name__, [name for name in ('openai', 'httpx2', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "OpenAIBackend []"


def test_replies_survive_strange_characters(connect: Connect, ask: Ask) -> None:
    """Emoji split over pieces, NUL and lone surrogates: the text can be encoded, and what is a character stays one."""
    text = "a\U0001f600b\x00\ud800c"
    with ModelServer([Says(text=text, pieces=20, usage=(1, 1))]) as server:
        reply = ask(connect(server))
    assert reply.text == "a\U0001f600b\x00\ufffdc"
    assert json.loads(json.dumps(reply.text)) == reply.text.encode().decode()


def test_a_quota_that_is_used_up_is_no_rate_limit(connect: Connect, ask: Ask) -> None:
    """To wait would not help."""
    reply = Fails(status=429, message="the words", code="insufficient_quota")
    with ModelServer([reply]) as server, pytest.raises(BackendError, match="the words") as caught:
        ask(connect(server))
    assert caught.value.sort == "permanent"


def test_another_server_does_not_get_the_key_of_openai(
    connect: Connect, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without ``api_key_env`` a server that is not OpenAI's gets neither key nor organization nor project."""
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, f"{name}-canary")
    with ModelServer(["yes"]) as server:
        ask(connect(server))
        headers = server.requests[0].headers
    assert "authorization" not in headers
    assert [value for value in headers.values() if "canary" in value] == []


BEGUN = {"choices": [{"index": 0, "delta": {"content": "yes"}, "finish_reason": None}]}
ENDED = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def count(read: int, written: int) -> dict[str, Any]:
    return {"usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}}


@pytest.mark.parametrize(
    ("pieces", "tokens", "estimated"),
    [
        ([BEGUN | count(50, 1), ENDED, {"choices": [], **count(50, 4000)}], 4050, False),
        ([BEGUN | count(50, 1), ENDED | count(50, 2), {"choices": [], **count(50, 4000)}], 4050, False),
        ([BEGUN | count(50, 1), ENDED | count(50, 4000)], 4050, False),
        ([BEGUN, ENDED | count(50, 4000)], 4050, False),
        ([BEGUN | count(50, 30), ENDED, {"choices": [], **count(0, 0)}], 80, False),
        ([BEGUN | count(50, 1), ENDED], input_bound(LlmRequest.of("Why?")) + len("yes") + 1, True),
    ],
)
def test_the_last_count_is_what_was_taken(
    connect: Connect, ask: Ask, pieces: list[dict[str, Any]], tokens: int, estimated: bool
) -> None:
    """A server may count in every piece what there was so far: nothing from before the end is taken for the whole, and no count is lost."""
    body = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in pieces) + b"data: [DONE]\n\n"
    with ModelServer([SendsBytes(body=body)]) as server:
        reply = ask(connect(server))
    assert (reply.usage.tokens, reply.usage.estimated, reply.text) == (tokens, estimated, "yes")
