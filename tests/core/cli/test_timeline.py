"""``timeline``: fits the terminal, names who did what, and accounts for every second."""

from __future__ import annotations

import json
from typing import Any

import pytest


def test_it_fits_and_names_everything(recorded: Any, call: Any) -> None:
    """Lanes by agent, every attempt with its waits, the parts, both paths; no line is wider than the terminal."""
    code, out, _ = call("timeline", "--output", recorded.output)
    assert code == 0
    lines = out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].startswith("Shelf: ")
    assert any(line.startswith("flaky-1 ") and "█" in line for line in lines)
    assert any(line.startswith("landing ") and "▓" in line for line in lines)
    again = next(line for line in lines if line.startswith("store (2)"))
    assert "retry" in again
    assert any(line.startswith("store ") and "failed; " in line and "(model)" in line for line in lines)
    assert "attempts that came to nothing, and the waits after them" in out
    assert "critical path as planned" in out and "critical path as it came" in out


def test_json_accounts_for_every_second(recorded: Any, call: Any) -> None:
    """The parts add up to the length of the run; busy and idle to all places."""
    code, out, _ = call("timeline", "--output", recorded.output, "--json")
    document = json.loads(out)
    assert code == 0
    assert (document["format"], document["version"]) == ("agent-dispatcher/timeline", 1)
    assert sum(document["parts_s"].values()) == pytest.approx(document["length_s"])
    assert document["parts_s"]["retries"] > 0
    assert document["busy_s"] + document["idle_s"] == pytest.approx(document["workers"] * document["length_s"])
    assert [each["task"] for each in document["actual_path"]] == ["model", "store", "page"]
    assert {each["task"] for each in document["attempts"]} == {"model", "store", "page", "notes"}
