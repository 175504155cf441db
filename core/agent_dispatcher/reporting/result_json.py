"""The result as JSON: the stable document that ``run --json`` prints and ``result.json`` holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from attrs import asdict

from ..models import Artifact, Evidence, ExecutionResult, TaskResult

__all__ = ["RESULT_FORMAT", "RESULT_VERSION", "result_in_pieces", "result_to_json"]

RESULT_FORMAT = "agent-dispatcher/result"
RESULT_VERSION = 1

#: A text in JSON, with every letter as it is.
_quoted = json.encoder.encode_basestring


def result_to_json(result: ExecutionResult) -> dict[str, Any]:
    """The document of DESIGN section 7, in its order of keys."""
    return _document(result, [_task(each) for each in result.task_results])


def result_in_pieces(result: ExecutionResult, tasks_at_once: int = 500) -> Iterator[str]:
    """The text of the same document in one line, in pieces: of a large result the whole of it never exists at once."""
    for number, (key, value) in enumerate(_document(result, []).items()):
        yield f'{", " if number else "{"}"{key}": '
        if key != "tasks":
            yield _text(value)
            continue
        yield "["
        for first in range(0, len(result.task_results), tasks_at_once):
            piece = [_task_text(each) for each in result.task_results[first : first + tasks_at_once]]
            yield f"{', ' if first else ''}{', '.join(piece)}"
        yield "]"
    yield "}"


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _document(result: ExecutionResult, tasks: list[dict[str, Any]]) -> dict[str, Any]:
    specification = result.specification
    metrics = result.metrics
    return {
        "format": RESULT_FORMAT,
        "version": RESULT_VERSION,
        "run": result.run,
        "status": result.status,
        "reason": result.reason,
        "stopped_by": result.stopped_by or None,
        "success_rate": round(result.success_rate(), 2),
        "output": result.output,
        "branch": result.branch,
        "commit": result.commit,
        "specification": {
            "id": specification.id,
            "title": specification.title,
            "format": specification.format,
            "path": specification.path,
            "digest": specification.digest,
        },
        "requirements": [
            {
                "id": r.id,
                "verdict": r.verdict,
                "tasks": list(r.tasks),
                "evidence": list(r.evidence),
                "tokens": r.tokens,
                "cost_usd": r.cost_usd,
                "coverage_percent": r.coverage_percent,
            }
            for r in result.requirements
        ],
        "tasks": tasks,
        "artifacts": [_artifact(a) for a in result.final_artifacts],
        "whole_checks": [
            {"tree": each.tree, "tasks": list(each.tasks), "evidence": [_evidence(e) for e in each.evidence]}
            for each in result.whole_checks
        ],
        "final_evidence": [_evidence(e) for e in result.final_evidence],
        "metrics": {
            "wall_s": round(metrics.wall_s, 3),
            "work_s": round(metrics.work_s, 3),
            "speedup": round(metrics.speedup, 3),
            "max_speedup": round(metrics.max_speedup, 3),
            "cost_usd": metrics.cost_usd,
            "tokens": metrics.tokens,
            "unpriced_calls": metrics.unpriced_calls,
        },
        "models": [asdict(cost) for cost in result.model_costs],
        "revisions": [
            {
                "number": r.number,
                "by": r.by,
                "why": r.why,
                "added": list(r.added),
                "removed": list(r.removed),
                "split": list(r.split),
                "rerouted": list(r.rerouted),
            }
            for r in result.revisions
        ],
        "warnings": list(result.warnings),
    }


def _artifact(artifact: Artifact) -> dict[str, Any]:
    return {
        "name": artifact.name,
        "type": artifact.type,
        "path": artifact.path,
        "task": artifact.task,
        "findings": [
            {
                "path": each.path,
                "line": each.line,
                "severity": each.severity,
                "rule": each.rule,
                "what": each.what,
                "quote": each.quote,
            }
            for each in artifact.findings
        ],
    }


def _task(task: TaskResult) -> dict[str, Any]:
    return {
        "id": task.id,
        "source_id": task.source_id,
        "title": task.title,
        "status": task.status,
        "agent": task.agent,
        "attempts": task.attempts,
        "commit": task.commit,
        "evidence": [_evidence(e) for e in task.evidence] if task.evidence else [],
        "error": task.error,
        "approval": task.approval or None,
        "added_by": task.added_by or None,
        "tokens": task.tokens,
        "cost_usd": task.cost_usd,
    }


def _task_text(task: TaskResult) -> str:
    """The text of :func:`_task`. There may be a million of them: put together like this, one takes a third of the time that it takes as a dict."""
    return (
        f'{{"id": {_quoted(task.id)}, "source_id": {_said(task.source_id)}, "title": {_quoted(task.title)}, '
        f'"status": {_quoted(task.status)}, "agent": {_said(task.agent)}, "attempts": {task.attempts}, '
        f'"commit": {_said(task.commit)}, "evidence": {_text([_evidence(e) for e in task.evidence]) if task.evidence else "[]"}, '
        f'"error": {_said(task.error)}, "approval": {_said(task.approval or None)}, "added_by": {_said(task.added_by or None)}, '
        f'"tokens": {task.tokens}, "cost_usd": {"null" if task.cost_usd is None else _text(task.cost_usd)}}}'
    )


def _said(text: str | None) -> str:
    return "null" if text is None else _quoted(text)


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "id": evidence.id,
        "check": evidence.check,
        "passed": evidence.passed,
        "tree": evidence.tree,
        "log": evidence.log,
        "summary": evidence.summary,
        "expected_red": evidence.expected_red,
        "proof": evidence.proof,
        "details": evidence.details,
    }
