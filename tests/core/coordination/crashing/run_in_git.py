"""A run in git that goes through everything: an attempt that fails, tasks that exclude each other, an agent that changes the plan, an approval, a
cancellation that is taken back, and a source whose statuses are written, inside the repository and outside.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from pathlib import Path
from typing import Any

from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.codec import structure
from agent_dispatcher.coordination.agent_factory import AgentFactory
from agent_dispatcher.coordination.coordinator import Coordinator, CoordinatorSettings
from agent_dispatcher.coordination.message_bus import MessageBus
from agent_dispatcher.coordination.retry import RetryPolicy
from agent_dispatcher.coordination.state_manager import StateManager, request
from agent_dispatcher.errors import Fenced
from agent_dispatcher.extension import CheckContext
from agent_dispatcher.models import (
    DeclaredDependency,
    Dependency,
    Evidence,
    Exclusion,
    ExecutionPlan,
    PlanPatch,
    Specification,
    Task,
)
from agent_dispatcher.planning.revising import revise_all
from agent_dispatcher.runs.checkpoints import Checkpoints, Packing
from agent_dispatcher.runs.desk import RunDesk
from agent_dispatcher.workspace.integration import Integration
from agent_dispatcher.workspace.source_statuses import SourceStatuses
from agent_dispatcher_builtins.executors.local import LocalExecutor
from agent_dispatcher_builtins.specifications.task_master.reader import TaskMasterFormat
from agent_dispatcher_builtins.stores.options import SqlOptions
from agent_dispatcher_builtins.stores.sql import SqlStore
from agent_dispatcher_builtins.workspaces.git import GitWorkspace
from killed_runs import contexts_of, record_beginning

RUN = "crash"
#: Exit status of a process that noticed that it no longer owns the run.
FENCED = 7
SPECIFICATION = Specification(id="s", title="three files")
PLAN = ExecutionPlan(
    specification=SPECIFICATION,
    tasks=tuple(
        Task(
            id=name,
            source_id=name,
            title=f"Write {name}",
            requirements=(f"R-{name}",),
            type="reviewed" if name == "c" else "code_writing",
        )
        for name in "abc"
    ),
    dependencies=(Dependency(before="a", after="b"),),
    exclusions=(Exclusion(tasks=("b", "c"), resource="path:notes.txt"),),
)
#: What the agent of a proposes: a further file, before b is written.
PATCH = PlanPatch(
    why="b reads d",
    add=(
        Task(
            id="d",
            title="Write d",
            agent_type="writer",
            requirements=("R-d",),
            depends_on=(DeclaredDependency(task="a"),),
        ),
    ),
    add_dependencies=(Dependency(before="d", after="b"),),
)
TASKS = ("a", "b", "c", "d")
#: Executions in a run that nobody kills: the first of b asks for the run to be cancelled, the first of c fails.
EXECUTIONS = {"a": 1, "b": 2, "c": 2, "d": 1}
#: The source of the plan: one copy comes into the repository with task a, another lies outside and is written back.
OPEN = json.dumps({"tasks": [{"id": name, "title": name, "status": "pending"} for name in "abc"]})
DONE = OPEN.replace("pending", "done")


class Sources:
    """Both copies of the source."""

    def __init__(self, output: Path, workspace: GitWorkspace, branch: str) -> None:
        common = {"run": RUN, "plan": PLAN, "format": TaskMasterFormat(), "workspace": workspace, "output": output}
        outside = output.parent / "tasks.json"
        if not outside.exists():
            outside.write_text(OPEN)
        self._inside = SourceStatuses(source=output / "tasks.json", branch=branch, **common)
        self._outside = SourceStatuses(source=outside, branch=branch, write_back=True, **common)

    async def land(self, statuses: Any) -> tuple[str, ...]:
        return (*await self._inside.land(statuses), *await self._outside.land(statuses))

    async def write(self, statuses: Any) -> tuple[str, ...]:
        return (*await self._inside.write(statuses), *await self._outside.write(statuses))


class Writer(BaseAgent):
    """Writes one file and leaves a line outside the repository, by which executions are counted."""

    def __init__(self, calls: Path) -> None:
        self._calls = calls

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        with self._calls.open("a") as lines:
            lines.write(f"{task.id}\n")
        if self._calls.read_text().split().count(task.id) == 1:
            if task.id == "b":
                with closing(SqlStore(self._calls.parent / "out" / ".dispatcher")) as store:
                    request(store, RUN, {"command": "cancel"})
                await asyncio.sleep(60)
            if task.id == "c":
                return AgentResult(status="failed", error="the first one never works")
        context.workspace.write_text(f"{task.id}.txt", f"made by {context.effect_key('file')}\n")
        if task.id == "a":
            context.workspace.write_text("tasks.json", OPEN)
        patch = PATCH if task.id == "a" else None
        return AgentResult(status="done", summary=f"wrote {task.id}.txt", patch=patch)


class FileIsThere:
    """A check that looks whether the task's file is in the tree."""

    def applies(self, task: Task | None, plan: ExecutionPlan) -> bool:
        return True

    async def check(self, task: Task | None, context: CheckContext) -> Evidence:
        wanted = list(TASKS) if task is None else [task.id, "d"] if task.id == "b" else [task.id]
        there = all((context.tree.path / f"{name}.txt").is_file() for name in wanted)
        name = "final" if task is None else f"{task.id}-{context.attempt}"
        return Evidence(id=name, check="there", passed=there, tree=context.tree.tree)


