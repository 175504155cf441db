"""A run's database that was damaged: nothing that was altered is ever taken for what happened."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.agents import AgentResult
from agent_dispatcher.errors import StoreError
from agent_dispatcher.extension import Lease
from agent_dispatcher.models import Event
from agent_dispatcher_builtins.stores.sql import SqlStore

BLOB = b"a plan" * 3000
COMMAND = {"command": "approve", "task": "c", "attempt": 1, "commit": "abc", "by": "somebody"}


class Recorded:
    """A run on disk, and what its store said when it was whole."""

    def __init__(self, folder: Path, world: Any, plan: Any) -> None:
        self.folder = folder
        ends = self.ends = [0]

        class Store(SqlStore):
            def append(self, lease: Lease, events: Sequence[Event]) -> int:
                ends.append(super().append(lease, events))
                return ends[-1]

        async def script(task: Any, context: Any) -> AgentResult:
            await context.bus.publish("interface", {"of": task.id}, durable=True)
            return AgentResult(status="done")

        world.script = script
        with closing(Store(folder / "whole")) as world.store:
            self.blob = world.store.put_blob(BLOB)
            world.store.request("r", COMMAND)
            assert asyncio.run(world.run(plan)) == "completed"
            self.events = list(world.store.read("r"))
            self.requests = list(world.store.requests("r"))
            shutil.copytree(folder / "whole", folder / "open")  # as a process that was killed leaves it, with a journal

    def verdict(self, number: int) -> str:
        """What becomes of one damage that ``number`` decides: ``refused``, ``prefix``, ``same``, or what was taken though it is not true."""
        chance = random.Random(number)
        folder = self.folder / "damaged"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder / chance.choice(["whole", "open"]), folder)
        path = chance.choice(sorted(each for each in folder.glob("state.db*") if each.suffix != ".db-shm"))
        data = bytearray(path.read_bytes())
        if chance.random() < 0.2:
            del data[chance.randrange(len(data)) :]
        else:
            for _ in range(chance.choice([1, 1, 1, 2, 8])):
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        try:
            with closing(SqlStore(folder)) as store:
                events = list(store.read("r"))
                requests = list(store.requests("r"))
                if events and next(iter(store.runs())).run != "r":
                    return "another run"
                if store.get_blob(self.blob) != BLOB:
                    return "another blob"
        except StoreError:
            return "refused"
        if requests not in (self.requests, []):
            return f"another request: {requests}"
        if events == self.events:
            return "same"
        if events == self.events[: len(events)] and len(events) in self.ends:
            return "prefix"
        return f"another log: {len(events)}"


def test_altered_request_is_refused(tmp_path: Path) -> None:
    """A request whose text was altered in the database is not obeyed, whatever it now says."""
    with closing(SqlStore(tmp_path)) as store:
        store.request("r", COMMAND)
        store._database.connection.execute("UPDATE requests SET command = replace(command, 'approve', 'approvf')")
        with pytest.raises(StoreError, match="request 1 of run r was altered"):
            store.requests("r")


def test_request_of_an_earlier_release_is_read(tmp_path: Path) -> None:
    """A request that was recorded without a checksum counts."""
    with closing(SqlStore(tmp_path)) as store:
        store._database.connection.execute(
            """INSERT INTO requests (run, at, command) VALUES ('r', 0, '{"command": "pause"}')"""
        )
        assert list(store.requests("r")) == [(1, {"command": "pause"})]


@pytest.mark.slow
def test_flipped_bits_and_truncations(world: Any, plan_of: Any, tmp_path: Path) -> None:
    """1,000 seeded damages of a run's database: each is refused, or what is read is what was committed up to some transaction."""
    recorded = Recorded(tmp_path, world, plan_of("a b c d e f", "a>b a>c b>d c>d"))
    verdicts = Counter(recorded.verdict(number) for number in range(1000))
    assert set(verdicts) <= {"refused", "prefix", "same"}, verdicts
    assert verdicts["refused"] > 100 and verdicts["prefix"] > 5, verdicts
