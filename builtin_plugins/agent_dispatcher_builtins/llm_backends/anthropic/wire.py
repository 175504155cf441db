"""Messages through Anthropic's SDK. Imported when the first call is made: it brings the SDK."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import anthropic
from anthropic.types import RawMessageStreamEvent
from attrs import define, field, frozen

from agent_dispatcher.extension import ToolCall, Usage

from ..http.client import Client
from ..http.connection import make_http
from ..http.endpoint import Endpoint
from ..http.streaming import counted, part_of_text, sound
from ..http.wire import Stream

__all__ = ["connect"]

#: Headers that a request cannot do without; whoever sets them for another server gets them there.
_OURS: Final = frozenset({"authorization", "content-length", "content-type", "host"})


def connect(endpoint: Endpoint, log: logging.Logger) -> Client:
    """What talks to an endpoint."""
    return Client(endpoint, _Messages(_client(endpoint)), log)


def _client(endpoint: Endpoint) -> anthropic.AsyncAnthropic:
    """A client of the SDK that makes each call once, and sends no header that the environment asks for to a server it is not meant for."""
    unasked: list[str] = [] if endpoint.key else ["Authorization", "X-Api-Key"]
    if not endpoint.own_server:
        lines = os.environ.get("ANTHROPIC_CUSTOM_HEADERS", "").split("\n")
        unasked += [name for line in lines if (name := line.partition(":")[0].strip()) and name.lower() not in _OURS]
    http = make_http(endpoint.base_url, endpoint.limits, endpoint.failures, unasked)
    return anthropic.AsyncAnthropic(
        api_key=endpoint.key or "none", base_url=endpoint.base_url, max_retries=0, http_client=http
    )


@frozen
class _Messages:
    client: anthropic.AsyncAnthropic

    sdk: ClassVar[Any] = anthropic
    noun: ClassVar[str] = "message"
    stops: ClassVar[Mapping[str, str]] = {
        "end_turn": "stop",
        "stop_sequence": "stop",
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "tool_use": "tool_calls",
        "refusal": "refused",
    }
    refusals: ClassVar[frozenset[int]] = frozenset({400, 422})
    broken_off: ClassVar[tuple[type[Exception], ...]] = ()  # an error in a stream is a status here

    async def send(self, body: Mapping[str, Any]) -> Stream:
        stream: anthropic.AsyncStream[RawMessageStreamEvent]
        stream = await self.client.messages.create(**body, stream=True)
        return stream

    def collected(self) -> _Collected:
        return _Collected()

    def complaint(self, error: anthropic.APIStatusError, message: str) -> tuple[str | None, str]:
        return None, message


@define
class _Block:
    kind: str = "text"
    id: str = ""
    name: str = ""
    texts: list[str] = field(factory=list)
    given: str = ""

    @property
    def said(self) -> str:
        return sound("".join(self.texts)) or self.given


@define
class _Collected:
    model: str = ""
    finish: str | None = None
    refusal: str = ""
    whole: bool = False
    _read: dict[str, int] = field(factory=dict)
    _blocks: dict[int, _Block] = field(factory=dict)

    @property
    def said(self) -> bool:
        return self.whole

    @property
    def text(self) -> str:
        """What the model only thought is not in it."""
        return "".join(each.said for _, each in sorted(self._blocks.items()) if each.kind == "text")

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(
            ToolCall(id=each.id or f"call-{number}", name=each.name, arguments=each.said or "{}")
            for number, each in sorted(self._blocks.items())
            if each.kind == "tool_use"
        )

    @property
    def usage(self) -> Usage | None:
        """What was written to or read from the server's cache is part of what was read."""
        if "output_tokens" not in self._read:
            return None
        again = self._read.get("cache_read_input_tokens", 0)
        kept = self._read.get("cache_creation_input_tokens", 0)
        return Usage(
            input_tokens=self._read.get("input_tokens", 0) + kept + again,
            output_tokens=self._read["output_tokens"],
            cached_input_tokens=again,
            cache_written_tokens=kept,
        )

    def take(self, piece: RawMessageStreamEvent) -> None:
        """Sorts nobody knows yet are passed over."""
        if piece.type == "message_start":
            self.model = piece.message.model or self.model
            self._count(piece.message.usage)
        elif piece.type == "content_block_start":
            block = piece.content_block
            begun = self._blocks[piece.index] = _Block(kind=block.type)
            if block.type == "text":
                begun.texts.append(part_of_text(block.text))
            elif block.type == "tool_use":
                begun.id, begun.name = block.id or "", block.name or ""
                begun.given = json.dumps(block.input, ensure_ascii=False) if block.input else ""
        elif piece.type == "content_block_delta":
            block_of = self._blocks.setdefault(piece.index, _Block())
            if piece.delta.type == "text_delta":
                block_of.texts.append(part_of_text(piece.delta.text))
            elif piece.delta.type == "input_json_delta":
                block_of.texts.append(part_of_text(piece.delta.partial_json))
        elif piece.type == "message_delta":
            self.finish = piece.delta.stop_reason or self.finish
            self._count(piece.usage)
        elif piece.type == "message_stop":
            self.whole = True

    def _count(self, usage: object) -> None:
        """Counts are of the whole so far, so they only grow; a later one that is smaller was left out rather than counted."""
        for name in ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"):
            value = getattr(usage, name, None)
            if value is not None:
                self._read[name] = max(self._read.get(name, 0), counted(value))
