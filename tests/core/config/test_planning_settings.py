"""``[planning]`` in configuration: thresholds reach the resolver, and nonsense is refused at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_dispatcher.config import PlanningSettings, load_config
from agent_dispatcher.errors import ConfigError


def env(folder: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(folder), "XDG_STATE_HOME": str(folder / "state"), "HOME": str(folder)}


def write(folder: Path, text: str) -> Path:
    """The user's own file."""
    path = folder / "agent-dispatcher" / "config.toml"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_set_is_what_counts(tmp_path: Path) -> None:
    """Thresholds and the number of runs to learn from."""
    write(tmp_path, "[planning]\nbinding_threshold = 0.7\nadvisory_threshold = 0.2\nlearn_from_runs = 0\n")
    expected = PlanningSettings(binding_threshold=0.7, advisory_threshold=0.2, learn_from_runs=0)
    assert load_config(tmp_path / "p", env=env(tmp_path)).planning == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[planning]\nbinding_threshold = 1.5", "'binding_threshold' must be <= 1.0: 1.5"),
        ("[planning]\nlearn_from_runs = -1", "'learn_from_runs' must be >= 0: -1"),
        (
            "[planning]\nadvisory_threshold = 0.8",
            "planning.advisory_threshold (0.8) is above planning.binding_threshold (0.5)",
        ),
    ],
)
def test_nonsense_is_refused_at_its_place(tmp_path: Path, text: str, message: str) -> None:
    """A threshold that is no probability, a negative number, thresholds the wrong way round."""
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "p", env=env(tmp_path))
    assert message in str(caught.value)
    assert f"{path}:2" in str(caught.value)


def test_a_stranger_cannot_move_a_threshold(tmp_path: Path) -> None:
    """A project's file that nobody trusts is not asked which orders hold."""
    project = tmp_path / "p"
    project.mkdir()
    (project / "agent-dispatcher.toml").write_text("[planning]\nbinding_threshold = 0.9\nlearn_from_runs = 1\n")
    config = load_config(project, env=env(tmp_path))
    assert config.planning == PlanningSettings()
    assert "planning.binding_threshold" in config.warnings[0]
