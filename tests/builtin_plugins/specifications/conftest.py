"""Where the samples of other people's projects lie, and a dispatcher that plans them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher_builtins import default_plugins


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder with samples beside the repository."""
    folder = Path(__file__).parents[4] / "shared" / "specs"
    if not (folder / "manifest.json").is_file():
        pytest.skip(f"there are no samples in {folder}")
    return folder


@pytest.fixture(scope="session")
def dispatcher() -> AgentDispatcher:
    """With every builtin, and nothing else."""
    return AgentDispatcher(plugins=default_plugins(), discover=False)
