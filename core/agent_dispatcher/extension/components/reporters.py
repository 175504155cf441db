"""Reporters: files about a finished run, or about a plan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from ...models import Event, ExecutionPlan, ExecutionResult

__all__ = ["PlanRenderer", "Reporter"]


class Reporter(Protocol):
    """Writes a report of a finished run."""

    def write(
        self, result: ExecutionResult, plan: ExecutionPlan, events: Sequence[Event], folder: Path
    ) -> Sequence[Path]:
        """Write files into ``folder`` (exists) and return them."""
        ...


@runtime_checkable
class PlanRenderer(Protocol):
    """A reporter that can also show a plan, before anything ran: ``plan --output FILE`` asks the first in rank whose suffix fits. Optional."""

    #: The end of the names of its files, in lower case with the dot, e.g. ``.html``. A plan file is ``.json`` whoever else would want it.
    plan_suffix: str

    def render_plan(self, plan: ExecutionPlan) -> str:
        """The whole file. The same plan gives the same text."""
        ...
