"""What an agent holds of its attempt ends with the attempt."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_dispatcher.errors import WorkspaceError
from agent_dispatcher.workspace.agent_workspace import GuardedWorkspace


def test_a_closed_workspace_refuses_everything(tmp_path: Path) -> None:
    """After the attempt is over, whoever still holds its workspace can neither read nor write there."""
    workspace = GuardedWorkspace(tmp_path)
    workspace.write_text("kept.txt", "kept")
    workspace.close()
    for act in (
        lambda: workspace.write_text("late.txt", "late"),
        lambda: workspace.read_text("kept.txt"),
        workspace.files,
    ):
        with pytest.raises(WorkspaceError, match="over"):
            act()
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]
