"""Offers the agent type ``code-writer``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.agents.base_agent import SyncAgent
from agent_dispatcher.extension import AgentType, hookimpl
from agent_dispatcher.extension.components import Services

from .acceptance import CodeWriterOptions, accepts, wishes

__all__ = ["code_writer"]


def _make(options: Any, services: Services) -> SyncAgent:
    from .agent import CodeWriterAgent

    return CodeWriterAgent()


class _CodeWriter:
    """The plugin."""

    @hookimpl
    def dispatcher_agent_types(self) -> Iterable[AgentType]:
        """One agent type, which works without a model."""
        yield AgentType(
            name="code-writer",
            summary="Generates Python code and documentation from declared data models and rules, with no AI.",
            factory=_make,
            task_types=frozenset({"code_writing", "documentation"}),
            capabilities=frozenset({"python"}),
            accepts=accepts,
            wishes=wishes,
            options=CodeWriterOptions,
            default_rank=50,
        )


code_writer = _CodeWriter()
