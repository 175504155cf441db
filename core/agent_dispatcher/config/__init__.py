"""The configuration: its values, where they come from, and which project files are trusted."""

from __future__ import annotations

from .loading import base_config, load_config
from .sources import ProjectFile, project_file, xdg_folder
from .trust import is_trusted, revoke_trust, trust, trust_file
from .untrusted import Restricted, restrict
from .values import (
    USE_KEYS,
    AgentFactorySettings,
    BudgetSettings,
    Config,
    CoordinatorSettings,
    PlanningSettings,
    PluginSettings,
    StateManagerSettings,
    TaskTypeSettings,
    UseSettings,
    WorkflowSettings,
)

__all__ = [
    "USE_KEYS",
    "AgentFactorySettings",
    "BudgetSettings",
    "Config",
    "CoordinatorSettings",
    "PlanningSettings",
    "PluginSettings",
    "ProjectFile",
    "Restricted",
    "StateManagerSettings",
    "TaskTypeSettings",
    "UseSettings",
    "WorkflowSettings",
    "base_config",
    "is_trusted",
    "load_config",
    "project_file",
    "restrict",
    "revoke_trust",
    "trust",
    "trust_file",
    "xdg_folder",
]
