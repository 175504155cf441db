"""OpenAI's chat completions, as a server speaks them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from agent_dispatcher.extension.llm import ChatMessage, LlmReply, LlmRequest, Tool, ToolCall

from .dialect import Asked, event, functions, most, temperature, text_of
from .http import BadRequest, refusal

__all__ = ["ChatCompletions"]

_ROLES: Final = {"developer": "system", "function": "tool"}
_FINISHED: Final = {"stop": "stop", "length": "length", "tool_calls": "tool_calls", "refused": "content_filter"}


class ChatCompletions:
    """``POST /v1/chat/completions``."""

    def read(self, body: Mapping[str, Any], most_output_tokens: int) -> Asked:
        """What is asked."""
        if body.get("n") not in (None, 1):
            raise BadRequest("one reply at a time: n must be 1")
        stop = body.get("stop") or ()
        form = body.get("response_format") or {}
        wanted = form.get("json_schema") or {} if form.get("type") == "json_schema" else {}
        request = LlmRequest(
            messages=tuple(_message(each) for each in body.get("messages") or ()),
            purpose="coding_agent",
            tools=tuple(_tool(each) for each in functions(body)),
            schema=wanted.get("schema"),
            schema_name=str(wanted.get("name") or "reply"),
            max_output_tokens=most(body, ("max_completion_tokens", "max_tokens"), most_output_tokens),
            temperature=temperature(body),
            seed=body["seed"] if isinstance(body.get("seed"), int) else None,
            stop=(stop,) if isinstance(stop, str) else tuple(map(str, stop)),
        )
        return Asked(
            request=request,
            model=str(body.get("model") or ""),
            stream=bool(body.get("stream")),
            wants_usage=bool((body.get("stream_options") or {}).get("include_usage")),
        )

    def whole(self, asked: Asked, reply: LlmReply, number: int) -> dict[str, Any]:
        """The reply as one document."""
        message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
        if reply.tool_calls:
            message["tool_calls"] = [_call(each) for each in reply.tool_calls]
        choice = {"index": 0, "message": message, "finish_reason": _FINISHED[reply.stop_reason]}
        return {**_frame(asked, number, "chat.completion"), "choices": [choice], "usage": _usage(reply)}

    def events(self, asked: Asked, reply: LlmReply, number: int) -> Iterator[str]:
        """The reply as events of a stream."""
        frame = _frame(asked, number, "chat.completion.chunk")

        def chunk(delta: Mapping[str, Any], finished: str | None = None) -> str:
            return event({**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": finished}]})

        yield chunk({"role": "assistant", "content": reply.text})
        for index, call in enumerate(reply.tool_calls):
            yield chunk({"tool_calls": [{"index": index, **_call(call)}]})
        yield chunk({}, _FINISHED[reply.stop_reason])
        if asked.wants_usage:
            yield event({**frame, "choices": [], "usage": _usage(reply)})
        yield event("[DONE]")

    def waiting(self) -> str:
        """A comment."""
        return ": the model is at work\n\n"

    def error(self, status: int, what: str) -> dict[str, Any]:
        """The document of an error."""
        return refusal(status, what)


def _message(value: Any) -> ChatMessage:
    if not isinstance(value, dict):
        raise BadRequest("a message is no object")
    role = str(value.get("role"))
    role = _ROLES.get(role, role)
    if role not in ("system", "user", "assistant", "tool"):
        raise BadRequest(f"nobody is known who is {role!r}")
    return ChatMessage(
        role=role,
        content=text_of(value.get("content")),
        tool_calls=tuple(_called(each) for each in value.get("tool_calls") or ()),
        tool_call_id=str(value.get("tool_call_id") or ""),
    )


def _called(value: Any) -> ToolCall:
    function = value.get("function") if isinstance(value, dict) else None
    if not isinstance(function, dict):
        raise BadRequest("only functions can be called")
    return ToolCall(
        id=str(value.get("id") or ""),
        name=str(function.get("name") or ""),
        arguments=_as_text(function.get("arguments")),
    )


def _as_text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments or {})


def _tool(value: Mapping[str, Any]) -> Tool:
    function = value["function"]
    return Tool(
        name=str(function.get("name") or ""),
        description=str(function.get("description") or ""),
        parameters=function.get("parameters") or {"type": "object", "properties": {}},
    )


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _frame(asked: Asked, number: int, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{number}", "object": kind, "created": int(time.time()), "model": asked.model}


def _usage(reply: LlmReply) -> dict[str, Any]:
    usage = reply.usage
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_input_tokens},
    }
