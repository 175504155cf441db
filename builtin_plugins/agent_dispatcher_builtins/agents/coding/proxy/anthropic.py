"""Anthropic's messages, as a server speaks them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from agent_dispatcher.extension.llm import ChatMessage, LlmReply, LlmRequest, Tool, ToolCall

from .dialect import Asked, event, functions, most, temperature, text_of
from .http import BadRequest

__all__ = ["Messages"]

_STOPPED: Final = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "refused": "refusal"}


class Messages:
    """``POST /v1/messages``."""

    def read(self, body: Mapping[str, Any], most_output_tokens: int) -> Asked:
        """What is asked."""
        system = text_of(body.get("system"))
        messages = [ChatMessage(role="system", content=system)] if system else []
        for each in body.get("messages") or ():
            messages += _turn(each)
        request = LlmRequest(
            messages=tuple(messages),
            purpose="coding_agent",
            tools=tuple(_tool(each) for each in functions(body, "custom")),
            max_output_tokens=most(body, ("max_tokens",), most_output_tokens),
            temperature=temperature(body),
            stop=tuple(map(str, body.get("stop_sequences") or ())),
        )
        return Asked(
            request=request, model=str(body.get("model") or ""), stream=bool(body.get("stream")), wants_usage=True
        )

    def whole(self, asked: Asked, reply: LlmReply, number: int) -> dict[str, Any]:
        """The reply as one document."""
        return {**_message(asked, number), **_end(reply), "content": list(_blocks(reply)), "usage": _usage(reply)}

    def events(self, asked: Asked, reply: LlmReply, number: int) -> Iterator[str]:
        """The reply as events of a stream."""
        start = {**_message(asked, number), "content": [], "usage": {**_usage(reply), "output_tokens": 0}}
        yield event(
            {"type": "message_start", "message": {**start, "stop_reason": None, "stop_sequence": None}}, "message_start"
        )
        for index, block in enumerate(_blocks(reply)):
            if block["type"] == "text":
                empty: dict[str, Any] = {"type": "text", "text": ""}
                delta = {"type": "text_delta", "text": block["text"]}
            else:
                empty = {**block, "input": {}}
                delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            yield event({"type": "content_block_start", "index": index, "content_block": empty}, "content_block_start")
            yield event({"type": "content_block_delta", "index": index, "delta": delta}, "content_block_delta")
            yield event({"type": "content_block_stop", "index": index}, "content_block_stop")
        usage = {"output_tokens": reply.usage.output_tokens}
        yield event({"type": "message_delta", "delta": _end(reply), "usage": usage}, "message_delta")
        yield event({"type": "message_stop"}, "message_stop")

    def waiting(self) -> str:
        """An event that says nothing."""
        return event({"type": "ping"}, "ping")

    def error(self, status: int, what: str) -> dict[str, Any]:
        """The document of an error."""
        sort = {402: "billing_error", 404: "not_found_error", 429: "rate_limit_error"}.get(
            status, "api_error" if status >= 500 else "invalid_request_error"
        )
        return {"type": "error", "error": {"type": sort, "message": what}}


def _turn(value: Any) -> Iterator[ChatMessage]:
    """One turn; answers to tool calls are turns of their own, and come first."""
    role = value.get("role") if isinstance(value, dict) else None
    if role not in ("user", "assistant"):
        raise BadRequest(f"nobody is known who is {role!r}")
    content = value.get("content")
    blocks = [each for each in content if isinstance(each, dict)] if isinstance(content, list) else []
    calls, plain = [], []
    for block in blocks:
        if block.get("type") == "tool_use":
            arguments = json.dumps(block.get("input") or {})
            calls.append(ToolCall(id=str(block.get("id")), name=str(block.get("name")), arguments=arguments))
        elif block.get("type") == "tool_result":
            yield ChatMessage(
                role="tool", content=text_of(block.get("content")), tool_call_id=str(block.get("tool_use_id"))
            )
        else:
            plain.append(block)
    text = text_of(plain if isinstance(content, list) else content)
    if text or calls or not blocks:
        yield ChatMessage(role=str(role), content=text, tool_calls=tuple(calls))


def _tool(value: Mapping[str, Any]) -> Tool:
    return Tool(
        name=str(value.get("name") or ""),
        description=str(value.get("description") or ""),
        parameters=value["input_schema"] or {},
    )


def _blocks(reply: LlmReply) -> Iterator[dict[str, Any]]:
    if reply.text:
        yield {"type": "text", "text": reply.text}
    for call in reply.tool_calls:
        try:
            arguments = json.loads(call.arguments or "{}")
        except ValueError:
            arguments = {}
        yield {"type": "tool_use", "id": call.id, "name": call.name, "input": arguments}


def _message(asked: Asked, number: int) -> dict[str, Any]:
    return {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": asked.model}


def _end(reply: LlmReply) -> dict[str, Any]:
    return {"stop_reason": _STOPPED[reply.stop_reason], "stop_sequence": None}


def _usage(reply: LlmReply) -> dict[str, Any]:
    usage = reply.usage
    return {
        "input_tokens": max(0, usage.input_tokens - usage.cached_input_tokens),
        "output_tokens": usage.output_tokens,
        "cache_read_input_tokens": usage.cached_input_tokens,
        "cache_creation_input_tokens": 0,
    }
