"""Text that others wrote as cells and tables of Markdown: it can neither end a cell nor start markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent_dispatcher.models import Evidence

__all__ = ["commit_cell", "outcome_of", "printable", "table", "text"]


def text(text: str) -> str:
    """``text`` as one line that cannot end a table cell or start markup."""
    line = printable(" ".join(text.split()))
    for character in "\\`*_[]<>|":
        line = line.replace(character, "\\" + character)
    return line


def printable(text: str) -> str:
    """``text`` without characters that a terminal would obey."""
    return "".join(character for character in text if character.isprintable() or character in "\n\t")


def table(
    title: str, columns: str, rows: Iterable[Sequence[object]], *, note: str = "", after: str = ""
) -> Iterable[str]:
    """The lines of a section that is a table; none at all when it has no rows.

    Args:
        columns: their names, with bars between them; one that begins with ``>`` holds numbers.
        rows: cells as they are to stand there.
        note, after: what is said before the table, and behind it.
    """
    lines = [f"| {' | '.join(map(str, row))} |" for row in rows]
    if not lines:
        return
    names = columns.split("|")
    yield f"## {title}"
    yield ""
    if note:
        yield from (note, "")
    yield f"| {' | '.join(name.removeprefix('>') for name in names)} |"
    yield f"|{'|'.join('---:' if name.startswith('>') else '---' for name in names)}|"
    yield from lines
    yield ""
    if after:
        yield from (after, "")


def commit_cell(commit: str | None) -> str:
    """Its beginning."""
    return f"`{commit[:10]}`" if commit else ""


def outcome_of(evidence: Evidence) -> str:
    """What a check found, in its own words where it has some."""
    if evidence.expected_red:
        return f"expected red ({evidence.summary})" if evidence.summary else "expected red"
    return evidence.summary or ("passed" if evidence.passed else "failed")
