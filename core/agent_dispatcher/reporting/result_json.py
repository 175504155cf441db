"""The result as JSON: the stable document that ``run --json`` prints and ``result.json`` holds."""

from __future__ import annotations

from typing import Any

from attrs import asdict

from ..models import Evidence, ExecutionResult

__all__ = ["RESULT_FORMAT", "RESULT_VERSION", "result_to_json"]

RESULT_FORMAT = "agent-dispatcher/result"
RESULT_VERSION = 1


def result_to_json(result: ExecutionResult) -> dict[str, Any]:
    """The document of DESIGN section 7, in its order of keys."""
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
            }
            for r in result.requirements
        ],
        "tasks": [
            {
                "id": t.id,
                "source_id": t.source_id,
                "title": t.title,
                "status": t.status,
                "agent": t.agent,
                "attempts": t.attempts,
                "commit": t.commit,
                "evidence": [_evidence(e) for e in t.evidence],
                "error": t.error,
                "approval": t.approval or None,
                "added_by": t.added_by or None,
                "tokens": t.tokens,
                "cost_usd": t.cost_usd,
            }
            for t in result.task_results
        ],
        "artifacts": [{"name": a.name, "type": a.type, "path": a.path, "task": a.task} for a in result.final_artifacts],
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
