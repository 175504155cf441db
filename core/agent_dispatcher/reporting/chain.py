"""Why a run took as long as it did: the chain of work and waiting that leads without a gap from its beginning to its end."""

from __future__ import annotations

from attrs import frozen

from .history import Attempt, History

__all__ = ["Step", "decisive_chain"]


@frozen(kw_only=True)
class Step:
    """A part of the chain: ``kind`` is a kind of span, or ``start`` (of the dispatcher) or ``final`` (checks of the whole)."""

    kind: str
    start: float
    end: float
    task: str | None = None
    attempt: int | None = None


def decisive_chain(history: History) -> tuple[Step, ...]:
    """From the last thing that happened back to the first: each step ended when the next could begin.

    Waiting for another task is replaced by what that task did meanwhile, so that only work, landings and real shortages are left.
    """
    over = [attempt for attempt in history.attempts if attempt.outcome in ("landed", "rejected", "failed")]
    if not over:
        return ()
    by_key = {(attempt.task, attempt.number): attempt for attempt in history.attempts}
    landed = {attempt.task: attempt for attempt in over if attempt.outcome == "landed"}
    attempt: Attempt | None = max(over, key=lambda each: (each.ended, each.task))
    assert attempt is not None
    steps: list[Step] = []
    if history.length > attempt.ended:
        steps.append(Step(kind="final", start=attempt.ended, end=history.length))
    seen: set[tuple[str, int]] = set()
    while attempt is not None and (attempt.task, attempt.number) not in seen:
        seen.add((attempt.task, attempt.number))
        attempt = _walk(attempt, steps, landed, by_key)
    if steps and steps[-1].start > 0:
        steps.append(Step(kind="start", start=0.0, end=steps[-1].start))
    return tuple(reversed(steps))


def _walk(
    attempt: Attempt, steps: list[Step], landed: dict[str, Attempt], by_key: dict[tuple[str, int], Attempt]
) -> Attempt | None:
    """Add the spans of ``attempt`` from its end to its beginning; the attempt it waited for, if that goes on with the chain."""
    for span in reversed(attempt.spans):
        other = landed.get(span.on) if span.on is not None else None
        if other is not None and other.task != attempt.task:
            return other
        steps.append(Step(kind=span.kind, start=span.start, end=span.end, task=attempt.task, attempt=attempt.number))
    return by_key.get((attempt.task, attempt.number - 1))
