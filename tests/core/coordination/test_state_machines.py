"""Stores and message bus against models that fit on a page: whatever is done to them in whatever order, they answer as the model does."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent_dispatcher.coordination.memory_store import MemoryStore
from agent_dispatcher.coordination.message_bus import MessageBus, Subscription
from agent_dispatcher.errors import Fenced, Held
from agent_dispatcher.extension import Lease
from agent_dispatcher.models import Event
from agent_dispatcher_builtins.stores.sql import SqlStore

RUNS = ("r1", "r2")
QUICK = settings(max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class StoreMachine(RuleBasedStateMachine):
    """Two runs, owners that come and go or are robbed, batches that are recorded whole or not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.log: dict[str, list[tuple[str, Any]]] = {}
        self.owner: dict[str, Lease] = {}
        self.stale: list[Lease] = []
        self.epoch: dict[str, int] = {}
        self.asked: dict[str, list[str]] = {}
        self.blobs: dict[str, bytes] = {}

    def make(self) -> Any:
        return MemoryStore()

    def again(self, store: Any) -> Any:
        """As another process finds it."""
        return store

    def rob(self, run: str) -> None:
        """The owner is taken to be dead."""
        del self.store._owners[run]

    @initialize()
    def begin(self) -> None:
        self.store = self.make()

    @rule(run=st.sampled_from(RUNS))
    def acquire(self, run: str) -> None:
        if run in self.owner:
            with pytest.raises(Held):
                self.store.acquire(run, "another")
            return
        lease = self.owner[run] = self.store.acquire(run, "somebody")
        assert lease.epoch > self.epoch.get(run, 0), "an epoch comes back"
        self.epoch[run] = lease.epoch

    @precondition(lambda self: self.owner)
    @rule(data=st.data())
    def take_over(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(sorted(self.owner)))
        self.rob(run)
        self.stale.append(self.owner.pop(run))
        self.acquire(run)

    @precondition(lambda self: self.owner)
    @rule(data=st.data(), values=st.lists(st.integers(), max_size=6))
    def append(self, data: st.DataObject, values: list[int]) -> None:
        run = data.draw(st.sampled_from(sorted(self.owner)))
        log = self.log.setdefault(run, [])
        batch = [Event(run=run, type="message", at=1.0, task=f"t{value % 3}", data={"v": value}) for value in values]
        log.extend((event.task or "", event.data) for event in batch)
        assert self.store.append(self.owner[run], batch) == len(log)

    @precondition(lambda self: self.owner)
    @rule(data=st.data())
    def append_what_json_cannot_hold(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(sorted(self.owner)))
        good = Event(run=run, type="message", at=1.0, data={})
        if isinstance(self.store, SqlStore):
            with pytest.raises(TypeError):
                self.store.append(self.owner[run], [good, Event(run=run, type="message", at=1.0, data={"v": object()})])

    @precondition(lambda self: self.stale)
    @rule(data=st.data())
    def stale_owner(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(self.stale))
        with pytest.raises(Fenced):
            self.store.renew(lease)
        with pytest.raises(Fenced):
            self.store.append(lease, [Event(run=lease.run, type="message", at=1.0, data={"stale": True})])
        self.store.release(lease)  # harms nobody

    @precondition(lambda self: self.owner)
    @rule(data=st.data())
    def renew_or_release(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(sorted(self.owner)))
        self.store.renew(self.owner[run])
        if data.draw(st.booleans()):
            lease = self.owner.pop(run)
            self.store.release(lease)
            self.stale.append(lease)

    @rule(run=st.sampled_from(RUNS), word=st.text(max_size=5))
    def ask(self, run: str, word: str) -> None:
        self.store.request(run, {"command": word})
        self.asked.setdefault(run, []).append(word)

    @rule(data=st.binary(max_size=20))
    def keep(self, data: bytes) -> None:
        self.blobs[self.store.put_blob(data)] = data

    @rule()
    def come_back(self) -> None:
        self.store = self.again(self.store)
        for run in RUNS:
            self.read(run, 0)

    @rule(run=st.sampled_from(RUNS), after=st.integers(0, 12))
    def read_some(self, run: str, after: int) -> None:
        self.read(run, after)

    def read(self, run: str, after: int) -> None:
        expected = self.log.get(run, [])
        found = [(event.seq, event.task, event.data) for event in self.store.read(run, after)]
        assert found == [(seq, *entry) for seq, entry in enumerate(expected, 1) if seq > after]

    @rule(run=st.sampled_from(RUNS))
    def read_requests(self, run: str) -> None:
        found = list(self.store.requests(run))
        assert [command["command"] for _, command in found] == self.asked.get(run, [])
        numbers = [number for number, _ in found]
        assert numbers == sorted(set(numbers))
        if numbers:
            assert list(self.store.requests(run, numbers[0])) == found[1:]

    @rule()
    def read_blobs(self) -> None:
        assert {digest: self.store.get_blob(digest) for digest in self.blobs} == self.blobs

    def teardown(self) -> None:
        if hasattr(self, "store"):
            for run in RUNS:
                self.read(run, 0)

    @invariant()
    def holders_are_known(self) -> None:
        if hasattr(self, "store"):
            for run in RUNS:
                assert (self.store.holder(run) is not None) == (run in self.owner)


