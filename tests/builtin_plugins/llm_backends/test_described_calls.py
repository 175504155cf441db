"""A call of a tool that a small model only writes down counts as made, and nothing else does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from agent_dispatcher.extension import LlmReply, LlmRequest, Tool, ToolCall
from agent_dispatcher_builtins.llm_backends.local.described_calls import with_described_calls

REQUEST = LlmRequest.of("Write hello.py", tools=[Tool(name="write"), Tool(name="read")])
CALL = '{"name": "write", "arguments": {"path": "é.py", "content": "print({})"}}'
MADE = ToolCall(id="call-0", name="write", arguments='{"path": "é.py", "content": "print({})"}')


@pytest.mark.parametrize(
    "text",
    [
        CALL,
        f"```json\n{CALL}\n```",
        f"To do this I call the tool:\n\n```json\n{CALL}\n```\nThat is all.",
        f"<tool_call>\n{CALL}\n</tool_call>",
        f"<tools>{CALL}</tools>",
        CALL.replace("arguments", "parameters"),
    ],
)
def test_a_call_that_is_described_is_made(text: str) -> None:
    """Alone, in a fence, in tags, with prose around it; the words are gone, so that nobody takes them for the answer."""
    reply = with_described_calls(LlmReply(text=text, model="m"), REQUEST)
    assert reply == LlmReply(text="", model="m", tool_calls=[MADE], stop_reason="tool_calls")


def test_several_calls_are_made_in_their_order() -> None:
    """All of a list, or none of it."""
    read = '{"name": "read", "arguments": {}}'
    both = with_described_calls(LlmReply(text=f"[{CALL}, {read}]"), REQUEST)
    assert [(each.id, each.name) for each in both.tool_calls] == [("call-0", "write"), ("call-1", "read")]
    mixed = LlmReply(text=f'[{CALL}, {{"name": "remove", "arguments": {{}}}}]')
    assert with_described_calls(mixed, REQUEST) == mixed


@pytest.mark.parametrize(
    "text",
    [
        "The tool write takes a path.",
        '{"name": "remove", "arguments": {}}',
        '{"name": "write", "arguments": "path"}',
        '{"name": "write"}',
        '{"name": "write", "arguments": {}, "version": "1.0.0"}',
        '{"name": ["write"], "arguments": {}}',
        "[]",
        "7",
        "[" * 100_000,
    ],
)
def test_what_is_no_call_stays_as_it_is(text: str) -> None:
    """Prose, other tools, other JSON (a package file names itself, too)."""
    reply = LlmReply(text=text)
    assert with_described_calls(reply, REQUEST) == reply


@pytest.mark.parametrize(
    ("request_", "more"),
    [
        (LlmRequest.of("Say it in JSON"), {}),
        (evolve(REQUEST, schema={"type": "object"}), {}),
        (REQUEST, {"stop_reason": "length"}),
        (REQUEST, {"tool_calls": [MADE], "stop_reason": "tool_calls"}),
    ],
    ids=["no tools", "a schema", "cut off", "calls"],
)
def test_only_where_a_call_was_possible_and_none_was_made(request_: LlmRequest, more: dict[str, Any]) -> None:
    """Where JSON was the answer, and in half a reply, it is the text that was meant."""
    reply = LlmReply(text=json.dumps(json.loads(CALL)), **more)
    assert with_described_calls(reply, request_) == reply
