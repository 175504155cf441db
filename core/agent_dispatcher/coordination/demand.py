"""What tasks ask for while an agent is at work on them, and how much of it there is. Plain values; who has what is kept elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from ..models import Task
from ..planning.needs import needs_of

__all__ = ["CLOSED", "HALF_OPEN", "OPEN", "Demand", "backend_resource"]

#: States of a backend's circuit: calls go through; none does; one task finds out.
CLOSED: Final = "closed"
OPEN: Final = "open"
HALF_OPEN: Final = "half_open"

_SIZES: Final[Mapping[str, int | None]] = {CLOSED: None, OPEN: 0, HALF_OPEN: 1}


def backend_resource(name: str) -> str:
    """What a language-model backend is called among the resources."""
    return f"backend {name}"


@frozen(kw_only=True)
class Demand:
    """Attributes:
    resources: named resource to how much of it there is.
    by_type: task type to what its tasks need, where they do not say so themselves.
    backends: agent type to the name of the language-model backend that it needs.
    """

    resources: Mapping[str, int] = field(factory=dict)
    by_type: Mapping[str, Mapping[str, int]] = field(factory=dict)
    backends: Mapping[str, str] = field(factory=dict)

    def own_needs(self, task: Task) -> dict[str, int]:
        """Named resource to how much of it the task needs."""
        return needs_of(task, self.by_type)

    def capacity(self, circuits: Mapping[str, str]) -> dict[str, int | None]:
        """Resource to how much there is, backends included.

        Args:
            circuits: backend to the state of its circuit, where that is not closed.
        """
        names = sorted(set(self.backends.values()))
        return {**self.resources, **{backend_resource(name): _SIZES[circuits.get(name, CLOSED)] for name in names}}

    def excess(self, task: Task) -> tuple[tuple[str, int, int], ...]:
        """``(resource, needed, available)`` for everything of which the task needs more than there is at all."""
        return tuple(
            (name, amount, self.resources.get(name, 0))
            for name, amount in sorted(self.own_needs(task).items())
            if amount > self.resources.get(name, 0)
        )

    def to_data(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "resources": dict(self.resources),
            "by_type": {type: dict(needs) for type, needs in self.by_type.items()},
            "backends": dict(self.backends),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any] | None) -> Demand | None:
        """What :meth:`to_data` wrote; ``None`` for ``None``."""
        return None if data is None else cls(**data)
