"""Everything the page shows, gathered in one value for the template."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

from agent_dispatcher.models import Event, ExecutionPlan, ExecutionResult
from agent_dispatcher.reporting.chain import Step, decisive_chain
from agent_dispatcher.reporting.history import SPAN_KINDS, History, read_history

from ..excerpt import excerpt
from ..findings import found_in
from .advice import Advice, Tile, next_steps, sentence, tiles
from .bars import Chart, chart_of_agents, chart_of_tasks
from .drawing import Drawing, draw_groups, draw_tasks
from .logs import Logs
from .provenance import Works
from .row_values import FindingRow, Link, Problem, Proof, RequirementRow, TaskRow, WholeRow
from .rows import Rows
from .text import clean, line, seconds
from .words import Badge, run_badge

__all__ = ["ChainRow", "Page", "TaskGroup", "make_page"]

#: A plan with more tasks is shown by groups, its whole graph and timeline folded.
LARGE = 80
#: Of the checks of the whole tree while it grew so many are shown, the last ones.
_MOST_WHOLE = 100
#: So many findings are shown, the worst.
_MOST_FINDINGS = 300

_TIERS = {
    "isolated": "isolated: no network, nothing of this machine but the system and the work itself",
    "reduced": "reduced: the kernel's own limits on files, calls and resources",
    "none": "none: commands ran with all rights of the user",
}


@frozen
class ChainRow:
    """A step of what decided the duration."""

    what: str
    link: Link | None
    start: str
    length: str
    share: float


@frozen(kw_only=True)
class TaskGroup:
    """Tasks that belong together; ``open`` where somebody should look."""

    anchor: str
    name: str
    tasks: tuple[TaskRow, ...]
    open: bool

    @property
    def counts(self) -> str:
        """How many of each status."""
        found = Counter(task.badge.word for task in self.tasks)
        return ", ".join(f"{count} {word}" for word, count in found.most_common())


@frozen(kw_only=True)
class Page:
    """The whole report."""

    title: str
    badge: Badge
    sentence: str
    tiles: tuple[Tile, ...]
    advice: tuple[Advice, ...]
    requirements: tuple[RequirementRow, ...]
    final: tuple[Proof, ...]
    grown: tuple[WholeRow, ...]
    trouble: str
    problems: tuple[Problem, ...]
    blocked: tuple[tuple[Link, tuple[Link, ...]], ...]
    mended: tuple[Problem, ...]
    overview: Drawing | None
    graph: Drawing | None
    types: tuple[tuple[str, str], ...]
    critical: tuple[Link, ...]
    planned: str
    agents: Chart | None
    attempts: Chart | None
    chain: tuple[ChainRow, ...]
    shares: tuple[tuple[str, str, float], ...]
    tasks: tuple[TaskRow, ...]
    groups: tuple[TaskGroup, ...]
    findings: tuple[FindingRow, ...]
    more_findings: int
    artifacts: tuple[tuple[str, str, str, Link], ...]
    warnings: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    large: bool


def make_page(result: ExecutionResult, plan: ExecutionPlan, events: Sequence[Event], folder: Path) -> Page:
    """Gather the page of a run.

    Args:
        folder: the run's folder, where the logs of its checks are.
    """
    part = excerpt(result, plan, events)
    huge = bool(
        part.note
    )  # then there are no graph, no timeline and no chain: they would tell of a part as if it were the whole
    history = read_history(part.plan, part.events)
    chain = () if huge else decisive_chain(history)
    rows = Rows(part.result, part.plan, history, Logs(folder), Works(result.run, part.plan, part.events))
    found = found_in(result)
    results = {task.id: task for task in part.result.task_results}
    tasks = {task.id: task for task in part.plan.tasks}
    large = part.tasks > LARGE
    groups = _groups(rows.tasks) if large else ()
    by_group = {group.tasks[0].group: group.anchor for group in groups}
    return Page(
        title=line(result.specification.title, 300) or "Run",
        badge=run_badge(result.status),
        sentence=sentence(result),
        tiles=tuple(tiles(result, events)),
        advice=tuple(next_steps(result, plan, history)),
        requirements=rows.requirements,
        final=rows.final,
        grown=rows.grown(result.whole_checks[-_MOST_WHOLE:]),
        trouble="What went wrong" if any(p.badge.tone == "bad" for p in rows.problems) else "What was left out",
        problems=rows.problems,
        blocked=rows.blocked,
        mended=rows.mended,
        overview=draw_groups(plan, results, by_group) if large and not huge else None,
        graph=draw_tasks(plan, results, rows.anchors) if plan.tasks and not huge else None,
        types=tuple(sorted({(row.style, row.type) for row in rows.tasks}, key=lambda pair: pair[1])),
        critical=tuple(rows.link(task_id) for task_id in part.plan.critical_path if task_id in tasks),
        planned=_planned(plan),
        agents=chart_of_agents(history, tasks, rows.anchors, chain) if history.attempts and not huge else None,
        attempts=chart_of_tasks(history, tasks, rows.anchors, chain) if history.attempts and not huge else None,
        chain=tuple(_chain_row(step, rows, history) for step in chain if step.end - step.start >= 0.05),
        shares=_shares(chain, history),
        tasks=rows.tasks,
        groups=groups,
        findings=tuple(rows.finding(each) for each in found[:_MOST_FINDINGS]),
        more_findings=max(0, len(found) - _MOST_FINDINGS),
        artifacts=tuple(
            (line(each.path, 300), line(each.type, 30), line(each.name, 200), rows.link(each.task))
            for each in part.result.final_artifacts
        ),
        warnings=tuple(line(warning, 2000) for warning in (*filter(None, [part.note]), *result.warnings)),
        facts=tuple((name, value) for name, value in _facts(result, history) if value),
        versions=_versions(history),
        large=large,
    )


def _planned(plan: ExecutionPlan) -> str:
    estimates = plan.estimates
    if not plan.tasks:
        return ""
    workers = f"{estimates.recommended_workers} agents" if estimates.recommended_workers != 1 else "1 agent"
    return (
        f"{len(plan.tasks)} tasks in {len(plan.phases)} phases, {len(plan.dependencies)} dependencies, "
        f"{len(plan.gates)} gates. Expected {seconds(estimates.work_s)} of work, at least {seconds(estimates.span_s)} "
        f"on the critical path, best with {workers}."
    )


def _groups(tasks: Sequence[TaskRow]) -> tuple[TaskGroup, ...]:
    found: dict[str, list[TaskRow]] = {}
    for task in tasks:
        found.setdefault(task.group, []).append(task)
    return tuple(
        TaskGroup(
            anchor=f"group-{number}",
            name=line(name, 200) or "Without a group",
            tasks=tuple(members),
            open=any(task.badge.tone == "bad" for task in members),
        )
        for number, (name, members) in enumerate(found.items(), 1)
    )


_STEP_WORDS = {**SPAN_KINDS, "start": "start of the run", "final": "checks of the whole, end of the run"}


def _chain_row(step: Step, rows: Rows, history: History) -> ChainRow:
    tries = f" (attempt {step.attempt})" if step.attempt is not None and step.attempt > 1 else ""
    return ChainRow(
        what=_STEP_WORDS[step.kind].capitalize() + tries,
        link=rows.link(step.task) if step.task is not None else None,
        start=f"{step.start:.1f} s",
        length=seconds(step.end - step.start),
        share=100.0 * (step.end - step.start) / history.length if history.length > 0 else 0.0,
    )


def _shares(chain: Sequence[Step], history: History) -> tuple[tuple[str, str, float], ...]:
    """By kind of step: name, seconds in words, percent of the run; largest first."""
    sums: Counter[str] = Counter()
    for step in chain:
        sums[step.kind] += step.end - step.start  # type: ignore[assignment]
    length = history.length or 1.0
    return tuple(
        (_STEP_WORDS[kind].capitalize(), seconds(total), 100.0 * total / length)
        for kind, total in sums.most_common()
        if total / length >= 0.005
    )


def _facts(result: ExecutionResult, history: History) -> Iterator[tuple[str, str]]:
    facts = history.facts
    specification = result.specification
    yield "Run", line(result.run)
    yield "Started", _moment(history.started_at)
    yield "Ended", _moment(history.started_at + history.length) if history.ended else "not yet"
    yield (
        "Specification",
        line(
            " ".join(filter(None, (specification.path, f"({specification.format})" if specification.format else ""))),
            400,
        ),
    )
    yield "Digest", line(specification.digest, 100)
    yield "Output folder", clean(result.output)
    yield "Branch", line(result.branch)
    yield "Commit", line(result.commit, 64)
    yield "Started from", line(facts.get("base") or "", 64)
    tier = str(facts.get("sandbox") or "")
    yield "Sandbox", _TIERS.get(tier, line(tier))
    yield "Attempts at once", line(facts.get("workers") or "")
    yield "May leave tasks out", "yes" if facts.get("allow_partial") else ""
    resumed = sum(mark.text == "resumed" for mark in history.marks)
    yield "Resumed", f"{resumed} times" if resumed > 1 else "once" if resumed else ""


def _moment(at: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at)) if at > 0 else ""
    except (OverflowError, ValueError, OSError):
        return ""


def _versions(history: History) -> tuple[tuple[str, str], ...]:
    versions = history.facts.get("versions")
    if not isinstance(versions, dict):
        return ()
    return tuple((line(name, 100), line(version, 40)) for name, version in sorted(versions.items()))
