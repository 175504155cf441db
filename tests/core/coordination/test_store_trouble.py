"""A run whose database is full, locked or wanted by two: it stops cleanly, nothing is lost, and one process carries it on."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.agents import AgentResult
from agent_dispatcher.errors import Held, StoreError
from agent_dispatcher.testing.killing import Child
from agent_dispatcher_builtins.stores.options import SqlOptions
from agent_dispatcher_builtins.stores.sql import SqlStore

#: Two processes that want one run, so many times; the session ``faults`` asks for more.
RACES = int(os.environ.get("AD_RACES", "25"))


def landed_once(world: Any, tasks: str) -> bool:
    counts = Counter((event.type, event.task) for event in world.events())
    return all(counts[kind, task] == 1 for kind in ("attempt.landed", "task.completed") for task in tasks)


def test_full_disk_is_a_clean_pause(world: Any, plan_of: Any, tmp_path: Path) -> None:
    """When the disk is full the run stops and says so; what was recorded stays, and with room again it is carried on from there."""
    plan = plan_of("a b c d", "a>b b>c c>d")

    async def script(task: Any, context: Any) -> AgentResult:
        return AgentResult(status="done", summary="x" * 3000)

    world.script = script
    with closing(SqlStore(tmp_path)) as world.store:
        pages = world.store._database.connection.execute("PRAGMA page_count").fetchone()[0]
        world.store._database.connection.execute(f"PRAGMA max_page_count = {pages + 3}")
        with pytest.raises(StoreError, match="the disk is full: free some space, then resume"):
            asyncio.run(world.run(plan))
        before = world.events()
        assert 0 < len(before) < 20
    with closing(SqlStore(tmp_path)) as world.store:
        assert asyncio.run(world.run(plan)) == "completed"
        assert world.events()[: len(before)] == before
        assert landed_once(world, "abcd")


def test_foreign_lock_is_a_clean_pause(world: Any, plan_of: Any, tmp_path: Path) -> None:
    """A process that locks the database for long stops the run with a message; nothing is lost, and the run is carried on afterwards."""
    plan = plan_of("a b", "a>b")

    async def script(task: Any, context: Any) -> AgentResult:
        if task.id == "a" and not foreign.in_transaction and not world.calls.count("b"):
            foreign.execute("BEGIN IMMEDIATE")
        return AgentResult(status="done")

    world.script = script
    with closing(SqlStore(tmp_path, SqlOptions(busy_timeout_s=0.05))) as world.store:
        with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as foreign:
            with pytest.raises(StoreError, match=r"is locked by another process .*end what holds it, then resume"):
                asyncio.run(world.run(plan))
            foreign.execute("ROLLBACK")
        before = world.events()
        world.script = None
        # the lease could not be given back either: it is this process's own, and ends with the store
        world.store._database.connection.execute("UPDATE runs SET owner = NULL")
        assert asyncio.run(world.run(plan)) == "completed"
        assert world.events()[: len(before)] == before
        assert landed_once(world, "ab")


@pytest.mark.slow
def test_two_processes_resume_one_run(world: Any, plan_of: Any, tmp_path: Path) -> None:
    """Of two that resume a run at the same moment one owns it and completes it; the other is told who that is, or comes when all is done.
    Every result is recorded once."""
    plan = plan_of("a b c", "a>b b>c")
    told: Counter[str] = Counter()
    for number in range(RACES):
        folder = tmp_path / str(number)
        with closing(SqlStore(folder)):
            pass
        read, write = os.pipe()

        def resume(tell: Any, folder: Path = folder, gate: int = read) -> None:
            os.read(gate, 1)
            with closing(SqlStore(folder)) as world.store:
                try:
                    tell(asyncio.run(world.run(plan)))
                except Held as held:
                    assert held.pid not in (0, os.getpid())
                    tell("held")

        with Child(resume) as one, Child(resume) as other:
            os.write(write, b"gg")
            told.update(one.finish() + other.finish())
            assert (one.code, other.code) == (0, 0)
        os.close(read)
        os.close(write)
        with closing(SqlStore(folder)) as world.store:
            assert landed_once(world, "abc"), world.events()
    assert told["completed"] >= RACES and told["completed"] + told["held"] == 2 * RACES
    assert told["held"] >= RACES // 5, told
