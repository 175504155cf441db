"""The model server does what it is told, over a plain socket's worth of HTTP: no client library stands between."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from agent_dispatcher.extension import ToolCall
from agent_dispatcher.testing import ModelServer
from agent_dispatcher.testing.model_replies import Cuts, Fails, Hangs, Says, SendsBytes


def post(server: ModelServer, timeout: float = 10.0, **body: Any) -> tuple[int, bytes]:
    """Status and body of a chat completion."""
    data = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Why?"}], **body}).encode()
    request = urllib.request.Request(f"{server.base_url}/chat/completions", data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_it_answers_in_order_and_remembers() -> None:
    """Texts and functions' texts are replies; what was asked is kept; after the last reply it fails and says why."""
    with ModelServer(
        ["one", Says(text="two", usage=(7, 3), tool_calls=[ToolCall(id="c", name="n", arguments="{}")])]
    ) as server:
        first, second, third = (post(server) for _ in range(3))
        assert [received.text for received in server.requests] == ["Why?"] * 3
        assert server.requests[0].headers["content-type"] == "application/json"
    assert json.loads(first[1])["choices"][0]["message"]["content"] == "one"
    two = json.loads(second[1])
    assert two["usage"] == {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    assert two["choices"][0]["finish_reason"] == "tool_calls"
    assert third[0] == 500 and "this is request 3" in third[1].decode()


def test_it_streams() -> None:
    """Pieces as events, the usage last when it is asked for, then the end mark."""
    with ModelServer(lambda received: Says(text="abcdef", pieces=2, usage=(1, 2))) as server:
        _, body = post(server, stream=True, stream_options={"include_usage": True})
        _, without = post(server, stream=True)
    events = [line.removeprefix("data: ") for line in body.decode().splitlines() if line]
    assert events[-1] == "[DONE]"
    pieces = [json.loads(each) for each in events[:-1]]
    assert [c["delta"].get("content") for p in pieces for c in p["choices"]] == ["", "abc", "def", None]
    assert pieces[-1]["usage"]["completion_tokens"] == 2 and b'"usage"' not in without


@pytest.mark.parametrize(
    ("refuses", "body"),
    [
        ("json_schema", {"response_format": {"type": "json_schema"}}),
        ("json_object", {"response_format": {"type": "json_object"}}),
        ("seed", {"seed": 1}),
    ],
)
def test_it_refuses_what_it_was_told_to(refuses: str, body: dict[str, Any]) -> None:
    """A request with the feature is a 400 that names it and uses up no reply; one without is answered."""
    with ModelServer(["yes"], refuses=[refuses]) as server:
        status, said = post(server, **body)
        assert (status, refuses in said.decode()) == (400, True)
        assert post(server)[0] == 200
    with pytest.raises(ValueError, match="a server can refuse"):
        ModelServer([], refuses=["everything"])


def test_it_goes_wrong_as_told() -> None:
    """Errors with their headers, bytes as they are, streams that end early, silence that ends with the server."""
    with ModelServer([Fails(status=429, headers={"Retry-After": "3"}), SendsBytes(body=b"\xff"), Cuts("so")]) as server:
        assert post(server)[0] == 429
        assert post(server)[1] == b"\xff"
        cut = post(server, stream=True)[1]
        assert b'"so"' in cut and b"[DONE]" not in cut
    with ModelServer([Hangs()]) as server:
        begun = time.monotonic()
        with pytest.raises(OSError, match="timed out"):
            post(server, timeout=0.2)
        assert time.monotonic() - begun < 15
    assert server.left == 1


def test_it_lists_its_model() -> None:
    """As clients look for it."""
    with ModelServer([], model="mine") as server, urllib.request.urlopen(f"{server.base_url}/models") as response:
        assert json.load(response)["data"][0]["id"] == "mine"


def test_it_speaks_anthropics_dialect_too() -> None:
    """At its own path: streamed as events, whole otherwise, errors in its form; the same replies serve both dialects."""

    def ask(server: ModelServer, **body: Any) -> tuple[int, bytes]:
        talk = [{"role": "user", "content": [{"type": "text", "text": "Why?"}]}]
        data = json.dumps({"model": "m", "max_tokens": 9, "messages": talk, **body}).encode()
        request = urllib.request.Request(f"{server.origin}/v1/messages", data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    call = ToolCall(id="c", name="look", arguments='{"at": 1}')
    said = Says(text="abcdef", pieces=2, usage=(7, 3), tool_calls=[call])
    with ModelServer([said, said, Fails(status=529, message="full", code="overloaded_error")]) as server:
        _, whole = ask(server)
        _, streamed = ask(server, stream=True)
        status, failed = ask(server)
        assert [received.text for received in server.requests] == ["Why?"] * 3
    message = json.loads(whole)
    assert (message["content"], message["stop_reason"], message["usage"]) == (
        [{"type": "text", "text": "abcdef"}, {"type": "tool_use", "id": "c", "name": "look", "input": {"at": 1}}],
        "tool_use",
        {"input_tokens": 7, "output_tokens": 3},
    )
    events = [json.loads(line.removeprefix("data: ")) for line in streamed.decode().splitlines() if line[:5] == "data:"]
    assert (events[0]["type"], events[-1]["type"]) == ("message_start", "message_stop")
    deltas = [each["delta"] for each in events if each["type"] == "content_block_delta"]
    assert "".join(delta.get("text", "") for delta in deltas) == "abcdef"
    assert "".join(delta.get("partial_json", "") for delta in deltas) == '{"at": 1}'
    assert (status, json.loads(failed)["error"]) == (529, {"type": "overloaded_error", "message": "full"})
