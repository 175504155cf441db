"""Whoever runs the tests: their own runs change no test's plan, and no test's runs change their plans."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# A loaded machine is no fault of an example. (Where CI is set, Hypothesis has a profile of its own that says so too.)
if not os.environ.get("CI"):
    settings.register_profile("here", deadline=None)
    settings.load_profile("here")


@pytest.fixture(scope="session", autouse=True)
def no_history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The state folder is a fresh one, and nothing is learned from what other tests did, for this process and its children."""
    with pytest.MonkeyPatch.context() as patch:
        if "XDG_STATE_HOME" not in os.environ:
            patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.setenv("AGENT_DISPATCHER_PLANNING_LEARN_FROM_RUNS", "0")
        yield
