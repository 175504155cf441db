"""A backend that says what it was told to say, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from attrs import frozen

from ..errors import RunError

__all__ = ["ScriptedBackend", "ScriptedReply"]


@frozen(kw_only=True)
class ScriptedReply:
    """A reply with its usage; tokens are counted as one for four bytes where none are given."""

    text: str
    input_tokens: int = 1
    output_tokens: int = 1
    cost_usd: float | None = None


#: A text, a whole reply, an exception to raise, or a function from the request to one of these.
Line = str | ScriptedReply | BaseException | Callable[[Any], Any]


class ScriptedBackend:
    """Replies from a list, one after the other, or from one function for ever.

    Args:
        replies: what to say: a list of lines, or one function from the request to a line.
        delay_s: how long each reply takes.

    Attributes:
        requests: everything that was asked, in order.
    """

    def __init__(self, replies: Iterable[Line] | Callable[[Any], Any], *, delay_s: float = 0.0) -> None:
        self._function = replies if callable(replies) else None
        self._lines = [] if callable(replies) else list(replies)
        self._delay_s = delay_s
        self.requests: list[Any] = []

    @classmethod
    def from_file(cls, path: Path) -> ScriptedBackend:
        """Replies from a file: JSON lines, each a text or an object with the fields of :class:`ScriptedReply`."""
        lines: list[Line] = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip():
                try:
                    value = json.loads(line)
                    lines.append(value if isinstance(value, str) else ScriptedReply(**value))
                except (ValueError, TypeError) as error:
                    raise ValueError(
                        f"{path}:{number}: a reply is a JSON text or an object with 'text' ({error})"
                    ) from error
        return cls(lines)

    @property
    def left(self) -> int:
        """Replies that were not asked for yet."""
        return max(0, len(self._lines) - len(self.requests))

    async def complete(self, request: Any) -> ScriptedReply:
        """The next reply.

        Raises:
            RunError: the script is at its end.
            BaseException: the exception that stands in the script.
        """
        place = len(self.requests)
        self.requests.append(request)
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        if self._function is not None:
            line: Any = self._function
        elif place < len(self._lines):
            line = self._lines[place]
        else:
            raise RunError(
                f"the script has {len(self._lines)} replies, and this is request {place + 1}: {request!r:.200}"
            )
        if callable(line) and not isinstance(line, BaseException):
            line = line(request)
        if isinstance(line, BaseException):
            raise line
        if isinstance(line, ScriptedReply):
            return line
        text = str(line)
        return ScriptedReply(text=text, input_tokens=_tokens(str(request)), output_tokens=_tokens(text))


def _tokens(text: str) -> int:
    return len(text.encode("utf-8", "replace")) // 4 + 1