async def carry_out(output: Path) -> str:
    """One process of the run: begin it or go on with it."""
    data = output / ".dispatcher"
    workspace = GitWorkspace()
    with closing(SqlStore(data, SqlOptions(lease_s=1.0))) as store:
        state = StateManager(store, RUN, renew_s=0.01).open()
        try:
            started = await workspace.start(RUN, output, title=SPECIFICATION.title)
            record_beginning(
                state,
                lambda: {
                    "plan": state.put_value(PLAN),
                    "specification": state.put_value(SPECIFICATION),
                    "base": started.base,
                    "branch": started.branch,
                },
            )
            log = state.state()
            plan = state.get_value(log.started["plan"], ExecutionPlan)
            plan = revise_all(plan, [structure(data["patch"], PlanPatch) for data in log.patches])
            run_dir = data / "runs" / RUN
            run_dir.mkdir(parents=True, exist_ok=True)

            factory = AgentFactory(lambda name: Writer(output.parent / "calls"))
            coordinator = Coordinator(
                plan=plan,
                run=RUN,
                state=state,
                workspace=workspace,
                integration=Integration(
                    workspace=workspace,
                    checks=[("there", FileIsThere())],
                    sandbox=None,  # type: ignore[arg-type]
                    language=None,
                    plan=plan,
                    run_dir=run_dir,
                ),
                executor=LocalExecutor(),
                factory=factory,
                bus=MessageBus(),
                settings=CoordinatorSettings(
                    concurrency=2,
                    poll_s=0.02,
                    max_attempts=2,
                    retry=RetryPolicy(base_s=0.01, max_s=0.01),
                    approvals=frozenset({"reviewed"}),
                ),
                assignments={task.id: ("writer",) for task in plan.tasks},
                context_for=contexts_of(RUN, SPECIFICATION),
                sources=Sources(output, workspace, started.branch),
            )
            packing = Packing(
                run=RUN, output=output, run_dir=run_dir, store=store, workspace=workspace, workspace_name="git"
            )
            points = Checkpoints(packing, data / "checkpoints", 0.02, lambda: tuple(state.events()))
            try:
                async with points.kept():
                    return await coordinator.run()
            finally:
                await factory.aclose()
        finally:
            state.close()
            await workspace.aclose()


def approve(output: Path) -> None:
    """The person who is asked agrees to what waits, from outside the run."""
    desk = RunDesk(output=output, run=RUN, plan=PLAN, open_store=lambda: SqlStore(output / ".dispatcher"))
    for waiting in desk.waiting():
        assert waiting.evidence, "asked without evidence"
        desk.answer(waiting)


def complete(output: Path) -> int:
    """Carry the run out, agreeing to what waits, until it is over; the exit status of the process."""
    try:
        status = asyncio.run(carry_out(output))
        while status in ("paused", "cancelled"):
            approve(output)
            status = asyncio.run(carry_out(output))
    except Fenced:
        return FENCED
    return 0 if status == "completed" else 2
