"""What the lines of a command-line agent are taken for."""

from __future__ import annotations

import json
from typing import Any

from agent_dispatcher_builtins.agents.coding.command_line.lines import Heard, at
from agent_dispatcher_builtins.agents.coding.options import EventRule

RULES = (
    EventRule(when={"type": "item.completed", "item.type": "command"}, progress="item.command"),
    EventRule(when={"type": "turn.completed"}, input_tokens="usage.input", output_tokens="usage.output"),
    EventRule(when={"type": "result", "is_error": "true"}, error="result"),
    EventRule(when={"type": "result"}, result="result"),
)


def _heard(*lines: Any) -> tuple[Heard, list[str]]:
    told: list[str] = []
    heard = Heard(RULES, told.append)
    for line in lines:
        heard.take(line if isinstance(line, str) else json.dumps(line))
    return heard, told


def test_rules_find_progress_tokens_and_result() -> None:
    """The first rule that fits a line says what stands where."""
    heard, told = _heard(
        {"type": "item.completed", "item": {"type": "command", "command": "make"}},
        {"type": "item.completed", "item": {"type": "thought", "command": "hidden"}},
        {"type": "turn.completed", "usage": {"input": 10, "output": 3}},
        {"type": "turn.completed", "usage": {"input": 5}},
        {"type": "result", "is_error": False, "result": "all well"},
    )
    assert told == ["make"]
    assert (heard.said().summary, heard.said().error, heard.said().tokens) == ("all well", "", 18)


def test_an_error_in_a_line_is_one() -> None:
    """A program that ends with code 0 and says that it failed has failed."""
    heard, _ = _heard({"type": "result", "is_error": True, "result": "no idea"})
    assert heard.said().error == "no idea"


def test_output_that_is_no_json_is_the_result() -> None:
    """Where no line says how it ended."""
    heard, _ = _heard("Working…", "[1, 2]", '{"half": ', "Done: wrote a.py")
    assert heard.said().summary.splitlines()[-1] == "Done: wrote a.py"


def test_lines_mean_nothing_by_accident() -> None:
    """Counts that are no counts are not added, deep nesting harms nobody."""
    heard, told = _heard(
        {"type": "turn.completed", "usage": {"input": True, "output": -5}},
        {"type": "turn.completed", "usage": "none"},
        "[" * 200_000,
        "\x00\ud7ff",
    )
    assert (heard.tokens, told) == (0, [])


def test_places_reach_into_lists() -> None:
    """Numbers are places in a list."""
    assert at({"content": [{"text": "x"}]}, "content.0.text") == "x"
    assert at({"content": []}, "content.0.text") is None
