"""Kills or freezes a run at failpoints and resumes it. A program of its own, started by ``test_crash.py``.

It imports everything once and forks a child for each process of a run, so that a kill costs milliseconds. Prints one JSON line per case.

Usage: ``crash_driver.py FOLDER kill``: every failpoint that a run passes, at its first and last hit.
``crash_driver.py FOLDER freeze NAME:HIT ...``: the owner is stopped there, another takes over, the first wakes up again.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.codec import structure
from agent_dispatcher.coordination.agent_factory import AgentFactory
from agent_dispatcher.coordination.coordinator import Coordinator, CoordinatorSettings
from agent_dispatcher.coordination.message_bus import MessageBus
from agent_dispatcher.coordination.replay import replay
from agent_dispatcher.coordination.retry import RetryPolicy
from agent_dispatcher.coordination.state_manager import StateManager, request
from agent_dispatcher.errors import Fenced
from agent_dispatcher.extension import CheckContext, Completed, Opened
from agent_dispatcher.failpoints import read_environment
from agent_dispatcher.models import (
    DeclaredDependency,
    Dependency,
    Event,
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
from agent_dispatcher.workspace.agent_workspace import GuardedWorkspace
from agent_dispatcher.workspace.integration import Integration
from agent_dispatcher.workspace.source_statuses import SourceStatuses
from agent_dispatcher_builtins.executors.local import LocalExecutor
from agent_dispatcher_builtins.specifications.task_master.reader import TaskMasterFormat
from agent_dispatcher_builtins.stores.hooks import SqlOptions
from agent_dispatcher_builtins.stores.sql import SqlStore
from agent_dispatcher_builtins.workspaces.git import GitWorkspace

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


class NoSandbox:
    """Nothing in this run may need one."""

    tier = "isolated"

    async def probe(self) -> None: ...

    async def run(self, argv: Any, **options: Any) -> Completed:
        raise AssertionError(f"nothing here runs commands: {argv}")


async def carry_out(output: Path) -> str:
    """One process of the run: begin it or go on with it."""
    data = output / ".dispatcher"
    workspace = GitWorkspace()
    with closing(SqlStore(data, SqlOptions(lease_s=1.0))) as store:
        state = StateManager(store, RUN, renew_s=0.01).open()
        try:
            begun = any(event.type == "run.started" for event in state.events())
            started = await workspace.start(RUN, output, title=SPECIFICATION.title)
            if begun:
                state.append("run.resumed", data={"owner": "driver", "epoch": state.lease.epoch})
            else:
                plan, specification = state.put_value(PLAN), state.put_value(SPECIFICATION)
                facts = {"plan": plan, "specification": specification, "base": started.base, "branch": started.branch}
                state.append("run.started", data=facts)
            state.flush()
            log = state.state()
            plan = state.get_value(log.started["plan"], ExecutionPlan)
            plan = revise_all(plan, [structure(data["patch"], PlanPatch) for data in log.patches])
            run_dir = data / "runs" / RUN
            run_dir.mkdir(parents=True, exist_ok=True)

            def context_for(task: Task, attempt: int, opened: Opened, feedback: str, /, **own: Any) -> AgentContext:
                return AgentContext(
                    run=RUN,
                    attempt=attempt,
                    task=task.id,
                    specification=SPECIFICATION,
                    workspace=GuardedWorkspace(opened.path),
                    sandbox=NoSandbox(),  # type: ignore[arg-type]
                    **own,
                )

            factory = AgentFactory(lambda name: Writer(output.parent / "calls"))
            coordinator = Coordinator(
                plan=plan,
                run=RUN,
                state=state,
                workspace=workspace,
                integration=Integration(
                    workspace=workspace,
                    checks=[("there", FileIsThere())],
                    sandbox=NoSandbox(),
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
                context_for=context_for,
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


def fork(output: Path, failpoints: str) -> int:
    """Carry the run out in a child; its process id."""
    pid = os.fork()
    if pid == 0:
        os.environ["AD_FAILPOINTS"] = failpoints
        read_environment()
        code = 1
        try:
            status = asyncio.run(carry_out(output))
            while status in ("paused", "cancelled"):
                approve(output)
                status = asyncio.run(carry_out(output))
            code = 0 if status == "completed" else 2
        except Fenced:
            code = FENCED
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return pid


def process(output: Path, failpoints: str) -> int:
    """Carry the run out in a child; its exit status (0 completed, -9 killed)."""
    return os.waitstatus_to_exitcode(os.waitpid(fork(output, failpoints), 0)[1])


def git(output: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(output), *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def log_of(output: Path) -> list[Event]:
    with closing(SqlStore(output / ".dispatcher")) as store:
        return list(store.read(RUN))


def sealed_before(output: Path) -> dict[str, str]:
    """Sealed refs that a killed process left: ref to commit."""
    if not (output / ".git").exists():
        return {}
    lines = git(output, "for-each-ref", "--format=%(refname) %(objectname)", "refs/dispatcher").split("\n")
    return dict(line.split() for line in lines if line)


def faults(case: Path, killed: bool, sealed: dict[str, str], calls_before: Counter[str], tree: str) -> list[str]:
    """Everything about the finished run that breaks a promise."""
    output, found = case / "out", []
    events = log_of(output)
    counts = Counter((event.type, event.task) for event in events)
    for task in TASKS:
        for kind in ("task.completed", "attempt.landed"):
            if counts[kind, task] != 1:
                found.append(f"{kind} of {task} is recorded {counts[kind, task]} times")
    if events[-1].type != "run.finished" or events[-1].data["status"] != "completed":
        found.append(f"the log ends with {events[-1]}")
    if [event.seq for event in events] != list(range(1, len(events) + 1)):
        found.append("the log has gaps")
    actual = git(output, "rev-parse", "HEAD^{tree}").strip()
    if actual != tree:
        found.append(f"the tree is {actual}, not {tree}")
    landed = git(output, "log", "--format=%(trailers:key=Dispatcher-Task,valueonly,separator=%x2C)").split()
    if sorted(landed) != list(TASKS):
        found.append(f"commits of tasks on the branch: {landed}")
    # once where a run completes, and once more where it was cancelled before: each time something new
    said = git(output, "log", "--format=%s").count("Statuses of finished tasks")
    ends = counts["run.finished", None]
    news = git(output, "log", "--format=%s", "--", "tasks.json").count("Statuses of finished tasks")
    outside = (case / "tasks.json").read_text()
    if not 1 <= said == news <= 2 or git(output, "show", "HEAD:tasks.json") != DONE or outside != DONE:
        found.append(f"the statuses were landed {said} times, or do not say what is finished")
    if any(event.type == "run.warning" for event in events):
        found.append("there are warnings")
    for ref, commit in sealed.items():
        try:
            git(output, "cat-file", "-e", f"{commit}^{{commit}}")
        except subprocess.CalledProcessError:
            found.append(f"sealed commit {commit} of {ref} is gone")
    calls = Counter((case / "calls").read_text().split())
    for ref in sealed:
        if "/_run/" in ref:
            continue
        task = next((name for name in TASKS if f"/{name}/" in ref or f"/{name}-" in ref), None)
        if task is None:
            found.append(f"cannot tell whose {ref} is")
        elif calls[task] != calls_before[task]:
            found.append(f"sealed work of {task} was done again")
    if any(calls[task] > times + killed for task, times in EXECUTIONS.items()):
        found.append(f"executions: {dict(calls)}")
    found += overlaps(events)
    if not killed and (counts["attempt.retry", "c"] != 1 or ends != 2):
        found.append(f"c was tried again {counts['attempt.retry', 'c']} times, the run ended {ends} times")
    about_c = [event.type for event in events if event.task == "c"]
    for kind in ("approval.requested", "approval.given"):
        if about_c.count(kind) != 1:
            found.append(f"{kind} is recorded {about_c.count(kind)} times")
    if "approval.given" not in about_c[: about_c.index("attempt.landed")]:
        found.append("c landed before it was approved")
    checked = {event.task for event in events if event.type == "attempt.checked"}
    if checked != set(TASKS):
        found.append(f"evidence is recorded only for {checked}")
    patched = [event.data["by"] for event in events if event.type == "plan.patched"]
    if len(patched) != 1 or any(event.type == "patch.refused" for event in events):
        found.append(f"the plan was patched by {patched}")
    kinds = [(event.type, event.task) for event in events]
    if kinds.index(("plan.patched", None)) > kinds.index(("attempt.started", "b")):
        found.append("b began before the plan was patched")
    replayed = replay(PLAN, events)
    if replayed.difference is not None or replayed.unchecked:
        found.append(f"the replay differs: {replayed.difference or replayed.unchecked}")
    return found


def overlaps(events: list[Event]) -> list[str]:
    """Tasks that exclude each other and were at work at once."""
    at_work: set[str] = set()
    found = []
    for event in events:
        if event.type == "run.resumed":
            at_work.clear()
        elif event.type == "attempt.started" and event.task in ("b", "c"):
            at_work.add(event.task)
            if len(at_work) == 2:
                found.append(f"b and c are at work at once at event {event.seq}")
        elif event.type in ("attempt.failed", "attempt.landed", "approval.requested", "attempt.rejected"):
            at_work.discard(event.task or "")
    return found


def reference_run(folder: Path) -> tuple[dict[str, int], str]:
    """A run without faults: the hits of each failpoint, and the tree it ends with."""
    trace, reference = folder / "trace", folder / "reference"
    reference.mkdir(parents=True)
    if process(reference / "out", f"trace={trace}") != 0:
        raise SystemExit("the run without faults does not complete")
    hits: dict[str, int] = {}
    for line in trace.read_text().split():
        name, _, hit = line.partition(":")
        hits[name] = max(int(hit), hits.get(name, 0))
    return hits, git(reference / "out", "rev-parse", "HEAD^{tree}").strip()


def kill_everywhere(folder: Path, every_hit: bool = False) -> bool:
    """Kill a run at hits of every failpoint, the first and the last or all; whether nothing broke a promise."""
    hits, tree = reference_run(folder)
    found = faults(folder / "reference", False, {}, Counter(), tree)
    print(json.dumps({"point": "none:0", "first": 0, "sealed": 0, "faults": found}), flush=True)
    bad = bool(found)
    for name, hit in [
        (name, hit)
        for name, last in sorted(hits.items())
        for hit in (range(1, last + 1) if every_hit else sorted({1, last}))
    ]:
        case = folder / f"{name}-{hit}"
        case.mkdir()
        first = process(case / "out", f"{name}:{hit}:kill")
        sealed = sealed_before(case / "out")
        calls = case / "calls"
        calls_before = Counter(calls.read_text().split() if calls.exists() else [])
        reached = first != 0  # else that hit was not reached this time, and the run is over
        second = process(case / "out", "") if reached else 0
        found = [] if second == 0 else [f"resume ends with {second}"]
        if not found:
            found = faults(case, first == -9, sealed, calls_before, tree)
        report = {"point": f"{name}:{hit}", "first": first, "sealed": len(sealed), "faults": found}
        print(json.dumps(report), flush=True)
        bad += bool(found)
        shutil.rmtree(case)
    return not bad


def freeze_at(folder: Path, points: list[str]) -> None:
    _, tree = reference_run(folder)
    for point in points:
        case = folder / point.replace(":", "-")
        case.mkdir()
        pid = fork(case / "out", f"{point}:stop")
        os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
        time.sleep(1.1)
        second = process(case / "out", "")
        length = len(log_of(case / "out"))
        os.kill(pid, signal.SIGCONT)
        first = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        found = [] if second == 0 else [f"the successor ends with {second}"]
        if not found:
            found = faults(case, True, {}, Counter(), tree)
        if len(log_of(case / "out")) != length:
            found.append("the stale owner recorded something")
        print(json.dumps({"point": point, "first": first, "faults": found}), flush=True)


if __name__ == "__main__":
    if sys.argv[2] == "kill":
        kill_everywhere(Path(sys.argv[1]))
    elif sys.argv[2] == "kill-every-hit":
        sys.exit(not kill_everywhere(Path(sys.argv[1]), every_hit=True))
    else:
        freeze_at(Path(sys.argv[1]), sys.argv[3:])
