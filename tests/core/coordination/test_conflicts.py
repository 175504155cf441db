"""What an agent is told about a conflict."""

from __future__ import annotations

from agent_dispatcher.coordination.conflicts import conflict_text
from agent_dispatcher.extension import ConflictSides

LANDED, OWN = "landed meanwhile (your next attempt starts from it)", "your attempt (not kept; bring it in again)"


def lines(*changed: tuple[int, str], size: int = 150) -> str:
    """A text of so many lines, some of them others."""
    others = dict(changed)
    return "".join(f"{others.get(number, f'line {number} of an ordinary file')}\n" for number in range(1, size + 1))


def test_the_place_in_conflict_is_told_in_all_three_words() -> None:
    """What landed, what was attempted, and what both started from, with two lines around."""
    text = conflict_text(
        ConflictSides(path="a.py", base="one\ntwo\n", ours="one\nTWO\n", theirs="one\n2\n"),
    )
    assert text.splitlines() == [
        f"--- a.py, lines 1 to 2: {LANDED}",
        "one",
        "TWO",
        f"--- a.py, the same lines: {OWN}",
        "one",
        "2",
        "--- a.py, the same lines: what both started from",
        "one",
        "two",
    ]


def test_what_matters_stands_at_the_beginning_of_a_long_file() -> None:
    """Within the first thousand characters for one place in 150 lines, and what else either side changed behind it, the attempt's first."""
    base = lines()
    ours = lines((101, "OURS"), (20, "landed elsewhere"))
    theirs = lines((101, "THEIRS"), (140, "attempted elsewhere"))
    text = conflict_text(ConflictSides(path="a.py", base=base, ours=ours, theirs=theirs))
    assert all(each in text[:1000] for each in ("OURS", "THEIRS", "line 101 of", "line 99 of", "line 103 of"))
    assert "line 98 of" not in text and "line 104 of" not in text
    assert text.index("THEIRS") < text.index("+attempted elsewhere") < text.index("+landed elsewhere")
    assert text.count("elsewhere") == 2


def test_all_places_come_before_everything_else() -> None:
    """Of several files too; a place is one however the changes overlap, and the same change on both sides is none."""
    one = ConflictSides(
        path="a",
        base=lines(size=30),
        ours=lines((3, "A"), (4, "B"), (10, "same"), size=30),
        theirs=lines((4, "C"), (5, "D"), (10, "same"), (28, "own"), size=30),
    )
    text = conflict_text(one, ConflictSides(path="b", base="x\n", ours="y\n", theirs="z\n"))
    heads = [line for line in text.splitlines() if line.startswith("---")]
    assert heads == [
        f"--- a, lines 1 to 7: {LANDED}",
        f"--- a, the same lines: {OWN}",
        "--- a, the same lines: what both started from",
        f"--- b, lines 1 to 1: {LANDED}",
        f"--- b, the same lines: {OWN}",
        "--- b, the same lines: what both started from",
        f"--- a, what else changed: {OWN}",
    ]
    assert "same" not in text.replace("the same lines", "")
    first = text.split("---")[1].splitlines()[1:]
    assert first[2:5] == ["A", "B", "line 5 of an ordinary file"]


def test_what_is_not_there_is_said() -> None:
    """A side that deleted the file, against what the other made of it; and a file that both made."""
    gone = conflict_text(ConflictSides(path="a", base="x\n", ours=None, theirs="x\ny\n"))
    assert "+y" in gone and f"--- a: {LANDED}\n(the file was deleted, or is no text)" in gone
    both = conflict_text(ConflictSides(path="a", base=None, ours="x\n", theirs="y\n"))
    assert both.splitlines() == [
        f"--- a, the whole file: {LANDED}",
        "x",
        f"--- a, the same lines: {OWN}",
        "y",
        "--- a, the same lines: what both started from",
        "(no such file, or no text)",
    ]


def test_what_is_long_is_cut() -> None:
    """A side, a line, and the number of places, each with how much is left out."""
    text = conflict_text(ConflictSides(path="a", base="", ours="x\n" * 1000, theirs="y" * 1000))
    assert "... and 940 more lines" in text
    assert len(text) < 1000
    every = [(number, "o") for number in range(1, 300, 10)]
    other = [(number, "t") for number, _ in every]
    many = ConflictSides(path="a", base=lines(size=300), ours=lines(*every, size=300), theirs=lines(*other, size=300))
    assert "... and 10 more places of a" in conflict_text(many)
