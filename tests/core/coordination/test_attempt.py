"""What an agent's result says goes nowhere before the keys are out of it."""

from __future__ import annotations

from typing import Any

import pytest

from agent_dispatcher.agents import AgentResult
from agent_dispatcher.coordination.attempt import cleaned_result
from agent_dispatcher.models import Artifact, Dispute, Evidence, Finding, PlanPatch, Task
from agent_dispatcher.provenance import Scrubber

KEY = "key-17-abcdef"
SCRUBBER = Scrubber.of([KEY])


def finding(what: str) -> Finding:
    return Finding(path="a.py", line=3, rule="r", severity="high", what=what, quote="q")


@pytest.mark.parametrize(
    "fields",
    [
        {"summary": f"logged in with {KEY}"},
        {"error": f"no access with {KEY}"},
        {"artifacts": [Artifact(name=KEY, type="note", path=f"{KEY}.txt", task="t", findings=(finding(KEY),))]},
        {"evidence": (Evidence(id="t-1-x", check="x", passed=False, tree="", summary=KEY, details={"a": [KEY]}),)},
        {"dispute": Dispute(test=KEY, quote=KEY)},
        {"patch": PlanPatch(why=KEY, add=(Task(id="n", title=KEY, type="odd"),))},
    ],
)
def test_every_field_is_cleaned(fields: dict[str, Any]) -> None:
    """The rest of it stays as it was, and so does its class."""
    result = AgentResult(status="failed", tokens=7, permanent=True, **fields)
    assert KEY in repr(result)
    cleaned = cleaned_result(result, SCRUBBER)
    (name,) = fields
    assert KEY not in repr(cleaned) and "<secret>" in repr(getattr(cleaned, name))
    assert (cleaned.status, cleaned.tokens, cleaned.permanent) == ("failed", 7, True)
    assert type(getattr(cleaned, name)) is type(getattr(result, name))


def test_nothing_is_left_of_a_key_that_was_cut_off() -> None:
    """Agents shorten what they say; the beginning of a key is not to stand there either."""
    result = cleaned_result(AgentResult(status="done", summary="pushed with key-17-abc…"), SCRUBBER)
    assert result.summary == "pushed with <secret>"
    assert cleaned_result(AgentResult(status="done", summary="the key-17…"), SCRUBBER).summary == "the key-17…"


def test_a_result_without_keys_is_not_copied() -> None:
    """Nearly all are such: nothing is made anew for them, details that JSON cannot hold are left to be recorded."""
    evidence = Evidence(id="t-1-x", check="x", passed=False, tree="", summary="s", details={"a": {1, 2}})
    for fields in (
        {},
        {"summary": "ok"},
        {"summary": "ok", "evidence": (evidence,), "dispute": Dispute(test="a", quote="b")},
    ):
        result = AgentResult(status="failed", **fields)
        assert cleaned_result(result, SCRUBBER) is result
