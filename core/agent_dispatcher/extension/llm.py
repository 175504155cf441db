"""What is said to a language model, and what it answers. Plain values: no backend's own types travel through the framework."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from attrs import field, frozen
from attrs.validators import ge, gt, in_, optional

__all__ = [
    "STOP_REASONS",
    "ChatMessage",
    "LastingBackend",
    "LlmReply",
    "LlmRequest",
    "PricedAs",
    "PricedBackend",
    "Tool",
    "ToolCall",
    "Usage",
]

#: Why a model stopped: it had said all, reached ``max_output_tokens``, wants tools called, or would not answer.
STOP_REASONS = ("stop", "length", "tool_calls", "refused")


@frozen(kw_only=True)
class Tool:
    """Something the model may ask to have called.

    Attributes:
        parameters: JSON schema of an object.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class ToolCall:
    """The model wants a tool called.

    Attributes:
        id: what the answer to it refers to.
        arguments: JSON text as the model wrote it, which need not be valid.
    """

    id: str
    name: str
    arguments: str


def _calls(values: Iterable[ToolCall]) -> tuple[ToolCall, ...]:
    return tuple(values)


@frozen(kw_only=True)
class ChatMessage:
    """One turn of a conversation.

    Attributes:
        tool_calls: what an ``assistant`` turn wanted called.
        tool_call_id: the call that a ``tool`` turn answers.
    """

    role: str = field(validator=in_(("system", "user", "assistant", "tool")))
    content: str
    tool_calls: tuple[ToolCall, ...] = field(default=(), converter=_calls)
    tool_call_id: str = ""


def _messages(values: Iterable[ChatMessage]) -> tuple[ChatMessage, ...]:
    return tuple(values)


def _tools(values: Iterable[Tool]) -> tuple[Tool, ...]:
    return tuple(values)


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


@frozen(kw_only=True)
class LlmRequest:
    """One question to a model.

    Attributes:
        messages: the conversation so far, oldest first.
        purpose: what it is for (``decompose``, ``dependencies``, ...): stands in records, is not sent.
        about: ids of the requirements or tasks it is about, where the record cannot know: stands in records, is not sent.
        model: the model to ask; ``""`` for the one the backend is configured with.
        schema: JSON schema the reply has to follow. A backend whose server cannot enforce it says so in the prompt; the caller validates in any case.
        schema_name: a short name for it.
        max_output_tokens: the model is stopped after so many.
        temperature: 0 asks for the likeliest answer.
        seed: asks for the same answer again, where the server can.
        timeout_s: seconds for the whole exchange; ``None`` for the backend's own limit.
    """

    messages: tuple[ChatMessage, ...] = field(converter=_messages)
    purpose: str = ""
    about: tuple[str, ...] = field(default=(), converter=_texts)
    model: str = ""
    schema: Mapping[str, Any] | None = None
    schema_name: str = "reply"
    tools: tuple[Tool, ...] = field(default=(), converter=_tools)
    max_output_tokens: int = field(default=4096, validator=gt(0))
    temperature: float = field(default=0.0, validator=ge(0.0))
    seed: int | None = None
    stop: tuple[str, ...] = field(default=(), converter=_texts)
    timeout_s: float | None = field(default=None, validator=optional(gt(0.0)))

    @classmethod
    def of(cls, text: str, *, system: str = "", **more: Any) -> LlmRequest:
        """A request of one question, after a system text where one is given; ``more`` are other fields."""
        before = (ChatMessage(role="system", content=system),) if system else ()
        return cls(messages=(*before, ChatMessage(role="user", content=text)), **more)


@frozen(kw_only=True)
class Usage:
    """Tokens of an exchange, as the server counted them.

    Attributes:
        cached_input_tokens: the part of ``input_tokens`` that the server had read before.
        cache_written_tokens: the part of ``input_tokens`` that it keeps to read again, where that is counted.
        estimated: the server did not say; the numbers are upper bounds from the length of the text.
    """

    input_tokens: int = field(default=0, validator=ge(0))
    output_tokens: int = field(default=0, validator=ge(0))
    cached_input_tokens: int = field(default=0, validator=ge(0))
    cache_written_tokens: int = field(default=0, validator=ge(0))
    estimated: bool = False

    @property
    def tokens(self) -> int:
        """In and out together."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_input_tokens=self.cached_input_tokens + other.cached_input_tokens,
            cache_written_tokens=self.cache_written_tokens + other.cache_written_tokens,
            estimated=self.estimated or other.estimated,
        )


@frozen(kw_only=True)
class LlmReply:
    """What the model answered.

    Attributes:
        model: the one that answered, as the server names it.
        stop_reason: one of :data:`STOP_REASONS`; with ``length`` the text is cut off.
        keys_hidden: the dispatcher took keys out of the question or of this answer: ``<secret>`` in it may stand for one. Who writes the answer into
            files looks at this. Not for backends to set.
    """

    text: str
    usage: Usage = field(factory=Usage)
    model: str = ""
    stop_reason: str = field(default="stop", validator=in_(STOP_REASONS))
    tool_calls: tuple[ToolCall, ...] = field(default=(), converter=_calls)
    keys_hidden: bool = False


@frozen(kw_only=True)
class PricedAs:
    """By what the price of a call is looked up; a backend that has ``priced_as(request)`` says it before the call is made.

    Attributes:
        model: the model that will be asked, as the server names it.
        server: address of the server; prices of models are known by who serves them.
        free: nobody sends a bill for it (it is computed on this machine, or said from a file).
    """

    model: str = ""
    server: str = ""
    free: bool = False


@runtime_checkable
class PricedBackend(Protocol):
    """A backend whose calls can be priced before they are made. One that does not say this has calls of unknown price."""

    def priced_as(self, request: LlmRequest) -> PricedAs:
        """What the request would be asked of; made of configuration only, without asking anyone."""
        ...


@runtime_checkable
class LastingBackend(Protocol):
    """A backend whose reply may be used again, by a command that plans, for the very same request. One that does not say who answers is always asked."""

    def answers_as(self, request: LlmRequest) -> str:
        """Who would answer the request: address, model, file, whatever tells it from another model; never a key. Made of configuration only."""
        ...
