"""A run as test cases: what passed, what failed, and what nobody can say. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agent_dispatcher import ExecutionPlan, ExecutionResult
from agent_dispatcher.models import Event, Evidence
from attrs import frozen

__all__ = ["Case", "checks", "requirements", "tasks"]

_VERDICTS = {
    "met": ("passed", ""),
    "not_met": ("failure", "not met"),
    "not_checked": ("skipped", "not checked: nothing that ran proves or disproves it"),
    "not_implemented": ("skipped", "not implemented"),
}


@frozen(kw_only=True)
class Case:
    """One test case.

    Attributes:
        outcome: ``passed``, ``failure`` or ``skipped``.
        message: why it did not pass.
        output: what was seen, a line each.
        time_s: seconds of work.
    """

    name: str
    outcome: str
    message: str = ""
    output: tuple[str, ...] = ()
    time_s: float = 0.0


def requirements(result: ExecutionResult) -> Iterator[Case]:
    """A case for each requirement; only what was proven passes."""
    texts = {each.id: each.text for each in result.specification.requirements}
    evidence = {each.id: each for task in result.task_results for each in task.evidence}
    for each in result.requirements:
        outcome, message = _VERDICTS[each.verdict]
        seen = tuple(_seen(evidence[name]) for name in each.evidence if name in evidence)
        yield Case(name=_name(each.id, texts.get(each.id, "")), outcome=outcome, message=message, output=seen)


def tasks(result: ExecutionResult, plan: ExecutionPlan, events: Sequence[Event]) -> Iterator[Case]:
    """A case for each task, in the order of the plan; one that did not come to an end is skipped, and says how it stands."""
    spent: dict[str, float] = {}
    for event in events:
        if event.task is not None and event.type in ("attempt.sealed", "attempt.failed"):
            spent[event.task] = spent.get(event.task, 0.0) + float(event.data.get("duration_s") or 0.0)
    groups = {task.id: task.group for task in plan.tasks}
    for each in result.task_results:
        outcome = {"completed": "passed", "failed": "failure"}.get(each.status, "skipped")
        reason = f"{each.status}: {each.error}" if each.error else each.status
        group = f"[{groups[each.id]}] " if groups.get(each.id) else ""
        yield Case(
            name=group + _name(each.source_id or each.id, each.title),
            outcome=outcome,
            message="" if outcome == "passed" else reason,
            output=tuple(_seen(evidence) for evidence in each.evidence),
            time_s=spent.get(each.id, 0.0),
        )


def checks(result: ExecutionResult) -> Iterator[Case]:
    """A case for each check of the finished whole."""
    for each in result.final_evidence:
        outcome = "passed" if each.passed else "failure"
        yield Case(name=each.check, outcome=outcome, message="" if each.passed else each.summary, output=(_seen(each),))


def _name(identity: str, text: str) -> str:
    return f"{identity}: {text}" if text else identity


def _seen(evidence: Evidence) -> str:
    verdict = "passed" if evidence.passed else "expected red" if evidence.expected_red else "failed"
    where = f" (see {evidence.log})" if evidence.log else ""
    return f"{evidence.check} {verdict} on {evidence.tree}: {evidence.summary}{where}"
