"""Between the agents of a run and the language model: every call is on record before it is made and settled on record afterwards.

A process that dies leaves the reservations of its calls open; they count as spent, so that no number of crashes spends more than the budget. A
call that does not fit the budget of the run is refused, and the run pauses: what is in progress ends, nothing new begins, and it can be resumed. One
that does not fit a limit of its task or its agent type alone, or asks for more than the run ever had, is its attempt's own failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..errors import BudgetExceeded
from ..extension.components import LlmBackend
from ..extension.llm import LlmReply, LlmRequest
from ..llm import Budget, MeteredLlm, Prices
from ..llm.budget import Charge
from ..llm.metering import NOT_MADE, LlmCall
from ..llm.prices import nano_of
from ..llm.waiting import WAITING, Waiting
from ..provenance import Archive, Scrubber
from .spending import Spending
from .state_manager import StateManager

__all__ = ["AgentLlm", "ModelCalls", "planning_data"]

#: So much of the names of tools that a reply wants called stands in the record.
_MOST_TOOLS, _LONGEST_NAME = 50, 100


class ModelCalls:
    """The model's side of one run.

    Args:
        backend: what answers.
        name: the backend's name in the record.
        budget: as configured, nothing spent.
        prices: what calls cost.
        scrubber: takes keys out of what is sent and of what comes back.
        archive: keeps what was asked and answered; ``None`` for nothing.
    """

    def __init__(
        self,
        backend: LlmBackend,
        name: str,
        budget: Budget,
        prices: Prices,
        scrubber: Scrubber | None = None,
        archive: Archive | None = None,
    ) -> None:
        self.backend = backend
        self.name = name
        self.budget = budget
        self.prices = prices
        self.scrubber = scrubber
        self.archive = archive
        self.refusal = ""
        self._last = 0

    def attach(
        self,
        state: StateManager,
        recorded: Callable[[], Awaitable[None]],
        record_soon: Callable[[], None],
        stop: Callable[[str], None],
    ) -> None:
        """Begin where the log ends.

        Args:
            state: where calls are recorded.
            recorded: returns when everything that was gathered is recorded.
            record_soon: has it recorded before long.
            stop: pauses the run, and says why.
        """
        log = state.state()
        self._state, self._recorded, self._record_soon, self._stop = state, recorded, record_soon, stop
        self._loop = asyncio.get_running_loop()
        self._epoch = state.lease.epoch
        planned: Mapping[str, Any] = log.started.get("planning") or {}
        spending: Spending = log.spending
        self.budget.spent_before(
            spending.total.tokens + int(planned.get("tokens") or 0),
            spending.total.nano_usd + int(planned.get("nano_usd") or 0),
        )
        for task, spent in spending.by_task.items():
            self.budget.spent_before(spent.tokens, spent.nano_usd, task=task)
        for agent, spent in spending.by_agent.items():
            self.budget.spent_before(spent.tokens, spent.nano_usd, agent=agent)

    def of(self, task: str, attempt: int, agent_type: str, agent: str) -> AgentLlm:
        """What one attempt may ask."""
        journal = _Journal(self, task, attempt, agent_type, agent)
        meter = MeteredLlm(
            self.backend,
            self.name,
            self.budget,
            self.prices,
            task=task,
            agent=agent_type,
            journal=journal,
            scrubber=self.scrubber,
        )
        return AgentLlm(self, meter)

    def refuse(self, why: str) -> None:
        """A call did not fit: the run is to pause."""
        if not self.refusal:
            self.refusal = why
            self._stop(why)

    def next_number(self) -> str:
        """A number no other call of the run has, in whichever process."""
        self._last += 1
        return f"{self._epoch}.{self._last}"


class AgentLlm:
    """The backend as one attempt sees it. It is a :class:`agent_dispatcher.extension.LlmBackend`, for a thread with an event loop of its own too.

    Attributes:
        refused: why a call of this attempt did not fit the budget of the run, ``""`` as long as all did.
        exceeded: why one did not fit a limit that is this attempt's own affair.
        waiting: how long its calls waited for their turn.
    """

    def __init__(self, calls: ModelCalls, meter: MeteredLlm) -> None:
        self._calls = calls
        self._meter = meter
        self._closed = False
        self.refused = self.exceeded = ""
        self.waiting = Waiting()

    async def complete(self, request: LlmRequest) -> LlmReply:
        """What the model answers.

        Raises:
            BudgetExceeded: the call does not fit, or the attempt is over; it was not made.
            BackendError: the model did not answer as it should.
        """
        loop = self._calls._loop
        if asyncio.get_running_loop() is not loop:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._complete(request), loop))
        return await self._complete(request)

    async def _complete(self, request: LlmRequest) -> LlmReply:
        if self._closed:
            raise BudgetExceeded("the attempt is over: nothing more is spent on it", own=True)
        token = WAITING.set(self.waiting)
        try:
            return await self._meter.complete(request)
        except BudgetExceeded as error:
            if error.own:
                self.exceeded = str(error)
            else:
                self.refused = str(error)
                self._calls.refuse(self.refused)
            raise
        finally:
            WAITING.reset(token)

    @property
    def asked(self) -> bool:
        """Whether a call was made."""
        return bool(self._meter.calls)

    def close(self) -> None:
        """The attempt is over: an agent that goes on regardless is not answered any more."""
        self._closed = True


class _Journal:
    """Records the calls of one attempt."""

    def __init__(self, calls: ModelCalls, task: str, attempt: int, agent_type: str, agent: str) -> None:
        self._calls = calls
        self._task = task
        self._attempt = attempt
        self._who = {"agent_type": agent_type, "agent": agent}
        self._sent_at: dict[str, float] = {}

    async def reserved(self, charge: Charge, request: LlmRequest) -> str:
        calls = self._calls
        number = calls.next_number()
        data = {"call": number, **self._who, "backend": calls.name, "purpose": request.purpose}
        said = {} if calls.archive is None else {"request": calls.archive.request(request)}
        self._record("model.reserved", {**data, "tokens": charge.tokens, "nano_usd": charge.nano_usd, **said})
        try:
            await calls._recorded()
        except BaseException:
            self.settled(number, LlmCall(purpose=request.purpose, model=request.model, error=NOT_MADE, nano_usd=0))
            raise
        self._sent_at[number] = calls._loop.time()
        return number

    def settled(self, number: str, call: LlmCall, reply: LlmReply | None = None) -> None:
        usage, sent_at = call.usage, self._sent_at.pop(number, None)
        data: dict[str, Any] = {
            "call": number,
            "model": call.model,
            "input_tokens": usage.input_tokens if usage else None,
            "output_tokens": usage.output_tokens if usage else None,
            "cached_input_tokens": usage.cached_input_tokens if usage else None,
            "estimated": usage.estimated if usage else False,
            "tokens": call.tokens,
            "nano_usd": call.nano_usd,
            "error": call.error,
            "took_s": 0.0 if sent_at is None else round(self._calls._loop.time() - sent_at, 6),
        }
        if reply is not None and reply.tool_calls:
            data["tools"] = [each.name[:_LONGEST_NAME] for each in reply.tool_calls[:_MOST_TOOLS]]
        if reply is not None and self._calls.archive is not None:
            data["reply"] = self._calls.archive.reply(reply)
        self._record("model.settled", data)
        self._calls._record_soon()

    def _record(self, type: str, data: dict[str, Any]) -> None:
        self._calls._state.append(type, task=self._task, attempt=self._attempt, data=data)


def planning_data(used: Any) -> dict[str, Any]:
    """What planning spent (rows of :class:`agent_dispatcher.models.ModelUse`), as it stands in ``run.started``."""
    return {
        "tokens": sum(max(each.counted_tokens, each.input_tokens + each.output_tokens) for each in used),
        "nano_usd": sum(nano_of(each.cost_usd or 0.0) for each in used),
        "unpriced": sum(each.unpriced for each in used),
    }
