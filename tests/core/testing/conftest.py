"""Running a suite on a component that was broken on purpose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent_dispatcher.testing import Contract, check_contract


@pytest.fixture
def broken_promises(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """``broken_promises(suite)``: name of each promise that the suite found broken, with what it said. Names choose some of its tests."""

    def run(suite: type[Contract], *names: str) -> dict[str, str]:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        outcomes = check_contract(suite, folder, only=names)
        return {name: outcome.why for name, outcome in outcomes.items() if outcome.status == "broken"}

    return run
