"""``report.html``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agent_dispatcher.models import Event, ExecutionPlan, ExecutionResult

from .page import make_page
from .rendering import render

__all__ = ["HtmlReporter"]


class HtmlReporter:
    """Writes the report as one page that can be opened, sent and printed without anything else."""

    def write(
        self, result: ExecutionResult, plan: ExecutionPlan, events: Sequence[Event], folder: Path
    ) -> Sequence[Path]:
        path = folder / "report.html"
        path.write_text(render(make_page(result, plan, events, folder)), encoding="utf-8")
        return [path]
