"""One streamed message, put together, within its limits. Imported when the first call is made: it brings the SDK."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Final

import anthropic
import httpx2
from anthropic.types import RawMessageStreamEvent
from attrs import define, field

from agent_dispatcher.errors import BackendError
from agent_dispatcher.extension import ToolCall, Usage

from ..failures import Failures, message_of
from ..limits import Limits
from ..streaming import sound, within

__all__ = ["Collected", "Refused", "exchange"]

#: Statuses with which servers refuse a parameter that they do not know.
_REFUSALS: Final = frozenset({400, 422})


class Refused(BackendError):
    """The server refused the request as it was put.

    Attributes:
        complaint: everything it said about that.
    """

    def __init__(self, error: BackendError, complaint: str) -> None:
        super().__init__(str(error), sort=error.sort, retry_after_s=error.retry_after_s)
        self.complaint = complaint


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
class Collected:
    """What has come so far.

    Attributes:
        finish: why the model stopped, as the server says it; ``None`` as long as it has not.
        whole: the server has said that this was all.
    """

    model: str = ""
    finish: str | None = None
    whole: bool = False
    _read: dict[str, int] = field(factory=dict)
    _blocks: dict[int, _Block] = field(factory=dict)

    @property
    def text(self) -> str:
        """The text; what the model only thought is not in it."""
        return "".join(each.said for _, each in sorted(self._blocks.items()) if each.kind == "text")

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls the model wants made."""
        return tuple(
            ToolCall(id=each.id or f"call-{number}", name=each.name, arguments=each.said or "{}")
            for number, each in sorted(self._blocks.items())
            if each.kind == "tool_use"
        )

    @property
    def usage(self) -> Usage | None:
        """``None`` when the server does not count. What was written to or read from its cache is part of what was read."""
        if "output_tokens" not in self._read:
            return None
        again = self._read.get("cache_read_input_tokens", 0)
        fresh = self._read.get("input_tokens", 0) + self._read.get("cache_creation_input_tokens", 0)
        return Usage(input_tokens=fresh + again, output_tokens=self._read["output_tokens"], cached_input_tokens=again)

    def take(self, event: RawMessageStreamEvent) -> None:
        """Add an event; sorts nobody knows yet are passed over."""
        if event.type == "message_start":
            self.model = event.message.model or self.model
            self._count(event.message.usage)
        elif event.type == "content_block_start":
            block = event.content_block
            begun = self._blocks[event.index] = _Block(kind=block.type)
            if block.type == "text":
                begun.texts.append(_text(block.text))
            elif block.type == "tool_use":
                begun.id, begun.name = block.id or "", block.name or ""
                begun.given = _json(block.input)
        elif event.type == "content_block_delta":
            block_of = self._blocks.setdefault(event.index, _Block())
            if event.delta.type == "text_delta":
                block_of.texts.append(_text(event.delta.text))
            elif event.delta.type == "input_json_delta":
                block_of.texts.append(_text(event.delta.partial_json))
        elif event.type == "message_delta":
            self.finish = event.delta.stop_reason or self.finish
            self._count(event.usage)
        elif event.type == "message_stop":
            self.whole = True

    def _count(self, usage: object) -> None:
        """Counts are of the whole so far: a later one replaces an earlier one."""
        for name in ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"):
            value = getattr(usage, name, None)
            if value is not None:
                self._read[name] = int(value)


def _text(value: object) -> str:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"its content is {type(value).__name__}, not a text")
    return value or ""


def _json(value: object) -> str:
    from json import dumps

    return dumps(value, ensure_ascii=False) if value else ""


async def exchange(
    client: anthropic.AsyncAnthropic, body: Mapping[str, Any], limits: Limits, failures: Failures
) -> Collected:
    """Send ``body`` and collect the reply. When it is cancelled or fails, the connection is closed.

    Raises:
        Refused: the server did not like the request; another wording may do.
        BackendError: anything else that went wrong.
    """
    begun: list[anthropic.AsyncStream[RawMessageStreamEvent]] = []
    try:
        async with within(limits.total_s, failures, "the reply did not end", "total_s"):
            return await _collect(client, body, limits, failures, begun)
    except BackendError:
        raise
    # What the SDK says may quote what it sent: its exceptions are not chained.
    except anthropic.APIStatusError as error:
        message = message_of(error.body, error.response.reason_phrase)
        if begun:
            raise failures.error(f"the server broke off: {message}", "transient") from None
        raise _of_status(error, message, failures) from None
    except anthropic.APITimeoutError:
        raise failures.error(f"no connection within {limits.connect_s:g} seconds (connect_s)", "outage") from None
    except (anthropic.APIConnectionError, httpx2.HTTPError) as error:
        cause = error.__cause__ or error
        if isinstance(cause, BackendError):  # of the client's own hooks
            raise cause from None
        said = str(cause) or type(cause).__name__
        if begun:
            raise failures.error(f"the connection broke: {said}", "transient") from None
        raise failures.error(f"no connection: {said}", "outage") from None
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, anthropic.APIError) as error:
        raise failures.error(f"the reply is no message: {type(error).__name__}: {error}", "poison") from None
    finally:
        for stream in begun:
            with contextlib.suppress(httpx2.HTTPError, anthropic.APIError):
                await stream.close()


async def _collect(
    client: anthropic.AsyncAnthropic,
    body: Mapping[str, Any],
    limits: Limits,
    failures: Failures,
    begun: list[anthropic.AsyncStream[RawMessageStreamEvent]],
) -> Collected:
    """As :func:`exchange`; the stream is left in ``begun`` as soon as there is one."""
    collected = Collected()
    async with within(limits.first_byte_s, failures, "nothing came back", "first_byte_s"):
        stream = await client.messages.create(**body, stream=True)
        begun.append(stream)
        event = await anext(stream, None)
    while event is not None and not collected.whole:
        collected.take(event)
        if not collected.whole:
            async with within(limits.idle_s, failures, "the reply stopped coming", "idle_s"):
                event = await anext(stream, None)
    kind = stream.response.headers.get("content-type", "")
    if collected.finish is None and not kind.startswith("text/event-stream"):
        raise failures.error(f"the reply is no event stream, but {kind or 'of no type'}: is base_url right?", "poison")
    if collected.finish is None:
        raise failures.error("the reply was cut off: the stream ended and the model had not", "transient")
    return collected


def _of_status(error: anthropic.APIStatusError, message: str, failures: Failures) -> BackendError:
    made = failures.of_status(error.status_code, message, None, error.response.headers)
    return Refused(made, message) if error.status_code in _REFUSALS else made
