"""Counts what is asked of a backend, and refuses a call before it is made when its worst case does not fit the budget.

Nothing is caught here and nothing is retried: an error of the backend reaches whoever asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from attrs import define, evolve, field, frozen

from ..errors import BackendError
from ..extension.components import LlmBackend
from ..extension.llm import LlmReply, LlmRequest, Usage
from ..models import ModelUse
from ..provenance.scrubbing import Scrubber
from .bounds import MOST_TOKENS, input_bound, output_bound
from .budget import Budget, Charge
from .prices import Price, Prices, priced_as, usd_of
from .sending import SENDING, Sending

__all__ = ["Journal", "LlmCall", "MeteredLlm"]

#: Of a call that was given up before it was made.
NOT_MADE: Final = "not_made"


@frozen(kw_only=True)
class LlmCall:
    """One call that has ended.

    Attributes:
        purpose: as the request says.
        model: as the reply says; as it was asked for by a call that failed.
        usage: ``None`` when it gave no reply.
        error: the sort of a :class:`BackendError`, or the class of another exception; ``""`` when it gave a reply.
        tokens: what it counts as: its usage, or the worst case where it failed and may have been billed.
        nano_usd: the same in nano-dollars, ``None`` when no price is known.
    """

    purpose: str
    model: str
    usage: Usage | None = None
    error: str = ""
    tokens: int = 0
    nano_usd: int | None = None


class Journal(Protocol):
    """Keeps a record of calls."""

    async def reserved(self, charge: Charge, request: LlmRequest) -> str:
        """The call is about to be made. It is made when this returns; the number names it in :meth:`settled`."""
        ...

    def settled(self, number: str, call: LlmCall, reply: LlmReply | None = None) -> None:
        """The call has ended, with a reply if there is one."""
        ...


@define
class MeteredLlm:
    """A backend that keeps count. It is itself a :class:`agent_dispatcher.extension.LlmBackend`.

    Attributes:
        backend: what answers.
        name: the backend's name in the record.
        budget: where the calls are set aside and settled.
        prices: what they cost.
        task, agent: on whose account, beside that of the whole.
        journal: told of each call before it is made and after it has ended.
        scrubber: takes keys out of what is sent, of what comes back, and of what an error says.
        calls: every call that has ended, in the order of their ends.
    """

    backend: LlmBackend
    name: str = ""
    budget: Budget = field(factory=Budget)
    prices: Prices = field(factory=Prices)
    task: str = ""
    agent: str = ""
    journal: Journal | None = None
    scrubber: Scrubber | None = None
    calls: list[LlmCall] = field(factory=list)

    async def complete(self, request: LlmRequest) -> LlmReply:
        """What the backend answers.

        Raises:
            BudgetExceeded: the worst case of the call does not fit; it was not made.
            BackendError: the backend's own, or its reply is none.
        """
        hidden, said = False, request
        if self.scrubber is not None:
            request = self.scrubber.request(said)
            hidden = request is not said
        asked = priced_as(self.backend, request)
        price = self.prices.find(asked)
        read, written = input_bound(request), request.max_output_tokens
        charge = Charge(
            tokens=read + written,
            nano_usd=None if price is None else price.worst_nano_usd(read, written),
            task=self.task,
            agent=self.agent,
            unpriced="" if price is not None else self.prices.unknown(asked),
        )
        await self.budget.admit(charge)
        number, made, sending = "", False, Sending()
        token = SENDING.set(sending)
        try:
            if self.journal is not None:
                number = await self.journal.reserved(charge, request)
            made = True
            reply = await self.backend.complete(request)
            if not isinstance(reply, LlmReply):
                raise BackendError(
                    f"backend {self.name!r} answered with {type(reply).__name__}, not with an LlmReply (tell its author)",
                    sort="poison",
                )
            if self.scrubber is not None:
                reply = self.scrubber.reply(evolve(reply, keys_hidden=True) if hidden else reply)
            answered = self._answered(request, reply, price, asked.model)
        except BaseException as error:  # counted, never kept: also a cancelled call may have cost something
            if self.scrubber is not None:
                self.scrubber.error(error)
            sort = error.sort if isinstance(error, BackendError) else type(error).__name__
            made = made and (error is not sending.held or isinstance(error, BackendError))
            free = not made or (isinstance(error, BackendError) and not error.may_cost)
            self._settle(
                charge,
                number,
                LlmCall(
                    purpose=request.purpose,
                    model=request.model or asked.model,
                    error=sort if made else NOT_MADE,
                    tokens=0 if free else charge.tokens,
                    nano_usd=0 if free else charge.nano_usd,
                ),
            )
            raise
        finally:
            SENDING.reset(token)
        self._settle(charge, number, answered, reply)
        return reply

    def used(self) -> tuple[ModelUse, ...]:
        """What was used so far, added up by purpose and model, sorted."""
        by_place: dict[tuple[str, str], list[LlmCall]] = {}
        for call in self.calls:
            by_place.setdefault((call.purpose, call.model), []).append(call)
        return tuple(self._added_up(*place, by_place[place]) for place in sorted(by_place))

    def _answered(self, request: LlmRequest, reply: LlmReply, price: Price | None, asked: str) -> LlmCall:
        """A call that gave a reply. One that says it took nothing at all has not counted, and counts as the most it can have taken.

        Raises:
            BackendError: what it says it took cannot be.
        """
        usage = reply.usage
        if usage.tokens > MOST_TOKENS:
            raise BackendError(
                f"backend {self.name!r} counts more tokens than an exchange can have (see what its server says)",
                sort="poison",
            )
        if not usage.tokens:
            said = reply.text + "".join(call.name + call.arguments for call in reply.tool_calls)
            usage = Usage(input_tokens=input_bound(request), output_tokens=output_bound(said), estimated=True)
        return LlmCall(
            purpose=request.purpose,
            model=reply.model or request.model or asked,
            usage=usage,
            tokens=usage.tokens,
            nano_usd=None if price is None else price.nano_usd(usage),
        )

    def _settle(self, charge: Charge, number: str, call: LlmCall, reply: LlmReply | None = None) -> None:
        self.budget.settle(charge, call.tokens, call.nano_usd)
        self.calls.append(call)
        if self.journal is not None and number:
            self.journal.settled(number, call, reply)

    def _added_up(self, purpose: str, model: str, calls: Iterable[LlmCall]) -> ModelUse:
        calls = tuple(calls)
        usage = sum((call.usage for call in calls if call.usage is not None), Usage())
        priced = [call.nano_usd for call in calls if call.nano_usd is not None]
        return ModelUse(
            purpose=purpose,
            backend=self.name,
            model=model,
            calls=len(calls),
            failed=sum(call.usage is None for call in calls),
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_input_tokens=usage.cached_input_tokens,
            estimated=usage.estimated,
            counted_tokens=sum(call.tokens for call in calls),
            cost_usd=usd_of(sum(priced)) if priced else None,
            unpriced=len(calls) - len(priced),
        )
