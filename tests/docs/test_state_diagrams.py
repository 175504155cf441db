"""The state diagrams of the engine's page show the engine's table of steps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent_dispatcher.coordination.lifecycle import ATTEMPT_STEPS, TASK_STEPS

PAGE = Path(__file__).parents[2] / "docs" / "engine.md"


def drawn(heading: str) -> list[tuple[str, str]]:
    """The arrows of the diagram below a heading, those from the beginning and to the end left out."""
    found = re.search(
        rf"^## {heading}$.*?```mermaid\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert found is not None
    arrows = re.findall(r"^\s*(\S+) --> ([^\s:]+)", found[1], re.MULTILINE)
    return [(before, after) for before, after in arrows if "[*]" not in (before, after)]


@pytest.mark.parametrize(("heading", "steps"), [("A task", TASK_STEPS), ("An attempt", ATTEMPT_STEPS)])
def test_a_diagram_has_every_step_once_and_no_other(heading: str, steps: frozenset[tuple[str, str]]) -> None:
    """Who reads the page knows the engine."""
    assert sorted(drawn(heading)) == sorted(steps)
