"""The metering proxy: a model server whose every reply comes from the attempt's own metered backend.

A program in the sandbox speaks OpenAI's or Anthropic's dialect to it. A call becomes a plain request, is reserved against the budget, answered by the
backend that the user configured (whichever dialect that speaks), settled and recorded like any call an agent makes. So the key, the address and the
choice of the model stay outside; what the program says about them is not looked at. What cannot be passed on (images) is refused; tools that are no
functions are not offered to the model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from agent_dispatcher.errors import BackendError, BudgetExceeded, RunError
from agent_dispatcher.extension.components import LlmBackend
from agent_dispatcher.extension.llm import LlmReply
from agent_dispatcher.llm import input_bound

from .anthropic import Messages
from .dialect import Asked, Dialect, event
from .http import BadRequest, HttpRequest, ReplyWriter, read_request
from .openai import ChatCompletions
from .responses import Responses

__all__ = ["MODEL", "ModelProxy", "TooManyCalls"]

#: What the model is called inside.
MODEL: Final = "dispatcher"
#: Until a stream is begun, so that an error that comes sooner has its own status.
_HOLD_S: Final = 10.0
#: Between two signs of life while the model is at work.
_SIGN_S: Final = 10.0
_STATUS: Final = {"rate_limit": 429, "outage": 503, "transient": 503, "permanent": 400, "poison": 502}


class TooManyCalls(RunError):
    """The program has asked the model as often as it may."""


class ModelProxy:
    """Serves the connections of one attempt.

    Args:
        llm: the attempt's own backend.
        max_output_tokens: the most one call may write.
        max_calls: after so many, calls are refused.

    Attributes:
        calls: calls that were passed on.
        answered: calls that got a reply.
        stopped: set when a call was refused for good: the budget's error, or that there were too many calls.
        failure: of the last call, when it failed.
    """

    def __init__(self, llm: LlmBackend, *, max_output_tokens: int = 8192, max_calls: int = 200) -> None:
        self._llm = llm
        self._max_output_tokens = max_output_tokens
        self._max_calls = max_calls
        self.calls = 0
        self.answered = 0
        self.stopped: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self.failure: Exception | None = None
        self._connections: set[asyncio.Task[Any]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the one request of a connection. It is given up when the program hangs up."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        out = ReplyWriter(writer)
        try:
            request = await read_request(reader)
            if request is not None:
                await self._until_left(reader, self._answer(request, out))
        except BadRequest as error:
            with suppress(OSError):
                await out.whole(error.status, ChatCompletions().error(error.status, str(error)))
        except (OSError, asyncio.CancelledError):
            pass  # the program, or the whole attempt, has gone: nobody waits for the reply
        finally:
            self._connections.discard(task)
            writer.close()

    async def aclose(self) -> None:
        """End all calls in progress."""
        for task in self._connections:
            task.cancel()
        if self._connections:
            await asyncio.wait(set(self._connections))

    async def _until_left(self, reader: asyncio.StreamReader, answering: Any) -> None:
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

    async def _answer(self, request: HttpRequest, out: ReplyWriter) -> None:
        place = request.path.rstrip("/").removeprefix("/v1")
        if request.method == "GET" and place == "/models":
            await out.whole(200, _models())
        elif request.method == "GET" and place.startswith("/models/"):
            await out.whole(200, {**_models()["data"][0], "id": place.removeprefix("/models/")})
        elif request.method != "POST":
            raise BadRequest(f"there is nothing at {request.path}", 404)
        elif place == "/chat/completions":
            await self._complete(ChatCompletions(), request.json(), out)
        elif place == "/responses":
            await self._complete(Responses(), request.json(), out)
        elif place == "/messages":
            await self._complete(Messages(), request.json(), out)
        elif place == "/messages/count_tokens":
            asked = _read(Messages(), request.json(), self._max_output_tokens)
            await out.whole(200, {"input_tokens": input_bound(asked.request)})
        else:
            raise BadRequest(
                f"{request.path} is not served: /v1/chat/completions, /v1/responses and /v1/messages are", status=404
            )

    async def _complete(self, dialect: Dialect, body: Mapping[str, Any], out: ReplyWriter) -> None:
        try:
            asked = _read(dialect, body, self._max_output_tokens)
        except BadRequest as error:
            await out.whole(error.status, dialect.error(error.status, str(error)))
            return
        number = self.calls + 1
        replying = asyncio.ensure_future(self._ask(asked))
        try:
            await _wait(replying, dialect, out if asked.stream else None)
            reply = replying.result()
        except Exception as error:
            await _fail(dialect, out, error)
            return
        finally:
            replying.cancel()
        if not asked.stream:
            await out.whole(200, dialect.whole(asked, reply, number))
            return
        for piece in dialect.events(asked, reply, number):
            await out.piece(piece)

    async def _ask(self, asked: Asked) -> LlmReply:
        """The backend's reply; what it says about budgets and failures is kept for the attempt."""
        if self.calls >= self._max_calls:
            error = TooManyCalls(f"it asked the model {self.calls} times, and may not more often (max_calls)")
            self._stop(error)
            raise error
        self.calls += 1
        try:
            reply = await self._llm.complete(asked.request)
        except BudgetExceeded as error:
            self._stop(error)
            raise
        except Exception as error:
            self.failure = error
            raise
        self.failure = None
        self.answered += 1
        return reply

    def _stop(self, error: Exception) -> None:
        if not self.stopped.done():
            self.stopped.set_result(error)


def _read(dialect: Dialect, body: Mapping[str, Any], most: int) -> Asked:
    """As the dialect reads it; whatever it stumbles over is the program's mistake."""
    try:
        return dialect.read(body, most)
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise BadRequest(f"the request cannot be read: {error}") from None


async def _wait(replying: asyncio.Future[LlmReply], dialect: Dialect, out: ReplyWriter | None) -> None:
    """Until there is a reply or an error; a program that streams is given signs of life."""
    pause = _HOLD_S
    while not (await asyncio.wait({replying}, timeout=pause))[0]:
        if out is not None:
            await out.piece(dialect.waiting())
            pause = _SIGN_S


async def _fail(dialect: Dialect, out: ReplyWriter, error: Exception) -> None:
    """Tell the program. Of an error that nobody meant to be read by it, it hears that there was one."""
    status, what = 500, f"the model could not be asked ({type(error).__name__})"
    if isinstance(error, BackendError | RunError):
        status, what = _STATUS[error.sort] if isinstance(error, BackendError) else 402, str(error)
    document = dialect.error(status, what)
    if out.began:
        await out.piece(event(document, "error"))
        return
    seconds = error.retry_after_s if isinstance(error, BackendError) else None
    await out.whole(status, document, {"Retry-After": str(int(seconds) + 1)} if seconds is not None else None)


async def _left(reader: asyncio.StreamReader) -> None:
    """Until the program hangs up; whatever else it sends is not read by anybody."""
    with suppress(OSError):
        while await reader.read(65536):
            pass


def _models() -> dict[str, Any]:
    model = {"id": MODEL, "object": "model", "type": "model", "display_name": MODEL, "created": 0, "owned_by": MODEL}
    return {"object": "list", "data": [model], "has_more": False, "first_id": MODEL, "last_id": MODEL}
