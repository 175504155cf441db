"""The store on SQLite: what is recorded stays, what was altered is noticed, one owner at a time."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.errors import Fenced, Held, StoreError
from agent_dispatcher.extension import Lease, Services
from agent_dispatcher.models import Event
from agent_dispatcher_builtins.stores import owner as owner_module
from agent_dispatcher_builtins.stores import schema
from agent_dispatcher_builtins.stores.hooks import sql
from agent_dispatcher_builtins.stores.options import SqlOptions
from agent_dispatcher_builtins.stores.sql import SqlStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with closing(SqlStore(tmp_path / "data")) as made:
        yield made


def event(kind: str = "run.warning", **data: Any) -> Event:
    return Event(run="r", type=kind, at=1.5, task="t", attempt=2, data=data)


def tamper(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "state.db")) as connection, connection:
        connection.executescript(statement)


def test_events_come_back_numbered_and_whole(store: SqlStore) -> None:
    """What is appended is read back in order, numbered without gaps, over batches and from any number."""
    lease = store.acquire("r", "me")
    assert store.append(lease, [event(a=1), event(b=["x", None, 2.5])]) == 2
    assert store.append(lease, [event(c={"ü": "\ud800"})]) == 3
    assert store.append(lease, []) == 3
    events = list(store.read("r"))
    assert [one.seq for one in events] == [1, 2, 3]
    assert [one.data for one in events] == [{"a": 1}, {"b": ["x", None, 2.5]}, {"c": {"ü": "\ud800"}}]
    assert (events[0].at, events[0].task, events[0].attempt, events[0].run) == (1.5, "t", 2, "r")
    assert [[one.seq for one in store.read("r", after)] for after in (1, 2)] == [[2, 3], [3]]
    assert list(store.read("r", 3)) == list(store.read("r", 9)) == list(store.read("other")) == []


def test_events_survive_reopening(tmp_path: Path) -> None:
    """Another process, or the same one later, reads what was recorded and goes on numbering."""
    with closing(SqlStore(tmp_path)) as first:
        lease = first.acquire("r", "me")
        first.append(lease, [event()])
        first.release(lease)
    with closing(SqlStore(tmp_path)) as second:
        assert second.append(second.acquire("r", "you"), [event()]) == 2
        assert len(list(second.read("r"))) == 2


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE pages SET events = replace(events, '1.5', '9.5') WHERE seq = 3", "event 2 of run r or one recorded"),
        (
            "UPDATE pages SET events = replace(events, '{\"n\":3}', '{\"n\":9}') WHERE seq = 3",
            "event 2 of run r or one",
        ),
        (
            "UPDATE pages SET events = events || ' ' WHERE seq = 1",
            "event 1 of run r or one recorded with it was altered",
        ),
        ("UPDATE pages SET events = CAST(events AS BLOB) WHERE seq = 1", "event 1 of run r"),
        ("UPDATE pages SET hash = x'00' WHERE seq = 4", "event 4 of run r or one recorded with it was altered"),
        ("UPDATE pages SET seq = 2 WHERE seq = 3", "event 2 of run r is not where it was recorded"),
        ("UPDATE pages SET seq = 9 WHERE seq = 4", "event 9 of run r is not where it was recorded"),
        (
            "UPDATE pages SET seq = 9 WHERE seq = 4; UPDATE runs SET last_seq = 9",
            "event 9 of run r is not where it was",
        ),
        ("UPDATE pages SET seq = 9 WHERE seq = 1", "event 1 of run r is missing"),
        ("DELETE FROM pages WHERE seq = 3", "event 2 of run r is missing"),
        ("DELETE FROM pages WHERE seq = 4", "event 4 of run r is missing"),
        ("DELETE FROM pages WHERE seq = 1", "event 1 of run r is missing"),
        ("UPDATE runs SET last_seq = 3", "event 5 of run r is missing, or the end of the log was altered"),
    ],
)
def test_altered_log_is_refused(store: SqlStore, tmp_path: Path, statement: str, message: str) -> None:
    """No event that was changed, removed or cut off after recording is ever handed out unnoticed."""
    lease = store.acquire("r", "me")
    for numbers in ((1,), (2, 3), (4,)):
        store.append(lease, [event(n=number) for number in numbers])
    assert [one.data["n"] for one in store.read("r")] == [1, 2, 3, 4]
    tamper(tmp_path / "data", statement)
    with pytest.raises(StoreError, match=message):
        list(store.read("r"))


def test_stale_lease_is_fenced(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a takeover nothing of the old owner is recorded, whatever it tries."""
    old = store.acquire("r", "old")
    store.append(old, [event()])
    monkeypatch.setattr(owner_module, "clock", lambda: time.monotonic() + 3600)
    new = store.acquire("r", "new")
    assert new.epoch == old.epoch + 1
    with pytest.raises(Fenced, match="taken over by new"):
        store.append(old, [event()])
    with pytest.raises(Fenced):
        store.renew(old)
    store.release(old)
    store.renew(new)
    assert store.append(new, [event()]) == 2


