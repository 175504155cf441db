"""Runs in which the n-th system call that writes below ``.dispatcher`` fails, for n = 1, 2, ... until a run passes untouched; each is then resumed.

``LD_PRELOAD=shim.so python driver.py FOLDER STEP`` tries every STEP-th call and prints one JSON line: what was found, and how many calls there are. Each run and each
resume is a process of its own, forked from one that has imported everything.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import json
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.errors import DispatcherError
from agent_dispatcher.extension import AgentType, hookimpl
from agent_dispatcher.models import ExecutionPlan, Task
from agent_dispatcher_builtins import default_plugins

SHIM = ctypes.CDLL(None)
TASKS = ("a", "b", "c")
ERRORS = (errno.EIO, errno.ENOSPC)


class Worker(BaseAgent):
    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        context.workspace.write_text(f"{task.id}.txt", task.id)
        await asyncio.sleep(0)
        return AgentResult(status="done", summary="did it")


class Plugin:
    @hookimpl
    def dispatcher_agent_types(self) -> Iterator[AgentType]:
        yield AgentType(
            name="worker",
            summary="Works.",
            factory=lambda options, services: Worker(),
            task_types=["*"],
            default_rank=0,
        )


def dispatcher() -> AgentDispatcher:
    config: dict[str, Any] = {
        "use": {"workspace": "none"},
        "coordinator": {"max_workers": 1, "backoff_base_s": 0.001},
        "options": {"store:sql": {"synchronous": "FULL"}},
    }
    return AgentDispatcher(config, plugins=[*default_plugins(), ("worker", Plugin())], discover=False)


def begin(plan: ExecutionPlan, output: Path, n: int) -> dict[str, Any]:
    """A run whose n-th call fails. ``n = 0``: none does."""
    error = ERRORS[n % len(ERRORS)]
    SHIM.shim_arm(b"/.dispatcher/", ctypes.c_long(n), error)
    first, violations = "", []
    try:
        first = dispatcher().execute(plan, output=output).status
    except (DispatcherError, OSError) as raised:
        first = type(raised).__name__
    except Exception as raised:
        first = type(raised).__name__
        violations.append(f"not an error of ours: {raised!r}")
    return {"n": n, "first": first, "calls": int(SHIM.shim_counted()), "violations": violations}


def go_on(plan: ExecutionPlan, output: Path) -> list[str]:
    """The next process: what is wrong with what it makes of the run."""
    violations = []
    ready = dispatcher()
    try:
        begun = bool((output / ".dispatcher").is_dir() and ready.runs_in(output))
        before = ready.log_of(output=output).events if begun else ()
        result = ready.resume(output=output) if begun else ready.execute(plan, output=output)
        events = ready.log_of(result.run, output).events
    except Exception as raised:
        violations.append(f"not resumed: {raised!r}")
    else:
        if result.status != "completed":
            violations.append(f"ended {result.status}: {[task.error for task in result.task_results]}")
        counts = Counter((event.type, event.task) for event in events)
        for kind in ("attempt.landed", "task.completed"):
            violations += [f"{kind} of {name}: {counts[kind, name]}" for name in TASKS if counts[kind, name] != 1]
        if events[: len(before)] != before:
            violations.append("what was recorded changed")
        violations += [f"{name}.txt is not there" for name in TASKS if not (output / f"{name}.txt").is_file()]
    return violations


def in_child(work: Callable[[], Any]) -> Any:
    """What ``work`` gives in a process of its own; ``None`` when that breaks down."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(said) if said else None


def tried(plan: ExecutionPlan, output: Path, n: int) -> dict[str, Any]:
    """Both processes."""
    report: dict[str, Any] | None = in_child(lambda: begin(plan, output, n))
    if report is None:
        return {"n": n, "first": "", "calls": n, "violations": ["the process broke down"]}
    more = in_child(lambda: go_on(plan, output))
    report["violations"] += ["the next process broke down"] if more is None else more
    return report


def main(folder: Path, step: int) -> None:
    logging.disable(logging.CRITICAL)
    os.environ["XDG_STATE_HOME"] = str(folder / "state")
    plan = dispatcher().plan_tasks(
        [{"id": name, "title": f"Task {name}", "type": "odd_job"} for name in TASKS], [("a", "b")]
    )
    began, n, count, firsts, found = time.monotonic(), 1, 0, Counter[str](), list[dict[str, Any]]()
    dispatcher().execute(plan, output=folder / "imports")  # once, and not in each process
    untouched = tried(plan, folder / "0", 0)
    while True:
        report = tried(plan, folder / str(n), n)
        firsts[report["first"]] += 1
        count += 1
        if report["violations"]:
            found.append(report)
        if report["calls"] < n:
            break
        n += step
    summary = {"found": found, "calls": untouched["calls"], "tried": count, "firsts": firsts}
    print(json.dumps({**summary, "took_s": round(time.monotonic() - began, 1)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
