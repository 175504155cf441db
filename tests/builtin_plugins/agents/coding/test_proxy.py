"""The metering proxy, as the real clients of both dialects see it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from agent_dispatcher.errors import BackendError
from agent_dispatcher.extension import LlmReply, LlmRequest
from agent_dispatcher.extension.llm import STOP_REASONS, ToolCall, Usage
from agent_dispatcher.llm import Budget, MeteredLlm
from agent_dispatcher.llm.budget import Cap
from agent_dispatcher.testing import ScriptedBackend
from agent_dispatcher_builtins.agents.coding.proxy.connections import TooManyCalls
from agent_dispatcher_builtins.agents.coding.proxy.server import ModelProxy

openai = pytest.importorskip("openai", reason="pip install 'agent-dispatcher[openai]'")

Serve = Callable[..., AbstractAsyncContextManager[tuple[ModelProxy, str]]]

CALL = LlmReply(
    text="I look.",
    stop_reason="tool_calls",
    usage=Usage(input_tokens=30, output_tokens=7, cached_input_tokens=10),
    tool_calls=(ToolCall(id="c1", name="read", arguments='{"path": "a.py"}'),),
)
PARAMETERS = {"type": "object", "properties": {"path": {"type": "string"}}}


def _openai(origin: str) -> Any:
    return openai.AsyncOpenAI(base_url=f"{origin}/v1", api_key="whatever", max_retries=0)


def _anthropic(origin: str) -> Any:
    anthropic = pytest.importorskip("anthropic", reason="pip install 'agent-dispatcher[anthropic]'")
    return anthropic.AsyncAnthropic(base_url=origin, api_key="whatever", max_retries=0)


async def _raw(origin: str, request: bytes) -> tuple[int, bytes]:
    """Status and body of the reply to these bytes."""
    port = int(origin.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        await writer.drain()
        reply = await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()
    head, _, body = reply.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def test_openai_client_gets_the_backends_reply_with_tools_and_usage(serve: Serve) -> None:
    """A conversation with tools arrives as it is, and the reply with its calls and its count goes back."""
    backend = ScriptedBackend([CALL])

    async def ask() -> Any:
        async with serve(backend) as (_, origin), _openai(origin) as client:
            return await client.chat.completions.create(
                model="their-name",
                messages=[
                    {"role": "developer", "content": "Be short."},
                    {"role": "user", "content": [{"type": "text", "text": "Look."}]},
                    {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [{"id": "c0", "type": "function", "function": {"name": "ls", "arguments": "{}"}}],
                    },
                    {"role": "tool", "tool_call_id": "c0", "content": "a.py"},
                ],
                tools=[
                    {"type": "function", "function": {"name": "read", "description": "d", "parameters": PARAMETERS}}
                ],
                max_tokens=99,
                stop=["END"],
            )

    reply = asyncio.run(ask())
    (asked,) = backend.requests
    assert [each.role for each in asked.messages] == ["system", "user", "assistant", "tool"]
    assert [each.content for each in asked.messages] == ["Be short.", "Look.", "", "a.py"]
    assert (asked.messages[2].tool_calls[0].name, asked.messages[3].tool_call_id) == ("ls", "c0")
    assert (asked.max_output_tokens, asked.stop, asked.tools[0].parameters) == (99, ("END",), PARAMETERS)
    assert asked.model == "", "which model is asked is not the program's choice"
    choice = reply.choices[0]
    assert (reply.model, choice.finish_reason, choice.message.content) == ("their-name", "tool_calls", "I look.")
    assert choice.message.tool_calls[0].function.arguments == '{"path": "a.py"}'
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (30, 7)


def test_openai_client_can_stream(serve: Serve) -> None:
    """The events of a stream add up to the same reply."""

    async def ask() -> list[Any]:
        async with serve(ScriptedBackend([CALL])) as (_, origin), _openai(origin) as client:
            stream = await client.chat.completions.create(
                model="m",
                messages=[{"role": "user", "content": "Look."}],
                stream=True,
                stream_options={"include_usage": True},
            )
            return [chunk async for chunk in stream]

    *chunks, last = asyncio.run(ask())
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert "".join(delta.content or "" for delta in deltas) == "I look."
    assert [call.function.name for delta in deltas for call in delta.tool_calls or ()] == ["read"]
    assert (chunks[-1].choices[0].finish_reason, last.usage.total_tokens) == ("tool_calls", 37)


@pytest.mark.parametrize("streamed", [False, True])
def test_anthropic_client_gets_the_same(serve: Serve, streamed: bool) -> None:
    """The other dialect, whole and streamed: blocks of text and of tools, both ways."""
    backend = ScriptedBackend([CALL])
    asked: dict[str, Any] = {
        "model": "their-name",
        "max_tokens": 50,
        "system": [{"type": "text", "text": "Be short."}],
        "messages": [
            {"role": "user", "content": "Look."},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "c0", "name": "ls", "input": {"a": 1}}]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c0", "content": [{"type": "text", "text": "a.py"}]},
                    {"type": "text", "text": "And?"},
                ],
            },
        ],
        "tools": [{"name": "read", "description": "d", "input_schema": PARAMETERS}],
    }

    async def ask() -> Any:
        async with serve(backend) as (_, origin), _anthropic(origin) as client:
            if not streamed:
                return await client.messages.create(**asked)
            async with client.messages.stream(**asked) as stream:
                return await stream.get_final_message()

    reply = asyncio.run(ask())
    (seen,) = backend.requests
    assert [each.role for each in seen.messages] == ["system", "user", "assistant", "tool", "user"]
    assert (
        seen.messages[2].tool_calls[0].arguments,
        seen.messages[3].tool_call_id,
        seen.messages[3].content,
    ) == ('{"a": 1}', "c0", "a.py")
    assert [block.type for block in reply.content] == ["text", "tool_use"]
    assert (reply.content[0].text, reply.content[1].input) == ("I look.", {"path": "a.py"})
    assert (reply.stop_reason, reply.usage.input_tokens, reply.usage.output_tokens) == ("tool_use", 20, 7)


@pytest.mark.parametrize("streamed", [False, True])
def test_openais_responses_are_served_too(serve: Serve, streamed: bool) -> None:
    """The newer of OpenAI's dialects, whole and streamed; what a model thought is not passed on."""
    backend = ScriptedBackend([CALL])
    asked: dict[str, Any] = {
        "model": "their-name",
        "instructions": "Be short.",
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Look."}]},
            {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "hidden"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I will."}]},
            {"type": "function_call", "call_id": "c0", "name": "ls", "arguments": "{}"},
            {"type": "function_call", "call_id": "c1", "name": "ls", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c0", "output": "a.py"},
        ],
        "tools": [{"type": "function", "name": "read", "description": "d", "parameters": PARAMETERS, "strict": False}],
        "max_output_tokens": 64,
    }

    async def ask() -> Any:
        async with serve(backend) as (_, origin), _openai(origin) as client:
            if not streamed:
                return await client.responses.create(**asked)
            async with client.responses.stream(**asked) as stream:
                return await stream.get_final_response()

    reply = asyncio.run(ask())
    (seen,) = backend.requests
    assert [each.role for each in seen.messages] == ["system", "user", "assistant", "tool"]
    assert [each.id for each in seen.messages[2].tool_calls] == ["c0", "c1"]
    assert (seen.messages[2].content, seen.messages[3].tool_call_id, seen.max_output_tokens) == (
        "I will.",
        "c0",
        64,
    )
    assert "hidden" not in str(seen)
    assert [item.type for item in reply.output] == ["message", "function_call"]
    assert (reply.output_text, reply.output[1].arguments) == ("I look.", '{"path": "a.py"}')
    assert (reply.status, reply.usage.total_tokens) == ("completed", 37)


def test_every_call_is_counted_and_one_that_does_not_fit_is_not_made(serve: Serve) -> None:
    """A cap holds: the call that could exceed it is refused with a status that no client retries, and reaches no model."""
    backend = ScriptedBackend(lambda request: "yes")
    meter = MeteredLlm(backend, "scripted", Budget(run=Cap(tokens=1_000)), task="t", agent="acp")

    async def ask() -> tuple[str, int, bool]:
        async with serve(meter, max_output_tokens=200) as (proxy, origin), _openai(origin) as client:
            first = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "a"}])
            with pytest.raises(openai.APIStatusError) as refused:
                await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "b" * 900}])
            return first.choices[0].message.content, refused.value.status_code, proxy.connections.stopped.done()

    assert asyncio.run(ask()) == ("yes", 402, True)
    assert 1 == len(backend.requests) == len(meter.calls)


