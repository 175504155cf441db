"""What plugins offer and what is expected of it: one protocol per kind of component.

Everything a plugin author has to know about a kind stands in its protocol. Protocols are structural: a component need not inherit
from anything here. ``async`` methods run on the dispatcher's event loop and must not block it; plain methods are called on it and must be quick.
"""

from __future__ import annotations

from .agent_types import AgentType, Available, Wishes
from .checks import Check, CheckContext
from .executors import Executor
from .language_abilities import (
    Auditing,
    AuditingAsSettled,
    CodeTools,
    Declaring,
    Finding,
    FitsTests,
    HollowTesting,
    NamesTests,
    Objection,
    Reaching,
    SeesOverrides,
    StatedExample,
    ToolsForTests,
    TriesExamples,
    WorkInspector,
)
from .languages import Environment, Language, Layout, Module
from .llm_backends import LlmBackend
from .message_buses import MessageBusComponent
from .offering import API_VERSION, Component, Services
from .planning import (
    Declined,
    Decomposer,
    Decomposition,
    DependencyRule,
    Excludes,
    Note,
    PlanningContext,
    Requires,
    Veto,
)
from .policies import Fail, Reroute, Retry
from .reporters import PlanRenderer, Reporter
from .sandboxes import Completed, Limits, Sandbox
from .specification_formats import MappingFormat, PlanWriter, SpecificationFormat, StatusWriter
from .stores import HolderTeller, Lease, RunFolder, Store
from .validators import PlanValidator
from .workspaces import (
    Change,
    Claimable,
    Conflict,
    ConflictSides,
    Keep,
    Landed,
    Moved,
    Opened,
    OutputInspector,
    Reconciled,
    Remembering,
    Started,
    Tree,
    Workspace,
)

__all__ = [
    "API_VERSION",
    "AgentType",
    "Auditing",
    "AuditingAsSettled",
    "Available",
    "Change",
    "Check",
    "CheckContext",
    "Claimable",
    "CodeTools",
    "Completed",
    "Component",
    "Conflict",
    "ConflictSides",
    "Declaring",
    "Declined",
    "Decomposer",
    "Decomposition",
    "DependencyRule",
    "Environment",
    "Excludes",
    "Executor",
    "Fail",
    "Finding",
    "FitsTests",
    "HolderTeller",
    "HollowTesting",
    "Keep",
    "Landed",
    "Language",
    "Layout",
    "Lease",
    "Limits",
    "LlmBackend",
    "MappingFormat",
    "MessageBusComponent",
    "Module",
    "Moved",
    "NamesTests",
    "Note",
    "Objection",
    "Opened",
    "OutputInspector",
    "PlanRenderer",
    "PlanValidator",
    "PlanWriter",
    "PlanningContext",
    "Reaching",
    "Reconciled",
    "Remembering",
    "Reporter",
    "Requires",
    "Reroute",
    "Retry",
    "RunFolder",
    "Sandbox",
    "SeesOverrides",
    "Services",
    "SpecificationFormat",
    "Started",
    "StatedExample",
    "StatusWriter",
    "Store",
    "ToolsForTests",
    "Tree",
    "TriesExamples",
    "Veto",
    "Wishes",
    "WorkInspector",
    "Workspace",
]
