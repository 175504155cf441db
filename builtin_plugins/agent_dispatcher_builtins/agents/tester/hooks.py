"""Offers the agent type ``tester``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import AgentType, hookimpl
from agent_dispatcher.extension.components import Services

from .acceptance import TesterOptions, accepts

__all__ = ["tester"]


def _make(options: Any, services: Services) -> Any:
    from ..by_model.options import model_options
    from .agent import TesterAgent

    return TesterAgent(model_options(options), review_template=getattr(options, "review_template", None))


class _Tester:
    """The plugin."""

    @hookimpl
    def dispatcher_agent_types(self) -> Iterable[AgentType]:
        """One agent type, which works without a model, and with one where behaviour is not declared."""
        yield AgentType(
            name="tester",
            summary="Derives pytest tests from declared behaviour (examples, bounds, near misses, a state machine), and with a model writes the rest and reviews finished work.",
            factory=_make,
            task_types=frozenset({"review", "testing"}),
            capabilities=frozenset({"python", "pytest"}),
            needs=frozenset({"sandbox"}),
            accepts=accepts,
            options=TesterOptions,
            default_rank=50,
        )


tester = _Tester()
