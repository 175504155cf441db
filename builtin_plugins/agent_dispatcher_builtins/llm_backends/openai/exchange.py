"""One streamed chat completion, put together, within its limits. Imported when the first call is made: it brings the SDK."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Final

import httpx2
import openai
from attrs import define, field
from openai.types.chat import ChatCompletionChunk

from agent_dispatcher.errors import BackendError
from agent_dispatcher.extension import ToolCall, Usage

from ..failures import Failures, message_of
from ..limits import Limits
from ..streaming import sound, within

__all__ = ["Collected", "Refused", "exchange"]

#: Statuses with which servers refuse a parameter that they do not know.
_REFUSALS: Final = frozenset({400, 422, 501})
#: Seconds to wait for the usage after the reply has ended: some servers keep the stream open.
_GRACE_S: Final = 5.0


class Refused(BackendError):
    """The server refused the request as it was put.

    Attributes:
        complaint: everything it said about that.
    """

    def __init__(self, error: BackendError, complaint: str) -> None:
        super().__init__(str(error), sort=error.sort, retry_after_s=error.retry_after_s)
        self.complaint = complaint


@define
class _PartialCall:
    id: str = ""
    name: str = ""
    arguments: str = ""


@define
class Collected:
    """What has come so far.

    Attributes:
        finish: why the model stopped, as the server says it; ``None`` as long as it has not.
        refusal: what it said instead of an answer.
        usage: ``None`` when the server does not count.
    """

    model: str = ""
    finish: str | None = None
    refusal: str = ""
    usage: Usage | None = None
    _texts: list[str] = field(factory=list)
    _calls: dict[int, _PartialCall] = field(factory=dict)

    @property
    def text(self) -> str:
        """The text. Halves of surrogate pairs are joined; one that stands alone is no character and becomes U+FFFD."""
        return sound("".join(self._texts))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls the model wants made."""
        return tuple(
            ToolCall(id=call.id or f"call-{number}", name=call.name, arguments=sound(call.arguments))
            for number, call in sorted(self._calls.items())
        )

    def take(self, piece: ChatCompletionChunk) -> None:
        """Add a piece. Servers leave out what they like: whatever is not there is passed over."""
        self.model = piece.model or self.model
        if piece.usage is not None:
            cached = piece.usage.prompt_tokens_details
            self.usage = Usage(
                input_tokens=int(piece.usage.prompt_tokens or 0),
                output_tokens=int(piece.usage.completion_tokens or 0),
                cached_input_tokens=int((cached.cached_tokens if cached is not None else 0) or 0),
            )
        for choice in piece.choices or ():
            self.finish = choice.finish_reason or self.finish
            delta = choice.delta
            if delta is None:
                continue
            self._texts.append(_text(delta.content))
            self.refusal += delta.refusal or ""
            for call in delta.tool_calls or ():
                part = self._calls.setdefault(self._number(call.index, new=bool(call.id)), _PartialCall())
                part.id = call.id or part.id
                if call.function is not None:
                    part.name += call.function.name or ""
                    part.arguments += call.function.arguments or ""

    def _number(self, index: int | None, *, new: bool) -> int:
        """Which call a piece belongs to; some servers do not count them and only name a new one."""
        if index is not None:
            return index
        return len(self._calls) if new else max(self._calls, default=0)


def _text(value: object) -> str:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"its content is {type(value).__name__}, not a text")
    return value or ""


async def exchange(
    client: openai.AsyncOpenAI, body: Mapping[str, Any], limits: Limits, failures: Failures
) -> Collected:
    """Send ``body`` and collect the reply. When it is cancelled or fails, the connection is closed.

    Raises:
        Refused: the server did not like the request; another wording may do.
        BackendError: anything else that went wrong.
    """
    begun: list[openai.AsyncStream[ChatCompletionChunk]] = []
    try:
        async with within(limits.total_s, failures, "the reply did not end", "total_s"):
            return await _collect(client, body, limits, failures, begun)
    except BackendError:
        raise
    # What the SDK says may quote what it sent: its exceptions are not chained.
    except openai.APIStatusError as error:
        raise _of_status(error, failures) from None
    except openai.APITimeoutError:
        raise failures.error(f"no connection within {limits.connect_s:g} seconds (connect_s)", "outage") from None
    except (openai.APIConnectionError, httpx2.HTTPError) as error:
        cause = error.__cause__ or error
        said = str(cause) or type(cause).__name__
        if begun:
            raise failures.error(f"the connection broke: {said}", "transient") from None
        raise failures.error(f"no connection: {said}", "outage") from None
    except openai.APIError as error:
        raise failures.error(f"the server broke off: {message_of(error.body, error.message)}", "transient") from None
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise failures.error(f"the reply is no chat completion: {type(error).__name__}: {error}", "poison") from None
    finally:
        for stream in begun:
            with contextlib.suppress(httpx2.HTTPError, openai.APIError):
                await stream.close()


async def _collect(
    client: openai.AsyncOpenAI,
    body: Mapping[str, Any],
    limits: Limits,
    failures: Failures,
    begun: list[openai.AsyncStream[ChatCompletionChunk]],
) -> Collected:
    """As :func:`exchange`; the stream is left in ``begun`` as soon as there is one."""
    collected = Collected()
    async with within(limits.first_byte_s, failures, "nothing came back", "first_byte_s"):
        stream = await client.chat.completions.create(**body, stream=True)
        begun.append(stream)
        piece = await anext(stream, None)
    while piece is not None:
        collected.take(piece)
        if collected.finish is None:
            async with within(limits.idle_s, failures, "the reply stopped coming", "idle_s"):
                piece = await anext(stream, None)
        elif collected.usage is not None:
            break
        else:
            piece = await _rest(stream, min(limits.idle_s, _GRACE_S))
    kind = stream.response.headers.get("content-type", "")
    if collected.finish is None and not kind.startswith("text/event-stream"):
        raise failures.error(f"the reply is no event stream, but {kind or 'of no type'}: is base_url right?", "poison")
    if collected.finish is None:
        raise failures.error("the reply was cut off: the stream ended and the model had not", "transient")
    return collected


async def _rest(stream: openai.AsyncStream[ChatCompletionChunk], limit_s: float) -> ChatCompletionChunk | None:
    """The next piece of a reply that is whole already, if one comes."""
    try:
        async with asyncio.timeout(limit_s):
            return await anext(stream, None)
    except TimeoutError:
        return None


def _of_status(error: openai.APIStatusError, failures: Failures) -> BackendError:
    message = message_of(error.body, error.response.reason_phrase)
    made = failures.of_status(error.status_code, message, error.code, error.response.headers)
    if error.status_code in _REFUSALS:
        return Refused(made, f"{message} {error.param or ''} {error.code or ''}")
    return made
