"""What a store promises about leases: one owner at a time, a dead one replaced at once, a stale one fenced off."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ...errors import Fenced, Held
from ..killing import Child
from .setting import StoreSetting, batch_of

__all__ = ["OwningPromises"]


class OwningPromises(StoreSetting):
    """Who may record."""

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
                Fenced, lambda: store.append(old, batch_of(1, 1)), "an event was appended with a stale lease", asked
            )
            self.promise(not list(store.read("run")), "an event of a stale lease was recorded", asked)
            self.raises(Fenced, lambda: store.renew(old), "a stale lease was renewed", asked)
            store.renew(new)
            self.promise(store.append(new, batch_of(1, 1)) == 1, "the holder of the run could not record", asked)

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
                store.append(lease, batch_of(2, 1)) == 2,
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

    def _own(self, data_dir: Path, tell: Callable[[str], None]) -> None:
        store = self.make_store(data_dir)
        store.append(store.acquire("run", "child"), batch_of(1, 1))
        tell("owned")
        time.sleep(60)
