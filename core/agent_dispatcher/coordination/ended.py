"""How an attempt ended without landing, read back from the event that records it: what the engine was told of it, policy's answer included."""

from __future__ import annotations

from typing import Any

from ..models import Event
from .transitions import AttemptFailed, AttemptRejected

__all__ = ["failed_in", "rejected_in"]


def failed_in(event: Event) -> AttemptFailed:
    """What ``attempt.failed`` records."""
    data = event.data
    return AttemptFailed(
        event.task or "",
        event.attempt or 0,
        data.get("error", ""),
        data.get("reason", "failed"),
        **_judged(event),
        sort=data.get("sort", ""),
    )


def rejected_in(event: Event) -> AttemptRejected:
    """What ``attempt.rejected`` records."""
    return AttemptRejected(event.task or "", event.attempt or 0, event.data.get("why", ""), **_judged(event))


def _judged(event: Event) -> dict[str, Any]:
    judged = event.data.get("judged") or {}
    return {
        "permanent": bool(event.data.get("permanent")),
        "verdict": judged.get("verdict"),
        "delay_s": judged.get("delay_s") or 0.0,
        "agent_type": judged.get("agent_type"),
    }
