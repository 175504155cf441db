"""``report.md``: outcome first, then what proves each requirement, then how the run went."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from agent_dispatcher.models import (
    Event,
    Evidence,
    ExecutionPlan,
    ExecutionResult,
    RequirementResult,
    TaskResult,
)
from agent_dispatcher.provenance import Account, accounts
from agent_dispatcher.reporting.costs import cost_in_words
from agent_dispatcher.reporting.whole import whole_checks

from .excerpt import excerpt

__all__ = ["MarkdownReporter"]

_VERDICTS = {
    "met": "met",
    "not_met": "**not met**",
    "not_checked": "**not checked**",
    "not_implemented": "**not implemented**",
}
_MARKS = {"completed": "done", "failed": "**failed**", "blocked": "**blocked**", "skipped": "skipped"}
_ATTEMPT_ENDS = ("attempt.sealed", "attempt.failed")


class MarkdownReporter:
    """Writes the report as Markdown that GitHub renders, Mermaid graph included."""

    def write(
        self, result: ExecutionResult, plan: ExecutionPlan, events: Sequence[Event], folder: Path
    ) -> Sequence[Path]:
        path = folder / "report.md"
        path.write_text("\n".join(_lines(result, plan, events)) + "\n", encoding="utf-8")
        return [path]


def _lines(result: ExecutionResult, plan: ExecutionPlan, events: Sequence[Event]) -> Iterable[str]:
    yield f"# {_text(result.specification.title)}: {result.status}"
    yield ""
    yield from _outcome(result)
    part = excerpt(result, plan, events)
    if part.note:
        yield from (part.note, "")
    yield from _requirements(part.result)
    yield from _failures(part.result)
    yield from _changes(result)
    yield from _tasks(part.result)
    yield from _whole(part.result, part.events)
    yield from _artifacts(part.result)
    yield from _models(part.result)
    yield from _work(part.result, part.events)
    yield from _graph(plan)
    yield from _timeline(part.result, part.events)
    yield from _warnings(result)


def _outcome(result: ExecutionResult) -> Iterable[str]:
    completed = [task.status for task in result.task_results].count("completed")
    met = sum(requirement.verdict == "met" for requirement in result.requirements)
    metrics = result.metrics
    yield f"- Tasks: {completed} of {len(result.task_results)} completed ({result.success_rate():.0f} %)"
    if result.requirements:
        yield f"- Requirements: {met} of {len(result.requirements)} met, each by a check that passed on the landed tree"
    for evidence in result.final_evidence:
        yield f"- Final check `{evidence.check}`: {_outcome_of(evidence)} (`{evidence.log}`)"
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
_MOST_WHOLE = 50


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
        named = ", ".join(_text(path) for path in paths[sort][:_MOST_PATHS])
        more = len(paths[sort]) - _MOST_PATHS
        yield f"- {_text(_SORTS.get(sort, sort))} ({len(paths[sort])}): {named}{f', and {more} more' if more > 0 else ''}"
    yield ""


def _cost(result: ExecutionResult) -> str:
    return cost_in_words(result.metrics) or "no model was called"


def _models(result: ExecutionResult) -> Iterable[str]:
    if not result.model_costs:
        return
    titles = {task.id: task.title or task.id for task in result.task_results}
    yield "## Language models"
    yield ""
    yield "| For | Agent | Model | Calls | Tokens | US dollars |"
    yield "|---|---|---|---|---|---|"
    for cost in result.model_costs:
        what = titles.get(cost.task, cost.task) if cost.task else f"planning: {cost.purpose}"
        failed = f" ({cost.failed} failed)" if cost.failed else ""
        yield (
            f"| {_text(what)} | {_text(cost.agent or '-')} | {_text(cost.model or '-')} | {cost.calls}{failed} "
            f"| {cost.tokens} | {_usd(cost.cost_usd, cost.unpriced)} |"
        )
    yield ""


def _usd(cost_usd: float | None, unpriced: int) -> str:
    """What is known, and that something is not."""
    if cost_usd is None:
        return "unknown"
    return f"{cost_usd:.6f}" + (f" and {unpriced} calls of unknown price" if unpriced else "")


def _work(result: ExecutionResult, events: Sequence[Event]) -> Iterable[str]:
    """What agents asked models and ran, attempt by attempt; the texts are told by ``explain``."""
    work = [account for account in accounts(events).values() if account.did]
    if not work:
        return
    titles = {task.id: task.title or task.id for task in result.task_results}
    yield "## What agents asked and ran"
    yield ""
    yield "| Task | Attempt | Model calls | Tokens | US dollars | Commands | Then | Commits |"
    yield "|---|---:|---:|---:|---|---|---|---|"
    for account in work:
        failed = sum(command.code != 0 for command in account.commands)
        ran = f"{len(account.commands)}{f' ({failed} failed)' if failed else ''}" if account.commands else ""
        commits = ", ".join(f"`{commit[:10]}`" for commit in account.commits)
        tokens, usd = _asked(account)
        title = _text(titles.get(account.task, account.task))
        yield (
            f"| {title} | {account.attempt} | {len(account.calls) or ''} | {tokens} | {usd} | {ran} "
            f"| {_text(account.ended)} | {commits} |"
        )
    yield ""
    yield f"Prompts, replies and outputs: `agent-dispatcher explain {result.run} TASK --said`, with a commit in place of the task too."
    yield ""


def _asked(account: Account) -> tuple[str, str]:
    """Tokens and dollars of its calls."""
    calls = account.calls
    if not calls:
        return "", ""
    known = [call.cost_usd for call in calls if call.cost_usd is not None]
    return str(sum(call.tokens or 0 for call in calls)), _usd(sum(known) if known else None, len(calls) - len(known))


def _whole(result: ExecutionResult, events: Sequence[Event]) -> Iterable[str]:
    """What was found about the whole tree while it grew."""
    found = whole_checks(events)
    if not found:
        return
    titles = {task.id: task.title or task.id for task in result.task_results}
    yield "## Checks of the whole while it grew"
    yield ""
    if len(found) > _MOST_WHOLE:
        yield f"The last {_MOST_WHOLE} of {len(found)}."
        yield ""
    yield "| With the work of | Tree | Checks |"
    yield "|---|---|---|"
    for each in found[-_MOST_WHOLE:]:
        named = ", ".join(titles.get(name, name) for name in each.tasks[:_MOST_PATHS])
        more = f" and {len(each.tasks) - _MOST_PATHS} more" if len(each.tasks) > _MOST_PATHS else ""
        checks = "; ".join(f"{e.check}: {_outcome_of(e)}" for e in each.evidence)
        yield f"| {_text(named)}{more} | `{each.tree[:10]}` | {_text(checks)} |"
    yield ""


def _requirements(result: ExecutionResult) -> Iterable[str]:
    if not result.requirements:
        return
    tasks = {task.id: task for task in result.task_results}
    evidence = {e.id: e for task in result.task_results for e in task.evidence}
    evidence.update((e.id, e) for e in result.final_evidence)
    yield "## Requirements"
    yield ""
    yield "| Requirement | Verdict | Task | Commit | What was checked |"
    yield "|---|---|---|---|---|"
    for requirement in result.requirements:
        yield from _requirement_rows(requirement, result, tasks, evidence)
    yield ""


def _requirement_rows(
    requirement: RequirementResult,
    result: ExecutionResult,
    tasks: dict[str, TaskResult],
    evidence: dict[str, Evidence],
) -> Iterable[str]:
    """One row per task, so that requirement → task → commit → check can be followed with a finger."""
    text = _text(result.specification.requirement(requirement.id).text)
    name = f"**{_text(requirement.id)}** {text}"
    verdict = _VERDICTS[requirement.verdict]
    if requirement.coverage_percent is not None:
        verdict += f", {requirement.coverage_percent:g} % covered"
    if not requirement.tasks:
        yield f"| {name} | {verdict} | | | |"
    for task_id in requirement.tasks:
        task = tasks[task_id]
        checks = "; ".join(f"{_refusing(e)}{e.check}: {_outcome_of(e)}" for e in task.evidence)
        commit = f"`{task.commit[:10]}`" if task.commit else ""
        yield f"| {name} | {verdict} | {_text(task.title)} | {commit} | {_text(checks)} |"
        name = verdict = ""


def _changes(result: ExecutionResult) -> Iterable[str]:
    """What was changed in the plan while it was carried out, by whom and why."""
    if not result.revisions:
        return
    titles = {task.id: task.title or task.id for task in result.task_results}
    yield "## Changes of the plan"
    yield ""
    yield "| Revision | By | Why | What |"
    yield "|---|---|---|---|"
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
        yield f"| {revision.number} | {_text(revision.by)} | {_text(revision.why)} | {_text(what or 'dependencies')} |"
    yield ""


def _failures(result: ExecutionResult) -> Iterable[str]:
    failed = [task for task in result.task_results if task.status in ("failed", "skipped") and task.error]
    if not failed:
        return
    yield "## What went wrong"
    yield ""
    for task in failed:
        yield f"### {_text(task.title)} ({task.status})"
        yield ""
        yield "```text"
        yield _printable(task.error or "").replace("```", "'''")
        yield "```"
        yield ""


def _tasks(result: ExecutionResult) -> Iterable[str]:
    yield "## Tasks"
    yield ""
    yield "| Task | Status | Agent | Attempts | Commit | Checks |"
    yield "|---|---|---|---|---|---|"
    for task in result.task_results:
        checks = "; ".join(f"{e.check}: {_outcome_of(e)}" for e in task.evidence) or "unchecked"
        if task.status != "completed" and not task.evidence:
            checks = _text((task.error or "").splitlines()[0]) if task.error else ""
        name = f"{_text(task.source_id)}: {_text(task.title)}" if task.source_id else _text(task.title)
        commit = f"`{task.commit[:10]}`" if task.commit else ""
        status = _MARKS.get(task.status, task.status)
        yield f"| {name} | {status} | {task.agent or ''} | {task.attempts} | {commit} | {_text(checks)} |"
    yield ""


def _refusing(evidence: Evidence) -> str:
    return "" if evidence.passed or evidence.expected_red else "refused by "


def _outcome_of(evidence: Evidence) -> str:
    if evidence.expected_red:
        return f"expected red ({evidence.summary})" if evidence.summary else "expected red"
    return evidence.summary or ("passed" if evidence.passed else "failed")


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


def _timeline(result: ExecutionResult, events: Sequence[Event]) -> Iterable[str]:
    """When each attempt ran and landed, in seconds after the start of the run."""
    if not events:
        return
    zero = events[0].at
    titles = {task.id: task.title for task in result.task_results}
    started: dict[tuple[str, int], Event] = {}
    rows: dict[tuple[str, int], list[str]] = {}
    for event in events:
        if event.task is None or event.attempt is None:
            continue
        key = (event.task, event.attempt)
        if event.type == "attempt.started":
            started[key] = event
        elif event.type in _ATTEMPT_ENDS and key in started:
            begin = started[key].at - zero
            agent = str(started[key].data.get("agent_type") or "")
            end = "sealed" if event.type == "attempt.sealed" else str(event.data.get("reason") or "failed")
            rows[key] = [
                f"{begin:.1f}",
                f"{event.at - zero:.1f}",
                agent,
                _text(titles.get(event.task, event.task)),
                end,
            ]
        elif event.type in ("attempt.landed", "attempt.rejected") and key in rows:
            rows[key][4] = f"{event.type.removeprefix('attempt.')} at {event.at - zero:.1f}"
    yield "## Timeline"
    yield ""
    yield "| Start (s) | End (s) | Agent | Task | Then |"
    yield "|---:|---:|---|---|---|"
    for row in sorted(rows.values(), key=lambda row: float(row[0])):
        yield "| " + " | ".join(row) + " |"
    yield ""


def _warnings(result: ExecutionResult) -> Iterable[str]:
    if not result.warnings:
        return
    yield "## Warnings"
    yield ""
    for warning in result.warnings:
        yield f"- {_text(warning)}"
    yield ""


def _text(text: str) -> str:
    """``text`` as one line that cannot end a table cell or start markup."""
    line = _printable(" ".join(text.split()))
    for character in "\\`*_[]<>|":
        line = line.replace(character, "\\" + character)
    return line


def _printable(text: str) -> str:
    """``text`` without characters that a terminal would obey."""
    return "".join(character for character in text if character.isprintable() or character in "\n\t")
