"""What a store promises about what it holds: a kill leaves whole batches, and what was altered is not handed out."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from ...errors import StoreError
from ...models import Event
from ..killing import Child
from .setting import StoreSetting, batch_of

__all__ = ["KeepingPromises"]

#: Events that are recorded at once by whoever is killed.
_BATCH = 7


class KeepingPromises(StoreSetting):
    """What is found after a kill, or after somebody meddled."""

    def test_what_was_recorded_survives_reopening(self, tmp_path: Path) -> None:
        """Another process reads what was recorded and goes on numbering."""
        self._needs_processes()
        with closing(self.make_store(tmp_path / "data")) as first:
            lease = first.acquire("run", "me")
            first.append(lease, batch_of(1, 3))
            first.release(lease)
        with closing(self.make_store(tmp_path / "data")) as second:
            seen = [event.data["n"] for event in second.read("run")]
            self.promise(seen == [1, 2, 3], f"after reopening it read {seen}", "what is recorded stays")
            last = second.append(second.acquire("run", "you"), batch_of(4, 1))
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
                last = store.append(store.acquire("run", "heir"), batch_of(there + 1, 1))
                self.promise(
                    last == there + 1,
                    f"after a kill at {there} the next event was numbered {last}",
                    "numbering goes on",
                )

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
            store.append(store.acquire("run", "me"), batch_of(1, 1))
        if not self.make_newer(tmp_path / "data"):
            self.skip("the suite does not say how a newer version's data look (make_newer)")
        asked = "data of a newer version raise StoreError"
        self.raises(StoreError, lambda: self._read_all(tmp_path / "data"), "a newer version's data were opened", asked)

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

    def _write_for_ever(self, data_dir: Path, tell: Callable[[str], None]) -> None:
        store, first = self.make_store(data_dir), 1
        lease = store.acquire("run", "child")
        while first < 100_000:
            tell(str(store.append(lease, batch_of(first, _BATCH))))
            first += _BATCH

    def _read_all(self, data_dir: Path) -> Sequence[Event]:
        with closing(self.make_store(data_dir)) as store:
            return list(store.read("run"))


def _alter(folder: Path, marker: bytes) -> bool:
    """Turn ``marker`` around wherever it stands in a file of ``folder``; whether it stood anywhere."""
    found = False
    for file in sorted(folder.rglob("*")):
        if file.is_file() and marker in (data := file.read_bytes()):
            file.chmod(0o644)
            file.write_bytes(data.replace(marker, marker[::-1]))
            found = True
    return found
