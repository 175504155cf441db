"""What a store promises about events: their order, their numbers, all of a batch or nothing."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ...models import Event
from .setting import StoreSetting, batch_of

__all__ = ["EventPromises"]


class EventPromises(StoreSetting):
    """The log of a run, while nothing goes wrong."""

    def test_events_come_back_in_order_and_numbered(self, tmp_path: Path) -> None:
        """Events are numbered from 1 without gaps over all batches, and read in that order from any number."""
        asked = "append numbers events on from the last, without gaps, and read gives them in that order"
        with closing(self.make_store(tmp_path / "data")) as store:
            lease = store.acquire("run", "me")
            lasts = [store.append(lease, batch_of(first, size)) for first, size in ((1, 3), (4, 1), (5, 4))]
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
            store.append(lease, batch_of(1, 2))
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
            store.append(one, batch_of(1, 2, "one"))
            last = store.append(two, batch_of(1, 1, "two"))
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
            store.append(lease, batch_of(1, 1))
            bad = [*batch_of(2, 2), Event(run="run", type="acme.bad", at=1.0, data={"n": object()}), *batch_of(5, 1)]
            try:
                store.append(lease, bad)
            except Exception:
                kept = [event.seq for event in store.read("run")]
                self.promise(
                    kept == [1], f"append raised, and left the events {kept} of which only 1 was there before", asked
                )
                last = store.append(lease, batch_of(2, 1))
                self.promise(last == 2, f"after a refused batch the next event was numbered {last} instead of 2", asked)
            else:
                there = len(list(store.read("run")))
                self.promise(there == 5, f"append raised nothing, but {there} of 5 events are there", asked)
