"""What is told from a requirement's words."""

from __future__ import annotations

import pytest

from agent_dispatcher.models import Requirement, Scenario
from agent_dispatcher_builtins.decomposers.identity import Identities
from agent_dispatcher_builtins.decomposers.kinds import kind_of
from agent_dispatcher_builtins.decomposers.prose import classify, complexity, components, headline, priority, terms


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Users can upload documents.", "code_writing"),
        ("The system shall analyze images for faces.", "code_writing"),
        ("The editor must publish posts when the author releases them.", "code_writing"),
        ("Members can review a book they have read.", "code_writing"),
        ("The product page shows the documentation link.", "code_writing"),
        ("Document the public interface.", "documentation"),
        ("Write a user guide for clerks.", "documentation"),
        ("The README must explain installation.", "documentation"),
        ("Every endpoint must be documented.", "documentation"),
        ("Research which payment providers fit.", "research"),
        ("Benchmark the import of a million rows.", "analysis"),
        ("Audit the login for weaknesses.", "review"),
        ("Refactor the billing module.", "refactoring"),
        ("Fix the rounding of taxes.", "debugging"),
        ("Deploy the service to staging.", "deployment"),
        ("A Docker image must be built for each release.", "deployment"),
        ("The service must be deployed to two regions.", "deployment"),
        ("Integration tests must cover the payment flow.", "testing"),
        ("", "code_writing"),
    ],
)
def test_only_what_is_clearly_other_work_is_not_code(text: str, kind: str) -> None:
    """What a product does is code, whatever verb says it."""
    assert classify(text) == kind


def test_complexity_grows_with_what_is_asked_and_has_an_end() -> None:
    """Length, conditions, scenarios and edge cases count; ten is the most."""
    plain = complexity(Requirement(id="r", text="It prints."))
    assert plain == 1.1
    assert complexity(Requirement(id="r", text="It prints if paper is left, unless it is late.")) > plain
    assert complexity(Requirement(id="r", text="It prints.", scenarios=(Scenario(),))) == plain + 0.5
    assert complexity(Requirement(id="r", text="It prints.", edge_cases=("x", "y"))) == plain + 0.5
    assert complexity(Requirement(id="r", text="word " * 1000)) == 10.0


def test_priorities_are_numbers_that_grow_with_urgency() -> None:
    """An unknown one counts as medium."""
    values = [
        priority(Requirement(id="r", text="", priority=each)) for each in ("critical", "high", "medium", "low", "?")
    ]
    assert values == [2, 1, 0, -1, 0]


def test_a_headline_is_the_first_sentence_cut_at_a_word() -> None:
    """At most 80 characters, never empty."""
    assert headline("It prints.  Then it stops.") == "It prints"
    cut = headline("word " * 40)
    assert len(cut) <= 80
    assert cut.endswith("word…")
    assert headline("It gives what the caller of the function wants, as in `a call with many blanks (of words)`") == (
        "It gives what the caller of the function wants, as in…"
    )
    assert headline("") == "Requirement"


def test_terms_are_singular_and_leave_out_what_every_specification_says() -> None:
    """In order of first use."""
    assert terms("The system must store Invoices, categories and invoice boxes.") == ["invoice", "category", "box"]


def test_glossary_terms_name_components_first() -> None:
    """The author's own words win over the most shared one."""
    requirements = [
        Requirement(id="a", text="A parcel leaves the depot."),
        Requirement(id="b", text="A parcel reaches the depot."),
        Requirement(id="c", text="A parcel waits."),
        Requirement(id="d", text="Rain falls."),
    ]
    assert components(requirements, {})["a"] == "parcel"
    assert components(requirements, {"Depot": "where parcels are kept"})["a"] == "depot"


def test_slugs_are_short_and_plain() -> None:
    """Letters, digits and dashes, whatever the title holds."""
    assert Identities().take("Über die Größe: a/b <c> d e f g", "x").rpartition("-")[0] == "uber-die-groe-a-b"
    assert Identities().take("日本語", "x").startswith("task-")


def test_an_id_is_given_once() -> None:
    """The same content again gets a number, other content a longer hash if it must."""
    identities = Identities()
    given = [identities.take("t", "same") for _ in range(6)]
    assert len(set(given)) == 6
    assert given[0] == Identities().take("t", "same")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("`README.md` explains how to use it.", "documentation"),
        ("The page docs/api.md must list every endpoint.", "documentation"),
        ("`notes.md` is read line by line.", "code_writing"),
        ("`notes.md` must be converted to HTML.", "code_writing"),
        ("`src/a.py` explains how to use it.", "code_writing"),
    ],
)
def test_what_a_page_tells_is_documentation(text: str, kind: str) -> None:
    """And no test is written for it; what a product does with a page is code."""
    assert kind_of(Requirement(id="R1", text=text)) == kind
