"""What may be spent on models: the worst case of a call is set aside before it is made and settled afterwards.

A call that cannot fit is refused. One that would fit if the calls in progress take less than their worst case waits for them: what is set aside
is mostly given back. There are limits for the run, for each task, and for all agents of one type, in tokens and in nano-dollars.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from attrs import define, field, frozen

from ..config.values import BudgetSettings
from ..errors import BudgetExceeded
from .prices import nano_of, usd_of

__all__ = ["Account", "Budget", "Cap", "Charge"]


@frozen(kw_only=True)
class Charge:
    """The worst case of one call.

    Attributes:
        task, agent: who wants it made: the task's id and the agent's type; ``""`` while planning.
        nano_usd: ``None`` when no price is known.
        unpriced: why no price is known.
    """

    tokens: int
    nano_usd: int | None = None
    task: str = ""
    agent: str = ""
    unpriced: str = ""


@frozen(kw_only=True)
class Cap:
    """A limit; ``None`` for none.

    Attributes:
        where: what the keys of the configuration end in.
    """

    tokens: int | None = None
    nano_usd: int | None = None
    where: str = ""

    def __bool__(self) -> bool:
        return self.tokens is not None or self.nano_usd is not None


@define
class Account:
    """What is gone, and what is set aside for calls in progress."""

    tokens: int = 0
    nano_usd: int = 0
    held_tokens: int = 0
    held_nano_usd: int = 0


@define
class Budget:
    """The accounts of one run, or of one plan being made. To be used on one event loop.

    Attributes:
        run, task, agent: limits for everything, for one task, and for the agents of one type.
        allow_unpriced: where a cost is limited, a call of unknown price is made all the same.
        total: what the whole has spent.
    """

    run: Cap = field(factory=Cap)
    task: Cap = field(factory=Cap)
    agent: Cap = field(factory=Cap)
    allow_unpriced: bool = False
    total: Account = field(factory=Account)
    _of_task: dict[str, Account] = field(factory=dict)
    _of_agent: dict[str, Account] = field(factory=dict)
    _waiting: list[asyncio.Future[None]] = field(factory=list)

    @classmethod
    def of(cls, settings: BudgetSettings) -> Budget:
        """As configured, nothing spent."""
        return cls(
            run=_cap(settings.max_tokens, settings.max_cost_usd),
            task=_cap(settings.max_tokens_per_task, settings.max_cost_usd_per_task, "_per_task"),
            agent=_cap(settings.max_tokens_per_agent, settings.max_cost_usd_per_agent, "_per_agent"),
            allow_unpriced=settings.allow_unpriced,
        )

    def spent_before(self, tokens: int, nano_usd: int, *, task: str = "", agent: str = "") -> None:
        """Count what is gone already. One of ``task`` and ``agent`` names whose it was, apart from the whole; neither: the whole."""
        account = self._of_task.setdefault(task, Account()) if task else self.total
        account = self._of_agent.setdefault(agent, Account()) if agent else account
        account.tokens += tokens
        account.nano_usd += nano_usd

    async def admit(self, charge: Charge) -> None:
        """Set a call's worst case aside, as soon as it fits.

        Raises:
            BudgetExceeded: it cannot fit, however little the calls in progress take; nothing was set aside.
        """
        while True:
            refusal = self.refusal(charge)
            if refusal is not None:
                raise refusal
            if self.fits(charge):
                self._hold(charge, 1)
                return
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn

    def settle(self, charge: Charge, tokens: int, nano_usd: int | None) -> None:
        """Give back what was set aside for a call; so much of it is gone."""
        self._hold(charge, -1)
        for account, _ in self._accounts(charge):
            account.tokens += tokens
            account.nano_usd += nano_usd or 0
        waiting, self._waiting = self._waiting, []
        for turn in waiting:
            if not turn.done():
                turn.set_result(None)

    def refusal(self, charge: Charge) -> BudgetExceeded | None:
        """Why the call cannot be made; ``None`` when it can, now or after the calls in progress.

        What belongs to the task or the agent type alone comes first: nobody else is stopped by what concerns only them.
        """
        for account, cap in self._accounts(charge):
            if cap.tokens is not None and account.tokens + charge.tokens > cap.tokens:
                taken = f"may take {charge.tokens:,} tokens"
                left = f"{cap.tokens:,} that may be spent{_whose(cap, charge)} {account.tokens:,} are gone"
                alone = bool(cap.where) or charge.tokens > cap.tokens
                return _refusal(taken, left, f"max_tokens{cap.where}", own=alone)
            if cap.nano_usd is None:
                continue
            if charge.nano_usd is None:
                if not self.allow_unpriced:
                    what = f"budget.max_cost_usd{cap.where} limits what may be spent"
                    return BudgetExceeded(f"{what}, but {charge.unpriced or 'no price is known'}")
            elif account.nano_usd + charge.nano_usd > cap.nano_usd:
                taken = f"may cost {_usd(charge.nano_usd)}"
                left = f"{_usd(cap.nano_usd)} that may be spent{_whose(cap, charge)} {_usd(account.nano_usd)} are gone"
                alone = bool(cap.where) or charge.nano_usd > cap.nano_usd
                return _refusal(taken, left, f"max_cost_usd{cap.where}", own=alone)
        return None

    def fits(self, charge: Charge) -> bool:
        """Whether the call fits beside those in progress, should each take all it may."""
        for account, cap in self._accounts(charge):
            if cap.tokens is not None and account.tokens + account.held_tokens + charge.tokens > cap.tokens:
                return False
            held = account.nano_usd + account.held_nano_usd + (charge.nano_usd or 0)
            if cap.nano_usd is not None and charge.nano_usd is not None and held > cap.nano_usd:
                return False
        return True

    def _hold(self, charge: Charge, sign: int) -> None:
        for account, _ in self._accounts(charge):
            account.held_tokens += sign * charge.tokens
            account.held_nano_usd += sign * (charge.nano_usd or 0)

    def _accounts(self, charge: Charge) -> Iterator[tuple[Account, Cap]]:
        """Every account the call goes on, and its limit."""
        if charge.task and self.task:
            yield self._of_task.setdefault(charge.task, Account()), self.task
        if charge.agent and self.agent:
            yield self._of_agent.setdefault(charge.agent, Account()), self.agent
        yield self.total, self.run


def _cap(tokens: int | None, usd: float | None, where: str = "") -> Cap:
    return Cap(tokens=tokens, nano_usd=None if usd is None else nano_of(usd), where=where)


def _refusal(taken: str, left: str, key: str, *, own: bool) -> BudgetExceeded:
    return BudgetExceeded(f"the next call to the model {taken}, of {left} (raise budget.{key})", own=own)


def _whose(cap: Cap, charge: Charge) -> str:
    return {"": "", "_per_task": f" on task {charge.task}", "_per_agent": f" by {charge.agent}"}[cap.where]


def _usd(nano: int) -> str:
    return f"{usd_of(nano):.6f}".rstrip("0").rstrip(".") + " US dollars"
