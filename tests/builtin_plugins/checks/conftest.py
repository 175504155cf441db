"""A run in small: a folder workspace, the real sandbox, the real language, the real checks."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from agent_dispatcher.errors import SandboxUnavailable
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap


@pytest.fixture(scope="session")
def isolated() -> Bubblewrap:
    """A sandbox that has proved itself; continuous integration fails without one."""
    sandbox = Bubblewrap()
    try:
        asyncio.run(sandbox.probe())
    except SandboxUnavailable as error:
        if os.environ.get("CI") or "does not isolate" in str(error):
            pytest.fail(f"the sandbox must work here: {error}")
        pytest.skip(str(error))
    return sandbox


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Where a run puts its results."""
    return tmp_path / "out"
