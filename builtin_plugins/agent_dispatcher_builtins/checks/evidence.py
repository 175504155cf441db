"""Writing evidence: its id, its log, and what "nothing to look at" means."""

from __future__ import annotations

import re

from agent_dispatcher.extension import CheckContext
from agent_dispatcher.models import Evidence, Task

__all__ = ["WORK_TYPES", "evidence", "evidence_id"]

#: Task types whose outcome is files that a language can judge.
WORK_TYPES = frozenset({"code_writing", "testing", "debugging", "refactoring"})


def evidence_id(task: Task | None, context: CheckContext, check: str) -> str:
    """Unique in the run, and the same when a check is run again for the same attempt."""
    return f"{task.id}-{context.attempt}-{check}" if task is not None else f"final-{check}"


def evidence(
    task: Task | None,
    context: CheckContext,
    check: str,
    *,
    passed: bool,
    summary: str,
    log: str = "",
    expected_red: bool = False,
    proof: bool = False,
    nothing: bool = False,
    details: dict[str, object] | None = None,
) -> Evidence:
    """Evidence for the staged tree, with ``log`` written to a file.

    Args:
        nothing: there was nothing to look at; such evidence says so in its details (``vacuous``) and is not recorded.
    """
    name = evidence_id(task, context, check)
    where = ""
    if log:
        context.log_dir.mkdir(parents=True, exist_ok=True)
        file = context.log_dir / f"{re.sub(r'[^A-Za-z0-9._-]', '_', name)}.log"
        file.write_text(log, encoding="utf-8", errors="replace")
        where = file.relative_to(context.run_dir).as_posix()
    return Evidence(
        id=name,
        check=check,
        passed=passed,
        tree=context.tree.tree,
        log=where,
        summary=summary,
        expected_red=expected_red,
        proof=proof,
        details={**(details or {}), **({"vacuous": True} if nothing else {})},
    )
