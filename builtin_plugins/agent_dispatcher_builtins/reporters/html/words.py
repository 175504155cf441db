"""What statuses, verdicts and outcomes are called and how they are marked: always a word and a sign, never a colour alone."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from agent_dispatcher.models import Evidence

from .text import line

__all__ = [
    "Badge",
    "evidence_badge",
    "outcome_badge",
    "run_badge",
    "severity_badge",
    "status_badge",
    "type_class",
    "verdict_badge",
]


@frozen
class Badge:
    """A word with its sign; ``tone`` is ``good``, ``bad``, ``warn``, ``busy`` or ``plain`` and names a style."""

    word: str
    sign: str
    tone: str


_TASKS: Mapping[str, Badge] = {
    "pending": Badge("pending", "○", "plain"),
    "ready": Badge("ready", "○", "plain"),
    "in_progress": Badge("in progress", "◐", "busy"),
    "completed": Badge("completed", "✓", "good"),
    "failed": Badge("failed", "✗", "bad"),
    "cancelled": Badge("cancelled", "⊘", "warn"),
    "blocked": Badge("blocked", "◼", "warn"),
    "skipped": Badge("skipped", "↷", "warn"),
}
_RUNS: Mapping[str, Badge] = {
    "completed": Badge("Completed", "✓", "good"),
    "partial": Badge("Partial", "◑", "warn"),
    "failed": Badge("Failed", "✗", "bad"),
    "cancelled": Badge("Cancelled", "⊘", "warn"),
    "paused": Badge("Paused", "‖", "warn"),
}
_VERDICTS: Mapping[str, Badge] = {
    "met": Badge("met", "✓", "good"),
    "not_met": Badge("not met", "✗", "bad"),
    "not_checked": Badge("not checked", "?", "warn"),
    "not_implemented": Badge("not implemented", "–", "warn"),
}
_SEVERITIES: Mapping[str, Badge] = {
    "high": Badge("high", "✗", "bad"),
    "medium": Badge("medium", "▲", "warn"),
    "low": Badge("low", "○", "plain"),
}
_OUTCOMES: Mapping[str, Badge] = {
    "landed": Badge("landed", "✓", "good"),
    "rejected": Badge("rejected", "✗", "bad"),
    "failed": Badge("failed", "✗", "bad"),
    "sealed": Badge("sealed, never landed", "◐", "warn"),
    "running": Badge("never ended", "◐", "warn"),
}
_TYPES: Mapping[str, str] = {
    "code_writing": "code",
    "testing": "test",
    "documentation": "doc",
    "research": "research",
    "analysis": "research",
    "review": "review",
    "debugging": "mend",
    "refactoring": "mend",
    "deployment": "deploy",
}


def status_badge(status: str) -> Badge:
    """Of a task."""
    return _TASKS.get(status) or _unknown(status)


def run_badge(status: str) -> Badge:
    """Of a run."""
    return _RUNS.get(status) or Badge(line(status.capitalize(), 40), "◐", "busy")


def verdict_badge(verdict: str) -> Badge:
    """Of a requirement."""
    return _VERDICTS.get(verdict) or _unknown(verdict)


def outcome_badge(outcome: str, reason: str = "") -> Badge:
    """Of an attempt; a failure says in a word of what sort it was."""
    known = _OUTCOMES.get(outcome) or _unknown(outcome)
    if outcome == "failed" and reason and reason != "failed":
        return Badge(f"failed ({line(reason, 30)})", known.sign, known.tone)
    return known


def evidence_badge(evidence: Evidence) -> Badge:
    """Of a check."""
    if evidence.expected_red:
        return Badge("expected red", "◌", "plain")
    return Badge("passed", "✓", "good") if evidence.passed else Badge("failed", "✗", "bad")


def severity_badge(severity: str) -> Badge:
    """Of a finding."""
    return _SEVERITIES.get(severity) or _unknown(severity)


def type_class(task_type: str) -> str:
    """The style of a task type; types nobody has heard of share one."""
    return _TYPES.get(task_type, "other")


def _unknown(word: str) -> Badge:
    return Badge(line(word.replace("_", " "), 40), "·", "plain")
