"""Agent Dispatcher: from a finished specification to verified, working code.

>>> from agent_dispatcher import AgentDispatcher
>>> AgentDispatcher.__name__
'AgentDispatcher'

Names are imported when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agents import AgentContext, AgentResult, BaseAgent, SyncAgent
    from .coordination.agent_factory import AgentFactory
    from .coordination.coordinator import Coordinator
    from .coordination.message_bus import MessageBus
    from .coordination.state_manager import StateManager
    from .dispatcher import AgentDispatcher
    from .errors import DispatcherError
    from .models import (
        Dependency,
        ExecutionMetrics,
        ExecutionPlan,
        ExecutionResult,
        FinalizedSpecification,
        Requirement,
        Specification,
        Task,
    )
    from .planning.dependency_resolver import DependencyResolver
    from .planning.execution_graph import ExecutionGraph
    from .planning.task_decomposer import TaskDecomposer

__all__ = [
    "AgentContext",
    "AgentDispatcher",
    "AgentFactory",
    "AgentResult",
    "BaseAgent",
    "Coordinator",
    "Dependency",
    "DependencyResolver",
    "DispatcherError",
    "ExecutionGraph",
    "ExecutionMetrics",
    "ExecutionPlan",
    "ExecutionResult",
    "FinalizedSpecification",
    "MessageBus",
    "Requirement",
    "Specification",
    "StateManager",
    "SyncAgent",
    "Task",
    "TaskDecomposer",
]

_MODULES = {
    "AgentContext": "agents",
    "AgentDispatcher": "dispatcher",
    "AgentFactory": "coordination.agent_factory",
    "AgentResult": "agents",
    "BaseAgent": "agents",
    "Coordinator": "coordination.coordinator",
    "Dependency": "models",
    "DependencyResolver": "planning.dependency_resolver",
    "DispatcherError": "errors",
    "ExecutionGraph": "planning.execution_graph",
    "ExecutionMetrics": "models",
    "ExecutionPlan": "models",
    "ExecutionResult": "models",
    "FinalizedSpecification": "models",
    "MessageBus": "coordination.message_bus",
    "Requirement": "models",
    "Specification": "models",
    "StateManager": "coordination.state_manager",
    "SyncAgent": "agents",
    "Task": "models",
    "TaskDecomposer": "planning.task_decomposer",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
