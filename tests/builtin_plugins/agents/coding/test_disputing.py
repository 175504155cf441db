"""A coding agent may object to a test by its last words, where a test is what its work was refused for; words bring about nothing else."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from agent_dispatcher.models import Dispute, Requirement, Specification, Task
from agent_dispatcher.testing import AgentRun
from agent_dispatcher_builtins.agents.coding.disputing import dispute_in, may_dispute

TEST = "tests/test_a.py::test_it"
SAID = f'DISPUTE: {TEST} "joined by single hyphens"'
DESCRIPTION = "FR-1: Words are joined by single hyphens."
FEEDBACK = f"pytest: 1 failed\n  {TEST}: assert 'a--b' == 'a-b'"
SOUND = Dispute(test=TEST, quote="joined by single hyphens")


@pytest.mark.parametrize(
    "words",
    [SAID, f"I looked at it.\n\n> {SAID}\n", f"**Done**\n`{SAID}`", SAID.replace('"', "”"), f"{SAID}\nThat is all."],
)
def test_the_last_words_are_understood(words: str) -> None:
    """However the agent sets them."""
    assert dispute_in(words, DESCRIPTION, FEEDBACK) == SOUND


@pytest.mark.parametrize(
    "words",
    [
        "All done.",
        f"I thought of a {SAID}",
        SAID.replace("single", "double"),
        SAID.replace("test_a", "test_b"),
        f"DISPUTE: {TEST} because it is wrong",
        'DISPUTE: "joined by single hyphens"',
    ],
)
def test_what_says_nothing_that_can_be_seen_is_no_objection(words: str) -> None:
    """No form, words of nobody, a test of which nothing was said, no quotation, no test."""
    assert dispute_in(words, DESCRIPTION, FEEDBACK) is None


@pytest.mark.parametrize("type", ["code_writing", "debugging", "refactoring", "testing", "documentation"])
def test_only_work_that_was_refused_for_tests_has_something_to_dispute(type: str) -> None:
    """Who writes tests or documents has not, nor has anybody at the first attempt."""
    task = Task(id="t", title="T", type=type)
    assert may_dispute(task, FEEDBACK) == (type in ("code_writing", "debugging", "refactoring"))
    assert not may_dispute(task, " ")


@pytest.mark.sandbox
@pytest.mark.parametrize("feedback", [FEEDBACK, ""], ids=["refused", "first"])
def test_an_agent_is_told_and_heard(command_line: Callable[..., AgentRun], feedback: str) -> None:
    """After a refusal it knows how to object, and what it wrote beside the objection does not count; at the first attempt it is an agent like any other."""
    text = f"import sys; open('prompt.txt', 'w').write(sys.argv[1]); print({SAID!r})"
    specification = Specification(id="s", title="S", requirements=(Requirement(id="FR-1", text=DESCRIPTION),))
    given: dict[str, Any] = {"specification": specification, "feedback": feedback}
    task = Task(id="t", title="Rebuild it", type="refactoring", requirements=("FR-1",))
    run = command_line(sys.executable, "-c", text, "{prompt}", task=task, **given)
    assert ("end with one line\nDISPUTE: " in run.files["prompt.txt"]) == bool(feedback)
    assert (run.result.status, run.result.dispute) == (("failed", SOUND) if feedback else ("done", None))
