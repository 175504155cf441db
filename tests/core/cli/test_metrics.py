"""``metrics``: one run, several, and as JSON."""

from __future__ import annotations

import json
from typing import Any


def test_it_fits_and_says_what_happened(recorded: Any, call: Any) -> None:
    """Pace, places, retries with their reason, waits, and the agent types; no line is wider than the terminal."""
    code, out, err = call("metrics", "--output", recorded.output)
    assert (code, err) == (0, "")
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "4 of 4 tasks completed" in out and "a minute" in out and "% busy" in out
    assert "5 attempts, 1 of them again (1 failed)" in out
    assert "flaky" in out and "waiting to be tried again" in out


def test_json_has_every_figure_over_several_runs(recorded: Any, call: Any) -> None:
    """One document; a run that is named twice is counted twice, and --all means those of the folder."""
    code, out, _ = call("metrics", recorded.run, recorded.run, "--output", recorded.output, "--json")
    both = json.loads(out)
    assert code == 0 and (both["format"], both["version"]) == ("agent-dispatcher/metrics", 1)
    _, out, _ = call("metrics", "--all", "--output", recorded.output, "--json")
    alone = json.loads(out)
    assert alone["runs"] == [recorded.run] and both["attempts"] == 2 * alone["attempts"] == 10
    assert [group["name"] for group in alone["by_agent_type"]] == ["flaky"]
    assert call("metrics", "--all", recorded.run)[0] == 2
