"""What a :class:`agent_dispatcher.testing.ModelServer` can be told to do with a request: answer it, or go wrong in one of the ways servers do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import field, frozen

from ..extension.llm import ToolCall

__all__ = ["Cuts", "Drops", "Fails", "Floods", "Hangs", "Redirects", "Says", "SendsBytes", "ServerReply", "Stalls"]


def _calls(values: Iterable[ToolCall]) -> tuple[ToolCall, ...]:
    return tuple(values)


@frozen(kw_only=True)
class Says:
    """A reply.

    Attributes:
        usage: tokens read and written; ``None``: one for four bytes. Left out of a reply when the server is told not to count.
        finish_reason: as the server names it; ``""`` for the one that fits.
        pieces: in how many pieces a streamed text comes.
        delay_s: seconds before the first piece.
        pause_s: seconds between two pieces.
    """

    text: str = ""
    usage: tuple[int, int] | None = None
    tool_calls: tuple[ToolCall, ...] = field(default=(), converter=_calls)
    finish_reason: str = ""
    pieces: int = 3
    delay_s: float = 0.0
    pause_s: float = 0.0


@frozen(kw_only=True)
class Fails:
    """A status of HTTP with an error in the usual form.

    Attributes:
        code, param: of the error, where servers say them.
        headers: more of them, for example ``Retry-After``.
    """

    status: int
    message: str = "as the test says"
    code: str | None = None
    param: str | None = None
    headers: Mapping[str, str] = field(factory=dict)


@frozen
class Redirects:
    """The client is sent elsewhere."""

    to: str
    status: int = 307


@frozen
class Hangs:
    """The request is read and nothing is sent, until the client goes or the server is closed."""


@frozen
class Stalls:
    """A stream begins with ``text`` and does not go on, until the client goes or the server is closed."""

    text: str = "so far"


@frozen
class Cuts:
    """A stream begins with ``text`` and the connection ends; with ``reset`` the rude way."""

    text: str = "so far"
    reset: bool = False


@frozen
class Drops:
    """The request is read, and the connection ends before anything is said; with ``reset`` the rude way."""

    reset: bool = False


@frozen
class Floods:
    """A stream that does not end by itself; ``in_one_line`` never even ends its first line."""

    in_one_line: bool = False


@frozen(kw_only=True)
class SendsBytes:
    """A body as it is, for what no well-meaning server sends."""

    body: bytes
    content_type: str = "text/event-stream"
    headers: Mapping[str, str] = field(factory=dict)


ServerReply = Says | Fails | Redirects | Hangs | Stalls | Cuts | Drops | Floods | SendsBytes
