"""The state manager records in one go, tells observers afterwards, and keeps the lease."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any

import pytest

from agent_dispatcher.coordination.memory_store import MemoryStore
from agent_dispatcher.coordination.run_state import fold
from agent_dispatcher.coordination.state_manager import StateManager, request
from agent_dispatcher.errors import Fenced, Held, StoreError, UsageError
from agent_dispatcher.models import Event, ExecutionPlan, Specification, Task
from agent_dispatcher.provenance import Scrubber


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_observers_see_numbered_batches_after_recording() -> None:
    """An observer sees each batch once, numbered, when it is in the store; one that raises harms nobody."""
    store, seen = MemoryStore(), []
    state = StateManager(store, "r", now=lambda: 5.0).open()

    def bad(events: Sequence[Event]) -> None:
        raise RuntimeError("no")

    def good(events: Sequence[Event]) -> None:
        seen.append([event.seq for event in events])
        assert [event.seq for event in store.read("r")][-1] == events[-1].seq

    state.subscribe(bad)
    state.subscribe(good)
    assert state.flush() == 0
    for _ in range(2):
        state.append("run.warning", data={"text": "x"})
        state.append("run.warning")
        assert state.pending
        state.flush()
    assert seen == [[1, 2], [3, 4]]
    assert [event.at for event in store.read("r")] == [5.0] * 4


def test_what_is_recorded_is_cleaned() -> None:
    """What anyone may have said goes through ``clean`` before observers and the store see it; names, digests and numbers stay as they are."""
    store, seen = MemoryStore(), list[Event]()
    clean = Scrubber.of(["key-17-abcdef"]).value
    with closing(StateManager(store, "r", clean=clean).open()) as state:
        state.subscribe(seen.extend)
        state.append("run.warning", data={"text": "it is key-17-abcdef"})
        state.append("attempt.checked", task="a", attempt=1, data={"evidence": [{"details": {"x": ["key-17-abcdef"]}}]})
        state.append("task.blocked", task="b", data={"by": ["key-17-abcdef"]})
        state.append("of-a-plugin", data={"key-17-abcdef": 1})
    assert seen == list(store.read("r"))
    assert [event.data for event in seen] == [
        {"text": "it is <secret>"},
        {"evidence": [{"details": {"x": ["<secret>"]}}]},
        {"by": ["key-17-abcdef"]},
        {"<secret>": 1},
    ]


def test_numbers_are_known_in_advance() -> None:
    """After the first look at the log, append says which number the event will have; also in a later process."""
    store = MemoryStore()
    with closing(StateManager(store, "r").open()) as first:
        first.append("run.started")
        first.flush()
        assert first.append("message") == 2
    with closing(StateManager(store, "r").open()) as second:
        assert second.state().last_seq == second.last_seq == 2
        assert [second.append("message"), second.append("message")] == [3, 4]
    assert [event.seq for event in store.read("r")] == [1, 2, 3, 4]


def test_the_owner_reads_the_log_once() -> None:
    """Whoever begins a run never reads its log back, whoever resumes it does so once; both know all of it, as anybody finds it in the store."""
    reads = []

    class Counting(MemoryStore):
        def read(self, run: str, after: int = 0) -> Iterable[Event]:
            reads.append(after)
            return super().read(run, after)

    store = Counting()
    with closing(StateManager(store, "r").open()) as first:
        first.append("run.started", data={"title": "x"})
        first.append("attempt.started", task="a", attempt=1)
        assert first.state().tasks["a"].status == "in_progress"
        first.append("task.completed", task="a")
        assert first.state().tasks["a"].status == "completed"
        assert [event.type for event in first.events(1)] == ["attempt.started", "task.completed"]
        assert reads == []
    with closing(StateManager(store, "r").open()) as second:
        second.append("run.resumed")
        assert second.state().tasks["a"].status == "completed"
        second.append("run.warning", data={"text": "w"})
        assert (second.state().resumes, second.state().warnings) == (1, ["w"])
        assert [event.seq for event in second.events()] == [1, 2, 3, 4, 5]
        assert reads == [0]
    reads.clear()
    with closing(StateManager(store, "r").open(tuple(store.read("r"))[:3])) as third:
        third.append("run.resumed")
        assert third.state().resumes == 2
        assert [event.seq for event in third.events()] == [1, 2, 3, 4, 5, 6]
        assert reads == [0, 3]
    assert second.state() == fold(store.read("r"))
    assert list(second.events()) == list(store.read("r"))


def test_close_records_what_is_left_and_frees_the_run() -> None:
    """Nothing gathered is lost at close, and somebody else may have the run."""
    store = MemoryStore()
    state = StateManager(store, "r", owner="first").open()
    with pytest.raises(Held, match="first"):
        StateManager(store, "r").open()
    state.append("run.started")
    state.close()
    state.close()
    assert len(list(store.read("r"))) == 1
    StateManager(store, "r").open().close()
    with pytest.raises(StoreError, match="is not open"):
        _ = state.lease


def test_refused_batch_stays_gathered() -> None:
    """A batch the store refuses is not half recorded and not forgotten: the next flush records it."""
    store = MemoryStore()
    state = StateManager(store, "r").open()
    append, store.append = store.append, _refusing  # type: ignore[method-assign]
    state.append("run.started")
    with pytest.raises(StoreError, match="full"):
        state.flush()
    assert state.pending
    store.append = append  # type: ignore[method-assign]
    assert state.flush() == 1


def _refusing(lease: Any, events: Any) -> int:
    raise StoreError("full")


def test_lease_is_renewed_and_assured_in_time() -> None:
    """The lease is renewed when it is due, and looked at again before anything that must not be done by a stale owner."""
    clock, store = Clock(), MemoryStore()
    state = StateManager(store, "r", monotonic=clock, renew_s=10.0).open()
    store._owners["r"] = "thief"
    clock.now += 0.5
    state.assure()
    state.keep()
    clock.now += 1.0
    with pytest.raises(Fenced, match="thief"):
        state.assure()
    clock.now += 10.0
    with pytest.raises(Fenced):
        state.keep()
    with pytest.raises(Fenced):
        state.verify()


def test_requests_are_seen_once_and_old_ones_never() -> None:
    """A request made while nobody owned the run is history; a new one is seen once, in order."""
    store = MemoryStore()
    request(store, "r", {"command": "cancel"})
    state = StateManager(store, "r").open()
    assert state.requests() == []
    request(store, "r", {"command": "pause"})
    request(store, "r", {"command": "cancel"})
    assert [one["command"] for one in state.requests()] == ["pause", "cancel"]
    assert state.requests() == []
    with pytest.raises(UsageError, match="to pause, to cancel"):
        request(store, "r", {"command": "explode"})


def test_values_come_back_as_they_were() -> None:
    """A plan kept as a blob is the same plan again."""
    plan = ExecutionPlan(specification=Specification(id="s", title="ü"), tasks=(Task(id="a", title="t", children=()),))
    state = StateManager(MemoryStore(), "r").open()
    assert state.get_value(state.put_value(plan), ExecutionPlan) == plan
