"""``[workflow]`` and approvals in configuration: what is refused, and what a stranger's file may ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.config import Config, load_config
from agent_dispatcher.config.circles import find_circle
from agent_dispatcher.errors import ConfigError


def load(folder: Path, text: str = "", user: str = "", **options: Any) -> Config:
    folder.mkdir(parents=True, exist_ok=True)
    if text:
        (folder / "agent-dispatcher.toml").write_text(text, encoding="utf-8")
    home = folder / "home" / "agent-dispatcher"
    home.mkdir(parents=True, exist_ok=True)
    if user:
        (home / "config.toml").write_text(user, encoding="utf-8")
    env = {"XDG_CONFIG_HOME": str(folder / "home"), "XDG_STATE_HOME": str(folder / "state"), "HOME": str(folder)}
    return load_config(folder, env=env, **options)


@pytest.mark.parametrize(
    ("after", "circle"),
    [
        ({}, ()),
        ({"a": ["b"], "b": ["c"], "x": ["c"]}, ()),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"]}, ()),
        ({"a": ["a"]}, ("a", "a")),
        ({"x": ["a"], "a": ["b"], "b": ["c"], "c": ["a"]}, ("a", "b", "c", "a")),
    ],
)
def test_circles_are_found_with_their_path(after: dict[str, list[str]], circle: tuple[str, ...]) -> None:
    """The types in the order in which they follow each other, without the way in."""
    assert find_circle(after) == circle


def test_a_workflow_without_end_is_refused_at_its_place(tmp_path: Path) -> None:
    """The path and the line."""
    text = '[workflow.after]\ncode_writing = ["review"]\nreview = ["analysis"]\nanalysis = ["code_writing"]\n'
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, text)
    assert str(refused.value) == (
        f"{tmp_path / 'agent-dispatcher.toml'}:2: workflow.after goes round in a circle: "
        "code_writing → review → analysis → code_writing (leave one of them out)"
    )


def test_an_untrusted_file_may_ask_for_approval(tmp_path: Path) -> None:
    """Approval of landings and of the plan can be added by anybody."""
    config = load(tmp_path, '[task_types.code_writing]\napproval = "land"\n[workflow]\napprove_plan = true\n')
    assert config.task_types["code_writing"].approval == "land"
    assert config.workflow.approve_plan is True
    assert config.warnings == ()


def test_an_untrusted_file_cannot_take_approval_away(tmp_path: Path) -> None:
    """What the user's own file asks for stays, and the attempt is named."""
    user = '[task_types.code_writing]\napproval = "land"\n[workflow]\napprove_plan = true\n'
    config = load(tmp_path, "[workflow]\napprove_plan = false\n[task_types.code_writing]\ntimeout_s = 5\n", user)
    assert config.workflow.approve_plan is True
    assert config.task_types["code_writing"].approval == "land"
    assert len(config.warnings) == 1
    assert "workflow.approve_plan" in config.warnings[0]
    with pytest.raises(ConfigError, match="approval"):
        load(tmp_path / "b", '[task_types.code_writing]\napproval = ""\n', user)
