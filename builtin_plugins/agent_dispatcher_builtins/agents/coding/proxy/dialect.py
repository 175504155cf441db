"""What the dialects of model servers have in common: each reads a request into plain values, and writes a reply whole or as events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from attrs import frozen

from agent_dispatcher.extension.llm import LlmReply, LlmRequest

from .http import BadRequest

__all__ = ["Asked", "Dialect", "event", "functions", "most", "temperature", "text_of"]

#: No server knows a higher one.
_HOTTEST: Final = 2


@frozen(kw_only=True)
class Asked:
    """A request for a reply.

    Attributes:
        model: what the program calls the model; replies are given under that name.
        stream: it wants events.
        wants_usage: it wants the count of tokens among them.
    """

    request: LlmRequest
    model: str
    stream: bool = False
    wants_usage: bool = False


class Dialect(Protocol):
    """One way of talking to a model server."""

    def read(self, body: Mapping[str, Any], most_output_tokens: int) -> Asked:
        """What is asked; :class:`.http.BadRequest` for what cannot be passed on."""
        ...

    def whole(self, asked: Asked, reply: LlmReply, number: int) -> dict[str, Any]:
        """The reply as one document."""
        ...

    def events(self, asked: Asked, reply: LlmReply, number: int) -> Iterator[str]:
        """The reply as events of a stream."""
        ...

    def waiting(self) -> str:
        """What is sent while there is nothing to send yet."""
        ...

    def error(self, status: int, what: str) -> dict[str, Any]:
        """The document of an error."""
        ...


def event(value: Any, name: str = "") -> str:
    """One event of a stream."""
    data = value if isinstance(value, str) else json.dumps(value)
    return f"event: {name}\ndata: {data}\n\n" if name else f"data: {data}\n\n"


def text_of(content: Any) -> str:
    """The text of a message's content: a text, or parts that are texts.

    Raises:
        BadRequest: there is something else in it.
    """
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise BadRequest("the content of a message is neither text nor a list of parts")
    texts = []
    for part in content:
        sort = part.get("type") if isinstance(part, dict) else None
        if sort in ("text", "input_text", "output_text"):
            texts.append(str(part.get("text") or ""))
        elif sort == "refusal":
            texts.append(str(part.get("refusal") or ""))
        elif sort not in ("thinking", "redacted_thinking"):
            raise BadRequest(f"a part of type {sort!r} cannot be passed on: only text can")
    return "\n".join(texts)


def functions(body: Mapping[str, Any], kind: str = "function") -> Iterator[Mapping[str, Any]]:
    """The tools that are functions, ``kind`` by their type. Tools that a provider runs itself are not offered to the model."""
    for tool in body.get("tools") or ():
        if tool.get("type", kind) == kind:
            yield tool


def most(body: Mapping[str, Any], names: tuple[str, ...], limit: int) -> int:
    """The number of tokens that may be written: what is asked for, and never more than ``limit``."""
    for name in names:
        value = body.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return min(value, limit)
    return limit


def temperature(body: Mapping[str, Any]) -> float:
    """As asked for, 0 where it is not said or is none."""
    value = body.get("temperature")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value <= _HOTTEST else 0.0
