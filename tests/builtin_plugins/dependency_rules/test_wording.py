"""Words made comparable."""

from __future__ import annotations

import pytest

from agent_dispatcher.models import Task
from agent_dispatcher_builtins.dependency_rules.wording import OPENING_CHARS, READ_CHARS, Wording, as_written, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Configure", "configuring"),
        ("deployment", "deploys"),
        ("Repositories", "repository"),
        ("migrations", "migrate"),
        ("Validation", "validates"),
        ("UserProfile", "user_profile"),
    ],
)
def test_forms_of_a_word_become_one(one: str, other: str) -> None:
    """Endings, capitals and the ways to write a name of two words."""
    assert list(words(one)) == list(words(other))


@pytest.mark.parametrize(("one", "other"), [("class", "clas"), ("access", "acces"), ("test", "text")])
def test_other_words_stay_apart(one: str, other: str) -> None:
    """A double s is no plural."""
    assert list(words(one)) != list(words(other))


def test_words_without_meaning_and_numbers_are_left_out() -> None:
    """What is left can be compared."""
    assert list(words("The user can use 3 of the new tables, v2")) == ["user", "tabl"]


def test_scripts_without_spaces_are_compared_by_pairs() -> None:
    """A shared compound is found in a longer run."""
    shared = set(words("データベース設計")) & set(words("設計したデータベース"))
    assert {"デー", "設計"} <= shared


def test_words_are_quoted_as_they_are_written() -> None:
    """In the order of the text, the first spelling of each."""
    assert as_written("Validate Users, then the user again", words("users validation")) == ["Validate", "Users"]


def test_a_description_is_read_so_far_and_no_further() -> None:
    """The opening says what sort of work it is; what comes very late is detail."""
    task = Task(id="t", title="Title", description=f"alpha {'x ' * OPENING_CHARS} beta {'x ' * READ_CHARS} gamma")
    wording = Wording.of(task)
    assert "alpha" in wording.opening
    assert "beta" not in wording.opening
    assert "beta" in wording
    assert "gamma" not in wording
    assert "titl" in wording
