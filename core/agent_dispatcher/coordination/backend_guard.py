"""A language-model backend behind its throttle and its circuit, as all agents of a run share it.

A call waits for its turn; one that the server refuses as too fast waits as the server asks and is sent again, as long as that is soon. A call to
a backend whose circuit is open fails at once, as an outage: its attempt ends, costs nothing, and its task waits in line until the circuit is
closed, while others go on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ..errors import BackendError
from ..extension.components import LlmBackend
from ..extension.llm import LlmReply, LlmRequest, PricedAs
from ..llm.bounds import input_bound
from ..llm.sending import held_back
from .circuit import Circuit, CircuitNews
from .demand import OPEN
from .throttle import Throttle

__all__ = ["BackendGuard", "PricedGuard"]

_Announce = Callable[[str, CircuitNews], None]


class BackendGuard:
    """See the module's page. It is itself a :class:`agent_dispatcher.extension.LlmBackend`; what else the backend has, it has too.

    Args:
        backend: what answers.
        name: the backend's name in the record.
        throttle, circuit: of this backend alone.
        patience_s: a call that would have to wait longer altogether fails, so that its agent is free for others.
        monotonic, sleep: the clock, for tests.
    """

    def __init__(
        self,
        backend: LlmBackend,
        name: str,
        throttle: Throttle | None = None,
        circuit: Circuit | None = None,
        *,
        patience_s: float = 60.0,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._backend = backend
        self.name = name
        self.throttle = throttle or Throttle()
        self.circuit = circuit or Circuit()
        self._patience_s = patience_s
        self._monotonic = monotonic
        self._sleep = sleep
        self._announce: _Announce = lambda backend, news: None
        self._timer: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def attach(self, announce: _Announce) -> None:
        """Tell ``announce`` whenever the circuit changes."""
        self._announce = announce

    def detach(self) -> None:
        """The run is over; nobody is told any more."""
        self._announce = lambda backend, news: None
        if self._timer is not None:
            self._timer.cancel()

    async def complete(self, request: LlmRequest) -> LlmReply:
        """What the backend answers, when it is its turn.

        Raises:
            BackendError: the backend's own, or its circuit is open (``outage``), or its turn would be too late (``rate_limit``).
        """
        tokens, waited_s = input_bound(request) + request.max_output_tokens, 0.0
        while True:
            with held_back(self._monotonic):
                waited_s += await self._turn(tokens, self._patience_s - waited_s)
            sent_at = self._monotonic()
            try:
                reply = await self._backend.complete(request)
            except BackendError as error:
                again_in_s = self._note(error, sent_at)
                if again_in_s is None or waited_s + again_in_s > self._patience_s:
                    raise
                continue
            used = reply.usage.tokens if isinstance(reply, LlmReply) else 0
            self.throttle.answered(tokens - used)
            self._changed(self.circuit.answered())
            return reply

    async def _turn(self, tokens: int, patience_s: float) -> float:
        """Wait until a call of so many tokens may be made; how long that took."""
        self._refuse_if_open()
        wait_s = self.throttle.wait_s(self._monotonic(), tokens)
        try:
            if wait_s > patience_s:
                raise BackendError(
                    f"backend {self.name}: the next call may be made in {wait_s:.0f} s",
                    sort="rate_limit",
                    retry_after_s=wait_s,
                )
            if wait_s > 0:
                await self._sleep(wait_s)
            self._refuse_if_open()
        except BaseException:
            self.throttle.left_the_line(tokens)
            raise
        return wait_s

    def _refuse_if_open(self) -> None:
        if self.circuit.state == OPEN:
            left_s = self.circuit.left_s(self._monotonic())
            raise BackendError(
                f"backend {self.name} does not answer; it is tried again in {left_s:.0f} s",
                sort="outage",
                retry_after_s=left_s,
                may_cost=False,
            )

    def _note(self, error: BackendError, sent_at: float) -> float | None:
        """Draw the conclusions of a failed call; seconds after which it may be sent again, ``None``: it is not worth while."""
        now = self._monotonic()
        again_in_s = None
        if error.sort == "rate_limit":
            again_in_s = self.throttle.refused(now, sent_at, error.retry_after_s)
        self._changed(self.circuit.failed(now, error.sort, str(error), error.retry_after_s, unreached=error.unreached))
        if error.may_cost:  # one reservation pays for one call
            return None
        return None if self.circuit.state == OPEN else again_in_s

    def _changed(self, news: CircuitNews | None) -> None:
        if news is None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if news.state == OPEN:
            self._timer = asyncio.get_running_loop().call_later(news.wait_s, self._due)
        self._announce(self.name, news)

    def _due(self) -> None:
        self._timer = None
        left_s = self.circuit.left_s(self._monotonic())
        if left_s > 0:  # the loop's clock and ours differ by a little
            self._timer = asyncio.get_running_loop().call_later(left_s, self._due)
        else:
            self._changed(self.circuit.due(self._monotonic()))


class PricedGuard(BackendGuard):
    """The same for a backend whose calls can be priced before they are made."""

    def priced_as(self, request: LlmRequest) -> PricedAs:
        """As the backend says."""
        priced: PricedAs = self._backend.priced_as(request)  # type: ignore[attr-defined]
        return priced
