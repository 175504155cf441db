"""What agents are made of."""

from __future__ import annotations

from .base_agent import AgentContext, AgentResult, AgentSandbox, AgentWorkspace, BaseAgent, SyncAgent
from .messages import AgentBus, Message

__all__ = [
    "AgentBus",
    "AgentContext",
    "AgentResult",
    "AgentSandbox",
    "AgentWorkspace",
    "BaseAgent",
    "Message",
    "SyncAgent",
]
