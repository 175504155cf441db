"""One streamed reply, put together, within its limits. Imported when the first call is made: it brings the HTTP library of the SDKs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

import httpx2

from agent_dispatcher.errors import BackendError

from .failures import Failures, message_of
from .limits import Limits
from .streaming import within
from .wire import Collected, Stream, Wire

__all__ = ["Refused", "exchange"]

#: Seconds to wait for the usage after the reply has ended: some servers keep the stream open.
_GRACE_S: Final = 5.0
#: What goes wrong before any byte of the request is with the server. Of everything else it may have read the request, and bill it.
_NEVER_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError, httpx2.UnsupportedProtocol)


class Refused(BackendError):
    """The server refused the request as it was put.

    Attributes:
        complaint: everything it said about that.
    """

    def __init__(self, error: BackendError, complaint: str) -> None:
        super().__init__(
            str(error),
            sort=error.sort,
            retry_after_s=error.retry_after_s,
            may_cost=error.may_cost,
            whatever_is_asked=error.whatever_is_asked,
        )
        self.complaint = complaint


async def exchange(wire: Wire, body: Mapping[str, Any], limits: Limits, failures: Failures) -> Collected:
    """Send ``body`` and collect the reply. When it is cancelled or fails, the connection is closed.

    Raises:
        Refused: the server did not like the request; another wording may do.
        BackendError: anything else that went wrong.
    """
    begun: list[Stream] = []
    sdk = wire.sdk
    try:
        async with within(limits.total_s, failures, "the reply did not end", "total_s"):
            return await _collect(wire, body, limits, failures, begun)
    except BackendError:
        raise
    # What the SDK says may quote what it sent: its exceptions are not chained.
    except sdk.APIStatusError as error:
        message = message_of(error.body, error.response.reason_phrase)
        if begun:
            raise failures.error(f"the server broke off: {message}", "transient") from None
        raise _of_status(wire, error, message, failures) from None
    except sdk.APITimeoutError as error:
        unsent = isinstance(error.__cause__, _NEVER_SENT)
        said = f"no connection within {limits.connect_s:g} seconds (connect_s)"
        raise (failures.unreached(said) if unsent else failures.error(said, "outage", may_cost=True)) from None
    except (sdk.APIConnectionError, httpx2.HTTPError) as error:
        cause = error.__cause__ or error
        if isinstance(cause, BackendError):  # of the client's own hooks
            raise cause from None
        said = str(cause) or type(cause).__name__
        if begun:
            raise failures.error(f"the connection broke: {said}", "transient") from None
        if isinstance(cause, _NEVER_SENT):
            raise failures.unreached(f"no connection: {said}") from None
        raise failures.error(f"the connection ended before the reply began: {said}", "outage") from None
    except wire.broken_off as error:
        message = message_of(getattr(error, "body", None), str(error))
        raise failures.error(f"the server broke off: {message}", "transient") from None
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError, sdk.APIError) as error:
        raise failures.error(f"the reply is no {wire.noun}: {type(error).__name__}: {error}", "poison") from None
    finally:
        for stream in begun:
            with contextlib.suppress(httpx2.HTTPError, sdk.APIError):
                await _close(stream)


async def _collect(
    wire: Wire, body: Mapping[str, Any], limits: Limits, failures: Failures, begun: list[Stream]
) -> Collected:
    """As :func:`exchange`; the stream is left in ``begun`` as soon as there is one."""
    collected = wire.collected()
    async with within(limits.first_byte_s, failures, "nothing came back", "first_byte_s"):
        stream = await wire.send(body)
        begun.append(stream)
        piece = await anext(stream, None)
    while piece is not None:
        collected.take(piece)
        if collected.whole:
            break
        if collected.said:
            piece = await _rest(stream, min(limits.idle_s, _GRACE_S))
        else:
            async with within(limits.idle_s, failures, "the reply stopped coming", "idle_s"):
                piece = await anext(stream, None)
    kind = stream.response.headers.get("content-type", "")
    if collected.finish is None and not kind.startswith("text/event-stream"):
        raise failures.error(f"the reply is no event stream, but {kind or 'of no type'}: is base_url right?", "poison")
    if collected.finish is None:
        raise failures.error("the reply was cut off: the stream ended and the model had not", "transient")
    return collected


async def _close(stream: Stream) -> None:
    """Close the connection and the generators that read it.

    The SDKs leave those to Python's collector of cycles, which may run in any thread, and would end there what this thread is just ending.
    """
    await stream.close()
    reading = getattr(stream, "_iterator", None)
    if isinstance(reading, AsyncGenerator):
        await reading.aclose()


async def _rest(stream: Stream, limit_s: float) -> Any:
    """The next piece of a reply that is whole already, if one comes."""
    try:
        async with asyncio.timeout(limit_s):
            return await anext(stream, None)
    except TimeoutError:
        return None


def _of_status(wire: Wire, error: Any, message: str, failures: Failures) -> BackendError:
    code, complaint = wire.complaint(error, message)
    made = failures.of_status(error.status_code, message, code, error.response.headers)
    return Refused(made, complaint) if error.status_code in wire.refusals else made
