"""No file is written with the mark of a hidden key in it: it would look like work and be broken, or take the place of a key that was there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agent_dispatcher.provenance import SECRET

__all__ = ["marks_in"]


def marks_in(files: Mapping[str, str | None], read: Callable[[str], str | None]) -> tuple[str, ...]:
    """What is wrong with an answer in which a key was, or may have been, hidden; empty when no more marks stand in its files than before.

    Args:
        files: path to text as the answer wants it, ``None`` where the file is to go.
        read: the text of a file as it is.
    """
    now = {path: text.count(SECRET) for path, text in files.items() if text is not None}
    before = {path: (read(path) or "").count(SECRET) for path in files}
    if sum(now.values()) <= sum(before.values()):
        return ()
    places = (f"{path} line {_line(files[path] or '')}" for path in sorted(now) if now[path] > before[path])
    return (
        f"{SECRET} stands for a key, which is never shown to you and never written into a file ({', '.join(places)}): write code that "
        "reads it from an environment variable, and change a line that has one only by a SEARCH and REPLACE block beside it",
    )


def _line(text: str) -> int:
    """The number of the first line with a mark."""
    return text[: text.index(SECRET)].count("\n") + 1
