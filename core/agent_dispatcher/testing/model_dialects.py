"""How a :class:`agent_dispatcher.testing.ModelServer` puts what it was told to say: in the words of OpenAI's or of Anthropic's interface."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from attrs import frozen

from .model_replies import Fails, Says

__all__ = ["DIALECTS", "FEATURES", "Answering", "ModelDialect", "Received"]

#: What a server can be told not to understand.
FEATURES: Final = frozenset(
    {"json_schema", "json_object", "stream_options", "max_tokens", "temperature", "seed", "tools"}
)


@frozen(kw_only=True)
class Received:
    """A request as it arrived.

    Attributes:
        headers: by name in lower case.
        body: the JSON of a POST, ``{}`` of a GET.
    """

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The last message."""
        messages: Sequence[Mapping[str, Any]] = self.body.get("messages") or ({},)
        content = messages[-1].get("content") or ""
        if isinstance(content, str):
            return content
        return "".join(str(block.get("text") or block.get("content") or "") for block in content)


@frozen
class Answering:
    """A reply that is being given.

    Attributes:
        model: the name it is given under.
        counts: whether it says what was used.
    """

    said: Says
    received: Received
    model: str
    counts: bool

    @property
    def used(self) -> tuple[int, int]:
        """Tokens read and written."""
        said = self.said
        return said.usage or (_tokens(json.dumps(self.received.body.get("messages"))), _tokens(said.text))


class ModelDialect(Protocol):
    """One interface."""

    #: Where requests go.
    path: str

    def asked(self, body: Mapping[str, Any]) -> set[str]:
        """Which of :data:`FEATURES` a request asks for."""
        ...

    def pieces(self, answering: Answering) -> Iterator[bytes]:
        """A streamed reply; the first piece is the beginning, the last the end."""
        ...

    def whole(self, answering: Answering) -> dict[str, Any]:
        """A reply in one piece."""
        ...

    def some_text(self, model: str, text: str) -> bytes:
        """As much of a stream as brings ``text``."""
        ...

    def endless_line(self) -> bytes:
        """The beginning of an event whose text does not end."""
        ...

    def error(self, failure: Fails) -> dict[str, Any]:
        """A failure's body."""
        ...


class ChatCompletions:
    """OpenAI's."""

    path = "/v1/chat/completions"

    def asked(self, body: Mapping[str, Any]) -> set[str]:
        return {name for name in FEATURES if name in body} | {str((body.get("response_format") or {}).get("type", ""))}

    def pieces(self, answering: Answering) -> Iterator[bytes]:
        said, model = answering.said, answering.model
        yield _data(_chunk(model, {"role": "assistant", "content": ""}))
        for part in _parts(said):
            yield _data(_chunk(model, {"content": part}))
        for number, call in enumerate(said.tool_calls):
            first = {
                "index": number,
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": ""},
            }
            yield _data(_chunk(model, {"tool_calls": [first]}))
            for text in (call.arguments[:3], call.arguments[3:]):
                yield _data(_chunk(model, {"tool_calls": [{"index": number, "function": {"arguments": text}}]}))
        yield _data(_chunk(model, {}, self._finish(said)))
        if answering.counts and (answering.received.body.get("stream_options") or {}).get("include_usage"):
            yield _data({**_chunk(model, {}), "choices": [], "usage": self._usage(answering)})
        yield b"data: [DONE]\n\n"

    def whole(self, answering: Answering) -> dict[str, Any]:
        said = answering.said
        calls = [
            {"id": each.id, "type": "function", "function": {"name": each.name, "arguments": each.arguments}}
            for each in said.tool_calls
        ]
        message = {"role": "assistant", "content": said.text, **({"tool_calls": calls} if calls else {})}
        choice = {"index": 0, "message": message, "finish_reason": self._finish(said)}
        made = {"id": "c", "object": "chat.completion", "created": 0, "model": answering.model, "choices": [choice]}
        return {**made, "usage": self._usage(answering)} if answering.counts else made

    def some_text(self, model: str, text: str) -> bytes:
        return _data(_chunk(model, {"content": text}))

    def endless_line(self) -> bytes:
        return b'data: {"choices": [{"delta": {"content": "'

    def error(self, failure: Fails) -> dict[str, Any]:
        return {"error": {"message": failure.message, "code": failure.code, "param": failure.param, "type": "error"}}

    @staticmethod
    def _finish(said: Says) -> str:
        return said.finish_reason or ("tool_calls" if said.tool_calls else "stop")

    @staticmethod
    def _usage(answering: Answering) -> dict[str, int]:
        read, written = answering.used
        return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


