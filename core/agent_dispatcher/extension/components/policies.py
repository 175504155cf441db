"""What a plugin may answer when it is asked what to do about a failed attempt."""

from __future__ import annotations

from attrs import frozen

__all__ = ["Fail", "Reroute", "Retry"]


@frozen
class Retry:
    """Try the task again after ``delay_s`` seconds."""

    delay_s: float = 0.0


@frozen
class Reroute:
    """Give the task to another agent type."""

    agent_type: str


@frozen
class Fail:
    """The task has failed for good."""
