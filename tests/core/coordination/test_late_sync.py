"""With a store that flushes the disk for every record, the loop does not wait for the disk, and nothing that follows from a record happens before it is there."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.agents import AgentResult
from agent_dispatcher.coordination.late_sync import Due, LateSync
from agent_dispatcher.errors import StoreError
from agent_dispatcher.extension import Lease
from agent_dispatcher.models import Event
from agent_dispatcher_builtins.stores.options import SqlOptions
from agent_dispatcher_builtins.stores.sql import SqlStore

DONE = AgentResult(status="done")


class SlowDisk(SqlStore):
    """Notes what is recorded and from when on it is on the disk; a flush in a thread takes ``flush_s``."""

    def __init__(self, folder: Path, flush_s: float = 0.0, fails_at: int = 0) -> None:
        super().__init__(folder, SqlOptions(synchronous="FULL"))
        self.flush_s, self.fails_at = flush_s, fails_at
        self.recorded: list[tuple[str, str | None]] = []
        self.safe = self.flushes = 0
        self._soon = False

    def append(self, lease: Lease, events: Sequence[Event]) -> int:
        last = super().append(lease, events)
        self.recorded += [(event.type, event.task) for event in events]
        if not self._soon:
            self.safe = len(self.recorded)
        return last

    def append_soon(self, lease: Lease, events: Sequence[Event]) -> int:
        self._soon = True
        try:
            return super().append_soon(lease, events)
        finally:
            self._soon = False

    def sync(self) -> None:
        covered = len(self.recorded)
        self.flushes += 1
        if self.flushes == self.fails_at:
            raise StoreError("the disk is broken")
        time.sleep(self.flush_s)
        super().sync()
        self.safe = max(self.safe, covered)

    def is_safe(self, kind: str, task: str) -> bool:
        return (kind, task) in self.recorded[: self.safe]


def test_the_loop_goes_on_and_nothing_follows_too_early(world: Any, plan_of: Any, tmp_path: Path) -> None:
    """While the disk takes half a second for each flush, an agent's own timers do not wait for it; an attempt begins when its start, and the completion of what it
    depends on, are on the disk."""
    gaps: list[float] = []
    over = asyncio.Event()

    async def script(task: Any, context: Any) -> AgentResult:
        assert world.store.is_safe("attempt.started", task.id)
        for before, after in (("a", "b"), ("b", "c")):
            if task.id == after:
                assert world.store.is_safe("task.completed", before)
        if task.id == "c":
            over.set()
        last = time.monotonic()
        while task.id == "t" and not over.is_set():
            await asyncio.sleep(0.01)
            now = time.monotonic()
            gaps.append(now - last)
            last = now
        return DONE

    world.script = script
    with closing(SlowDisk(tmp_path, flush_s=0.5)) as world.store:
        assert asyncio.run(world.run(plan_of("t a b c", "a>b b>c"))) == "completed"
        assert world.store.flushes >= 2
        assert sorted(gaps)[-2] < 0.4 and len(gaps) > 20, "one hiccup of the machine is not a flush"
        assert world.store.is_safe("task.completed", "t")
        assert world.events()[-1].data["status"] == "completed"


def test_where_nothing_can_go_on_nobody_waits_for_a_thread(world: Any, plan_of: Any, tmp_path: Path) -> None:
    """One task after the other is flushed on the spot."""
    with closing(SlowDisk(tmp_path)) as world.store:
        assert asyncio.run(world.run(plan_of("a b c", "a>b b>c"))) == "completed"
        assert world.store.flushes == 0 and world.store.safe == len(world.store.recorded)


def test_a_flush_that_fails_ends_the_process_and_not_the_run(world: Any, plan_of: Any, tmp_path: Path) -> None:
    """Nothing that was not flushed is relied upon: the run stops with the error, and is resumed whole."""
    begun: list[str] = []

    async def script(task: Any, context: Any) -> AgentResult:
        begun.append(task.id)
        while task.id == "t" and world.store.fails_at:
            await asyncio.sleep(0.01)
        return DONE

    world.script = script
    plan = plan_of("t a b", "a>b")
    with closing(SlowDisk(tmp_path, fails_at=1)) as world.store:
        with pytest.raises(StoreError, match="the disk is broken"):
            asyncio.run(world.run(plan))
        assert "b" not in begun
    with closing(SlowDisk(tmp_path)) as world.store:
        assert asyncio.run(world.run(plan)) == "completed"


def test_what_comes_during_a_flush_shares_the_next() -> None:
    """Three turns while the disk is busy cost one more flush, and are carried out in their order after it."""
    flushes: list[int] = []
    done: list[str] = []
    gate = threading.Event()

    def flush() -> None:
        flushes.append(len(done))
        gate.wait(10)

    def due(name: str) -> Due:
        return Due([], [], [name])

    async def work() -> None:
        late = LateSync(flush, lambda each: done.extend(each.starts), pytest.fail)
        for name in "abcd":
            late.hold(due(name))
        await asyncio.sleep(0.05)
        assert done == []
        gate.set()
        while len(done) < 4:
            await asyncio.sleep(0.01)
        assert await late.aclose(1.0) == []

    asyncio.run(work())
    assert done == list("abcd") and flushes == [0, 1]


def test_what_is_held_at_the_end_is_given_back() -> None:
    """Nobody who waits for a record is left waiting."""

    async def work() -> None:
        late = LateSync(lambda: time.sleep(0.1), lambda due: pytest.fail("nothing follows any more"), pytest.fail)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        late.hold(Due([future], []))
        (due,) = await late.aclose(5.0)
        due.cancel()
        assert future.cancelled()
        await asyncio.sleep(0.05)

    asyncio.run(work())


def test_the_store_says_when_the_disk_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the flush is one of ours; other transactions are flushed as before."""
    with closing(SqlStore(tmp_path, SqlOptions(synchronous="FULL"))) as store:
        lease = store.acquire("r", "me")
        assert store.append_soon(lease, [Event(run="r", type="run.warning", at=1.0)]) == 1
        assert store._database.connection.execute("PRAGMA synchronous").fetchone() == (2,)
        store.sync()

        def refuse(_: int) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "fdatasync", refuse)
        with pytest.raises(StoreError, match=r"state\.db-wal cannot be flushed to the disk \(Input/output error\)"):
            store.sync()
    with closing(SqlStore(tmp_path / "normal")) as store:
        assert not store.syncs_late
