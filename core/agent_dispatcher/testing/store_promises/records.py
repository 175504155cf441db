"""What a store promises beside the log: requests, blobs, the list of runs, and their end."""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path

from ...errors import Fenced, Held, StoreError
from ...models import Event
from .setting import StoreSetting, batch_of

__all__ = ["RecordPromises"]


class RecordPromises(StoreSetting):
    """Requests, blobs and runs."""

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
            store.append(lease, batch_of(1, 2))
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
            store.append(lease, batch_of(1, 2))
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
