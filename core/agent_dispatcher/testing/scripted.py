"""A backend that says what it was told to say, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

from ..codec import structure
from ..errors import BackendError
from ..extension.llm import LlmReply, LlmRequest, Usage
from ..safe_load import plain_json

__all__ = ["ScriptedBackend"]

#: A text, a whole reply, an exception to raise, or a function from the request to one of these.
Line = str | LlmReply | BaseException | Callable[[LlmRequest], "str | LlmReply | BaseException"]


class ScriptedBackend:
    """Replies from a list, one after the other, or from one function for ever.

    Tokens are counted as one for four bytes where a line is only a text.

    Args:
        replies: what to say: a list of lines, or one function from the request to a line.
        delay_s: how long each reply takes.

    Attributes:
        requests: everything that was asked, in order.
    """

    def __init__(
        self, replies: Iterable[Line] | Callable[[LlmRequest], str | LlmReply | BaseException], *, delay_s: float = 0.0
    ) -> None:
        self._function = replies if callable(replies) else None
        self._lines: list[Line] = [] if callable(replies) else list(replies)
        self._delay_s = delay_s
        self.requests: list[LlmRequest] = []

    @classmethod
    def from_file(cls, path: Path) -> ScriptedBackend:
        """Replies from a file: JSON lines, each a text or an object with the fields of :class:`agent_dispatcher.extension.LlmReply`.

        Raises:
            SpecificationError: a line is neither; it is named.
        """
        lines: list[Line] = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip():
                value = plain_json(line, source=f"{path}:{number}")
                lines.append(value if isinstance(value, str) else structure(value, LlmReply, where=f"{path}:{number}"))
        return cls(lines)

    @property
    def left(self) -> int:
        """Replies that were not asked for yet."""
        return max(0, len(self._lines) - len(self.requests))

    async def complete(self, request: LlmRequest) -> LlmReply:
        """The next reply.

        Raises:
            BackendError: the script is at its end.
            BaseException: the exception that stands in the script.
        """
        place = len(self.requests)
        self.requests.append(request)
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        if self._function is not None:
            line: Line = self._function
        elif place < len(self._lines):
            line = self._lines[place]
        else:
            asked = request.messages[-1].content if request.messages else ""
            raise BackendError(
                f"the script has {len(self._lines)} replies, and this is request {place + 1}: {asked!r:.200}",
                sort="permanent",
            )
        said = line if isinstance(line, str | LlmReply | BaseException) else line(request)
        if isinstance(said, BaseException):
            raise said
        if isinstance(said, LlmReply):
            return said
        read = sum(_tokens(each.content) for each in request.messages)
        return LlmReply(text=said, usage=Usage(input_tokens=read, output_tokens=_tokens(said), estimated=True))


def _tokens(text: str) -> int:
    return len(text.encode("utf-8", "replace")) // 4 + 1
