"""The start of a run, and of every process that goes on with it, as the log has them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from ..coordination.model_calls import planning_data
from ..coordination.state_manager import StateManager
from ..models import ExecutionPlan
from ..planning.packed_plan import pack
from .index import remember_run
from .session import RunSession

__all__ = ["Ready", "begin", "reopen"]


@frozen
class Ready:
    """A plan that may be run: who can do which task, and what is left out."""

    plan: ExecutionPlan
    assignments: Mapping[str, tuple[str, ...]]
    skipped: Mapping[str, str]


async def begin(ready: Ready, session: RunSession) -> StateManager:
    """Make the output ready and record the start; from here on the run can be resumed."""
    plan = ready.plan
    started = await session.workspace().start(session.run, session.output, title=plan.specification.title)
    state = session.state()
    session.keep_said(plan)
    assert session.sandbox is not None
    state.append(
        "run.started",
        data={
            "plan": state.store.put_blob(pack(plan)),
            "title": plan.specification.title,
            "output": str(session.output),
            "branch": started.branch,
            "base": started.base,
            "new": started.new,
            "sandbox": session.sandbox.tier,
            "workers": session.config.concurrency(),
            "versions": session.registry.fingerprint(),
            "allow_partial": session.options.allow_partial,
            "approvals": sorted(name for name, own in session.config.task_types.items() if own.approval == "land"),
            "approve_plan": session.config.workflow.approve_plan,
            "checks_by_type": {name: list(own.checks) for name, own in session.config.task_types.items() if own.checks},
            "source": str(Path(plan.specification.path).resolve()) if plan.specification.path else "",
            "write_back": session.options.write_back,
            **({"planning": planning_data(plan.planning_usage)} if plan.planning_usage else {}),
        },
    )
    for text in (*started.warnings, *session.registry.warnings, *session.config.warnings):
        state.append("run.warning", data={"text": text})
    state.flush()
    remember_run(session.run, session.output, plan.specification.title)
    _announce(session)
    return state


async def reopen(ready: Ready, session: RunSession, state: StateManager, *, retry: bool = False) -> None:
    """Find what an earlier process left, and record that this one goes on."""
    session.remember_artifacts(tuple(state.events()))
    await session.workspace().start(session.run, session.output, title=ready.plan.specification.title)
    data: dict[str, Any] = {"epoch": state.lease.epoch, "owner": state.lease.owner}
    state.append("run.resumed", data={**data, "retry": True} if retry else data)
    state.flush()
    remember_run(session.run, session.output, ready.plan.specification.title)
    _announce(session)


def _announce(session: RunSession) -> None:
    if session.options.on_start is not None:
        session.options.on_start(session.run, session.output)
