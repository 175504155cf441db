"""From the log of a run to its attempts, each as a row of spans without gaps: what it waited for, worked on, and went through.

::

    dependency  worker   work      gate     lane    landing
    ├──────────┼───────┼─────────┼────────┼───────┼─────────┤
    0       ready   started    sealed   gated          landed or rejected

Times are seconds after the first event. Where a log does not say how long a landing took, it began when the work was ready for it and the
landing before it was over: work lands one at a time. While no process is at work on the run, everything in it is *stopped*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from ..models import Event, Evidence, ExecutionPlan
from .aggregate import evidence_from_json

__all__ = ["SPAN_KINDS", "Attempt", "History", "Mark", "Span", "read_history"]

#: Kinds of spans and what they are called.
SPAN_KINDS: Mapping[str, str] = {
    "dependency": "waiting for a dependency",
    "exclusion": "waiting for work that must not run at the same time",
    "retry": "waiting to be tried again",
    "worker": "waiting for a free agent",
    "work": "work",
    "gate": "waiting for its test to land",
    "lane": "waiting for other landings",
    "landing": "landing: merged and checked",
    "approval": "waiting for a person",
    "stopped": "nobody was at work on the run",
}

#: Shorter waits are the dispatcher's own turn of the loop; they count to what follows.
_SHORTEST_S = 0.02


@frozen(kw_only=True)
class Span:
    """What an attempt did from ``start`` to ``end``; ``on`` is the task it waited for, where there was one."""

    kind: str
    start: float
    end: float
    on: str | None = None

    @property
    def length(self) -> float:
        """Seconds."""
        return self.end - self.start


@frozen(kw_only=True)
class Attempt:
    """One try at one task.

    Attributes:
        outcome: ``landed``, ``rejected``, ``failed``, ``sealed`` (never landed) or ``running`` (never ended).
        reason: why it failed, in a word (``raised``, ``timeout``, ...), ``""`` otherwise.
        message: what it was rejected or failed with, in full.
        agent_s: seconds of its work in which it was in the agent's hands; ``None`` where the log does not say.
        took_s: seconds that merging and checking took; ``None`` where the log does not say.
        spans: without gaps, in order.
    """

    task: str
    number: int
    agent_type: str = ""
    agent: str = ""
    outcome: str = "running"
    reason: str = ""
    message: str = ""
    summary: str = ""
    evidence: tuple[Evidence, ...] = ()
    agent_s: float | None = None
    took_s: float | None = None
    started: float = 0.0
    worked_until: float = 0.0
    ended: float = 0.0
    spans: tuple[Span, ...] = ()


@frozen(kw_only=True)
class Mark:
    """A moment of the whole run: ``resumed``, ``paused``."""

    at: float
    text: str


@frozen(kw_only=True)
class History:
    """All attempts in the order they started, and when the run began and ended.

    Attributes:
        started_at: seconds since the epoch; 0 when nothing is recorded.
        length: seconds from the first to the last event.
        facts: what ``run.started`` holds.
        blocked: by task id, the tasks whose bad end keeps it from starting.
        ended: whether the log has the end of the run.
        gaps: from when to when nobody was at work on the run.
    """

    started_at: float = 0.0
    length: float = 0.0
    attempts: tuple[Attempt, ...] = ()
    marks: tuple[Mark, ...] = ()
    facts: dict[str, Any] = field(factory=dict)
    blocked: dict[str, tuple[str, ...]] = field(factory=dict)
    ended: bool = False
    gaps: tuple[tuple[float, float], ...] = ()


@define
class _Open:
    """An attempt while the log is read."""

    task: str
    number: int
    started: float
    agent_type: str = ""
    agent: str = ""
    sealed: float | None = None
    ended: float | None = None
    free_from: float = 0.0
    retry_until: float = 0.0
    lane_free_at: float = 0.0
    lane_on: str | None = None
    took_s: float | None = None
    asked_at: float | None = None
    answered_at: float | None = None
    agent_s: float | None = None
    outcome: str = "running"
    reason: str = ""
    message: str = ""
    summary: str = ""
    evidence: tuple[Evidence, ...] = ()


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def read_history(plan: ExecutionPlan, events: Sequence[Event]) -> History:
    """The attempts of a run.

    Args:
        plan: says what each task had to wait for.
        events: all of the run, in order; types it does not know are passed over.
    """
    if not events:
        return History()
    log = _Log(events[0].at)
    for event in events:
        log.take(event)
    waits = _Waits(plan, log)
    rows = [_finished(attempt, waits.spans(attempt), log) for attempt in log.attempts.values()]
    return History(
        started_at=events[0].at,
        length=log.last,
        attempts=tuple(sorted(rows, key=lambda row: (row.started, row.task, row.number))),
        marks=tuple(log.marks),
        facts=log.facts,
        blocked=log.blocked,
        ended=log.finished,
        gaps=tuple(log.gaps),
    )


def _finished(attempt: _Open, spans: tuple[Span, ...], log: _Log) -> Attempt:
    until = attempt.sealed if attempt.sealed is not None else attempt.ended
    return Attempt(
        task=attempt.task,
        number=attempt.number,
        agent_type=attempt.agent_type,
        agent=attempt.agent or attempt.agent_type,
        outcome=attempt.outcome,
        reason=attempt.reason,
        message=attempt.message,
        summary=attempt.summary,
        evidence=attempt.evidence,
        agent_s=attempt.agent_s,
        took_s=attempt.took_s,
        started=attempt.started,
        worked_until=log.last if until is None else until,
        ended=spans[-1].end if spans else attempt.started,
        spans=spans,
    )


class _Log:
    """What the events say, folded; times count from ``zero``."""

    def __init__(self, zero: float) -> None:
        self.zero = zero
        self.last = 0.0
        self.attempts: dict[tuple[str, int], _Open] = {}
        self.landed: dict[str, float] = {}
        self.completed: dict[str, float] = {}
        self.blocked: dict[str, tuple[str, ...]] = {}
        self.marks: list[Mark] = []
        self.facts: dict[str, Any] = {}
        self.finished = False
        self.gaps: list[tuple[float, float]] = []
        self._lane_free, self._lane_on = 0.0, ""
        self._retry: dict[tuple[str, int], float] = {}

    def take(self, event: Event) -> None:
        at = max(0.0, event.at - self.zero)
        if event.type == "run.resumed" and at > self.last:
            self.gaps.append((self.last, at))
        self.last = max(self.last, at)
        if event.task is None:
            self._take_run(event, at)
        elif event.attempt is None:
            if event.type == "task.completed":
                self.completed.setdefault(event.task, at)
            elif event.type == "task.blocked":
                self.blocked[event.task] = tuple(str(other) for other in event.data.get("by") or ())
        elif event.type == "attempt.started":
            self._start(event, event.task, event.attempt, at)
        elif event.type == "attempt.retry":
            self._retry[event.task, event.attempt] = at + _number(event.data.get("delay_s"))
        else:
            attempt = self.attempts.get((event.task, event.attempt))
            if attempt is not None:
                self._take_attempt(event, attempt, at)

    def _take_run(self, event: Event, at: float) -> None:
        match event.type:
            case "run.started":
                self.facts = dict(event.data)
            case "run.resumed" | "run.paused":
                self.marks.append(Mark(at=at, text=event.type.removeprefix("run.")))
                self._lane_free, self._lane_on = at, ""
                self.finished = False
            case "run.finished":
                self.finished = True

    def _start(self, event: Event, task: str, number: int, at: float) -> None:
        before = self.attempts.get((task, number - 1))
        self.attempts[task, number] = _Open(
            task=task,
            number=number,
            started=at,
            agent_type=str(event.data.get("agent_type") or ""),
            agent=str(event.data.get("agent") or ""),
            free_from=before.ended or 0.0 if before is not None else 0.0,
            retry_until=self._retry.get((task, number), 0.0),
        )

    def _take_attempt(self, event: Event, attempt: _Open, at: float) -> None:
        data = event.data
        match event.type:
            case "attempt.sealed":
                attempt.sealed, attempt.outcome = at, "sealed"
                attempt.summary = str(data.get("summary") or "")
                attempt.agent_s = _seconds(data.get("agent_s"))
            case "attempt.checked":
                attempt.evidence = tuple(evidence_from_json(item) for item in data.get("evidence") or ())
            case "approval.requested":
                attempt.asked_at, self._lane_free, self._lane_on = at, at, ""
            case "approval.given" | "approval.refused":
                attempt.answered_at = at
            case "attempt.landed" | "attempt.rejected":
                attempt.took_s = _seconds(data.get("took_s"))
                attempt.ended, attempt.outcome = at, event.type.removeprefix("attempt.")
                attempt.message = str(data.get("feedback") or data.get("why") or "")
                if "evidence" in data:
                    attempt.evidence = tuple(evidence_from_json(item) for item in data["evidence"])
                attempt.lane_free_at, self._lane_free = self._lane_free, at
                attempt.lane_on, self._lane_on = self._lane_on or None, ""
                if attempt.outcome == "landed":
                    self.landed[attempt.task], self._lane_on = at, attempt.task
            case "attempt.failed":
                attempt.ended, attempt.outcome = at, "failed"
                attempt.reason = str(data.get("reason") or "")
                attempt.message = str(data.get("error") or "")
                if "evidence" in data:
                    attempt.evidence = tuple(evidence_from_json(item) for item in data["evidence"])
                attempt.agent_s = _seconds(data.get("agent_s"))


class _Waits:
    """What each attempt waited for, from the plan and the times at which things landed."""

    def __init__(self, plan: ExecutionPlan, log: _Log) -> None:
        self._log = log
        self._before: dict[str, list[str]] = {}
        self._holders: dict[str, list[str]] = {}
        self._excluded: dict[str, set[str]] = {}
        for before, after in plan.binding_edges():
            self._before.setdefault(after, []).append(before)
        for gate in plan.gates:
            self._holders.setdefault(gate.subject, []).append(gate.test)
        for exclusion in plan.exclusions:
            for task in exclusion.tasks:
                self._excluded.setdefault(task, set()).update(set(exclusion.tasks) - {task})
        self._busy: dict[str, list[_Open]] = {}
        for attempt in log.attempts.values():
            self._busy.setdefault(attempt.task, []).append(attempt)

    def spans(self, attempt: _Open) -> tuple[Span, ...]:
        """The whole row of an attempt, without gaps."""
        row = _Row(attempt.free_from, self._log.gaps)
        if attempt.number == 1:
            row.until(*self._last(self._before.get(attempt.task, ()), attempt.started), kind="dependency")
        else:
            row.until(min(attempt.retry_until, attempt.started), None, kind="retry")
        row.until(*self._exclusion(attempt, row.at), kind="exclusion")
        row.until(attempt.started, None, kind="worker")
        end = attempt.ended if attempt.ended is not None else self._log.last
        if attempt.sealed is None:
            row.until(end, None, kind="work")
            return row.done()
        row.until(attempt.sealed, None, kind="work")
        row.until(*self._last(self._holders.get(attempt.task, ()), end), kind="gate")
        begun = attempt.outcome in ("landed", "rejected")
        if attempt.asked_at is not None:
            row.until(min(attempt.asked_at, end), None, kind="landing")
            answered = attempt.answered_at if attempt.answered_at is not None else end
            row.until(min(answered, end), None, kind="approval")
        if begun and attempt.took_s is not None:
            row.until(max(row.at, end - attempt.took_s), attempt.lane_on, kind="lane")
        else:
            row.until(min(attempt.lane_free_at, end) if begun else end, attempt.lane_on, kind="lane")
        if begun:
            row.until(end, None, kind="landing")
        return row.done()

    def _last(self, tasks: Sequence[str], latest: float) -> tuple[float, str | None]:
        """When the last of ``tasks`` had landed, and which it was; one that never did holds until ``latest``."""
        found: tuple[float, str | None] = (0.0, None)
        for task in tasks:
            at = self._log.landed.get(task, self._log.completed.get(task))
            if at is None:
                at = latest if task in self._busy else 0.0
            if at > found[0]:
                found = (at, task)
        return min(found[0], latest), found[1]

    def _exclusion(self, attempt: _Open, since: float) -> tuple[float, str | None]:
        """Until when something that excludes it was in progress while it could have started."""
        found: tuple[float, str | None] = (0.0, None)
        for other in sorted(self._excluded.get(attempt.task, ())):
            for each in self._busy.get(other, ()):
                ended = each.ended if each.ended is not None else self._log.last
                if each.started < attempt.started and since < ended <= attempt.started and ended > found[0]:
                    found = (ended, other)
        return found


class _Row:
    """Spans one behind the other; a span that would not reach beyond the one before it is left out.

    Args:
        at: where it begins.
        gaps: when nobody was at work on the run, in order.
    """

    def __init__(self, at: float, gaps: Sequence[tuple[float, float]] = ()) -> None:
        self.at = at
        self._gaps = gaps
        self._spans: list[Span] = []

    def until(self, end: float, on: str | None, *, kind: str) -> None:
        """The row goes on with ``kind`` until ``end``, except where nobody was at work."""
        for since, until in self._gaps:
            if since < end and self.at < until:
                self._add(min(since, end), on, kind)
                self._add(min(until, end), None, "stopped")
        self._add(end, on, kind)

    def _add(self, end: float, on: str | None, kind: str) -> None:
        least = 0.0 if kind in ("work", "landing") else _SHORTEST_S
        if end - self.at > least:
            self._spans.append(Span(kind=kind, start=self.at, end=end, on=on))
            self.at = end

    def done(self) -> tuple[Span, ...]:
        return tuple(self._spans)
