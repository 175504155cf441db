"""The timeline as rectangles with coordinates: by agent, and by task with what each waited for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from agent_dispatcher.models import Task
from agent_dispatcher.reporting.chain import Step
from agent_dispatcher.reporting.history import SPAN_KINDS, Attempt, History

from .text import line, seconds, wrapped
from .words import outcome_badge, type_class

__all__ = ["Bar", "Chart", "Lane", "Tick", "chart_of_agents", "chart_of_tasks"]

_LABEL = 190.0
_PLOT = 964.0
_END = 26.0
_TOP = 26.0
_FONT = 12.0
_LANDING = "landing"


@frozen(kw_only=True)
class Bar:
    """A span; ``kind`` and ``style`` (of the task type, or of the outcome) name its look."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    style: str
    bad: bool
    decisive: bool
    tooltip: str
    href: str


@frozen(kw_only=True)
class Lane:
    """A row with its name; ``sign`` stands at its end."""

    y: float
    text: str
    tooltip: str
    sign: str = ""
    sign_x: float = 0.0
    tone: str = "plain"
    href: str = ""


@frozen
class Tick:
    """A line across the chart."""

    x: float
    text: str
    strong: bool = False


@frozen(kw_only=True)
class Chart:
    """Everything in units of one pixel at full size."""

    lanes: tuple[Lane, ...]
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    width: float
    height: float
    row: float
    left: float = _LABEL


@frozen
class _Scale:
    length: float

    def x(self, at: float) -> float:
        return _LABEL + _PLOT * min(max(at / self.length, 0.0), 1.0) if self.length > 0 else _LABEL

    def ticks(self, history: History) -> tuple[Tick, ...]:
        """Round numbers, about eight of them, and the moments of the run."""
        rough = self.length / 8 if self.length > 0 else 1.0
        power = 10.0 ** math.floor(math.log10(rough))
        step = next((factor * power for factor in (1, 2, 5, 10) if factor * power >= rough), power)
        if rough > 30:
            step = next((s for s in (60, 120, 300, 600, 1800, 3600, 7200, 14400) if s >= rough), step)
        count = int(self.length / step) + 1
        regular = [Tick(self.x(number * step), seconds(number * step) if number else "0") for number in range(count)]
        return (*regular, *(Tick(self.x(mark.at), mark.text, True) for mark in history.marks))


def chart_of_agents(
    history: History, tasks: Mapping[str, Task], anchors: Mapping[str, str], chain: Sequence[Step]
) -> Chart:
    """A lane for each agent with what it worked on, and one for the landings."""
    row = 26.0
    scale = _Scale(history.length)
    decisive = {(step.task, step.attempt, step.kind) for step in chain}
    lanes: list[Lane] = []
    bars: list[Bar] = []
    for name, attempts in _by_agent(history):
        for number, packed in enumerate(_packed(attempts)):
            y = _TOP + len(lanes) * row
            lanes.append(Lane(y=y, text=_label(name) if not number else "", tooltip=name))
            for attempt in packed:
                mark = (attempt.task, attempt.number, "work") in decisive
                bars.append(_work_bar(attempt, scale, y, row, tasks, anchors, mark))
    y = _TOP + len(lanes) * row
    landings = [
        _bar(scale, span.start, span.end, y + 4, row - 8, "landing", outcome_badge(attempt.outcome).tone,
             _spoken(attempt, tasks, "landing", span.start, span.end), anchors.get(attempt.task, ""),
             bad=attempt.outcome == "rejected", decisive=(attempt.task, attempt.number, "landing") in decisive)
        for attempt in history.attempts
        for span in attempt.spans
        if span.kind == "landing"
    ]  # fmt: skip
    final = [step for step in chain if step.kind == "final"]
    if landings or final:
        lanes.append(Lane(y=y, text=_LANDING, tooltip="Work lands one at a time: merged, checked, recorded"))
        bars += landings
    for step in final:
        text = f"checks of the whole and the end of the run: {_period(step.start, step.end)}"
        bars.append(_bar(scale, step.start, step.end, y + 4, row - 8, "final", "plain", text, "", decisive=True))
    return _chart(lanes, bars, scale, history, row)


