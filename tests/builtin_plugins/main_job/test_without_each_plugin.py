"""Any one builtin can be taken away: then the job still works, or it is refused at validation with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_dispatcher_builtins import default_plugins

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

#: Without these the small job cannot be done by what is left; each with a word of the reason.
NEEDED = {
    "artifacts": "dependency rule",
    "bubblewrap": "sandbox",
    "code-writer": "code_writing",
    "git-workspace": "",
    "local-bus": "message bus",
    "local-executor": "executor",
    "native": "format",
    "pattern": "decomposer",
    "python": "language",
    "sql-store": "store",
    "tester": "testing",
}


@pytest.mark.parametrize("name", [name for name, _ in default_plugins()])
def test_without(name: str, dispatch, small: Path, tmp_path: Path) -> None:
    """Either completed, or exit 3 with one message that names what is missing, before anything was created."""
    ended = dispatch(
        "run", small, "--output", tmp_path / "out", "--json", env={"AGENT_DISPATCHER_PLUGINS_DISABLE": name}
    )
    assert "Traceback" not in ended.stderr
    if ended.code == 3:
        assert name in NEEDED, ended.stderr
        assert NEEDED[name] in ended.stderr
        assert not (tmp_path / "out").exists()
    else:
        assert (ended.code, ended.document["status"]) == (0, "completed"), ended.stderr
