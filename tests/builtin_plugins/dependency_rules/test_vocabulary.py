"""Early and late work by general words."""

from __future__ import annotations

import pytest

from agent_dispatcher.models import Task
from agent_dispatcher_builtins.dependency_rules import vocabulary
from agent_dispatcher_builtins.dependency_rules.vocabulary import stage, telling
from agent_dispatcher_builtins.dependency_rules.wording import Wording, stem


def wording(title: str, description: str = "") -> Wording:
    return Wording.of(Task(id="t", title=title, description=description))


@pytest.mark.parametrize(
    ("early", "late"),
    [
        ("Initialize the project structure", "Implement the order endpoint"),
        ("Design the database schema", "Add an export endpoint"),
        ("Set up the development environment", "Create the settings page"),
        ("Define core data models", "Handle errors"),
        ("Implement the service", "Write integration tests"),
        ("Implement the page", "Deploy to production"),
        ("Create the parser", "Write the documentation"),
        ("Build the API", "Optimize performance"),
    ],
)
def test_some_sorts_of_work_come_before_others(early: str, late: str) -> None:
    """Whatever they are about."""
    assert stage(wording(early)) < stage(wording(late))


def test_words_of_a_domain_say_nothing() -> None:
    """Nor do other languages."""
    assert stage(wording("Loans, members and fines", "Ausleihe von Medien")) == 0.0


def test_the_telling_word_is_one_of_the_title_first() -> None:
    """For either side, and none where nothing tells."""
    both = wording("Deploy the schema", "Write scenarios for the foundational core")
    assert telling(both, late=True) == "deploy"
    assert telling(both, late=False) == "schema"
    assert telling(wording("Loans"), late=True) == ""


def test_the_tables_hold_stems_as_words_are_compared_by() -> None:
    """A word written otherwise would never be found; none stands twice in a table."""
    for table in (vocabulary._TITLE, vocabulary._OPENING):
        entries = [word for line in table.values() for word in line.split()]
        assert len(entries) == len(set(entries))
    assert "configur" in vocabulary._IN_TITLE
    assert {stem(word) for word in ("configure", "deployment", "documentation", "testing", "schemas", "readme")} <= set(
        vocabulary._IN_TITLE
    )
