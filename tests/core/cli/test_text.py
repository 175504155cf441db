"""Text for a terminal: safe, as wide as it is seen, durations in words."""

from __future__ import annotations

import pytest

from agent_dispatcher.cli._text import cut, duration, pad, plain, width, wrapped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m\x07", "red"),
        ("\x1b]0;title\x07left", "left"),
        ("a\u202eb\u200bc", "a b c"),
        ("two\nlines\t here", "two lines here"),
        ("Größe 統合", "Größe 統合"),
    ],
)
def test_what_is_printed_cannot_steer_the_terminal(text: str, shown: str) -> None:
    """Codes go, characters that hide or reorder others become spaces, everything else stays."""
    assert plain(text) == shown


@pytest.mark.parametrize(
    ("text", "room", "shown"), [("abcdef", 4, "abc…"), ("統合テスト", 5, "統合…"), ("ab", 4, "ab")]
)
def test_cutting_counts_columns(text: str, room: int, shown: str) -> None:
    """A wide character takes two; what is cut says so, and never takes more than there is."""
    assert cut(text, room) == shown
    assert width(pad(text, room)) == room


def test_wrapped_lines_stand_behind_their_indent() -> None:
    """The first line may begin otherwise; no line is wider than asked for unless a word is."""
    assert wrapped("one two three four", "    ", first="- ", room=11) == "- one two\n    three\n    four"
    assert wrapped("x" * 20, "  ", room=10) == "  " + "x" * 20


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (0.44, "0.4 s"), (45, "45 s"), (119, "119 s"), (120, "2 min"), (125, "2 min 5 s"), (725, "12 min"),
     (7260, "2 h 1 min"), (7200, "2 h"), (float("inf"), "unknown")],
)  # fmt: skip
def test_durations_are_said_as_people_say_them(seconds: float, said: str) -> None:
    """As exact as it matters."""
    assert duration(seconds) == said