def test_nobody_is_given_more_output_than_is_allowed(serve: Serve) -> None:
    """What is asked for counts only as far as it is below the limit; so does saying nothing."""
    backend = ScriptedBackend(lambda request: "yes")

    async def ask() -> None:
        async with serve(backend, max_output_tokens=500) as (_, origin), _openai(origin) as client:
            for more in ({"max_tokens": 32_000}, {}, {"max_completion_tokens": 20}):
                await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "a"}], **more)

    asyncio.run(ask())
    assert [each.max_output_tokens for each in backend.requests] == [500, 500, 20]


@pytest.mark.parametrize(
    ("sort", "status"), [("rate_limit", 429), ("outage", 503), ("permanent", 400), ("poison", 502)]
)
def test_a_failure_of_the_backend_has_its_status(serve: Serve, sort: str, status: int) -> None:
    """A client sees which failures it may try again, and when; the attempt remembers the last one."""
    backend = ScriptedBackend([BackendError("not now", sort=sort, retry_after_s=2.5), "yes"])

    async def ask() -> tuple[int, str | None, bool]:
        async with serve(backend) as (proxy, origin), _openai(origin) as client:
            with pytest.raises(openai.APIStatusError) as failed:
                await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "a"}])
            remembered = isinstance(proxy.failure, BackendError) and proxy.failure.sort == sort
            await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "a"}])
            response = failed.value.response
            return response.status_code, response.headers.get("retry-after"), remembered and proxy.failure is None

    assert (status, "3", True) == asyncio.run(ask())