class SqlStoreMachine(StoreMachine):
    """The same on a database file, closed and opened in between."""

    def make(self) -> Any:
        self.folder = Path(tempfile.mkdtemp(prefix="agent-dispatcher-test-"))
        return SqlStore(self.folder)

    def again(self, store: Any) -> Any:
        store.close()
        return SqlStore(self.folder)

    def rob(self, run: str) -> None:
        self.store._database.connection.execute(
            "UPDATE runs SET process = 'ended long ago', pid = 0 WHERE run = ?", (run,)
        )

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)


class BusMachine(RuleBasedStateMachine):
    """Durable and transient messages, subscribers with small queues that read when they like, come late and leave."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.bus = MessageBus(capacity=3)
        self.log: list[tuple[int, str, Any]] = []
        self.listeners: dict[Subscription, list[Any]] = {}  # what a listener has coming of durable messages
        self.sent: dict[Subscription, int] = {}
        self.got: dict[Subscription, int] = {}
        self.bus.attach(self.record, lambda after: [entry for entry in self.log if entry[0] > after])

    async def record(self, topic: str, payload: Any) -> int:
        self.log.append((2 * len(self.log) + 2, topic, payload))
        return self.log[-1][0]

    def go(self, work: Any) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(work, 30))

    @rule(topic=st.sampled_from(["a.x", "a.y", "b"]), value=st.integers())
    def publish_durable(self, topic: str, value: int) -> None:
        seq = self.go(self.bus.publish(topic, value, durable=True))
        for listener, coming in self.listeners.items():
            if listener.matches(topic):
                coming.append((seq, topic, value))

    @rule(topic=st.sampled_from(["a.x", "a.y", "b"]))
    def publish_transient(self, topic: str) -> None:
        self.go(self.bus.publish(topic, "passing"))
        for listener in self.listeners:
            self.sent[listener] += listener.matches(topic)

    @precondition(lambda self: len(self.listeners) < 4)
    @rule(pattern=st.sampled_from(["a.*", "b", "*"]), whole=st.booleans())
    def subscribe(self, pattern: str, whole: bool) -> None:
        listener = self.bus.subscribe(pattern, after=0 if whole else None)
        self.listeners[listener] = [entry for entry in self.log if listener.matches(entry[1])] if whole else []
        self.sent[listener] = self.got[listener] = 0

    @precondition(lambda self: self.listeners)
    @rule(data=st.data(), most=st.integers(1, 6))
    def take(self, data: st.DataObject, most: int) -> None:
        listener = data.draw(st.sampled_from(list(self.listeners)))
        coming = self.listeners[listener]
        for _ in range(most):
            message = self.go(self.next_of(listener))
            if message is None:
                assert coming == [], "a durable message is kept back"
                assert self.got[listener] == self.sent[listener], "a transient message is lost and not counted"
                return
            if message.seq:
                assert (message.seq, message.topic, message.payload) == coming.pop(0)
            self.got[listener] += message.missed + (not message.seq)

    async def next_of(self, listener: Subscription) -> Any:
        waiting = asyncio.ensure_future(anext(listener))
        for _ in range(3):
            await asyncio.sleep(0)
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        return None

    @precondition(lambda self: self.listeners)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        listener = data.draw(st.sampled_from(list(self.listeners)))
        del self.listeners[listener]
        self.go(listener.aclose())

    def teardown(self) -> None:
        self.loop.close()


class TestMemoryStore(StoreMachine.TestCase):  # type: ignore[name-defined,misc]
    """The store that forgets answers as the model does."""

    settings = QUICK


class TestSqlStore(SqlStoreMachine.TestCase):  # type: ignore[name-defined,misc]
    """The store on SQLite answers as the model does."""

    settings = settings(QUICK, max_examples=25)


class TestBus(BusMachine.TestCase):  # type: ignore[name-defined,misc]
    """Durable messages reach every listener once and in order, transient ones once or counted."""

    settings = QUICK
