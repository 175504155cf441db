"""What a model's word is worth."""

from __future__ import annotations

import pytest

from agent_dispatcher.planning.dependency_resolver import BINDING_THRESHOLD
from agent_dispatcher_builtins.decomposers.llm.merging import CERTAINTY
from agent_dispatcher_builtins.prompting.quoting import TRUST, believed, is_quoted, names_something_of

TEXT = "A member can borrow a book; the “loan period” isn't\n  longer than 14 days."


def test_a_model_binds_only_with_a_quote() -> None:
    """What it is certain of and quotes binds by itself; without a quote it does not, not even when it says the same as decomposer and as rule."""
    assert believed(1.0, quoted=True) == 2 * TRUST >= BINDING_THRESHOLD
    assert believed(CERTAINTY, quoted=True) >= BINDING_THRESHOLD
    both = 1 - (1 - believed(1.0, quoted=False)) * (1 - believed(CERTAINTY, quoted=False))
    assert both < BINDING_THRESHOLD


def test_trust_can_be_raised() -> None:
    """From 0.6 on the bare word of a certain model binds, and no quote makes a model surer than it says it is."""
    assert believed(CERTAINTY, quoted=False, trust=0.6) >= BINDING_THRESHOLD
    assert believed(0.7, quoted=True, trust=0.6) == believed(0.7, quoted=True, trust=1.0) == 0.7


def test_an_unsure_model_never_binds() -> None:
    """A quote does not make up for doubt."""
    assert believed(0.8, quoted=True) < BINDING_THRESHOLD
    assert believed(0.8, quoted=False) == believed(0.8, quoted=True) / 2


@pytest.mark.parametrize(
    "quote", ["can borrow a book", "CAN  BORROW\na book…", '"loan period" isn’t longer', "a book; the"]
)
def test_a_quote_is_found_whatever_its_typography(quote: str) -> None:
    """White space, case, quotation marks and an ellipsis at the end do not matter."""
    assert is_quoted(quote, ["something else", TEXT])


@pytest.mark.parametrize("quote", ["", "  ", "book", "borrow books", "a book the", "."])
def test_what_is_not_there_is_no_quote(quote: str) -> None:
    """Neither are single words, which stand in any text."""
    assert not is_quoted(quote, [TEXT])


def test_a_quote_must_be_about_the_other_task() -> None:
    """A word that means something is shared, in singular or plural; words that stand everywhere do not count."""
    assert names_something_of("lists the borrowed books", ["Model Book"])
    assert not names_something_of("the user must have this", ["Which user must have that?"])
    assert not names_something_of("can borrow a book", ["Send reminders"])
