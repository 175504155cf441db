"""Every step that a task and an attempt can take: the engine takes these and no others.

The diagrams in ``docs/engine.md`` show them; tests compare both with what the engine does under seeded faults.
"""

from __future__ import annotations

__all__ = ["ATTEMPT_STEPS", "TASK_STEPS"]

#: From one status of a task to the next. What is begun anew by a resume, a retry or a patch goes back to ``pending``, or, where its work is sealed, to ``in_progress``.
TASK_STEPS: frozenset[tuple[str, str]] = frozenset(
    {
        ("pending", "ready"),
        ("pending", "in_progress"),
        ("pending", "blocked"),
        ("pending", "skipped"),
        ("pending", "cancelled"),
        ("ready", "in_progress"),
        ("ready", "pending"),
        ("ready", "blocked"),
        ("ready", "cancelled"),
        ("in_progress", "completed"),
        ("in_progress", "pending"),
        ("in_progress", "failed"),
        ("in_progress", "blocked"),
        ("in_progress", "cancelled"),
        ("failed", "pending"),
        ("blocked", "pending"),
        ("blocked", "in_progress"),
        ("cancelled", "pending"),
        ("cancelled", "in_progress"),
    }
)

#: From one station of an attempt to the next. ``landed`` is the end where its work is part of the result; an attempt that ``ended`` otherwise may have work that is kept.
ATTEMPT_STEPS: frozenset[tuple[str, str]] = frozenset(
    {
        ("running", "sealed"),
        ("running", "ended"),
        ("sealed", "landing"),
        ("sealed", "landed"),
        ("sealed", "ended"),
        ("landing", "landed"),
        ("landing", "ended"),
        ("landing", "waiting"),
        ("landing", "sealed"),
        ("waiting", "sealed"),
        ("waiting", "ended"),
        ("ended", "sealed"),
    }
)
