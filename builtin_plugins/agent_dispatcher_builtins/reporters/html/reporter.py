"""``report.html`` and ``plan.html``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agent_dispatcher.errors import UsageError
from agent_dispatcher.models import Event, ExecutionPlan, ExecutionResult

from .page import make_page
from .plan_page import make_plan_page
from .rendering import render, render_plan

__all__ = ["HtmlReporter"]

#: A page with more of them takes a browser many seconds for every step.
_MOST_TASKS = 3000


class HtmlReporter:
    """Writes the report, and shows a plan, as one page that can be opened, sent and printed without anything else."""

    plan_suffix = ".html"

    def write(
        self, result: ExecutionResult, plan: ExecutionPlan, events: Sequence[Event], folder: Path
    ) -> Sequence[Path]:
        path = folder / "report.html"
        path.write_text(render(make_page(result, plan, events, folder)), encoding="utf-8")
        return [path]

    def render_plan(self, plan: ExecutionPlan) -> str:
        if len(plan.tasks) > _MOST_TASKS:
            raise UsageError(
                f"a page can show {_MOST_TASKS:,} tasks, this plan has {len(plan.tasks):,}: "
                "write plan.json, or ask explain about single tasks"
            )
        return render_plan(make_plan_page(plan))
