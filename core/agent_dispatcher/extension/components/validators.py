"""Validators: reasons not to run a plan."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ...models import ExecutionPlan

__all__ = ["PlanValidator"]


class PlanValidator(Protocol):
    """Looks for reasons not to run a plan."""

    def problems(self, plan: ExecutionPlan) -> Iterable[str]:
        """One sentence per problem; any problem stops the run before it starts."""
        ...
