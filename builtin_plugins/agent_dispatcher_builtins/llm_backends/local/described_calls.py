"""Small models often write down the call of a tool that was offered, as JSON in their text, where they should make it. It is taken for the call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from attrs import evolve

from agent_dispatcher.extension import LlmReply, LlmRequest, ToolCall
from agent_dispatcher.llm import bare_json

__all__ = ["with_described_calls"]

#: What models call the arguments.
_ARGUMENTS = ("arguments", "parameters")


def with_described_calls(reply: LlmReply, request: LlmRequest) -> LlmReply:
    """The reply with the calls in its text made.

    Only what is nothing but calls of tools that the request offers is taken for them: one JSON object with ``name`` and ``arguments``, or a list of such,
    alone or with prose or a fence around. Any other reply stays as it is, as does one that makes a call, is cut off, or had a schema to follow.
    """
    if reply.tool_calls or not request.tools or request.schema is not None or reply.stop_reason != "stop":
        return reply
    try:
        found = json.loads(bare_json(reply.text))
    except (ValueError, RecursionError):
        return reply
    offered = [tool.name for tool in request.tools]
    described = found if isinstance(found, list) else [found]
    calls = [_call(each, number, offered) for number, each in enumerate(described)]
    made = [call for call in calls if call is not None]
    if not made or len(made) < len(calls):
        return reply
    return evolve(reply, text="", tool_calls=made, stop_reason="tool_calls")


def _call(value: Any, number: int, offered: Sequence[str]) -> ToolCall | None:
    if not isinstance(value, dict) or value.get("name") not in offered or len(value) != 2:
        return None
    arguments = next((value[name] for name in _ARGUMENTS if name in value), None)
    if not isinstance(arguments, dict):
        return None
    return ToolCall(id=f"call-{number}", name=value["name"], arguments=json.dumps(arguments, ensure_ascii=False))
