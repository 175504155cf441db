"""What a run has spent on models, by its log. A reservation that nobody settled counts as spent: its call may have been made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from ..models import Event

__all__ = ["Spending", "Spent"]


@define
class Spent:
    """Tokens and nano-dollars (10**-9 US dollars), and how many calls are of unknown price."""

    tokens: int = 0
    nano_usd: int = 0
    unpriced: int = 0

    def add(self, data: Mapping[str, Any], sign: int = 1) -> None:
        """Count a reservation or a settlement, or with ``sign`` -1 take it out again."""
        self.tokens += sign * int(data.get("tokens") or 0)
        nano_usd = data.get("nano_usd")
        if nano_usd is None:
            self.unpriced += sign
        else:
            self.nano_usd += sign * int(nano_usd)


@define
class Spending:
    """Folded from ``model.reserved`` and ``model.settled``.

    Attributes:
        total: of the run; what planning spent is in ``run.started`` and not in here.
        by_task, by_agent: the same by the id of the task and by the type of agent.
        open: calls that were not settled, by their numbers: data of their reservation.
        lost: numbers of those whose process has ended: nobody settles them any more.
    """

    total: Spent = field(factory=Spent)
    by_task: dict[str, Spent] = field(factory=dict)
    by_agent: dict[str, Spent] = field(factory=dict)
    open: dict[str, dict[str, Any]] = field(factory=dict)
    lost: set[str] = field(factory=set)

    def ended(self) -> None:
        """The process that made the calls so far has ended."""
        self.lost.update(self.open)

    def under_way(self) -> Spent:
        """What is reserved for calls that may still be settled; it is part of the totals."""
        found = Spent()
        for number, data in self.open.items():
            if number not in self.lost:
                found.add(data)
        return found

    def take(self, event: Event) -> None:
        """Count an event of a call."""
        data = event.data
        number = str(data["call"])
        if event.type == "model.reserved":
            self.open[number] = {**data, "task": event.task}
            self._add(event.task or "", str(data["agent_type"]), data, 1)
        elif event.type == "model.settled" and number in self.open:
            reserved = self.open.pop(number)
            self._add(event.task or "", str(reserved["agent_type"]), reserved, -1)
            self._add(event.task or "", str(reserved["agent_type"]), data, 1)

    def _add(self, task: str, agent: str, data: Mapping[str, Any], sign: int) -> None:
        self.total.add(data, sign)
        self.by_task.setdefault(task, Spent()).add(data, sign)
        self.by_agent.setdefault(agent, Spent()).add(data, sign)
