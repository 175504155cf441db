"""Order from what tasks say about each other."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pytest

from agent_dispatcher.extension import Requires
from agent_dispatcher.extension.components import DependencyRule
from agent_dispatcher.models import DeclaredDependency, Specification, Task, TaskPhase
from agent_dispatcher.testing import DependencyRuleContract
from agent_dispatcher_builtins.dependency_rules.references import ReferencesRule

Make = Callable[..., Task]
Ask = Callable[..., list[Requires]]


class TestReferencesRule(DependencyRuleContract):
    """The suite that every rule passes."""

    def make_rule(self) -> DependencyRule:
        return ReferencesRule()

    def sample(self) -> tuple[Sequence[Task], Specification]:
        tasks = (
            Task(id="reports", title="Reports", description="Depends on the loan ledger."),
            Task(id="ledger", title="Create the loan ledger"),
        )
        return tasks, Specification(id="s", title="S", tasks=tasks)

    def expected(self) -> frozenset[tuple[str, str]]:
        return frozenset({("ledger", "reports")})


@pytest.mark.parametrize(
    "phrase",
    [
        "Depends on task 3.",
        "Start after Task 3 is done",
        "Takes the model from Task #3",
        "Blocked by subtask 3",
        "It requires the completion of task 3.",
    ],
)
def test_a_task_named_by_its_id_comes_first(phrase: str, listed: Make, ask: Ask) -> None:
    """Where a phrase says that it is there before; the phrase is quoted."""
    first = listed("a", "Alpha", source_id="3")
    found = ask(ReferencesRule(), first, listed("b", "Beta", phrase, source_id="1"))
    assert [(each.before, each.after, each.kind, each.confidence) for each in found] == [("a", "b", "logical", 0.8)]
    assert found[0].source == "b.md:1"
    quoted = found[0].evidence.removeprefix('"Beta" says "').removesuffix('", which names "Alpha"')
    assert quoted in phrase


@pytest.mark.parametrize(
    "phrase", ["See task 3.", "Not part of task 3", "3 tasks", "after 3 days", "after task 4", "T3"]
)
def test_a_mention_is_no_order(phrase: str, listed: Make, ask: Ask) -> None:
    """Nor is a number that names no task."""
    tasks = listed("a", "Alpha", source_id="3"), listed("b", "Beta", phrase, source_id="1")
    assert ask(ReferencesRule(), *tasks) == []


@pytest.mark.parametrize(
    "phrase",
    [
        "Builds on the loan ledger module",
        "once the ledger of loans is there",
        "Integrate with the existing loan ledger.",
        "Uses the Loan Ledger",
        "extends LoanLedger",
    ],
)
def test_a_task_named_by_its_title_comes_first(phrase: str, listed: Make, ask: Ask) -> None:
    """By at least two words and half of its weight."""
    others = listed("x", "Create the loan form"), listed("y", "Create the member form")
    found = ask(ReferencesRule(), listed("a", "Create the loan ledger"), *others, listed("b", "Reports", phrase))
    assert [(each.before, each.after, each.confidence) for each in found] == [("a", "b", 0.6)]


def test_when_two_titles_fit_equally_neither_is_meant(listed: Make, ask: Ask) -> None:
    """Nothing rather than a guess; nor does one word name a title of several."""
    twins = listed("a", "Loan ledger import"), listed("c", "Loan ledger export")
    assert ask(ReferencesRule(), *twins, listed("b", "Reports", "Depends on the loan ledger")) == []
    assert ask(ReferencesRule(), twins[0], listed("b", "Reports", "Depends on the ledger")) == []
    assert ask(ReferencesRule(), listed("a", "Create"), listed("b", "Reports", "Depends on create")) == []


def test_two_tasks_that_name_each_other_are_left_alone(listed: Make, ask: Ask) -> None:
    """One of them is mistaken, and nobody knows which."""
    one = listed("a", "Loan ledger", "Depends on task 2", source_id="1")
    assert ask(ReferencesRule(), one, listed("b", "Member cards", "After task 1", source_id="2")) == []


def test_prose_adds_nothing_to_what_a_source_declares(listed: Make, ask: Ask) -> None:
    """In a list with declared orders or phases a task that is mentioned is only mentioned."""
    tasks = listed("a", "Alpha", source_id="3"), listed("b", "Beta", "After task 3.", source_id="1")
    declares = listed("c", "Gamma", depends_on=(DeclaredDependency(task="a"),))
    assert len(ask(ReferencesRule(), *tasks)) == 1
    assert ask(ReferencesRule(), *tasks, declares) == []
    assert ask(ReferencesRule(), *tasks, specification={"phases": (TaskPhase(name="one", tasks=("a",)),)}) == []


def test_a_long_text_is_read_in_a_moment(listed: Make, ask: Ask) -> None:
    """Megabytes of phrases that nearly name something."""
    text = "after the after the depends on " * 200_000
    began = time.process_time()
    assert ask(ReferencesRule(), listed("a", "Alpha beta"), listed("b", "Gamma", text)) == []
    assert time.process_time() - began < 2
