"""OpenAI's responses, as a server speaks them that keeps nothing: every request holds the whole conversation."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import evolve

from agent_dispatcher.extension.llm import ChatMessage, LlmReply, LlmRequest, Tool, ToolCall

from .dialect import Asked, event, functions, most, temperature, text_of
from .http import BadRequest
from .openai import ChatCompletions

__all__ = ["Responses"]

_ROLES: Final = {"developer": "system", "system": "system", "user": "user", "assistant": "assistant"}

_INCOMPLETE: Final = {"length": "max_output_tokens", "refused": "content_filter"}


class Responses:
    """``POST /v1/responses``."""

    def read(self, body: Mapping[str, Any], most_output_tokens: int) -> Asked:
        """What is asked."""
        if body.get("previous_response_id") or body.get("conversation"):
            raise BadRequest("nothing is kept here: send the whole conversation")
        given = body.get("input") or ()
        items = [{"role": "user", "content": given}] if isinstance(given, str) else list(given)
        messages = [ChatMessage(role="system", content=str(body["instructions"]))] if body.get("instructions") else []
        form = (body.get("text") or {}).get("format") or {}
        wanted = form if form.get("type") == "json_schema" else {}
        request = LlmRequest(
            messages=_joined([*messages, *(each for item in items for each in _turn(item))]),
            purpose="coding_agent",
            tools=tuple(_tool(each) for each in functions(body)),
            schema=wanted.get("schema"),
            schema_name=str(wanted.get("name") or "reply"),
            max_output_tokens=most(body, ("max_output_tokens",), most_output_tokens),
            temperature=temperature(body),
        )
        return Asked(request=request, model=str(body.get("model") or ""), stream=bool(body.get("stream")))

    def whole(self, asked: Asked, reply: LlmReply, number: int) -> dict[str, Any]:
        """The reply as one document."""
        cut = _INCOMPLETE.get(reply.stop_reason)
        return {
            **_frame(asked, number, "incomplete" if cut else "completed"),
            "incomplete_details": {"reason": cut} if cut else None,
            "output": list(_items(reply, number)),
            "usage": _usage(reply),
        }

    def events(self, asked: Asked, reply: LlmReply, number: int) -> Iterator[str]:
        """The reply as events of a stream."""
        sequence = 0

        def tell(kind: str, **fields: Any) -> str:
            nonlocal sequence
            sequence += 1
            return event({"type": kind, "sequence_number": sequence - 1, **fields}, kind)

        yield tell("response.created", response={**_frame(asked, number, "in_progress"), "output": []})
        for index, item in enumerate(_items(reply, number)):
            at = {"output_index": index, "item_id": item["id"]}
            if item["type"] == "message":
                yield tell("response.output_item.added", output_index=index, item={**item, "content": []})
                part = item["content"][0]
                yield tell("response.content_part.added", **at, content_index=0, part={**part, "text": ""})
                yield tell("response.output_text.delta", **at, content_index=0, delta=part["text"], logprobs=[])
                yield tell("response.output_text.done", **at, content_index=0, text=part["text"], logprobs=[])
                yield tell("response.content_part.done", **at, content_index=0, part=part)
            else:
                yield tell("response.output_item.added", output_index=index, item={**item, "arguments": ""})
                yield tell("response.function_call_arguments.delta", **at, delta=item["arguments"])
                yield tell(
                    "response.function_call_arguments.done", **at, name=item["name"], arguments=item["arguments"]
                )
            yield tell("response.output_item.done", output_index=index, item=item)
        end = self.whole(asked, reply, number)
        yield tell(f"response.{end['status']}", response=end)

    def waiting(self) -> str:
        """A comment."""
        return ChatCompletions().waiting()

    def error(self, status: int, what: str) -> dict[str, Any]:
        """The document of an error."""
        return ChatCompletions().error(status, what)


def _turn(item: Any) -> Iterator[ChatMessage]:
    """One item of a conversation; what a model thought is left out."""
    kind = item.get("type", "message") if isinstance(item, dict) else None
    if kind == "message":
        if item.get("role") not in _ROLES:
            raise BadRequest(f"nobody is known who is {item.get('role')!r}")
        yield ChatMessage(role=_ROLES[item["role"]], content=text_of(item.get("content")))
    elif kind == "function_call":
        call = ToolCall(
            id=str(item.get("call_id") or ""),
            name=str(item.get("name") or ""),
            arguments=str(item.get("arguments") or "{}"),
        )
        yield ChatMessage(role="assistant", content="", tool_calls=(call,))
    elif kind == "function_call_output":
        yield ChatMessage(role="tool", content=text_of(item.get("output")), tool_call_id=str(item.get("call_id") or ""))
    elif kind != "reasoning":
        raise BadRequest(f"an item of type {kind!r} cannot be passed on")


def _joined(messages: list[ChatMessage]) -> tuple[ChatMessage, ...]:
    """What the model said and called in one go is one turn: items that follow each other belong together."""
    turns: list[ChatMessage] = []
    for each in messages:
        if turns and each.role == turns[-1].role == "assistant":
            last = turns.pop()
            text = "\n".join(part for part in (last.content, each.content) if part)
            each = evolve(each, content=text, tool_calls=(*last.tool_calls, *each.tool_calls))
        turns.append(each)
    return tuple(turns)


def _tool(value: Mapping[str, Any]) -> Tool:
    return Tool(
        name=str(value.get("name") or ""),
        description=str(value.get("description") or ""),
        parameters=value.get("parameters") or {"type": "object", "properties": {}},
    )


def _items(reply: LlmReply, number: int) -> Iterator[dict[str, Any]]:
    if reply.text or not reply.tool_calls:
        part = {"type": "output_text", "text": reply.text, "annotations": []}
        yield {
            "type": "message",
            "id": f"msg_{number}",
            "role": "assistant",
            "status": "completed",
            "content": [part],
        }
    for index, call in enumerate(reply.tool_calls):
        yield {
            "type": "function_call",
            "id": f"fc_{number}_{index}",
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
            "status": "completed",
        }


def _frame(asked: Asked, number: int, status: str) -> dict[str, Any]:
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "model": asked.model,
        "error": None,
        "incomplete_details": None,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }


def _usage(reply: LlmReply) -> dict[str, Any]:
    usage = reply.usage
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_input_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.tokens,
    }
