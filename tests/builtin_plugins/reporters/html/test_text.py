"""Text of others: nothing hidden, nothing endless."""

from __future__ import annotations

import pytest

from agent_dispatcher_builtins.reporters.html.text import Allowance, clean, seconds, wrapped


def test_terminal_colours_go_and_hidden_characters_are_named() -> None:
    """Escape sequences vanish; what would reorder or hide text is spelled out."""
    assert clean("\x1b[1;31mred\x1b[0m") == "red"
    assert clean("a\u202eb\x00c\ud800") == "a⟨U+202E⟩b⟨U+0000⟩c⟨U+D800⟩"
    assert clean("Grüße\n\tשלום 日本") == "Grüße\n\tשלום 日本"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (125, "2 min 5 s"),
        (7300, "2 h 1 min"),
        (float("nan"), "unknown"),
    ],
)
def test_durations_in_words(value: float, words: str) -> None:
    """Short ones have a tenth, long ones minutes or hours."""
    assert seconds(value) == words


def test_labels_break_at_spaces_and_end_in_an_ellipsis() -> None:
    """Two lines are filled; the rest is cut visibly; a word without spaces is broken too."""
    assert wrapped("Write the model", 30, 2) == ("Write the model",)
    assert wrapped("Write the model Member", 9, 2) == ("Write the model", "Member")
    first, second = wrapped("x" * 100, 10, 2)
    assert second.endswith("…") and len(first) < 20


def test_the_allowance_is_shared_and_says_what_is_missing() -> None:
    """A text beyond its share is cut with the number of characters left out, at the end or at the beginning."""
    allowance = Allowance(left=1000, each=600)
    text = allowance.take("a" * 700)
    assert text.startswith("a" * 600) and "100 more characters" in text
    text = allowance.take("b" * 500 + "end", tail=True)
    assert text.endswith("end") and "103 characters before this" in text