def test_a_backend_that_breaks_says_nothing_to_the_program(serve: Serve) -> None:
    """What the error says may be anything; the program hears that there was one, the attempt gets it whole."""
    backend = ScriptedBackend([RuntimeError("sk-canary is not a key")])

    async def ask() -> tuple[int, str, str]:
        async with serve(backend) as (proxy, origin), _openai(origin) as client:
            with pytest.raises(openai.APIStatusError) as failed:
                await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "a"}])
            return failed.value.status_code, str(failed.value), str(proxy.failure)

    status, told, kept = asyncio.run(ask())
    assert (status, "RuntimeError" in told, "canary" in told) == (500, True, False)
    assert kept == "sk-canary is not a key"


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("reason", STOP_REASONS)
def test_every_end_of_a_reply_has_its_name(serve: Serve, reason: str, streamed: bool) -> None:
    """However a reply ended, a program hears of it as its dialect says it, and gets what was paid for."""
    backend = ScriptedBackend(lambda request: LlmReply(text="So.", stop_reason=reason, usage=Usage(output_tokens=1)))
    user = {"role": "user", "content": "a"}

    async def ask(path: str, body: dict[str, Any]) -> tuple[int, str]:
        data = json.dumps({**body, "stream": streamed}).encode()
        async with serve(backend) as (_, origin):
            head = f"POST {path} HTTP/1.1\r\nContent-Length: {len(data)}\r\n\r\n".encode()
            status, told = await _raw(origin, head + data)
        return status, told.decode()

    names = {
        "/v1/chat/completions": ({"messages": [user]}, '"finish_reason": "{}"', "content_filter", "length"),
        "/v1/messages": ({"messages": [user]}, '"stop_reason": "{}"', "refusal", "max_tokens"),
        "/v1/responses": ({"input": "a"}, '"reason": "{}"', "content_filter", "max_output_tokens"),
    }
    for path, (body, field, refused, cut) in names.items():
        status, told = asyncio.run(ask(path, body))
        assert (status, "So." in told) == (200, True)
        assert (reason == "refused") == (field.format(refused) in told)
        assert (reason == "length") == (field.format(cut) in told)


