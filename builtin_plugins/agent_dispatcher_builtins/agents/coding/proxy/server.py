"""The metering proxy: a model server whose every reply comes from the attempt's own metered backend.

A program in the sandbox speaks OpenAI's or Anthropic's dialect to it. A call becomes a plain request, is reserved against the budget, answered by the
backend that the user configured (whichever dialect that speaks), settled and recorded like any call an agent makes. So the key, the address and the
choice of the model stay outside; what the program says about them is not looked at. What cannot be passed on (images) is refused; tools that are no
functions are not offered to the model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from agent_dispatcher.errors import BackendError, BudgetExceeded, RunError
from agent_dispatcher.extension.components import LlmBackend
from agent_dispatcher.extension.llm import LlmReply
from agent_dispatcher.llm import input_bound

from ..options import MAX_CALLS, MAX_REQUEST_BYTES
from .anthropic import Messages
from .connections import Connections
from .dialect import Asked, Dialect, event
from .documents import read_object
from .http import BadRequest, HttpRequest, ReplyWriter
from .openai import ChatCompletions
from .responses import Responses

__all__ = ["MODEL", "ModelProxy"]

#: What the model is called inside.
MODEL: Final = "dispatcher"
#: Until a stream is begun, so that an error that comes sooner has its own status.
_HOLD_S: Final = 10.0
#: Between two signs of life while the model is at work.
_SIGN_S: Final = 10.0
#: Messages and tools of one request; a session of hundreds of turns has some thousand.
_MOST_PARTS: Final = 5_000
_MOST_SAID: Final = 300
_DIALECTS: Final[Mapping[str, Callable[[], Dialect]]] = {
    "/chat/completions": ChatCompletions,
    "/responses": Responses,
    "/messages": Messages,
}
_STATUS: Final = {"rate_limit": 429, "outage": 503, "transient": 503, "permanent": 400, "poison": 502}


class ModelProxy:
    """Serves the connections of one attempt.

    Args:
        llm: the attempt's own backend.
        max_output_tokens: the most one call may write.
        max_calls: after so many requests, whatever is asked, the attempt ends.
        max_request_bytes: of a request.

    Attributes:
        connections: of the program; ``connections.stopped`` is set when a call was refused for good: the budget's error, or that there were too many.
        calls: calls that were passed on.
        answered: calls that got a reply.
        failure: of the last call, when it failed.
    """

    def __init__(
        self,
        llm: LlmBackend,
        *,
        max_output_tokens: int = 8192,
        max_calls: int = MAX_CALLS,
        max_request_bytes: int = MAX_REQUEST_BYTES,
    ) -> None:
        self._llm = llm
        self._max_output_tokens = max_output_tokens
        self.connections = Connections(self._answer, max_requests=max_calls, max_bytes=max_request_bytes)
        self.calls = 0
        self.answered = 0
        self.failure: Exception | None = None
        #: Requests are read one after the other: what one takes while it is read is not taken twice.
        self._reading = asyncio.Lock()

    async def _answer(self, request: HttpRequest, out: ReplyWriter) -> None:
        place = request.path.rstrip("/").removeprefix("/v1")
        if request.method == "GET" and place == "/models":
            await out.whole(200, _models())
        elif request.method == "GET" and place.startswith("/models/"):
            await out.whole(200, {**_models()["data"][0], "id": place.removeprefix("/models/")})
        elif request.method != "POST":
            raise BadRequest(f"there is nothing at {request.path}", 404)
        elif place == "/messages/count_tokens":
            asked = await self._read(Messages(), request.body)
            await out.whole(200, {"input_tokens": await asyncio.to_thread(input_bound, asked.request)})
        elif place in _DIALECTS:
            await self._complete(_DIALECTS[place](), request.body, out)
        else:
            raise BadRequest(
                f"{request.path} is not served: /v1/chat/completions, /v1/responses and /v1/messages are", status=404
            )

    async def _read(self, dialect: Dialect, body: bytes) -> Asked:
        async with self._reading:
            return await asyncio.to_thread(_asked, dialect, body, self._max_output_tokens)

    async def _complete(self, dialect: Dialect, body: bytes, out: ReplyWriter) -> None:
        try:
            asked = await self._read(dialect, body)
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
        self.calls += 1
        try:
            reply = await self._llm.complete(asked.request)
        except BudgetExceeded as error:
            self.connections.stop(error)
            raise
        except Exception as error:
            self.failure = error
            raise
        self.failure = None
        self.answered += 1
        return reply


def _asked(dialect: Dialect, body: bytes, most: int) -> Asked:
    """As the dialect reads it; whatever it stumbles over is the program's mistake."""
    document = read_object(body)
    try:
        asked = dialect.read(document, most)
    except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RecursionError) as error:
        raise BadRequest(f"the request cannot be read: {str(error)[:_MOST_SAID]}") from None
    if len(asked.request.messages) + len(asked.request.tools) > _MOST_PARTS:
        raise BadRequest(f"the request has more than {_MOST_PARTS:,} messages and tools", 413)
    return asked


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


def _models() -> dict[str, Any]:
    model = {"id": MODEL, "object": "model", "type": "model", "display_name": MODEL, "created": 0, "owned_by": MODEL}
    return {"object": "list", "data": [model], "has_more": False, "first_id": MODEL, "last_id": MODEL}
