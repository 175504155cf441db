"""The configuration as one frozen value, and what is known of its keys.

Nothing here reads a file or looks at the environment (see ``loading``); the tables are those of ``sections``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import field, frozen
from attrs.validators import deep_mapping, ge, min_len, optional

from .sections import (
    USE_KEYS,
    AgentFactorySettings,
    BudgetSettings,
    CoordinatorSettings,
    PlanningSettings,
    PluginSettings,
    PriceSettings,
    ProvenanceSettings,
    StateManagerSettings,
    TaskTypeSettings,
    ThrottleSettings,
    UseSettings,
    WorkflowSettings,
    positive,
)

__all__ = [
    "USE_KEYS",
    "AgentFactorySettings",
    "BudgetSettings",
    "Config",
    "CoordinatorSettings",
    "PlanningSettings",
    "PluginSettings",
    "PriceSettings",
    "ProvenanceSettings",
    "StateManagerSettings",
    "TaskTypeSettings",
    "ThrottleSettings",
    "UseSettings",
    "WorkflowSettings",
]


@frozen(kw_only=True)
class Config:
    """Everything that can be configured.

    Attributes:
        prefer: ``<kind>:<name>`` -> the distribution (or plugin) whose component is meant.
        options: ``<kind>:<name>`` -> the component's own table.
        prices: model, as its server names it -> what it costs; stronger than any price list.
        resources: ``[resources]``: a resource that tasks may need (``gpu``, ``port``, ``memory_gb``) -> how much of it there is, in whole units.
        throttle: ``[throttle.<backend>]``: how fast a language-model backend is asked.
        max_parallel_agents: ``None`` for no limit beside the others.
        enable_parallel_execution: ``False`` runs one task at a time.
        max_execution_time: seconds a run may take, ``None`` for no limit.
        llm_client: a model backend (it has ``complete``) or a plain function from text to text; only from Python.
        allow_partial, unsafe_no_sandbox: only by flag (or from Python).
        project_options: as ``options``, but from a project file nobody trusts: only what a component marks as the project's own counts.
        optional_options: keys of ``options`` that came as ``<name>_config`` and may stay unused.
        sources: path of a key (``coordinator.max_workers``) -> where it was set (``file:line``, ``environment variable X``, ...).
        warnings: what was ignored and why, one sentence each; already logged.
    """

    plugins: PluginSettings = field(factory=PluginSettings)
    use: UseSettings = field(factory=UseSettings)
    prefer: Mapping[str, str] = field(factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(factory=dict)
    coordinator: CoordinatorSettings = field(factory=CoordinatorSettings)
    agent_factory: AgentFactorySettings = field(factory=AgentFactorySettings)
    state_manager: StateManagerSettings = field(factory=StateManagerSettings)
    budget: BudgetSettings = field(factory=BudgetSettings)
    prices: Mapping[str, PriceSettings] = field(factory=dict)
    task_types: Mapping[str, TaskTypeSettings] = field(factory=dict)
    resources: Mapping[str, int] = field(factory=dict, validator=deep_mapping(min_len(1), ge(0)))
    throttle: Mapping[str, ThrottleSettings] = field(factory=dict)
    workflow: WorkflowSettings = field(factory=WorkflowSettings)
    planning: PlanningSettings = field(factory=PlanningSettings)
    provenance: ProvenanceSettings = field(factory=ProvenanceSettings)
    max_parallel_agents: int | None = field(default=None, validator=optional(ge(1)))
    enable_parallel_execution: bool = True
    max_execution_time: float | None = field(default=None, validator=optional(positive))
    llm_client: Any = None
    allow_partial: bool = False
    unsafe_no_sandbox: bool = False
    project_options: Mapping[str, Mapping[str, Any]] = field(factory=dict, repr=False)
    optional_options: frozenset[str] = field(default=frozenset(), repr=False)
    sources: Mapping[str, str] = field(factory=dict, repr=False, eq=False)
    warnings: tuple[str, ...] = field(default=(), repr=False, eq=False)

    def concurrency(self) -> int:
        """How many attempts may be in progress: the smallest of the four limits, 1 without parallel execution."""
        if not self.enable_parallel_execution:
            return 1
        limits = [
            self.coordinator.max_workers,
            self.coordinator.max_concurrent_tasks,
            self.agent_factory.max_total_agents,
        ]
        if self.max_parallel_agents is not None:
            limits.append(self.max_parallel_agents)
        return min(limits)

    def where(self, path: str) -> str:
        """Where the key with that path was set, or the table it belongs to; ``""`` for a default.

        A path inside ``options`` or ``prefer`` is ``options.<kind>:<name>.<key>``.
        """
        return place_of(path, self.sources)

    def metered_llm(self) -> bool:
        """Whether ``llm_client`` (if any) reports what it uses."""
        return self.llm_client is None or callable(getattr(self.llm_client, "complete", None))


#: What only the loader fills in, and no source may contain.
DERIVED = frozenset({"project_options", "optional_options", "sources", "warnings"})
#: What a file or the environment may not contain.
ONLY_BY_FLAG = frozenset({"allow_partial", "unsafe_no_sandbox"})
#: What only Python code can give.
ONLY_FROM_PYTHON = frozenset({"llm_client"})
#: Keys that hold a table, with the class of the table; ``None`` where its keys are free.
SECTIONS: dict[str, type | None] = {
    "plugins": PluginSettings,
    "use": UseSettings,
    "prefer": None,
    "options": None,
    "coordinator": CoordinatorSettings,
    "agent_factory": AgentFactorySettings,
    "state_manager": StateManagerSettings,
    "budget": BudgetSettings,
    "prices": None,
    "task_types": None,
    "resources": None,
    "throttle": None,
    "workflow": WorkflowSettings,
    "planning": PlanningSettings,
    "provenance": ProvenanceSettings,
}


def place_of(path: str, sources: Mapping[str, str]) -> str:
    """Where a key was set: its own place, that of the first key inside it, or that of the table around it; ``""`` for none."""
    while path:
        if path in sources:
            return sources[path]
        for key, place in sources.items():
            if key.startswith(f"{path}."):
                return place
        path = path.rpartition(".")[0]
    return ""


def top_level_keys() -> tuple[str, ...]:
    """Every key a source may have at the top."""
    return tuple(each.name for each in attrs.fields(Config) if each.name not in DERIVED)