def test_live_owner_holds(store: SqlStore, tmp_path: Path) -> None:
    """A second owner is told who has the run, with process and host; after release it may have it."""
    lease = store.acquire("r", "me")
    with closing(SqlStore(tmp_path / "data")) as other:
        with pytest.raises(Held) as caught:
            other.acquire("r", "you")
        assert (caught.value.owner, caught.value.pid) == ("me", os.getpid())
        with pytest.raises(Held):
            other.delete("r")
        store.release(lease)
        assert other.acquire("r", "you").epoch == 2


def test_clock_that_jumps_ends_no_lease(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting the wall clock an hour on or back neither ends nor prolongs a lease on the same machine."""
    store.acquire("r", "me")
    for jump in (3600.0, -3600.0):
        now = time.time() + jump
        monkeypatch.setattr(time, "time", lambda now=now: now)
        with pytest.raises(Held):
            store.acquire("r", "you")


def test_owner_on_another_machine_holds_for_its_time(store: SqlStore, tmp_path: Path) -> None:
    """Where nobody can look at the process, the lease ends by its time and not before."""
    store.acquire("r", "far")
    tamper(tmp_path / "data", "UPDATE runs SET host = 'elsewhere/1/2'")
    with pytest.raises(Held, match="elsewhere"):
        store.acquire("r", "me")
    tamper(tmp_path / "data", "UPDATE runs SET renewed_at = renewed_at - 31")
    assert store.acquire("r", "me").epoch == 2


def test_dead_owner_is_taken_over_at_once(tmp_path: Path) -> None:
    """A run whose process died can be had at once, also when its process id is in use again."""
    script = (
        "import sys; from pathlib import Path; from agent_dispatcher_builtins.stores.sql import SqlStore; "
        "import os; SqlStore(Path(sys.argv[1])).acquire('r', 'dead'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    with closing(SqlStore(tmp_path)) as store:
        assert store.acquire("r", "me").epoch == 2
        tamper(tmp_path, f"UPDATE runs SET pid = {os.getpid()}, process = '1'")
        assert store.acquire("r", "me again").epoch == 3


def test_two_processes_race_for_one_run(tmp_path: Path) -> None:
    """Of processes that want a run at the same moment exactly one gets it; the others are told who."""
    with closing(SqlStore(tmp_path)):
        pass
    script = """
import os, sys, time
from pathlib import Path
from agent_dispatcher.errors import Held
from agent_dispatcher_builtins.stores.sql import SqlStore
store = SqlStore(Path(sys.argv[1]))
read_results, write_results = os.pipe()
read_end, write_end = os.pipe()
for racer in range(4):
    if os.fork() == 0:
        os.close(write_end)
        store = SqlStore(Path(sys.argv[1]))
        won = 0
        for run in range(50):
            while time.time() < float(sys.argv[2]) + run * 0.02:
                pass
            try:
                lease = store.acquire(f"r{run}", f"racer {racer}")
                won += 1
            except Held as held:
                assert held.owner.startswith("racer"), held
        os.write(write_results, b"%d\\n" % won)
        os.read(read_end, 1)  # stay alive until all have raced
        os._exit(0)
results = b""
while results.count(b"\\n") < 4:
    results += os.read(read_results, 100)
print(results.decode())
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), str(time.time() + 2)],
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    assert sum(int(line) for line in done.stdout.split()) == 50, done.stdout


