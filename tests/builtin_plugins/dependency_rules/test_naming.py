"""What tasks name in their text."""

from __future__ import annotations

import time

import pytest

from agent_dispatcher.models import Task
from agent_dispatcher_builtins.dependency_rules.naming import Named, named


def things(title: str, description: str = "") -> list[tuple[str, str, bool, bool]]:
    found = named(Task(id="t", title=title, description=description))
    return [(each.thing.type, each.thing.name, each.made, each.exact) for each in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It reads src/app/models.py.", ("path", "src/app/models.py", False, True)),
        ("Create `src/app/models.py` with the models", ("path", "src/app/models.py", True, True)),
        ("Tests in tests/**/test_*.py pass", ("path", "tests/**/test_*.py", False, True)),
        ("Implement POST /loans/{id} for members", ("route", "post /loans/{id}", True, True)),
        ("Call `GET /loans`", ("route", "get /loans", False, True)),
        ("Fill the table `loans`", ("table", "loans", False, True)),
        ("Add a `loans` table", ("table", "loans", True, True)),
        ("Call `close_loan()` at night", ("symbol", "close_loan", False, True)),
        ("Define the LoanPolicy first", ("symbol", "loanpolicy", True, False)),
        ("Uses close_loan", ("symbol", "close_loan", False, False)),
    ],
)
def test_files_routes_tables_and_symbols_are_recognized(text: str, expected: tuple[str, str, bool, bool]) -> None:
    """With whether the task says that it makes them, and whether they are written as code."""
    assert things("Title", text) == [expected]


def test_a_task_makes_what_it_is_called_after() -> None:
    """And names again what it names again."""
    assert things("LoanPolicy", "LoanPolicy decides") == [
        ("symbol", "loanpolicy", True, False),
        ("symbol", "loanpolicy", False, False),
    ]


@pytest.mark.parametrize(
    "text", ["Create the loan. It reads it.", "and/or, 24/7, e.g. this", "https://example.org/a/b.html", "Hello World"]
)
def test_other_text_names_nothing(text: str) -> None:
    """No addresses, no ordinary words."""
    assert things("Title", text) == []


def test_the_verb_stands_in_the_same_sentence() -> None:
    """What was created before the full stop, or in the line above of a list, is something else."""
    assert things("Title", "- Create the form\n- `close_loan` is there.")[0][2] is False
    assert things("Title", "Create the form. `close_loan` is there.")[0][2] is False


def test_the_phrase_is_quoted() -> None:
    """From the verb to the name, on one line."""
    (found,) = named(Task(id="t", title="Title", description="Then implement\nthe `close_loan` function"))
    assert isinstance(found, Named)
    assert found.phrase == "implement the close_loan"


@pytest.mark.parametrize("text", ["a/" * 500_000, "`" * 500_000, "x_" * 500_000, "*" * 500_000, "A1" * 500_000])
def test_hostile_text_is_read_in_a_moment(text: str) -> None:
    """However long it is."""
    began = time.process_time()
    list(named(Task(id="t", title="Title", description=text)))
    assert time.process_time() - began < 1