def test_numbers_without_sense_are_not_passed_on(serve: Serve) -> None:
    """A temperature that no server knows is none; the model is asked all the same."""
    backend = ScriptedBackend(lambda request: "yes")
    values = ["1" + "0" * 400, "-1", "true", "0.5"]

    async def ask() -> list[int]:
        statuses = []
        async with serve(backend) as (_, origin):
            for value in values:
                data = f'{{"temperature": {value}, "messages": [{{"role": "user", "content": "a"}}]}}'.encode()
                head = f"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {len(data)}\r\n\r\n".encode()
                statuses.append((await _raw(origin, head + data))[0])
        return statuses

    assert asyncio.run(ask()) == [200] * 4
    assert [each.temperature for each in backend.requests] == [0.0, 0.0, 0.0, 0.5]


def test_what_fails_before_it_is_sent_costs_nothing(serve: Serve) -> None:
    """Half a character, endless numbers, depth without end: the count stays where it was, or the model reads something whole."""
    backend = ScriptedBackend(lambda request: "yes")
    meter = MeteredLlm(backend, budget=Budget(run=Cap(tokens=100_000)))
    bodies = {
        b'{"messages":[{"role":"user","content":"\\ud800"}]}': 200,
        b'{"messages":[{"role":"user","content":"a"}],"temperature":1e999}': 400,
        b'{"messages":[{"role":"user","content":"a"}],"tools":[' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"]}": 400,
        b'{"messages":[' + b'{"role":"user","content":"a"},' * 6_000 + b'{"role":"user","content":"a"}]}': 413,
    }

    async def ask() -> list[int]:
        async with serve(meter) as (_, origin):
            heads = (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(each) for each in bodies)
            return [(await _raw(origin, head + body))[0] for head, body in zip(heads, bodies, strict=True)]

    assert asyncio.run(ask()) == list(bodies.values())
    assert [each.messages[0].content for each in backend.requests] == ["\ufffd"]
    assert len(meter.calls) == 1


def test_calls_beyond_the_limit_are_refused(serve: Serve) -> None:
    """An agent that goes round in circles is ended."""
    backend = ScriptedBackend(lambda request: "again")

    async def ask() -> Exception:
        async with serve(backend, max_calls=2) as (proxy, origin), _openai(origin) as client:
            for _ in range(2):
                await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "a"}])
            with pytest.raises(openai.APIStatusError):
                await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "a"}])
            return await proxy.connections.stopped

    assert isinstance(asyncio.run(ask()), TooManyCalls)
    assert len(backend.requests) == 2


def test_a_program_that_hangs_up_ends_its_call(serve: Serve) -> None:
    """Nobody pays for a reply that nobody reads."""
    ended = asyncio.Event()

    class Slow:
        async def complete(self, request: LlmRequest) -> LlmReply:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                ended.set()
                raise
            return LlmReply(text="too late")

    async def ask() -> None:
        async with serve(Slow()) as (_, origin), _openai(origin) as client:
            asking = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "a"}])
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(asking, 0.3)
            await asyncio.wait_for(ended.wait(), 5)

    asyncio.run(ask())
    assert ended.is_set()


