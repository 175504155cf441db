"""A backend that says what a file says: for tests and demonstrations, where each reply is known beforehand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from attrs import field, frozen
from attrs.validators import ge, in_, optional

from agent_dispatcher.codec import structure
from agent_dispatcher.errors import BackendError, ConfigError, DispatcherError, Problem, SpecificationError
from agent_dispatcher.extension import LlmReply, LlmRequest, PricedAs, ToolCall, Usage
from agent_dispatcher.extension.llm import STOP_REASONS
from agent_dispatcher.llm import input_bound, output_bound
from agent_dispatcher.safe_load import load_yaml, plain_json, read_text

__all__ = ["ScriptedFile"]


_at_least_once: Any = optional(ge(1))


@frozen(kw_only=True)
class _Failure:
    """``error`` of a line: the call fails with it."""

    sort: str = field(validator=in_(BackendError.SORTS))
    message: str = "as the script says"
    retry_after_s: float | None = None


@frozen(kw_only=True)
class _Line:
    """One line of the script.

    Attributes:
        reply: a text, or a value that is said as JSON.
        error: what the call fails with instead.
        purpose, contains: the line answers only requests of that purpose, with that text (all of those texts) in a message.
        times: how often it answers; ``None`` for ever.
        where: ``file:line``.
    """

    reply: Any = ""
    error: _Failure | None = None
    purpose: str = ""
    contains: str | tuple[str, ...] = ()
    times: int | None = field(default=1, validator=_at_least_once)
    delay_s: float = field(default=0.0, validator=ge(0.0))
    usage: Usage | None = None
    model: str = "scripted"
    stop_reason: str = field(default="stop", validator=in_(STOP_REASONS))
    tool_calls: tuple[ToolCall, ...] = ()

    def answers(self, request: LlmRequest) -> bool:
        """Whether the line is for this request."""
        texts = (self.contains,) if isinstance(self.contains, str) else self.contains
        said = [message.content for message in request.messages]
        return self.purpose in ("", request.purpose) and all(any(text in each for each in said) for text in texts)

    def said(self, request: LlmRequest) -> LlmReply:
        """The reply. Without a usage of its own it has taken as much as is possible."""
        text = self.reply if isinstance(self.reply, str) else json.dumps(self.reply, ensure_ascii=False)
        bound = Usage(input_tokens=input_bound(request), output_tokens=output_bound(text), estimated=True)
        return LlmReply(
            text=text,
            usage=self.usage or bound,
            model=self.model,
            stop_reason=self.stop_reason,
            tool_calls=self.tool_calls,
        )


class ScriptedFile:
    """Answers each request with the first line of a file that is for it and not used up.

    The file holds JSON lines, or (``.yaml``, ``.yml``) a list; each item is a text or a mapping with the fields of a line (see ``docs/backends.md``).

    Raises:
        ConfigError: the file cannot be read, with every place.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._lines = [(place, _line(value, place)) for place, value in _items(path)]
        except ConfigError:
            raise
        except SpecificationError as error:
            raise ConfigError(error.problems) from error
        except DispatcherError as error:
            raise ConfigError(Problem(str(error), remedy='it is named in [options."llm:scripted"] file')) from error
        self._used = [0] * len(self._lines)

    @property
    def asked(self) -> int:
        """How many requests a line was found for."""
        return sum(self._used)

    def priced_as(self, request: LlmRequest) -> PricedAs:
        """A file costs nothing; a price for the model ``scripted`` makes it one that does."""
        return PricedAs(model=request.model or "scripted", free=True)

    async def complete(self, request: LlmRequest) -> LlmReply:
        """What the script says.

        Raises:
            BackendError: what the script fails with, or that no line is left for the request.
        """
        line = self._next(request)
        if line.delay_s:
            await asyncio.sleep(line.delay_s)
        if line.error is not None:
            raise BackendError(line.error.message, sort=line.error.sort, retry_after_s=line.error.retry_after_s)
        return line.said(request)

    def _next(self, request: LlmRequest) -> _Line:
        for number, (_, line) in enumerate(self._lines):
            if (line.times is None or self._used[number] < line.times) and line.answers(request):
                self._used[number] += 1
                return line
        asked = request.messages[-1].content if request.messages else ""
        used = sum(1 for count in self._used if count)
        left = [place for (place, _), count in zip(self._lines, self._used, strict=True) if not count]
        waiting = f"; not used yet: {', '.join(left[:5])}" if left else ""
        raise BackendError(
            f"{self._path}: no line is left for this request (purpose {request.purpose!r}): {asked[:160]!r}. "
            f"{used} of {len(self._lines)} lines were used{waiting}",
            sort="permanent",
        )


def _items(path: Path) -> Iterator[tuple[str, Any]]:
    """``file:line`` and value of each item."""
    text = read_text(path)
    if path.suffix in (".yaml", ".yml"):
        document = load_yaml(text, str(path))
        if not isinstance(document.value, tuple):
            raise ConfigError(Problem(f"a script is a list of replies, this is {document.kind}", document.where))
        yield from ((each.where, each.plain()) for each in document.value)
    else:
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                place = f"{path}:{number}"
                yield place, plain_json(line, place)


def _line(value: Any, place: str) -> _Line:
    if isinstance(value, str):
        return _Line(reply=value)
    if not isinstance(value, dict):
        raise ConfigError(Problem("a line of a script is a text, or a mapping with 'reply' or 'error'", place))
    if not _any_of(value, ("reply", "error", "tool_calls")):
        raise ConfigError(Problem("this line says nothing: it has neither 'reply' nor 'error' nor 'tool_calls'", place))
    return structure(value, _Line, where=place, error=ConfigError)


def _any_of(value: dict[str, Any], keys: Iterable[str]) -> bool:
    return any(key in value for key in keys)
