"""Offers the agent type ``researcher``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import AgentType, Available, Services, hookimpl
from agent_dispatcher.models import Task

from .options import ResearcherOptions

__all__ = ["researcher"]


def _make(options: Any, services: Services) -> Any:
    from .agent import ResearcherAgent

    return ResearcherAgent(options)


def _accepts(task: Task, available: Available) -> str | None:
    from .acceptance import accepts

    return accepts(task, available)


class _Researcher:
    """The plugin."""

    @hookimpl
    def dispatcher_agent_types(self) -> Iterable[AgentType]:
        """One agent type, which needs neither a model nor a network, and answers questions where there is a model."""
        yield AgentType(
            name="researcher",
            summary="Answers questions with a model, each claim with its place; without one gathers facts on named technologies.",
            options=ResearcherOptions,
            factory=_make,
            task_types=frozenset({"research", "analysis"}),
            capabilities=frozenset({"offline"}),
            accepts=_accepts,
            default_rank=50,
        )


researcher = _Researcher()