def test_a_stream_shows_signs_of_life(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a slow model is at work, both dialects' clients are told so, and read the reply all the same."""
    monkeypatch.setattr("agent_dispatcher_builtins.agents.coding.proxy.server._HOLD_S", 0.05)
    monkeypatch.setattr("agent_dispatcher_builtins.agents.coding.proxy.server._SIGN_S", 0.05)

    async def ask() -> tuple[bytes, str]:
        async with serve(ScriptedBackend(["at last", "at last"], delay_s=0.4)) as (_, origin):
            body = json.dumps({"stream": True, "messages": [{"role": "user", "content": "a"}]}).encode()
            head = f"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            _, raw = await _raw(origin, head + body)
            async with _openai(origin) as client:
                asked = await client.chat.completions.create(
                    model="m", messages=[{"role": "user", "content": "a"}], stream=True
                )
                text = "".join([chunk.choices[0].delta.content or "" async for chunk in asked])
            return raw, text

    raw, text = asyncio.run(ask())
    assert raw.count(b": the model is at work") >= 2
    assert text == "at last"


_MESSAGES: dict[str, Any] = {"messages": [{"role": "user", "content": "a"}]}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/embeddings", _MESSAGES, 404),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400),
        ("/v1/chat/completions", {"messages": [{"role": "king", "content": "a"}]}, 400),
        ("/v1/chat/completions", {"messages": 7}, 400),
        ("/v1/chat/completions", {**_MESSAGES, "n": 2}, 400),
        ("/v1/messages", {"messages": [{"role": "user", "content": [{"type": "image"}]}]}, 400),
        ("/v1/messages", [], 400),
        ("/v1/responses", {"input": "a", "previous_response_id": "resp_1"}, 400),
        ("/v1/responses", {"input": [{"type": "computer_call"}]}, 400),
    ],
)
def test_what_cannot_be_passed_on_is_refused(serve: Serve, path: str, body: Any, status: int) -> None:
    """Never half a request: the model is not asked, and the program is told why."""
    backend = ScriptedBackend(lambda request: "yes")

    async def ask() -> tuple[int, bytes]:
        async with serve(backend) as (_, origin):
            data = json.dumps(body).encode()
            return await _raw(origin, f"POST {path} HTTP/1.1\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)

    got, text = asyncio.run(ask())
    assert status == got
    assert json.loads(text)["error"]["message"]
    assert backend.requests == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {**_MESSAGES, "tools": [{"type": "web_search"}]}),
        ("/v1/messages", {**_MESSAGES, "tools": [{"type": "bash_20250124", "name": "bash"}]}),
        ("/v1/responses", {"input": "a", "tools": [{"type": "namespace", "tools": []}]}),
    ],
)
def test_tools_that_a_provider_runs_are_not_offered(serve: Serve, path: str, body: Any) -> None:
    """The model hears of functions only: a tool that runs at a provider's would be past the dispatcher."""
    backend = ScriptedBackend(["yes"])

    async def ask() -> int:
        async with serve(backend) as (_, origin):
            data = json.dumps(body).encode()
            head = f"POST {path} HTTP/1.1\r\nContent-Length: {len(data)}\r\n\r\n".encode()
            return (await _raw(origin, head + data))[0]

    assert asyncio.run(ask()) == 200
    assert backend.requests[0].tools == ()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET http://elsewhere/v1/models HTTP/1.1\r\n\r\n", 400),
        (b"POST /v1/messages HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST /v1/messages HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET /v1/models HTTP/1.1\r\nX: a\nAuthorization: mine\r\n\r\n", 400),
        (b"GET /v1/models HTTP/1.1 /x HTTP/1.1\r\n\r\n", 400),
        (b"POST /v1/messages HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST /v1/messages HTTP/1.1\r\nContent-Length: 4\r\n\r\n\xff\xfe\x00{", 400),
        (b"GET /v1/models HTTP/1.1\r\n\r\n", 200),
    ],
)
def test_untrusted_bytes_get_an_answer(serve: Serve, request_: bytes, status: int) -> None:
    """Whatever a program sends, it is answered and the proxy lives."""

    async def ask() -> tuple[int, int]:
        async with serve(ScriptedBackend([])) as (_, origin):
            first, _ = await _raw(origin, request_)
            again, _ = await _raw(origin, b"GET /v1/models HTTP/1.1\r\n\r\n")
            return first, again

    assert (status, 200) == asyncio.run(ask())


def test_a_body_in_chunks_is_read(serve: Serve) -> None:
    """As clients send it that do not know its length."""
    backend = ScriptedBackend(["yes"])
    data = json.dumps(_MESSAGES).encode()
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (data[:9], data[9:])) + b"0\r\n\r\n"

    async def ask() -> int:
        async with serve(backend) as (_, origin):
            head = b"POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
            return (await _raw(origin, head + chunked))[0]

    assert asyncio.run(ask()) == 200
    assert backend.requests[0].messages[0].content == "a"