def test_requests_reach_the_owner_in_order(store: SqlStore, tmp_path: Path) -> None:
    """Another process asks without a lease; the owner reads what is new."""
    store.acquire("r", "me")
    with closing(SqlStore(tmp_path / "data")) as other:
        first = other.request("r", {"command": "pause"})
        other.request("elsewhere", {"command": "cancel"})
        other.request("r", {"command": "cancel", "why": "enough"})
    assert [command for _, command in store.requests("r")] == [
        {"command": "pause"},
        {"command": "cancel", "why": "enough"},
    ]
    assert [command["command"] for _, command in store.requests("r", first)] == ["cancel"]


def test_runs_are_listed_with_their_status(store: SqlStore) -> None:
    """The list of runs says title, times and the status of the last event; a run is gone after delete."""
    for run, kinds in (("a", ("run.started",)), ("b", ("run.started", "run.finished"))):
        lease = store.acquire(run, "me")
        store.append(
            lease,
            [
                Event(run=run, type=kind, at=float(n), data={"title": f"title {run}", "status": "partial"})
                for n, kind in enumerate(kinds, 5)
            ],
        )
        store.release(lease)
    store.acquire("never begun", "me")
    assert [(one.run, one.status, one.title, one.started_at, one.updated_at) for one in store.runs()] == [
        ("a", "executing", "title a", 5.0, 5.0),
        ("b", "partial", "title b", 5.0, 6.0),
    ]
    store.delete("a")
    assert [one.run for one in store.runs()] == ["b"]
    assert list(store.read("a")) == []


def test_blobs_are_checked_against_their_digest(store: SqlStore, tmp_path: Path) -> None:
    """Bytes come back as they were, or not at all."""
    digest = store.put_blob(b"plan")
    assert store.put_blob(b"plan") == digest
    assert store.get_blob(digest) == b"plan"
    tamper(tmp_path / "data", "UPDATE blobs SET data = x'00'")
    with pytest.raises(StoreError, match="was altered"):
        store.get_blob(digest)
    with pytest.raises(StoreError, match="holds no blob"):
        store.get_blob("sha256:0")


def test_newer_database_is_refused(tmp_path: Path) -> None:
    """A database of a newer version is refused, naming both versions, and left alone."""
    with closing(SqlStore(tmp_path)):
        pass
    tamper(tmp_path, "PRAGMA user_version = 7")
    with pytest.raises(StoreError, match=f"schema version 7, this program knows up to {schema.SCHEMA_VERSION}"):
        SqlStore(tmp_path)


def test_older_database_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database of an older version is brought up to date and keeps its runs."""
    with closing(SqlStore(tmp_path)) as store:
        lease = store.acquire("r", "me")
        store.append(lease, [event()])
        store.release(lease)
    newer = schema.SCHEMA_VERSION + 1
    monkeypatch.setattr(schema, "SCHEMA_VERSION", newer)
    monkeypatch.setattr(schema, "MIGRATIONS", {newer: ("ALTER TABLE meta ADD COLUMN note TEXT",)})
    with closing(SqlStore(tmp_path)) as store:
        assert len(list(store.read("r"))) == 1
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (newer,)
        assert "note" in [row[1] for row in connection.execute("PRAGMA table_info(meta)")]


def test_foreign_file_is_refused(tmp_path: Path) -> None:
    """Another program's database, or no database at all, is refused and left alone."""
    tamper(tmp_path, "CREATE TABLE theirs (x)")
    with pytest.raises(StoreError, match="database of another program"):
        SqlStore(tmp_path)
    (tmp_path / "state.db").write_text("not a database, but long enough to look like a file of some sort " * 20)
    with pytest.raises(StoreError, match="no database at all"):
        SqlStore(tmp_path)


