"""``report.md``: outcome first, then what proves each requirement, then how the run went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from agent_dispatcher.models import (
    Event,
    Evidence,
    ExecutionPlan,
    ExecutionResult,
    RequirementResult,
    TaskResult,
)
from agent_dispatcher.reporting.costs import cost_in_words
from agent_dispatcher.reporting.stated_examples import UNPROVEN, examples_in_words

from .excerpt import excerpt
from .markdown_course import findings, models, timeline, whole, work
from .markdown_text import commit_cell, outcome_of, printable, table, text

__all__ = ["MarkdownReporter"]

_VERDICTS = {
    "met": "met",
    "not_met": "**not met**",
    "not_checked": "**not checked**",
    "not_implemented": "**not implemented**",
}
_MARKS = {"completed": "done", "failed": "**failed**", "blocked": "**blocked**", "skipped": "skipped"}


class MarkdownReporter:
    """Writes the report as Markdown that GitHub renders, Mermaid graph included."""

    def write(
        self, result: ExecutionResult, plan: ExecutionPlan, events: Sequence[Event], folder: Path
    ) -> Sequence[Path]:
        path = folder / "report.md"
        page = "\n".join(_lines(result, plan, events)) + "\n"
        path.write_text(page, encoding="utf-8", errors="replace")
        return [path]


def _lines(result: ExecutionResult, plan: ExecutionPlan, events: Sequence[Event]) -> Iterable[str]:
    yield f"# {text(result.specification.title)}: {result.status}"
    yield ""
    yield from _outcome(result)
    part = excerpt(result, plan, events)
    if part.note:
        yield from (part.note, "")
    yield from _requirements(part.result)
    yield from _failures(part.result)
    yield from _changes(result)
    yield from _tasks(part.result)
    yield from whole(part.result)
    yield from findings(result)
    yield from _artifacts(part.result)
    yield from models(part.result)
    yield from work(part.result, part.events)
    yield from _graph(plan)
    yield from timeline(part.result, part.events)
    yield from _warnings(result)


def _outcome(result: ExecutionResult) -> Iterable[str]:
    completed = [task.status for task in result.task_results].count("completed")
    met = sum(requirement.verdict == "met" for requirement in result.requirements)
    metrics = result.metrics
    yield f"- Tasks: {completed} of {len(result.task_results)} completed ({result.success_rate():.0f} %)"
    if result.requirements:
        yield f"- Requirements: {met} of {len(result.requirements)} met by checks that passed on the landed tree; {UNPROVEN}"
    if examples := examples_in_words(result):
        yield f"- Examples: {examples}"
    for evidence in result.final_evidence:
        yield f"- Final check `{evidence.check}`: {outcome_of(evidence)} (`{evidence.log}`)"
    yield f"- Time: {metrics.wall_s:.1f} s for {metrics.work_s:.1f} s of work by agents and checks"
    yield f"- Speed-up: {metrics.speedup:.2f} measured, at most {metrics.max_speedup:.2f} for this plan"
    yield f"- Cost: {_cost(result)}"
    if result.branch:
        yield f"- Branch `{result.branch}`, commit `{result.commit[:12]}`"
    yield f"- Run `{result.run}`"
    yield ""


#: What artifacts of a type are called, in the order of the report.
_SORTS = {
    "code": "Code",
    "test": "Tests",
    "doc": "Documentation",
    "note": "Research and review notes",
    "report": "Reports",
}
_MOST_PATHS = 20


def _artifacts(result: ExecutionResult) -> Iterable[str]:
    """What was made, by type; all of it stands in ``result.json``."""
    paths: dict[str, list[str]] = {}
    for each in result.final_artifacts:
        paths.setdefault(each.type, []).append(each.path)
    if not paths:
        return
    yield "## What was made"
    yield ""
    for sort in (*(each for each in _SORTS if each in paths), *sorted(paths.keys() - _SORTS.keys())):
        named = ", ".join(text(path) for path in paths[sort][:_MOST_PATHS])
        more = len(paths[sort]) - _MOST_PATHS
        yield f"- {text(_SORTS.get(sort, sort))} ({len(paths[sort])}): {named}{f', and {more} more' if more > 0 else ''}"
    yield ""


def _cost(result: ExecutionResult) -> str:
    return cost_in_words(result.metrics) or "no model was called"


def _requirements(result: ExecutionResult) -> Iterable[str]:
    tasks = {task.id: task for task in result.task_results}
    rows = (row for requirement in result.requirements for row in _requirement_rows(requirement, result, tasks))
    return table("Requirements", "Requirement|Verdict|Task|Commit|What was checked", rows)


def _requirement_rows(
    requirement: RequirementResult, result: ExecutionResult, tasks: Mapping[str, TaskResult]
) -> Iterable[tuple[str, ...]]:
    """One row per task, so that requirement → task → commit → check can be followed with a finger."""
    name = f"**{text(requirement.id)}** {text(result.specification.requirement(requirement.id).text)}"
    verdict = _VERDICTS[requirement.verdict]
    if requirement.coverage_percent is not None:
        verdict += f", {requirement.coverage_percent:g} % covered"
    if not requirement.tasks:
        yield name, verdict, "", "", ""
    for task_id in requirement.tasks:
        task = tasks[task_id]
        checks = "; ".join(f"{_refusing(e)}{e.check}: {outcome_of(e)}" for e in task.evidence)
        yield name, verdict, text(task.title), commit_cell(task.commit), text(checks)
        name = verdict = ""


def _changes(result: ExecutionResult) -> Iterable[str]:
    """What was changed in the plan while it was carried out, by whom and why."""
    titles = {task.id: task.title or task.id for task in result.task_results}
    rows = []
    for revision in result.revisions:
        changed = (
            ("added", revision.added),
            ("removed", revision.removed),
            ("split", revision.split),
            ("re-routed", revision.rerouted),
        )
        what = "; ".join(
            f"{verb}: {', '.join(titles.get(name, name) for name in names)}" for verb, names in changed if names
        )
        rows.append((revision.number, text(revision.by), text(revision.why), text(what or "dependencies")))
    return table("Changes of the plan", "Revision|By|Why|What", rows)


def _failures(result: ExecutionResult) -> Iterable[str]:
    failed = [task for task in result.task_results if task.status in ("failed", "skipped") and task.error]
    if not failed:
        return
    yield "## What went wrong"
    yield ""
    for task in failed:
        yield f"### {text(task.title)} ({task.status})"
        yield ""
        yield "```text"
        yield printable(task.error or "").replace("```", "'''")
        yield "```"
        yield ""


def _tasks(result: ExecutionResult) -> Iterable[str]:
    rows = []
    for task in result.task_results:
        checks = "; ".join(f"{e.check}: {outcome_of(e)}" for e in task.evidence) or "unchecked"
        if task.status != "completed" and not task.evidence:
            checks = text((task.error or "").splitlines()[0]) if task.error else ""
        name = f"{text(task.source_id)}: {text(task.title)}" if task.source_id else text(task.title)
        status = _MARKS.get(task.status, task.status)
        rows.append((name, status, task.agent or "", task.attempts, commit_cell(task.commit), text(checks)))
    return table("Tasks", "Task|Status|Agent|Attempts|Commit|Checks", rows)


def _refusing(evidence: Evidence) -> str:
    return "" if evidence.passed or evidence.expected_red else "refused by "


def _graph(plan: ExecutionPlan) -> Iterable[str]:
    from agent_dispatcher.planning.execution_graph import ExecutionGraph

    if not plan.tasks or len(plan.tasks) > 150:
        return
    yield "## Graph"
    yield ""
    yield "```mermaid"
    yield ExecutionGraph(plan.tasks, plan.dependencies, plan.gates).to_mermaid().rstrip()
    yield "```"
    yield ""


def _warnings(result: ExecutionResult) -> Iterable[str]:
    if not result.warnings:
        return
    yield "## Warnings"
    yield ""
    for warning in result.warnings:
        yield f"- {text(warning)}"
    yield ""