def chart_of_tasks(
    history: History, tasks: Mapping[str, Task], anchors: Mapping[str, str], chain: Sequence[Step]
) -> Chart:
    """A row for each attempt in the order they started, with everything it waited for."""
    row = 20.0
    scale = _Scale(history.length)
    decisive = {(step.task, step.attempt, step.kind) for step in chain}
    lanes: list[Lane] = []
    bars: list[Bar] = []
    for attempt in history.attempts:
        y = _TOP + len(lanes) * row
        badge = outcome_badge(attempt.outcome, attempt.reason)
        name = _name(tasks, attempt.task) + (f" (attempt {attempt.number})" if attempt.number > 1 else "")
        lanes.append(
            Lane(
                y=y,
                text=_label(name),
                tooltip=f"{name}: {badge.word}",
                sign=badge.sign,
                sign_x=scale.x(attempt.ended) + 5,
                tone=badge.tone,
                href=anchors.get(attempt.task, ""),
            )
        )
        for span in attempt.spans:
            style = type_class(tasks[attempt.task].type) if span.kind == "work" and attempt.task in tasks else "plain"
            on = f" ({_name(tasks, span.on)})" if span.on else ""
            text = f"{SPAN_KINDS[span.kind]}{on}, {_period(span.start, span.end)}"
            bars.append(
                _bar(scale, span.start, span.end, y + 4, row - 8, span.kind, style, text, "",
                     bad=span.kind in ("work", "landing") and badge.tone == "bad" and span is attempt.spans[-1],
                     decisive=(attempt.task, attempt.number, span.kind) in decisive)
            )  # fmt: skip
    return _chart(lanes, bars, scale, history, row)


def _chart(lanes: Sequence[Lane], bars: Iterable[Bar], scale: _Scale, history: History, row: float) -> Chart:
    return Chart(
        lanes=tuple(lanes),
        bars=tuple(bars),
        ticks=scale.ticks(history),
        width=_LABEL + _PLOT + _END,
        height=_TOP + len(lanes) * row + 8,
        row=row,
    )


def _by_agent(history: History) -> list[tuple[str, list[Attempt]]]:
    found: dict[str, list[Attempt]] = {}
    for attempt in history.attempts:
        found.setdefault(line(attempt.agent, 60) or "agent", []).append(attempt)
    return sorted(found.items())


def _packed(attempts: Iterable[Attempt]) -> list[list[Attempt]]:
    """In as few rows as it takes that nothing overlaps; an agent that does one thing at a time has one."""
    rows: list[list[Attempt]] = []
    for attempt in attempts:
        for row in rows:
            if row[-1].worked_until <= attempt.started + 1e-6:
                row.append(attempt)
                break
        else:
            rows.append([attempt])
    return rows


def _work_bar(
    attempt: Attempt,
    scale: _Scale,
    y: float,
    row: float,
    tasks: Mapping[str, Task],
    anchors: Mapping[str, str],
    decisive: bool,
) -> Bar:
    style = type_class(tasks[attempt.task].type) if attempt.task in tasks else "other"
    badge = outcome_badge(attempt.outcome, attempt.reason)
    text = _spoken(attempt, tasks, "work", attempt.started, attempt.worked_until) + f"; {badge.word}"
    return _bar(scale, attempt.started, attempt.worked_until, y + 4, row - 8, "work", style, text,
                anchors.get(attempt.task, ""), bad=badge.tone == "bad", decisive=decisive)  # fmt: skip


def _bar(
    scale: _Scale,
    start: float,
    end: float,
    y: float,
    height: float,
    kind: str,
    style: str,
    tooltip: str,
    href: str,
    *,
    bad: bool = False,
    decisive: bool = False,
) -> Bar:
    x = scale.x(start)
    return Bar(
        x=x,
        y=y,
        width=max(scale.x(end) - x, 1.0),
        height=height,
        kind=kind,
        style=style,
        bad=bad,
        decisive=decisive,
        tooltip=tooltip,
        href=href,
    )


def _label(name: str) -> str:
    return "".join(wrapped(name, (_LABEL - 18) / _FONT, 1))


def _name(tasks: Mapping[str, Task], task_id: str) -> str:
    task = tasks.get(task_id)
    return line(task.title if task is not None and task.title else task_id, 120)


def _spoken(attempt: Attempt, tasks: Mapping[str, Task], what: str, start: float, end: float) -> str:
    tries = f", attempt {attempt.number}" if attempt.number > 1 else ""
    return f"{_name(tasks, attempt.task)}{tries}: {what}, {_period(start, end)}"


def _period(start: float, end: float) -> str:
    return f"{seconds(end - start)} ({start:.1f} to {end:.1f} s)"
