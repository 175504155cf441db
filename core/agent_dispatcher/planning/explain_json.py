"""Explanations as JSON (format ``agent-dispatcher/explanation``, version 1). Other tools depend on these keys and their order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..models import Dropped, Exclusion, Reason, Requirement, Task, TaskResult
from .explain import Hop, PairExplanation, SerialExplanation, TaskExplanation

__all__ = ["FORMAT", "VERSION", "pair_to_json", "serial_to_json", "task_to_json"]

FORMAT = "agent-dispatcher/explanation"
VERSION = 1


def pair_to_json(pair: PairExplanation) -> dict[str, Any]:
    """``about: "pair"``."""
    return {
        **_head("pair"),
        "before": _brief(pair.before),
        "after": _brief(pair.after),
        "relation": pair.relation,
        "together": pair.together,
        "path": [_hop(hop) for hop in pair.path],
        "direct": _hop(pair.direct) if pair.direct is not None else None,
        "advisory": [_hop(hop) for hop in pair.advisory],
        "exclusions": _exclusions(pair.exclusions),
        "dropped": _dropped(pair.dropped),
        "warnings": list(pair.warnings),
        "span_s": pair.span_s,
        "span_without_s": pair.span_without_s,
    }


def task_to_json(
    about: TaskExplanation,
    *,
    agent_types: Sequence[tuple[str, str | None]] | None = None,
    result: TaskResult | None = None,
) -> dict[str, Any]:
    """``about: "task"``.

    Args:
        agent_types: ``(name, why not)`` in rank, ``None`` for one that accepts; ``None`` when nobody was asked.
        result: what became of it in a run.
    """
    task = about.task
    return {
        **_head("task"),
        "task": {
            **_brief(task),
            "description": task.description,
            "type": task.type,
            "group": task.group,
            "source": task.source,
            "estimate_s": task.estimate_s,
            "complexity": task.complexity,
            "produces": [{"type": each.type, "name": each.name} for each in task.produces],
            "consumes": [{"type": each.type, "name": each.name} for each in task.consumes],
            "verifies": list(task.verifies),
            "parent": about.parent.id if about.parent is not None else None,
            "children": list(task.children),
        },
        "requirements": [_requirement(each) for each in about.requirements],
        "phase": about.phase,
        "start_s": about.start_s,
        "slack_s": about.slack_s,
        "critical": about.critical,
        "waits_for": [_hop(hop) for hop in about.waits_for],
        "waited_for_by": [_hop(hop) for hop in about.waited_for_by],
        "also_waits_for": [_hop(hop) for hop in about.also_waits_for],
        "exclusions": _exclusions(about.exclusions),
        "dropped": _dropped(about.dropped),
        "agent_types": None
        if agent_types is None
        else [{"name": name, "accepts": why is None, "why": why or ""} for name, why in agent_types],
        "warnings": list(about.warnings),
        "run": None if result is None else _result(result),
    }


def serial_to_json(serial: SerialExplanation) -> dict[str, Any]:
    """``about: "serial"``."""
    return {
        **_head("serial"),
        "span_s": serial.span_s,
        "work_s": serial.work_s,
        "edges": [_hop(hop) for hop in serial.edges],
        "rules": [{"rule": each.rule, "edges": each.edges, "saved_s": each.saved_s} for each in serial.rules],
    }


def _head(about: str) -> dict[str, Any]:
    return {"format": FORMAT, "version": VERSION, "about": about}


def _brief(task: Task) -> dict[str, Any]:
    return {"id": task.id, "source_id": task.source_id, "title": task.title}


def _hop(hop: Hop) -> dict[str, Any]:
    return {
        "before": hop.before,
        "after": hop.after,
        "kind": hop.kind,
        "strength": hop.strength,
        "confidence": hop.confidence,
        "reasons": _reasons(hop.reasons),
        "saved_s": hop.saved_s,
        "critical": hop.critical,
        "implied": hop.implied,
    }


def _reasons(reasons: Iterable[Reason]) -> list[dict[str, Any]]:
    return [
        {
            "rule": each.rule,
            "kind": each.kind,
            "confidence": each.confidence,
            "evidence": each.evidence,
            "source": each.source,
        }
        for each in reasons
    ]


def _exclusions(exclusions: Iterable[Exclusion]) -> list[dict[str, Any]]:
    return [
        {"tasks": list(each.tasks), "resource": each.resource, "reasons": _reasons(each.reasons)} for each in exclusions
    ]


def _dropped(dropped: Iterable[Dropped]) -> list[dict[str, Any]]:
    return [
        {
            "before": each.before,
            "after": each.after,
            "kind": each.kind,
            "why": each.why,
            "reasons": _reasons(each.reasons),
        }
        for each in dropped
    ]


def _requirement(requirement: Requirement) -> dict[str, Any]:
    return {
        "id": requirement.id,
        "text": requirement.text,
        "priority": requirement.priority,
        "source": requirement.source,
    }


def _result(result: TaskResult) -> Mapping[str, Any]:
    return {
        "status": result.status,
        "agent": result.agent,
        "attempts": result.attempts,
        "commit": result.commit,
        "error": result.error,
    }
