"""The suite for stores finds what is wrong with stores that were broken on purpose."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from attrs import asdict, evolve

from agent_dispatcher.errors import Held
from agent_dispatcher.extension import Lease
from agent_dispatcher.extension.components import Store
from agent_dispatcher.models import Event
from agent_dispatcher.testing import MemoryStore, StoreContract, check_contract


class Suite(StoreContract):
    durable: ClassVar[bool] = False
    component: ClassVar[type[MemoryStore]] = MemoryStore

    def make_store(self, data_dir: Path) -> Store:
        return self.component()


class CountsFromZero(MemoryStore):
    def append(self, lease: Lease, events: Sequence[Event]) -> int:
        return super().append(lease, events) - 1


class ReadsBackwards(MemoryStore):
    def read(self, run: str, after: int = 0) -> Iterable[Event]:
        return reversed(list(super().read(run, after)))


class HalfBatches(MemoryStore):
    def append(self, lease: Lease, events: Sequence[Event]) -> int:
        for event in events:
            json.dumps(event.data)
            super().append(lease, [event])
        return len(self._events[lease.run])


class FencesByName(MemoryStore):
    def renew(self, lease: Lease) -> None:
        if self._owners.get(lease.run) == lease.owner:
            return
        super().renew(lease)


class ForgetsTheProcess(MemoryStore):
    def acquire(self, run: str, owner: str) -> Lease:
        try:
            return super().acquire(run, owner)
        except Held as held:
            raise Held(run, held.owner, socket.gethostname(), os.getpid() + 1) from None


class TwoOwners(MemoryStore):
    def acquire(self, run: str, owner: str) -> Lease:
        self._owners.pop(run, None)
        return super().acquire(run, owner)


class MixesRequests(MemoryStore):
    def requests(self, run: str, after: int = 0) -> Sequence[tuple[int, dict[str, Any]]]:
        return [each for queue in self._requests.values() for each in queue]


class ShortDigests(MemoryStore):
    def put_blob(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self._blobs[digest] = data
        return digest


class DropsAttempts(MemoryStore):
    def append(self, lease: Lease, events: Sequence[Event]) -> int:
        return super().append(lease, [evolve(event, attempt=None) for event in events])


class DeletesOwned(MemoryStore):
    def delete(self, run: str, lease: Lease | None = None) -> None:
        self._owners.pop(run, None)
        super().delete(run)


@pytest.mark.parametrize(
    ("store", "promise"),
    [
        (CountsFromZero, "test_events_come_back_in_order_and_numbered"),
        (ReadsBackwards, "test_events_come_back_in_order_and_numbered"),
        (HalfBatches, "test_a_batch_is_recorded_whole_or_not_at_all"),
        (FencesByName, "test_a_stale_lease_records_nothing"),
        (ForgetsTheProcess, "test_a_second_owner_is_told_who_has_the_run"),
        (TwoOwners, "test_a_second_owner_is_told_who_has_the_run"),
        (MixesRequests, "test_requests_reach_the_owner_in_order"),
        (ShortDigests, "test_blobs_come_back_by_their_digest"),
        (DropsAttempts, "test_values_come_back_as_they_were"),
        (DeletesOwned, "test_a_deleted_run_is_gone"),
    ],
)
def test_faults_are_found(
    broken_promises: Callable[..., dict[str, str]], store: type[MemoryStore], promise: str
) -> None:
    """The promise that the fault breaks is reported, with what the contract asks."""
    found = broken_promises(type("Broken", (Suite,), {"component": store}), promise)
    assert promise in found
    assert "The contract asks: " in found[promise]


class JsonLines(MemoryStore):
    """A store on disk with every fault that only another process sees: it writes event by event, without a chain, and knows no owner."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "log"
        if self._file.exists():
            for line in self._file.read_text().splitlines():
                try:
                    event = Event(**json.loads(line))
                except ValueError:
                    continue
                self._events.setdefault(event.run, []).append(event)

    def append(self, lease: Lease, events: Sequence[Event]) -> int:
        last = super().append(lease, events)
        for event in self._events[lease.run][last - len(events) :]:
            with self._file.open("a") as out:
                out.write(json.dumps(asdict(event)) + "\n")
        return last


def test_faults_that_other_processes_see_are_found(tmp_path: Path) -> None:
    """Half batches after a kill, two owners, an altered log and restarted epochs of a store on disk are all reported."""

    class OnDisk(StoreContract):
        kills: ClassVar[int] = 30

        def make_store(self, data_dir: Path) -> Store:
            return JsonLines(data_dir)

    found = {name for name, outcome in check_contract(OnDisk, tmp_path).items() if outcome.status == "broken"}
    assert {
        "test_a_killed_writer_leaves_whole_batches",
        "test_a_live_owner_in_another_process_holds",
        "test_a_dead_owner_is_taken_over_at_once",
        "test_an_altered_log_is_refused",
    } <= found


def test_the_store_in_memory_keeps_its_promises(broken_promises: Callable[..., dict[str, str]]) -> None:
    """The fake is a store, as far as one process goes."""
    assert broken_promises(Suite) == {}
