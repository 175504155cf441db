"""What agents are made of."""

from __future__ import annotations

from .base_agent import AgentContext, AgentResult, AgentSandbox, AgentWorkspace, BaseAgent, SyncAgent

__all__ = ["AgentContext", "AgentResult", "AgentSandbox", "AgentWorkspace", "BaseAgent", "SyncAgent"]
