"""Makes ``schema_N.db``, the database of a run in the middle of its life, as the present program writes it.

``python make_released.py`` is called once for each schema that is released, by hand; what it made stays as it is. The run was killed (SIGKILL) while something of
everything was there: a completed task, a failed attempt, a message, sealed work that had not landed, a patch, an attempt in progress, an answer nobody had
read yet.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.coordination.state_manager import request
from agent_dispatcher.extension import AgentType, hookimpl
from agent_dispatcher.models import PlanPatch, Task
from agent_dispatcher_builtins import default_plugins
from agent_dispatcher_builtins.stores.schema import SCHEMA_VERSION
from agent_dispatcher_builtins.stores.sql import SqlStore


class Worker(BaseAgent):
    """Does what the tasks below are about."""

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        if task.id == "again" and context.attempt == 1:
            return AgentResult(status="failed", error="the first attempt fails")
        if task.id == "says":
            await context.bus.publish("interface.says", {"settled": True}, durable=True)
        if task.id == "changes":
            more = Task(id="more", title="More", type="odd_job")
            return AgentResult(status="done", patch=PlanPatch(add=(more,)))
        if task.id in ("last", "more"):
            while not context.effect_key("x").startswith("resumed"):
                await asyncio.sleep(0.05)
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


def begin(output: Path) -> None:
    """A process that is killed in the middle of the run."""
    config: dict[str, Any] = {
        "use": {"workspace": "none"},
        "task_types": {"reviewed": {"agent_type": "worker", "approval": "land"}},
    }
    config["coordinator"] = {"backoff_base_s": 0.05}
    dispatcher = AgentDispatcher(config, plugins=[*default_plugins(), ("worker", Plugin())], discover=False)
    names = ("first", "again", "says", "changes", "last")
    tasks = [{"id": name, "title": f"Task {name}", "type": "odd_job"} for name in names]
    tasks.append({"id": "judged", "title": "Task judged", "type": "reviewed"})
    plan = dispatcher.plan_tasks(tasks, [("first", "again"), ("again", "last"), ("changes", "last")], title="Released")

    def watch(events: object) -> None:
        for event in events:  # type: ignore[attr-defined]
            seen.add((event.type, event.task))
        wanted = {("attempt.started", "last"), ("attempt.started", "more"), ("approval.requested", "judged")}
        if wanted <= seen:
            os.kill(os.getpid(), signal.SIGKILL)

    seen: set[tuple[str, str | None]] = set()
    dispatcher.execute(plan, output=output, on_events=watch)


def make(target: Path) -> None:
    """Write the database."""
    with tempfile.TemporaryDirectory() as place:
        output = Path(place) / "out"
        env = {**os.environ, "XDG_STATE_HOME": place}
        subprocess.run([sys.executable, __file__, "begin", str(output)], env=env, check=False)
        folder = output / ".dispatcher"
        with closing(SqlStore(folder)) as store:
            (run,) = store.runs()
            request(store, run.run, {"command": "pause"})
        with closing(sqlite3.connect(folder / "state.db")) as database:
            database.execute(
                "UPDATE runs SET host = 'machine/0/0', owner = 'agent-dispatcher on a machine', renewed_at = 0"
            )
            database.commit()
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        target.write_bytes((folder / "state.db").read_bytes())


if __name__ == "__main__":
    if sys.argv[1:2] == ["begin"]:
        begin(Path(sys.argv[2]))
    else:
        make(Path(__file__).with_name(f"schema_{SCHEMA_VERSION}.db"))
