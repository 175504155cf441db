"""Counts what is asked of a backend, and refuses a call before it is made when its worst case does not fit the budget.

Nothing is caught here and nothing is retried: an error of the backend reaches whoever asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from attrs import define, field, frozen

from ..errors import BackendError, BudgetExceeded
from ..extension.components import LlmBackend
from ..extension.llm import LlmReply, LlmRequest, Usage
from ..models import ModelUse
from .bounds import input_bound

__all__ = ["LlmCall", "MeteredLlm", "TokenBudget"]

#: Failures by which no model has read anything: what was reserved for the call is free again.
_NOT_BILLED: Final = frozenset({"rate_limit", "outage", "permanent"})


@define
class TokenBudget:
    """Tokens that may be spent, reserved before a call and settled after it. One budget may be shared by many meters of one event loop.

    Attributes:
        limit: ``None`` for no limit.
        spent: tokens of calls that have ended.
        reserved: the worst case of calls in progress.
    """

    limit: int | None = None
    spent: int = 0
    reserved: int = 0

    def reserve(self, tokens: int) -> None:
        """Set ``tokens`` aside.

        Raises:
            BudgetExceeded: they do not fit; nothing was set aside.
        """
        if self.limit is not None and self.spent + self.reserved + tokens > self.limit:
            held = f" and {self.reserved:,} are reserved by calls in progress" if self.reserved else ""
            raise BudgetExceeded(
                f"the next call to the model may take {tokens:,} tokens, of {self.limit:,} that may be spent {self.spent:,} are gone{held} "
                "(raise budget.max_tokens)"
            )
        self.reserved += tokens

    def settle(self, reserved: int, spent: int) -> None:
        """Give back what was ``reserved``; ``spent`` of it is gone."""
        self.reserved -= reserved
        self.spent += spent


@frozen(kw_only=True)
class LlmCall:
    """One call that has ended.

    Attributes:
        purpose: as the request says.
        model: as the reply says; as the request does for a call that failed.
        usage: ``None`` when it gave no reply.
        error: the sort of a :class:`BackendError`, or the class of another exception; ``""`` when it gave a reply.
    """

    purpose: str
    model: str
    usage: Usage | None = None
    error: str = ""


@define
class MeteredLlm:
    """A backend that keeps count. It is itself a :class:`agent_dispatcher.extension.LlmBackend`.

    Attributes:
        backend: what answers.
        name: the backend's name in the record.
        budget: where the calls are reserved and settled.
        calls: every call that has ended, in the order of their ends.
    """

    backend: LlmBackend
    name: str = ""
    budget: TokenBudget = field(factory=TokenBudget)
    calls: list[LlmCall] = field(factory=list)

    async def complete(self, request: LlmRequest) -> LlmReply:
        """What the backend answers.

        Raises:
            BudgetExceeded: the worst case of the call does not fit; it was not made.
            BackendError: the backend's own, or its reply is none.
        """
        worst = input_bound(request) + request.max_output_tokens
        self.budget.reserve(worst)
        try:
            reply = await self.backend.complete(request)
            if not isinstance(reply, LlmReply):
                raise BackendError(
                    f"backend {self.name!r} answered with {type(reply).__name__}, not with an LlmReply (tell its author)",
                    sort="poison",
                )
        except BaseException as error:  # counted, never kept: also a cancelled call may have cost something
            sort = error.sort if isinstance(error, BackendError) else type(error).__name__
            self.budget.settle(worst, 0 if sort in _NOT_BILLED else worst)
            self.calls.append(LlmCall(purpose=request.purpose, model=request.model, error=sort))
            raise
        self.budget.settle(worst, reply.usage.tokens)
        self.calls.append(LlmCall(purpose=request.purpose, model=reply.model or request.model, usage=reply.usage))
        return reply

    def used(self) -> tuple[ModelUse, ...]:
        """What was used so far, added up by purpose and model, sorted."""
        by_place: dict[tuple[str, str], list[LlmCall]] = {}
        for call in self.calls:
            by_place.setdefault((call.purpose, call.model), []).append(call)
        return tuple(self._added_up(*place, by_place[place]) for place in sorted(by_place))

    def _added_up(self, purpose: str, model: str, calls: Iterable[LlmCall]) -> ModelUse:
        calls = tuple(calls)
        usage = sum((call.usage for call in calls if call.usage is not None), Usage())
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
        )