def test_lost_or_exchanged_database_is_noticed(tmp_path: Path) -> None:
    """No empty database ever takes the place of one in which runs were recorded."""
    with closing(SqlStore(tmp_path / "a")), closing(SqlStore(tmp_path / "b")):
        pass
    (tmp_path / "b" / "state.db").replace(tmp_path / "a" / "state.db")
    with pytest.raises(StoreError, match="not the database that runs were recorded in"):
        SqlStore(tmp_path / "a")
    with pytest.raises(StoreError, match="is gone, though runs were recorded in it"):
        SqlStore(tmp_path / "b")
    assert not (tmp_path / "b" / "state.db").exists()


@pytest.mark.parametrize("how", ["unlink", "exchange"])
def test_database_lost_while_running_stops_the_run(store: SqlStore, tmp_path: Path, how: str) -> None:
    """Nothing is written into a file that is no longer at its place."""
    lease = store.acquire("r", "me")
    path = tmp_path / "data" / "state.db"
    path.rename(tmp_path / "old.db")
    if how == "exchange":
        path.write_bytes(b"")
    with pytest.raises(StoreError, match=r"is gone while|was exchanged while"):
        store.append(lease, [event()])
    assert not path.exists() or path.read_bytes() == b""


def test_locked_database_names_the_owner(tmp_path: Path) -> None:
    """A lock that does not go away is an error that says who owns the run, after the waiting time and not before."""
    with closing(SqlStore(tmp_path, SqlOptions(busy_timeout_s=0.3))) as store:
        lease = store.acquire("r", "me")
        with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            begun = time.monotonic()
            with pytest.raises(StoreError, match=f"locked by another process .*process {os.getpid()}"):
                store.append(lease, [event()])
            assert 0.2 < time.monotonic() - begun < 20
            other.execute("ROLLBACK")
        assert store.append(lease, [event()]) == 1


def test_full_disk_keeps_what_is_recorded(store: SqlStore) -> None:
    """When the disk is full the batch is refused whole, what was recorded stays, and recording goes on once there is room."""
    lease = store.acquire("r", "me")
    store.append(lease, [event()])
    pages = store._database.connection.execute("PRAGMA page_count").fetchone()[0]
    store._database.connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="the disk is full: free some space"):
        store.append(lease, [event(), event(text="x" * 100_000)])
    assert len(list(store.read("r"))) == 1
    store._database.connection.execute("PRAGMA max_page_count = 1000000")
    assert store.append(lease, [event(text="x" * 100_000)]) == 2


def test_read_only_database_says_so(tmp_path: Path) -> None:
    """A database that cannot be written is an error with the remedy."""
    with closing(SqlStore(tmp_path)) as store:
        lease = store.acquire("r", "me")
        store._database.connection.execute("PRAGMA query_only = ON")
        with pytest.raises(StoreError, match="read-only: make it and its folder writable"):
            store.append(lease, [event()])


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A folder that is a file is an error that names it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        SqlStore(tmp_path / "file" / "data")


def test_values_that_are_not_json_are_refused_whole(store: SqlStore) -> None:
    """A batch with something that JSON cannot hold is not recorded, not even in part."""
    lease = store.acquire("r", "me")
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.append(lease, [event(), event(bad=float("nan"))])
    assert list(store.read("r")) == []


def test_full_synchronisation_is_an_option(tmp_path: Path) -> None:
    """``synchronous = FULL`` reaches SQLite; the default is NORMAL with a write-ahead log."""
    for name, level in (("NORMAL", 1), ("FULL", 2)):
        with closing(SqlStore(tmp_path / name, SqlOptions(synchronous=name))) as store:
            assert store._database.connection.execute("PRAGMA synchronous").fetchone() == (level,)
            assert store._database.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_plugin_offers_the_store_without_importing_it(tmp_path: Path) -> None:
    """The offer imports no SQLModel; its factory makes a store in the run's folder."""
    script = (
        "import sys, json\nfrom agent_dispatcher_builtins.stores.hooks import sql\n"
        "list(sql.dispatcher_stores())\nprint(json.dumps([m for m in sys.modules if m.startswith('sql')]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
    (offer,) = sql.dispatcher_stores()
    services = Services(log=logging.getLogger("t"), data_dir=tmp_path / "d", config=None)
    with closing(offer.factory(SqlOptions(), services)) as store:
        assert isinstance(store.acquire("r", "me"), Lease)
    assert (tmp_path / "d" / "state.db").exists()
