"""What a store must keep to: order, numbers, all or nothing, one owner, and nothing recorded is ever lost."""

from __future__ import annotations

import hashlib
import os
import random
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

from ..errors import Fenced, Held, StoreError
from ..extension.components import Store
from ..models import Event
from .contract import Contract
from .killing import Child

__all__ = ["StoreContract"]

_BATCH = 7


class StoreContract(Contract):
    """Subclass it and override :meth:`make_store`.

    Attributes:
        durable: whether the store keeps anything beyond its process; without it the promises about other processes are skipped.
        detects_damage: whether an altered log is noticed; say ``False`` only for a store that others guard.
        kills: how often a writing process is killed.
    """

    durable: ClassVar[bool] = True
    detects_damage: ClassVar[bool] = True
    kills: ClassVar[int] = 8

    def make_store(self, data_dir: Path) -> Store:
        """A store that keeps its files in ``data_dir`` (may not exist yet). Called again with the same folder it must find what the first one recorded,
        as another process would."""
        self.to_override("make_store(self, data_dir)")

    def make_newer(self, data_dir: Path) -> bool:
        """Make what is in ``data_dir`` look as if a newer version of the store wrote it; ``False`` (the default) when that cannot be."""
        return False

    # --- events -------------------------------------------------------------------------------------------------------

    def test_events_come_back_in_order_and_numbered(self, tmp_path: Path) -> None:
        """Events are numbered from 1 without gaps over all batches, and read in that order from any number."""
        asked = "append numbers events on from the last, without gaps, and read gives them in that order"
        with closing(self.make_store(tmp_path / "data")) as store:
            lease = store.acquire("run", "me")
            lasts = [store.append(lease, _batch(first, size)) for first, size in ((1, 3), (4, 1), (5, 4))]
            self.promise(lasts == [3, 4, 8], f"append returned {lasts} for batches of 3, 1 and 4 events", asked)
            seen = [(event.seq, event.data["n"]) for event in store.read("run")]
            self.promise(seen == [(n, n) for n in range(1, 9)], f"it read back (number, event) {seen}", asked)
            later = [event.seq for event in store.read("run", 5)]
            self.promise(later == [6, 7, 8], f"read(run, after=5) gave the numbers {later}", asked)
            self.promise(not list(store.read("other")), "it read events of a run that has none", asked)

    def test_an_empty_batch_changes_nothing(self, tmp_path: Path) -> None:
        """Appending no events returns the last number and records nothing."""
        with closing(self.make_store(tmp_path / "data")) as store:
            lease = store.acquire("run", "me")
            store.append(lease, _batch(1, 2))
            last = store.append(lease, [])
            self.promise(
                last == 2, f"append of nothing returned {last!r} after two events", "append returns the last number"
            )
            self.promise(len(list(store.read("run"))) == 2, "append of nothing recorded something", "nothing is added")

    def test_values_come_back_as_they_were(self, tmp_path: Path) -> None:
        """Every field of an event survives: nested data, any text, absent task and attempt, exact times."""
        data = {"text": "ü\U0001f600\n\x00\u2028", "nested": {"list": [1, 2.5, None, True, "x"]}, "": ""}
        given = [
            Event(run="run", type="attempt.started", at=1_767_225_600.123456, task="a/b:c", attempt=3, data=data),
            Event(run="run", type="acme.own", at=0.0),
        ]
        with closing(self.make_store(tmp_path / "data")) as store:
            store.append(store.acquire("run", "me"), given)
            found = list(store.read("run"))
        if self.durable:
            with closing(self.make_store(tmp_path / "data")) as store:
                found = list(store.read("run"))
        self.promise(len(found) == 2, f"of 2 events {len(found)} were read", "an event is read as it was recorded")
        for before, after in zip(given, found, strict=True):
            for name in ("run", "type", "at", "task", "attempt", "data"):
                same = getattr(before, name) == getattr(after, name)
                wrong = f"{name} of an event was {getattr(before, name)!r} and came back {getattr(after, name)!r}"
                self.promise(same, wrong, "an event is read as it was recorded")

    def test_runs_do_not_mix(self, tmp_path: Path) -> None:
        """Each run has its own numbers, events and owner."""
        with closing(self.make_store(tmp_path / "data")) as store:
            one, two = store.acquire("one", "me"), store.acquire("two", "me")
            store.append(one, _batch(1, 2, "one"))
            last = store.append(two, _batch(1, 1, "two"))
            found = {run: [event.run for event in store.read(run)] for run in ("one", "two")}
            self.promise(
                last == 1 and found == {"one": ["one", "one"], "two": ["two"]},
                f"after two events of run one and one of run two, the second was numbered {last} and reading gave {found}",
                "each run has a log of its own, numbered from 1",
            )

    def test_a_batch_is_recorded_whole_or_not_at_all(self, tmp_path: Path) -> None:
        """A batch in which one event cannot be recorded leaves nothing behind, and recording goes on after it."""
        asked = "append records all events of a batch or none"
        with closing(self.make_store(tmp_path / "data")) as store:
            lease = store.acquire("run", "me")
            store.append(lease, _batch(1, 1))
            bad = [*_batch(2, 2), Event(run="run", type="acme.bad", at=1.0, data={"n": object()}), *_batch(5, 1)]
            try:
                store.append(lease, bad)
            except Exception:
                kept = [event.seq for event in store.read("run")]
                self.promise(
                    kept == [1], f"append raised, and left the events {kept} of which only 1 was there before", asked
                )
                last = store.append(lease, _batch(2, 1))
                self.promise(last == 2, f"after a refused batch the next event was numbered {last} instead of 2", asked)
            else:
                there = len(list(store.read("run")))
                self.promise(there == 5, f"append raised nothing, but {there} of 5 events are there", asked)

    # --- owning -------------------------------------------------------------------------------------------------------

    def test_a_second_owner_is_told_who_has_the_run(self, tmp_path: Path) -> None:
        """Of a run that is owned nobody else gets a lease; the refusal names owner, host and process."""
        asked = "acquire raises Held with the owner's name, host and process id while another live process owns the run"
        with closing(self.make_store(tmp_path / "data")) as store:
            store.acquire("run", "the first")
            held = self.raises(Held, lambda: store.acquire("run", "the second"), "an owned run was acquired", asked)
            assert isinstance(held, Held)
            told = (held.owner, bool(held.host), held.pid)
            self.promise(
                told == ("the first", True, os.getpid()),
                f"Held said owner {held.owner!r}, host {held.host!r}, process {held.pid}",
                asked,
            )

    def test_a_released_run_can_be_had(self, tmp_path: Path) -> None:
        """After release another owner gets the run, with a higher epoch."""
        with closing(self.make_store(tmp_path / "data")) as store:
            first = store.acquire("run", "a")
            store.release(first)
            second = store.acquire("run", "b")
            self.promise(
                second.epoch > first.epoch and (second.run, second.owner) == ("run", "b"),
                f"the lease after {first} was {second}",
                "a new lease has its owner's name and a higher epoch than every lease before it",
            )

    def test_a_stale_lease_records_nothing(self, tmp_path: Path) -> None:
        """Whoever lost the run is fenced off, also under the same name: append and renew raise Fenced and nothing is recorded."""
        asked = "append and renew with a lease of a lower epoch raise Fenced, and nothing is recorded"
        with closing(self.make_store(tmp_path / "data")) as store:
            old = store.acquire("run", "me")
            store.release(old)
            new = store.acquire("run", "me")
            self.raises(
                Fenced, lambda: store.append(old, _batch(1, 1)), "an event was appended with a stale lease", asked
            )
            self.promise(not list(store.read("run")), "an event of a stale lease was recorded", asked)
            self.raises(Fenced, lambda: store.renew(old), "a stale lease was renewed", asked)
            store.renew(new)
            self.promise(store.append(new, _batch(1, 1)) == 1, "the holder of the run could not record", asked)

    def test_a_stale_release_frees_nothing(self, tmp_path: Path) -> None:
        """Giving back a lease that was taken over does not take the run from its new owner."""
        with closing(self.make_store(tmp_path / "data")) as store:
            old = store.acquire("run", "me")
            store.release(old)
            store.acquire("run", "me")
            store.release(old)
            asked = "release of a stale lease does nothing"
            self.raises(
                Held, lambda: store.acquire("run", "other"), "the run was acquired after a stale release", asked
            )

    def test_a_dead_owner_is_taken_over_at_once(self, tmp_path: Path) -> None:
        """A run whose process died can be had at once, with a higher epoch, and its log goes on."""
        self._needs_processes()
        with Child(lambda tell: self._own(tmp_path / "data", tell)) as child:
            self._told(child, 1)
            child.kill()
        with closing(self.make_store(tmp_path / "data")) as store:
            begun = time.monotonic()
            try:
                lease = store.acquire("run", "heir")
            except Held as error:
                self.broken(
                    f"the owner was killed, and acquire still said: {error}",
                    "a run whose process is dead is taken over at once",
                )
            took = time.monotonic() - begun
            self.promise(took < 5.0, f"the takeover took {took:.1f} seconds", "a dead owner is taken over at once")
            self.promise(
                lease.epoch == 2, f"the epoch after one earlier lease was {lease.epoch}", "each lease raises the epoch"
            )
            self.promise(
                store.append(lease, _batch(2, 1)) == 2,
                "the log did not go on after its owner died",
                "numbering goes on",
            )

    def test_a_live_owner_in_another_process_holds(self, tmp_path: Path) -> None:
        """While the owning process lives the run cannot be had, and the refusal names that process."""
        self._needs_processes()
        asked = "acquire raises Held, naming the process, while the owner lives"
        with Child(lambda tell: self._own(tmp_path / "data", tell)) as child:
            self._told(child, 1)
            with closing(self.make_store(tmp_path / "data")) as store:
                held = self.raises(Held, lambda: store.acquire("run", "thief"), "another process owned the run", asked)
                assert isinstance(held, Held)
                self.promise(held.pid == child.pid, f"Held named process {held.pid}, the owner is {child.pid}", asked)

    # --- what is left after a kill ------------------------------------------------------------------------------------

    def test_what_was_recorded_survives_reopening(self, tmp_path: Path) -> None:
        """Another process reads what was recorded and goes on numbering."""
        self._needs_processes()
        with closing(self.make_store(tmp_path / "data")) as first:
            lease = first.acquire("run", "me")
            first.append(lease, _batch(1, 3))
            first.release(lease)
        with closing(self.make_store(tmp_path / "data")) as second:
            seen = [event.data["n"] for event in second.read("run")]
            self.promise(seen == [1, 2, 3], f"after reopening it read {seen}", "what is recorded stays")
            last = second.append(second.acquire("run", "you"), _batch(4, 1))
            self.promise(last == 4, f"the first event after reopening was numbered {last}", "numbers go on")

    def test_a_killed_writer_leaves_whole_batches(self, tmp_path: Path) -> None:
        """Kill -9 at any moment: every batch that append returned for is there, none is there in part, and the run can be had."""
        self._needs_processes()
        chance = random.Random(7)
        for attempt in range(self.kills):
            data_dir = tmp_path / f"data{attempt}"
            with Child(lambda tell, where=data_dir: self._write_for_ever(where, tell)) as child:  # type: ignore[misc]
                self._told(child, 1 + chance.randrange(6))
                time.sleep(chance.random() * 0.01)
                promised = max(map(int, child.kill()))
            with closing(self.make_store(data_dir)) as store:
                try:
                    numbers = [(event.seq, event.data["n"]) for event in store.read("run")]
                except StoreError as error:
                    self.broken(f"after a kill the log could not be read: {error}", "a kill leaves a readable log")
                there = len(numbers)
                self.promise(
                    numbers == [(n, n) for n in range(1, there + 1)],
                    "after a kill the log has gaps or is out of order",
                    "a kill leaves a prefix of what was appended",
                )
                self.promise(
                    there >= promised,
                    f"append had returned {promised}, after a kill only {there} are there",
                    "what append returned for stays",
                )
                self.promise(
                    there % _BATCH == 0,
                    f"after a kill {there} events are there, written {_BATCH} at a time",
                    "a batch is there whole or not at all",
                )
                last = store.append(store.acquire("run", "heir"), _batch(there + 1, 1))
                self.promise(
                    last == there + 1,
                    f"after a kill at {there} the next event was numbered {last}",
                    "numbering goes on",
                )

    # --- damage -------------------------------------------------------------------------------------------------------

    def test_an_altered_log_is_refused(self, tmp_path: Path) -> None:
        """An event that was changed on disk is not handed out: reading raises StoreError."""
        self._needs_processes()
        if not self.detects_damage:
            self.skip("the suite says that others guard this store's files")
        marker = "unmistakable-marker-of-an-event"
        with closing(self.make_store(tmp_path / "data")) as store:
            lease = store.acquire("run", "me")
            for text in ("before", marker, "after"):
                store.append(lease, [Event(run="run", type="run.warning", at=1.0, data={"text": text})])
            store.release(lease)
        if not _alter(tmp_path / "data", marker.encode()):
            self.skip("the event's text does not stand in a file of the store as it is")
        asked = "read raises StoreError where the log was altered"
        self.raises(StoreError, lambda: self._read_all(tmp_path / "data"), "an event was altered on disk", asked)

    def test_newer_data_is_refused(self, tmp_path: Path) -> None:
        """What a newer version wrote is refused and left as it is, instead of read wrongly."""
        self._needs_processes()
        with closing(self.make_store(tmp_path / "data")) as store:
            store.append(store.acquire("run", "me"), _batch(1, 1))
        if not self.make_newer(tmp_path / "data"):
            self.skip("the suite does not say how a newer version's data look (make_newer)")
        asked = "data of a newer version raise StoreError"
        self.raises(StoreError, lambda: self._read_all(tmp_path / "data"), "a newer version's data were opened", asked)

    # --- requests, blobs, runs ----------------------------------------------------------------------------------------

    def test_requests_reach_the_owner_in_order(self, tmp_path: Path) -> None:
        """Anyone may ask, without a lease; requests have rising numbers, keep their order and their run."""
        asked = "requests(run, after) gives the run's requests above that number, in order"
        with closing(self.make_store(tmp_path / "data")) as store:
            store.acquire("run", "me")
            numbers = [store.request("run", {"command": word, "n": n}) for n, word in enumerate(("pause", "cancel"))]
            store.request("other", {"command": "pause"})
            self.promise(
                numbers == sorted(set(numbers)) and numbers[0] > 0,
                f"requests got the numbers {numbers}",
                "numbers rise from above 0",
            )
            found = [command for _, command in store.requests("run")]
            self.promise(
                found == [{"command": "pause", "n": 0}, {"command": "cancel", "n": 1}], f"requests gave {found}", asked
            )
            later = [number for number, _ in store.requests("run", numbers[0])]
            self.promise(later == numbers[1:], f"requests after {numbers[0]} gave the numbers {later}", asked)

    def test_blobs_come_back_by_their_digest(self, tmp_path: Path) -> None:
        """Bytes are kept under ``sha256:`` and their digest; unknown digests raise StoreError."""
        asked = "put_blob returns 'sha256:' and the hex digest, get_blob the bytes or StoreError"
        data = bytes(range(256)) * 50
        with closing(self.make_store(tmp_path / "data")) as store:
            digest = store.put_blob(data)
            self.promise(digest == "sha256:" + hashlib.sha256(data).hexdigest(), f"put_blob returned {digest!r}", asked)
            self.promise(store.put_blob(data) == digest, "the same bytes got another name the second time", asked)
            self.promise(store.get_blob(digest) == data, "get_blob gave other bytes than were put", asked)
            unknown = "sha256:" + "0" * 64
            self.raises(StoreError, lambda: store.get_blob(unknown), "an unknown blob was asked for", asked)

    def test_an_altered_blob_is_refused(self, tmp_path: Path) -> None:
        """Bytes that no longer fit their digest are not handed out."""
        self._needs_processes()
        marker = b"unmistakable-marker-of-a-blob"
        with closing(self.make_store(tmp_path / "data")) as store:
            digest = store.put_blob(marker)
        if not _alter(tmp_path / "data", marker):
            self.skip("the blob does not stand in a file of the store as it is")

        def read() -> object:
            with closing(self.make_store(tmp_path / "data")) as store:
                return store.get_blob(digest)

        self.raises(StoreError, read, "a blob was altered on disk", "get_blob checks the bytes against the digest")

    def test_runs_are_listed_with_status_and_title(self, tmp_path: Path) -> None:
        """The list of runs says the title and the status of the last event."""
        with closing(self.make_store(tmp_path / "data")) as store:
            for run, status in (("one", ""), ("two", "partial")):
                lease = store.acquire(run, "me")
                events = [Event(run=run, type="run.started", at=5.0, data={"title": f"title of {run}"})]
                if status:
                    events.append(Event(run=run, type="run.finished", at=6.0, data={"status": status}))
                store.append(lease, events)
                store.release(lease)
            found = {listed.run: (listed.status, listed.title) for listed in store.runs()}
            self.promise(
                found == {"one": ("executing", "title of one"), "two": ("partial", "title of two")},
                f"runs() listed {found}",
                "runs() lists each run with its title and the status of its last event",
            )

    def test_a_deleted_run_is_gone(self, tmp_path: Path) -> None:
        """Delete forgets events and requests; an owned run is deleted by its owner alone."""
        with closing(self.make_store(tmp_path / "data")) as store:
            lease = store.acquire("run", "me")
            store.append(lease, _batch(1, 2))
            store.request("run", {"command": "pause"})
            self.raises(
                Held,
                lambda: store.delete("run"),
                "an owned run was deleted",
                "delete raises Held while the run is owned",
            )
            store.release(lease)
            store.delete("run")
            left = (len(list(store.read("run"))), len(store.requests("run")), [one.run for one in store.runs()])
            self.promise(
                left == (0, 0, []), f"after delete (events, requests, runs) were {left}", "a deleted run is gone"
            )
            stale = store.acquire("run", "me")
            store.release(stale)
            lease = store.acquire("run", "the next")
            self.raises(
                Fenced,
                lambda: store.delete("run", stale),
                "an owned run was deleted by an earlier owner",
                "delete raises Fenced when the lease it is given is stale",
            )
            store.append(lease, _batch(1, 2))
            store.delete("run", lease)
            self.promise(
                not list(store.runs()),
                "a run was not deleted by its owner",
                "who owns a run can delete it, with the lease",
            )

    def test_closing_twice_does_no_harm(self, tmp_path: Path) -> None:
        """A store can be closed more than once."""
        store = self.make_store(tmp_path / "data")
        store.close()
        try:
            store.close()
        except Exception as error:
            self.broken(f"the second close raised {type(error).__name__}: {error}", "close may be called twice")

    # --- inside -------------------------------------------------------------------------------------------------------

    def _needs_processes(self) -> None:
        if not self.durable:
            self.skip("the store keeps nothing beyond its process (durable = False)")

    def _told(self, child: Child, lines: int) -> None:
        if not child.wait_for(lines):
            self.broken(
                "a child process could not open, own and write the store; its output says why",
                "a store works in any process",
            )

    def _own(self, data_dir: Path, tell: Callable[[str], None]) -> None:
        store = self.make_store(data_dir)
        store.append(store.acquire("run", "child"), _batch(1, 1))
        tell("owned")
        time.sleep(60)

    def _write_for_ever(self, data_dir: Path, tell: Callable[[str], None]) -> None:
        store, first = self.make_store(data_dir), 1
        lease = store.acquire("run", "child")
        while first < 100_000:
            tell(str(store.append(lease, _batch(first, _BATCH))))
            first += _BATCH

    def _read_all(self, data_dir: Path) -> Sequence[Event]:
        with closing(self.make_store(data_dir)) as store:
            return list(store.read("run"))


def _batch(first: int, size: int, run: str = "run") -> list[Event]:
    return [Event(run=run, type="run.warning", at=float(n), data=_data(n)) for n in range(first, first + size)]


def _data(number: int) -> dict[str, Any]:
    return {"n": number, "text": "x" * 100}


def _alter(folder: Path, marker: bytes) -> bool:
    """Turn ``marker`` around wherever it stands in a file of ``folder``; whether it stood anywhere."""
    found = False
    for file in sorted(folder.rglob("*")):
        if file.is_file() and marker in (data := file.read_bytes()):
            file.chmod(0o644)
            file.write_bytes(data.replace(marker, marker[::-1]))
            found = True
    return found
