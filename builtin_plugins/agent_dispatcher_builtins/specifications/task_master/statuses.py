"""Task Master's words for a status, and the dispatcher's."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["DONE_WORDS", "done_word", "meaning", "word_for"]

_MEANINGS = {
    "done": "completed",
    "completed": "completed",
    "complete": "completed",
    "pending": "pending",
    "todo": "pending",
    "to-do": "pending",
    "in-progress": "pending",
    "review": "pending",
    "blocked": "pending",
    "deferred": "skipped",
    "cancelled": "skipped",
    "canceled": "skipped",
}
_WORDS = {
    "pending": "pending",
    "ready": "pending",
    "in_progress": "in-progress",
    "cancelled": "cancelled",
    "skipped": "deferred",
    "blocked": "blocked",
}
DONE_WORDS = frozenset(word for word, status in _MEANINGS.items() if status == "completed")


def _plain(word: str) -> str:
    return "-".join(word.lower().replace("_", " ").replace("-", " ").split())


def meaning(word: str) -> str | None:
    """The task status a word stands for; ``None`` when the word is not known.

    Work that was begun, or waits for a review, is done again: nobody recorded evidence for it. What was put off or called off is not run.
    """
    return _MEANINGS.get(_plain(word))


def done_word(words: Iterable[str]) -> str:
    """The word a file uses for what is done: ``completed`` where it says so and never ``done``, else ``done``."""
    used = {_plain(word) for word in words} & DONE_WORDS
    return "completed" if used == {"completed"} else "done"


def word_for(status: str, current: str, done: str) -> str | None:
    """The word to write for a task status.

    Args:
        status: what became of the task.
        current: the word that stands there.
        done: see :func:`done_word`.

    Returns:
        ``None`` when ``current`` says it already, or Task Master has no word for it (``failed``: it stays open).
    """
    if status == "completed":
        return None if meaning(current) == "completed" else done
    word = _WORDS.get(status)
    if word is None or _plain(current) == word or (status == "skipped" and meaning(current) == "skipped"):
        return None
    return word
