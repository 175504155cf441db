"""Chat completions through OpenAI's SDK. Imported when the first call is made: it brings the SDK."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

import openai
from attrs import define, field, frozen
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk

from agent_dispatcher.extension import ToolCall, Usage

from ..http.client import Client
from ..http.connection import make_http
from ..http.endpoint import Endpoint
from ..http.streaming import counted, part_of_text, sound
from ..http.wire import Stream
from .at_once import AtOnce, is_at_once

__all__ = ["connect"]


def connect(endpoint: Endpoint, log: logging.Logger) -> Client:
    """What talks to an endpoint."""
    return Client(endpoint, _ChatCompletions(_client(endpoint)), log)


def _client(endpoint: Endpoint) -> openai.AsyncOpenAI:
    """A client of the SDK that makes each call once."""
    unasked: tuple[str, ...] = () if endpoint.key else ("Authorization",)
    if not endpoint.own_server:  # the SDK takes these from the environment
        unasked += ("OpenAI-Organization", "OpenAI-Project")
    http = make_http(endpoint.base_url, endpoint.limits, endpoint.failures, unasked)
    return openai.AsyncOpenAI(
        api_key=endpoint.key or "none", base_url=endpoint.base_url, max_retries=0, http_client=http
    )


@frozen
class _ChatCompletions:
    client: openai.AsyncOpenAI

    sdk: ClassVar[Any] = openai
    noun: ClassVar[str] = "chat completion"
    stops: ClassVar[Mapping[str, str]] = {
        "stop": "stop",
        "length": "length",
        "tool_calls": "tool_calls",
        "function_call": "tool_calls",
        "content_filter": "refused",
    }
    refusals: ClassVar[frozenset[int]] = frozenset({400, 422, 501})
    broken_off: ClassVar[tuple[type[Exception], ...]] = (openai.APIError,)

    async def send(self, body: Mapping[str, Any]) -> Stream:
        stream: openai.AsyncStream[ChatCompletionChunk]
        stream = await self.client.chat.completions.create(**body, stream=True)
        return AtOnce(stream.response) if is_at_once(stream.response) else stream

    def collected(self) -> _Collected:
        return _Collected()

    def complaint(self, error: openai.APIStatusError, message: str) -> tuple[str | None, str]:
        return error.code, f"{message} {error.param or ''} {error.code or ''}"


@define
class _PartialCall:
    id: str = ""
    name: str = ""
    arguments: str = ""


@define
class _Collected:
    """One reply.

    Most servers count once: in the piece that ends the reply or in one after it. Some count in every piece what there was so far; then the piece
    that ends the reply need not have the last word.

    Attributes:
        _counted: when the last count came: ``at`` the end of the reply, ``after`` it, or ``""`` before.
    """

    model: str = ""
    finish: str | None = None
    refusal: str = ""
    _usage: Usage | None = None
    _counts: int = 0
    _counted: str = ""
    _texts: list[str] = field(factory=list)
    _calls: dict[int, _PartialCall] = field(factory=dict)

    @property
    def said(self) -> bool:
        return self.finish is not None

    @property
    def whole(self) -> bool:
        return self._counted == "after" or (self._counted == "at" and self._counts == 1)

    @property
    def usage(self) -> Usage | None:
        """``None`` too where the last count is from before the end: it is one of a part."""
        return self._usage if self._counted else None

    @property
    def text(self) -> str:
        return sound("".join(self._texts))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(
            ToolCall(id=call.id or f"call-{number}", name=call.name, arguments=sound(call.arguments))
            for number, call in sorted(self._calls.items())
        )

    def take(self, piece: ChatCompletionChunk) -> None:
        """Servers leave out what they like: whatever is not there is passed over."""
        self.model = piece.model or self.model
        ended = self.said
        for choice in piece.choices or ():
            self.finish = choice.finish_reason or self.finish
            delta = choice.delta
            if delta is None:
                continue
            self._texts.append(part_of_text(delta.content))
            self.refusal += delta.refusal or ""
            for call in delta.tool_calls or ():
                part = self._calls.setdefault(self._number(call.index, new=bool(call.id)), _PartialCall())
                part.id = call.id or part.id
                if call.function is not None:
                    part.name += call.function.name or ""
                    part.arguments += call.function.arguments or ""
        if piece.usage is not None:
            self._count(piece.usage)
            self._counted = "after" if ended else "at" if self.said else ""

    def _count(self, usage: CompletionUsage) -> None:
        """Counts are of the whole so far, so they only grow."""
        self._counts += 1
        before, cached = self._usage or Usage(), usage.prompt_tokens_details
        self._usage = Usage(
            input_tokens=max(before.input_tokens, counted(usage.prompt_tokens)),
            output_tokens=max(before.output_tokens, counted(usage.completion_tokens)),
            cached_input_tokens=counted(cached.cached_tokens if cached is not None else None),
        )

    def _number(self, index: int | None, *, new: bool) -> int:
        """Which call a piece belongs to; some servers do not count them and only name a new one."""
        if index is not None:
            return index
        return len(self._calls) if new else max(self._calls, default=0)
