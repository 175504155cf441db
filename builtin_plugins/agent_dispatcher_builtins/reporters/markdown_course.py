"""How a run went, in Markdown: what was asked of models and run, what was found about the whole while it grew, when each attempt ran."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent_dispatcher.models import Event, ExecutionResult
from agent_dispatcher.provenance import Call, accounts
from agent_dispatcher.reporting.costs import sum_usd, usd_in_words

from .findings import found_in
from .markdown_text import commit_cell, outcome_of, table, text

__all__ = ["findings", "models", "timeline", "whole", "work"]

_ATTEMPT_ENDS = ("attempt.sealed", "attempt.failed")
#: So many checks of the whole are shown, the last ones, and so many tasks are named with each.
_MOST_WHOLE = 50
_MOST_TASKS = 20
#: So many findings are shown, the worst.
_MOST_FINDINGS = 100


def _titles(result: ExecutionResult) -> dict[str, str]:
    return {task.id: task.title or task.id for task in result.task_results}


def models(result: ExecutionResult) -> Iterable[str]:
    """What was spent on language models."""
    titles = _titles(result)
    rows = []
    for cost in result.model_costs:
        what = titles.get(cost.task, cost.task) if cost.task else f"planning: {cost.purpose}"
        calls = f"{cost.calls} ({cost.failed} failed)" if cost.failed else cost.calls
        usd = usd_in_words(cost.cost_usd, cost.unpriced)
        rows.append((text(what), text(cost.agent or "-"), text(cost.model or "-"), calls, cost.tokens, usd))
    return table("Language models", "For|Agent|Model|Calls|Tokens|US dollars", rows)


def work(result: ExecutionResult, events: Sequence[Event]) -> Iterable[str]:
    """What agents asked models and ran, attempt by attempt; the texts are told by ``explain``."""
    titles = _titles(result)
    rows = []
    for account in accounts(events).values():
        if not account.did:
            continue
        failed = sum(command.code != 0 for command in account.commands)
        ran = f"{len(account.commands)}{f' ({failed} failed)' if failed else ''}" if account.commands else ""
        title, ended = text(titles.get(account.task, account.task)), text(account.ended)
        commits = ", ".join(map(commit_cell, account.commits))
        rows.append((title, account.attempt, *_asked(account.calls), ran, ended, commits))
    return table(
        "What agents asked and ran",
        "Task|>Attempt|>Model calls|>Tokens|US dollars|Commands|Then|Commits",
        rows,
        after=f"Prompts, replies and outputs: `agent-dispatcher explain {result.run} TASK --said`, with a commit in place of the task too.",
    )


def _asked(calls: Sequence[Call]) -> tuple[object, object, str]:
    """How many, what they count as in the budget, and what they cost."""
    if not calls:
        return "", "", ""
    usd = usd_in_words(sum_usd(call.cost_usd for call in calls), sum(call.cost_usd is None for call in calls))
    return len(calls), sum(call.tokens or 0 for call in calls), usd


def whole(result: ExecutionResult) -> Iterable[str]:
    """What was found about the whole tree while it grew."""
    found, titles = result.whole_checks, _titles(result)
    rows = []
    for each in found[-_MOST_WHOLE:]:
        named = ", ".join(titles.get(name, name) for name in each.tasks[:_MOST_TASKS])
        more = f" and {len(each.tasks) - _MOST_TASKS} more" if len(each.tasks) > _MOST_TASKS else ""
        checks = "; ".join(f"{e.check}: {outcome_of(e)}" for e in each.evidence)
        rows.append((text(named) + more, commit_cell(each.tree), text(checks)))
    note = f"The last {_MOST_WHOLE} of {len(found)}." if len(found) > _MOST_WHOLE else ""
    return table("Checks of the whole while it grew", "With the work of|Tree|Checks", rows, note=note)


def findings(result: ExecutionResult) -> Iterable[str]:
    """What reviews and checks found at places in files, the worst first."""
    found, titles = found_in(result), _titles(result)
    rows = []
    for each in found[:_MOST_FINDINGS]:
        finding = each.finding
        place = f"{finding.path}:{finding.line}" if finding.line else finding.path
        by = f"{titles.get(each.task, each.task)} ({each.by})"
        rows.append(tuple(map(text, (finding.severity, place, finding.rule, finding.what, by))))
    note = f"The worst {_MOST_FINDINGS} of {len(found)}." if len(found) > _MOST_FINDINGS else ""
    return table("Findings", "Severity|Place|Rule|What|Found by", rows, note=note)


def timeline(result: ExecutionResult, events: Sequence[Event]) -> Iterable[str]:
    """When each attempt ran and landed, in seconds after the start of the run."""
    if not events:
        return ()
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
                text(titles.get(event.task, event.task)),
                end,
            ]
        elif event.type in ("attempt.landed", "attempt.rejected") and key in rows:
            rows[key][4] = f"{event.type.removeprefix('attempt.')} at {event.at - zero:.1f}"
    ordered = sorted(rows.values(), key=lambda row: float(row[0]))
    return table("Timeline", ">Start (s)|>End (s)|Agent|Task|Then", ordered)
