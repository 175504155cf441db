"""The sandbox of the tests: where it does not work they are skipped, but never in continuous integration."""

from __future__ import annotations

import asyncio
import os

import pytest

from agent_dispatcher.errors import SandboxUnavailable
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap


@pytest.fixture(scope="session")
def isolated() -> Bubblewrap:
    """A sandbox that has proved itself."""
    sandbox = Bubblewrap()
    try:
        asyncio.run(sandbox.probe())
    except SandboxUnavailable as error:
        if os.environ.get("CI") or "does not isolate" in str(error):
            pytest.fail(f"the sandbox must work here: {error}")
        pytest.skip(str(error))
    return sandbox
