"""Offers the agent type ``researcher``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import AgentType, Available, Services, hookimpl
from agent_dispatcher.models import Task

__all__ = ["researcher"]


def _make(options: Any, services: Services) -> Any:
    from .agent import ResearcherAgent

    return ResearcherAgent()


def _accepts(task: Task, available: Available) -> str | None:
    from .acceptance import accepts

    return accepts(task, available)


class _Researcher:
    """The plugin."""

    @hookimpl
    def dispatcher_agent_types(self) -> Iterable[AgentType]:
        """One agent type, which needs neither a model nor a network."""
        yield AgentType(
            name="researcher",
            summary="Gathers facts on named technologies from the specification, the repository and installed packages, each with its place.",
            factory=_make,
            task_types=frozenset({"research", "analysis"}),
            capabilities=frozenset({"offline"}),
            accepts=_accepts,
            default_rank=50,
        )


researcher = _Researcher()
