"""The words of Beads for statuses, sorts of work and priorities, and the dispatcher's."""

from __future__ import annotations

import re

from ...decomposers.prose import classify

__all__ = ["DELETED", "REQUIREMENT_PRIORITIES", "meaning", "task_priority", "task_type", "word_for"]

DELETED = "tombstone"
_MEANINGS = {
    "closed": "completed",
    "done": "completed",
    "completed": "completed",
    "resolved": "completed",
    "open": "pending",
    "todo": "pending",
    "in_progress": "pending",
    "hooked": "pending",
    "blocked": "pending",
    "review": "pending",
    "in_review": "pending",
    "deferred": "skipped",
    "pinned": "skipped",
    "cancelled": "skipped",
    "canceled": "skipped",
}
_WORDS = {
    "completed": "closed",
    "pending": "open",
    "ready": "open",
    "in_progress": "in_progress",
    "blocked": "blocked",
    "skipped": "deferred",
    "cancelled": "deferred",
}
#: Issue types that say what sort of work it is; the others leave it to the title.
_TYPES = {
    "bug": "debugging",
    "spike": "research",
    "investigation": "research",
    "research": "research",
    "decision": "analysis",
    "analysis": "analysis",
    "docs": "documentation",
    "documentation": "documentation",
    "test": "testing",
    "testing": "testing",
    "review": "review",
    "refactor": "refactoring",
    "refactoring": "refactoring",
    "deployment": "deployment",
    "release": "deployment",
}
#: What stands in front of a title: a number, a place, or the sort of change as commits have it.
_MARK = re.compile(
    r"\W*(?:(?:sub-?task|task|story|epic|step|phase|tier|part|milestone)\s+[\w.]{1,8}\s*[:–—-]\s+|\[[^\[\]]{1,30}\]\s*"
    r"|(?P<commit>feat|fix|docs|test|tests|refactor|chore|perf|ci|build|research|spike)(?:\([^()]{1,40}\))?!?:\s+)(?=\S)",
    re.IGNORECASE,
)
_COMMITS = {
    "fix": "debugging",
    "docs": "documentation",
    "test": "testing",
    "tests": "testing",
    "refactor": "refactoring",
    "ci": "deployment",
    "research": "research",
    "spike": "research",
}
#: So much of a title says what sort of work it is.
_OPENING = 400
#: Of P0 to P4.
_PRIORITIES = (2, 1, 0, -1, -2)
REQUIREMENT_PRIORITIES = ("critical", "high", "medium", "low", "low")


def meaning(word: str) -> str | None:
    """The task status a word stands for (nothing stands for *open*); ``None`` when the word is not known.

    Work that was begun is done again, as nobody recorded evidence for it. What was put off, or is pinned as a note for readers, is not run.
    """
    return _MEANINGS.get(word.lower().replace("-", "_").replace(" ", "_") or "open")


def word_for(status: str, current: str) -> str | None:
    """The word to write for a task status; ``None`` when ``current`` says it already, or Beads has no word for it (``failed``: it stays open)."""
    word = _WORDS.get(status)
    if (
        word is None
        or word == current.lower()
        or (status in ("completed", "pending", "ready") and _same(status, current))
    ):
        return None
    return None if status in ("skipped", "cancelled") and meaning(current) == "skipped" else word


def _same(status: str, current: str) -> bool:
    return meaning(current) == ("pending" if status == "ready" else status)


def task_type(kind: str, title: str) -> str:
    """The task type of an issue type; where that says nothing, that of the title without what marks it (``Task 2:``, ``[web]``, ``docs:``)."""
    kind = _TYPES.get(kind.lower(), "")
    while not kind and (mark := _MARK.match(title)):
        kind = _COMMITS.get((mark["commit"] or "").lower(), "")
        title = title[mark.end() :]
    return kind or classify(title[:_OPENING])


def task_priority(number: int) -> int:
    """2 for P0 down to -2 for P4."""
    return _PRIORITIES[number]
