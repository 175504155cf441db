"""What differs between one SDK and the next, as :mod:`.client` and :mod:`.exchange` need it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from agent_dispatcher.extension import ToolCall, Usage

__all__ = ["Collected", "Stream", "Wire"]


class Stream(Protocol):
    """A reply that comes piece by piece, as an SDK has it."""

    response: Any

    async def __anext__(self) -> Any:
        """The next piece."""

    async def close(self) -> None:
        """Close the connection."""


class Collected(Protocol):
    """What has come so far of a reply.

    Attributes:
        model: the one that answers, as the server names it.
        finish: why the model stopped, as the server says it; ``None`` as long as it has not.
        refusal: what it said instead of an answer.
    """

    model: str
    finish: str | None
    refusal: str

    @property
    def said(self) -> bool:
        """The model has said all; what follows, if anything, is a count."""

    @property
    def whole(self) -> bool:
        """Nothing follows."""

    @property
    def text(self) -> str:
        """The text."""

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls the model wants made."""

    @property
    def usage(self) -> Usage | None:
        """``None`` when the server does not count."""

    def take(self, piece: Any) -> None:
        """Add a piece. What nobody knows, and what is not there, is passed over."""


class Wire(Protocol):
    """One SDK, with a client for one endpoint.

    Attributes:
        sdk: its module; the SDKs name their exceptions alike.
        noun: what a reply is called.
        stops: its words for why a model stopped, to ours.
        refusals: statuses with which servers refuse a parameter that they do not know.
        broken_off: what the SDK raises of an error in the midst of a reply, beside a status.
    """

    sdk: ClassVar[Any]
    noun: ClassVar[str]
    stops: ClassVar[Mapping[str, str]]
    refusals: ClassVar[frozenset[int]]
    broken_off: ClassVar[tuple[type[Exception], ...]]

    async def send(self, body: Mapping[str, Any]) -> Stream:
        """The stream of the reply."""

    def collected(self) -> Collected:
        """Nothing yet."""

    def complaint(self, error: Any, message: str) -> tuple[str | None, str]:
        """Of a status: the server's code for it, and everything it said about the request."""
