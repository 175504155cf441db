"""What an agent is told about a conflict."""

from __future__ import annotations

from agent_dispatcher.coordination.conflicts import conflict_text
from agent_dispatcher.extension import ConflictSides


def test_all_three_sides_are_told() -> None:
    """The common text whole, and what either side made of it as a difference."""
    text = conflict_text(ConflictSides(path="a.py", base="one\ntwo\n", ours="one\nTWO\n", theirs="one\n2\n"))
    assert text.splitlines() == [
        "--- a.py: what both started from",
        "one",
        "two",
        "--- a.py: what landed meanwhile (your next attempt starts from it)",
        "@@ -1,2 +1,2 @@",
        " one",
        "-two",
        "+TWO",
        "--- a.py: what your attempt made of it (not kept; bring it in again)",
        "@@ -1,2 +1,2 @@",
        " one",
        "-two",
        "+2",
    ]


def test_what_is_not_there_and_what_is_long() -> None:
    """A missing side is said to be missing; a long text is cut, with the number of lines that are left out."""
    text = conflict_text(ConflictSides(path="a", base=None, ours=None, theirs="x\n" * 1000))
    assert "(no such file, or no text)" in text and "(the file was deleted, or is no text)" in text
    assert "... and 801 more lines" in text and len(text.splitlines()) < 220
