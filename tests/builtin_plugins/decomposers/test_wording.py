"""What is told from words, in any script."""

from __future__ import annotations

import pytest

from agent_dispatcher_builtins.decomposers.wording import imperative, names, plain_text, questions, shortened, subjects


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        (
            "WHEN a contact is created, THE Database_Schema SHALL automatically generate a UUID.",
            "Automatically generate a UUID",
        ),
        ("The system MUST NOT store passwords. Ever.", "Do not store passwords"),
        ("The service must also send a mail", "Send a mail"),
        ("Every endpoint must be documented.", "Every endpoint must be documented"),
        ("**Invalid parameters**: A negative duration.", "Invalid parameters"),
        ("What happens when a client disconnects? The server MUST free the session.", "Free the session"),
        ("What happens when memory is short?", "Handle the case that memory is short"),
        ("How does the system handle rapid clicks?", "Handle rapid clicks"),
        ("How are orphans handled when the owner is gone?", "Handle orphans when the owner is gone"),
        ("As a clerk, I want to lend books, so that they are read.", "Lend books"),
        ("Primary user story: As a developer, I need a stable bus that never leaks.", "Provide a stable bus"),
        ("Lend a Book: As a clerk, I want to lend books.", "Lend a Book"),
        ("Der Kunde erhält eine Rechnung.", "Der Kunde erhält eine Rechnung"),
        ("システムは通知を送ること", "システムは通知を送ること"),
        ("Log in with [NEEDS CLARIFICATION: how?] a form.", "Log in with a form"),
        ("", "Requirement"),
    ],
)
def test_a_requirement_as_a_phrase(text: str, phrase: str) -> None:
    """What is asked for, or the headline when nothing says it shorter."""
    assert imperative(text) == phrase


def test_names_are_those_only_code_writes() -> None:
    """In backticks, camel case or snake case; type arguments and calls without theirs; each once."""
    text = "`TidesCallback<T>` and GameSession use line_items, getTides, GameSession, `run()` and Paris."
    assert names(text) == ["TidesCallback", "GameSession", "line_items", "getTides", "run"]


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("Progression of players", "the player's progress", "progress"),
        ("Face clustering", "clusters", "cluster"),
        ("`GameSession` ends", "a game", "game"),
        ("請求書を送る", "顧客の請求書", "請求書"),
        ("Счёт клиента", "новый счёт", "счёт"),
    ],
)
def test_forms_of_a_word_are_one_subject(one: str, other: str, shared: str) -> None:
    """Also of scripts that do not part words."""
    assert shared in set(subjects(one)) & set(subjects(other))


def test_questions_are_what_is_marked_or_said_to_be_open() -> None:
    """Each once, without its mark; a requirement about evaluation is none."""
    assert questions("Keep [NEEDS CLARIFICATION: how long?] logs. The format is TBD.") == [
        "how long?",
        "The format is TBD.",
    ]
    assert questions("The system must evaluate the expression.") == []


def test_plain_text_has_no_markdown() -> None:
    """On one line."""
    assert plain_text("**Bold** `code`\n[link](a.md) 4\\. end") == "Bold code link 4. end"


def test_shortened_between_words() -> None:
    """With an ellipsis, never longer than said."""
    assert shortened("one two three", 9) == "one two…"
    assert shortened("one", 9) == "one"
