"""The connections of one attempt's model server, and what a program in the sandbox can take by them of the dispatcher's memory and time.

So many at once, so much for each request and so long to send it, so many questions in all; and none of them is left when the attempt ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, Final

from agent_dispatcher.errors import RunError

from ..options import MAX_REQUEST_BYTES
from .http import BadRequest, HttpRequest, ReplyWriter, read_request, refusal

__all__ = ["Answer", "Connections", "TooManyCalls"]

log = logging.getLogger(__name__)

#: That are served. More are turned away at once, to come again; where there are many of those, too, they hear nothing.
_MOST: Final = 8
_MOST_WAITING: Final = 64
#: For a program to send its request.
_READ_S: Final = 30.0
#: For a program that is refused, to stop sending and to read why.
_LINGER_S: Final = 2.0

#: Answers one request.
Answer = Callable[[HttpRequest, ReplyWriter], Coroutine[Any, Any, None]]


class TooManyCalls(RunError):
    """The program has asked the model as often as it may."""


class Connections:
    """Takes connections, and has each one's request answered.

    Args:
        answer: cancelled when the program hangs up, or the attempt ends.
        max_requests: questions (whatever is no ``GET``, also what cannot be read); the next one ends the attempt; ``None`` for no limit.
        max_bytes: of a request's body.

    Attributes:
        requests: questions so far.
        stopped: set when there were too many, or by whoever answers: why no call can be made any more.
    """

    def __init__(self, answer: Answer, *, max_requests: int | None, max_bytes: int = MAX_REQUEST_BYTES) -> None:
        self._answer = answer
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self.requests = 0
        self.stopped: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self._served = 0
        self._open: set[asyncio.Task[Any]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the one request of a connection. It is given up when the program hangs up."""
        task = asyncio.current_task()
        assert task is not None
        if len(self._open) >= _MOST_WAITING:
            writer.transport.abort()
            return
        self._open.add(task)
        try:
            await self._serve(reader, ReplyWriter(writer))
            writer.close()
        except (OSError, asyncio.CancelledError):
            pass  # the program, or the whole attempt, has gone: nobody waits for the reply
        finally:
            self._open.discard(task)
            if not writer.is_closing():
                writer.transport.abort()

    def stop(self, error: Exception) -> None:
        """No call can be made any more."""
        if not self.stopped.done():
            self.stopped.set_result(error)

    async def aclose(self) -> None:
        """End all that is in progress."""
        for task in self._open:
            task.cancel()
        if self._open:
            await asyncio.wait(set(self._open))

    async def _serve(self, reader: asyncio.StreamReader, out: ReplyWriter) -> None:
        if self._served >= _MOST:
            what = f"{_MOST} connections are open: close one first"
            await self._refuse(reader, out, 503, what, {"Retry-After": "1"})
            return
        self._served += 1
        try:
            request = await self._read(reader)
            if request is not None:
                await self._until_left(reader, self._answer(request, out))
        except BadRequest as error:
            await self._refuse(reader, out, error.status, str(error))
        except Exception as error:
            log.exception("a request of a coding agent could not be answered")
            await self._refuse(reader, out, 500, f"the request could not be answered ({type(error).__name__})")
        finally:
            self._served -= 1

    async def _refuse(
        self,
        reader: asyncio.StreamReader,
        out: ReplyWriter,
        status: int,
        what: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """A program that is still sending hears why, too: one that cannot send on does not listen."""
        if out.began:
            return
        await out.whole(status, refusal(status, what), headers)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                await _left(reader)

    async def _read(self, reader: asyncio.StreamReader) -> HttpRequest | None:
        try:
            async with asyncio.timeout(_READ_S):
                request = await read_request(reader, self._max_bytes)
        except TimeoutError:
            self._count()
            raise BadRequest(f"the request was not sent within {_READ_S:g} seconds", 408) from None
        except BadRequest:
            self._count()
            raise
        if request is not None and request.method != "GET":
            self._count()
        return request

    def _count(self) -> None:
        if self._max_requests is not None and self.requests >= self._max_requests:
            error = TooManyCalls(f"it asked the model {self.requests} times, and may not more often (max_calls)")
            self.stop(error)
            raise BadRequest(str(error), 402)
        self.requests += 1

    async def _until_left(self, reader: asyncio.StreamReader, answering: Coroutine[Any, Any, None]) -> None:
        answer = asyncio.ensure_future(answering)
        left = asyncio.ensure_future(_left(reader))
        try:
            await asyncio.wait({answer, left}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                answer.result()
        finally:
            for each in (answer, left):
                each.cancel()
            await asyncio.wait({answer, left})
            if not answer.cancelled():
                answer.exception()


async def _left(reader: asyncio.StreamReader) -> None:
    """Until the program hangs up; whatever else it sends is not read by anybody."""
    with suppress(OSError):
        while await reader.read(65536):
            pass
