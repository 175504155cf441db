"""Offers the agent type ``code-writer``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.agents.base_agent import BaseAgent
from agent_dispatcher.extension import AgentType, hookimpl
from agent_dispatcher.extension.components import Services

from .acceptance import CodeWriterOptions, accepts, wishes

__all__ = ["code_writer"]


def _make(options: Any, services: Services) -> BaseAgent:
    from ..by_model.options import model_options
    from .agent import CodeWriterAgent

    return CodeWriterAgent(model_options(options))


class _CodeWriter:
    """The plugin."""

    @hookimpl
    def dispatcher_agent_types(self) -> Iterable[AgentType]:
        """One agent type, which works without a model, and with one where behaviour is not declared."""
        yield AgentType(
            name="code-writer",
            summary="Generates Python code and documentation from declared data models and rules with no AI, and writes the rest with a model, if there is one.",
            factory=_make,
            task_types=frozenset({"code_writing", "debugging", "documentation", "refactoring"}),
            capabilities=frozenset({"python"}),
            accepts=accepts,
            wishes=wishes,
            options=CodeWriterOptions,
            default_rank=50,
        )


code_writer = _CodeWriter()
