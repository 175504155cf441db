"""Offers the agent type ``tester``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import AgentType, hookimpl
from agent_dispatcher.extension.components import Services

from .acceptance import accepts

__all__ = ["tester"]


def _make(options: Any, services: Services) -> Any:
    from .agent import TesterAgent

    return TesterAgent()


class _Tester:
    """The plugin."""

    @hookimpl
    def dispatcher_agent_types(self) -> Iterable[AgentType]:
        """One agent type, which works without a model."""
        yield AgentType(
            name="tester",
            summary="Derives pytest tests from declared behaviour: examples, bounds, near misses and a state machine.",
            factory=_make,
            task_types=frozenset({"testing"}),
            capabilities=frozenset({"python", "pytest"}),
            needs=frozenset({"sandbox"}),
            accepts=accepts,
            default_rank=50,
        )


tester = _Tester()