class AnthropicMessages:
    """Anthropic's."""

    path = "/v1/messages"

    def asked(self, body: Mapping[str, Any]) -> set[str]:
        asked = {name for name in FEATURES - {"max_tokens"} if name in body}
        return asked | {str(((body.get("output_config") or {}).get("format") or {}).get("type", ""))}

    def pieces(self, answering: Answering) -> Iterator[bytes]:
        said = answering.said
        yield _event("message_start", {"message": self._message(answering, [], None, written=1)})
        yield _event("ping", {})
        number = 0
        if said.text or not said.tool_calls:
            yield _event("content_block_start", {"index": number, "content_block": {"type": "text", "text": ""}})
            for part in _parts(said):
                yield _event("content_block_delta", {"index": number, "delta": {"type": "text_delta", "text": part}})
            yield _event("content_block_stop", {"index": number})
            number += 1
        for index, call in enumerate(said.tool_calls, number):
            block = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
            yield _event("content_block_start", {"index": index, "content_block": block})
            for text in (call.arguments[:3], call.arguments[3:]):
                delta = {"type": "input_json_delta", "partial_json": text}
                yield _event("content_block_delta", {"index": index, "delta": delta})
            yield _event("content_block_stop", {"index": index})
        end: dict[str, Any] = {"delta": {"stop_reason": self._stop(said), "stop_sequence": None}}
        if answering.counts:
            end["usage"] = {"output_tokens": answering.used[1]}
        yield _event("message_delta", end)
        yield _event("message_stop", {})

    def whole(self, answering: Answering) -> dict[str, Any]:
        said = answering.said
        content: list[dict[str, Any]] = [{"type": "text", "text": said.text}] if said.text else []
        for call in said.tool_calls:
            content.append({"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.arguments)})
        return self._message(answering, content, self._stop(said), written=answering.used[1])

    def some_text(self, model: str, text: str) -> bytes:
        begin: dict[str, Any] = {"id": "m", "type": "message", "role": "assistant", "model": model, "content": []}
        begin["stop_reason"] = None
        return (
            _event("message_start", {"message": {**begin, "usage": {"input_tokens": 1, "output_tokens": 1}}})
            + _event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
            + _event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": text}})
        )

    def endless_line(self) -> bytes:
        return b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 0, "delta": {"text": "'

    def error(self, failure: Fails) -> dict[str, Any]:
        return {"type": "error", "error": {"type": failure.code or "error", "message": failure.message}}

    @staticmethod
    def _message(
        answering: Answering, content: list[dict[str, Any]], stop: str | None, *, written: int
    ) -> dict[str, Any]:
        made = {"id": "m", "type": "message", "role": "assistant", "model": answering.model, "content": content}
        usage = {"input_tokens": answering.used[0], "output_tokens": written} if answering.counts else None
        return {**made, "stop_reason": stop, "stop_sequence": None, **({"usage": usage} if usage else {})}

    @staticmethod
    def _stop(said: Says) -> str:
        return said.finish_reason or ("tool_use" if said.tool_calls else "end_turn")


#: By the path that requests go to.
DIALECTS: Final[Mapping[str, ModelDialect]] = {each.path: each for each in (ChatCompletions(), AnthropicMessages())}


def _parts(said: Says) -> Iterator[str]:
    size = max(1, -(-len(said.text) // max(1, said.pieces)))
    for start in range(0, len(said.text), size):
        yield said.text[start : start + size]


def _data(value: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def _event(name: str, value: Mapping[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\n" + _data({"type": name, **value})


def _chunk(model: str, delta: Mapping[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": dict(delta), "finish_reason": finish_reason}
    return {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": model, "choices": [choice]}


def _tokens(text: str) -> int:
    return len(text.encode()) // 4 + 1
