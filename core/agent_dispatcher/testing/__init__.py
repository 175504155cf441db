"""What plugin authors test with: a conformance suite for every kind of component, and fakes. Imported explicitly; there is no pytest plugin.

::

    from agent_dispatcher.testing import StoreContract

    class TestMyStore(StoreContract):
        def make_store(self, data_dir):
            return MyStore(data_dir)

Nothing here is imported by the rest of the core. Only :mod:`agent_dispatcher.testing.behaviours` needs a package of its own (Hypothesis).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..coordination.memory_store import MemoryStore
    from .agents import AgentContract
    from .backends import LlmBackendContract
    from .buses import MessageBusContract
    from .checks import CheckCase, CheckContract
    from .context import AgentRun, context_for, run_agent, run_agent_async
    from .contract import Contract, Outcome, check_contract
    from .executors import ExecutorContract
    from .formats import SpecificationFormatContract
    from .languages import LanguageContract, SourceSample
    from .memory_workspace import MemoryWorkspace
    from .model_server import ModelServer, Received
    from .one_line import ScriptedAgent, dispatcher
    from .planning import DecomposerContract, DependencyRuleContract, ValidatorContract
    from .reporters import ReporterContract
    from .sandboxes import SandboxContract
    from .scripted import ScriptedBackend
    from .stores import StoreContract
    from .virtual_time import Deadlock, VirtualClock, VirtualLoop, run_virtual
    from .workspaces import WorkspaceContract

__all__ = [
    "AgentContract",
    "AgentRun",
    "CheckCase",
    "CheckContract",
    "Contract",
    "Deadlock",
    "DecomposerContract",
    "DependencyRuleContract",
    "ExecutorContract",
    "LanguageContract",
    "LlmBackendContract",
    "MemoryStore",
    "MemoryWorkspace",
    "MessageBusContract",
    "ModelServer",
    "Outcome",
    "Received",
    "ReporterContract",
    "SandboxContract",
    "ScriptedAgent",
    "ScriptedBackend",
    "SourceSample",
    "SpecificationFormatContract",
    "StoreContract",
    "ValidatorContract",
    "VirtualClock",
    "VirtualLoop",
    "WorkspaceContract",
    "check_contract",
    "context_for",
    "dispatcher",
    "run_agent",
    "run_agent_async",
    "run_virtual",
]

_MODULES = {
    "AgentContract": ".agents",
    "AgentRun": ".context",
    "CheckCase": ".checks",
    "CheckContract": ".checks",
    "Contract": ".contract",
    "Deadlock": ".virtual_time",
    "DecomposerContract": ".planning",
    "DependencyRuleContract": ".planning",
    "ExecutorContract": ".executors",
    "LanguageContract": ".languages",
    "LlmBackendContract": ".backends",
    "MemoryStore": "..coordination.memory_store",
    "MemoryWorkspace": ".memory_workspace",
    "MessageBusContract": ".buses",
    "ModelServer": ".model_server",
    "Outcome": ".contract",
    "Received": ".model_server",
    "ReporterContract": ".reporters",
    "SandboxContract": ".sandboxes",
    "ScriptedAgent": ".one_line",
    "ScriptedBackend": ".scripted",
    "SourceSample": ".languages",
    "SpecificationFormatContract": ".formats",
    "StoreContract": ".stores",
    "ValidatorContract": ".planning",
    "VirtualClock": ".virtual_time",
    "VirtualLoop": ".virtual_time",
    "WorkspaceContract": ".workspaces",
    "check_contract": ".contract",
    "context_for": ".context",
    "dispatcher": ".one_line",
    "run_agent": ".context",
    "run_agent_async": ".context",
    "run_virtual": ".virtual_time",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
