"""Executors: where attempts are carried out."""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["Executor"]


class Executor(Protocol):
    """Carries out attempts. ``envelope`` is plain data; everything else it needs it asks ``host`` for."""

    async def run(self, envelope: Any, host: Any) -> Any:
        """One attempt from start to outcome (an :class:`agent_dispatcher.agents.AgentResult`); raises what the agent raised;
        cancelling it cancels the agent."""
        ...
