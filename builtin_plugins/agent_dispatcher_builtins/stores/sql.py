"""Runs in an SQLite database: one file per output folder, one hash-chained log of events per run.

SQLModel defines the tables and serves lists; the events of a turn are written as one page, on the calling thread. Readers and the one
writer do not wait for each other, and with ``synchronous = NORMAL`` what is committed survives the death of the process.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from agent_dispatcher.errors import Fenced, Held, StoreError
from agent_dispatcher.extension import Lease, RunFolder
from agent_dispatcher.failpoints import failpoint
from agent_dispatcher.models import Event

from .database import Database
from .faults import explained
from .options import SqlOptions
from .owner import Holder, is_alive, this_process
from .pages import Pages, events_of, link, page_of
from .schema import RunRow

__all__ = ["SqlStore"]

_INSERT = "INSERT INTO pages (run, seq, events, hash) VALUES (?, ?, ?, ?)"
_ADVANCE = "UPDATE runs SET last_seq = ?, last_hash = ?, updated_at = ? WHERE run = ? AND owner = ? AND epoch = ? AND last_seq = ?"
_TELL = (
    "UPDATE runs SET status = coalesce(?, status), title = coalesce(?, title), started_at = coalesce(?, started_at) "
    "WHERE run = ?"
)
_PAGE_BEFORE = "SELECT seq, hash FROM pages WHERE run = ? AND seq <= ? ORDER BY seq DESC LIMIT 1"
_FIRST_PAGE = "(SELECT events FROM pages WHERE pages.run = {} ORDER BY seq LIMIT 1)"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_STATUS = {"run.started": "executing", "run.resumed": "executing", "run.paused": "paused"}
_TELLING = frozenset({*_STATUS, "run.finished"})


class SqlStore:
    """See :class:`agent_dispatcher.extension.components.Store`.

    The file itself is :class:`~.database.Database`'s.

    Args:
        folder: ``<output>/.dispatcher``; made when it does not exist.
        options: see :class:`~agent_dispatcher_builtins.stores.options.SqlOptions`.

    Raises:
        StoreError: the database cannot be used; the message says why and what to do.
    """

    def __init__(self, folder: Path, options: SqlOptions | None = None) -> None:
        self._options = options or SqlOptions()
        self._database = Database(folder, self._options)
        self._path = self._database.path
        self._execute, self._writing = self._database.execute, self._database.writing
        self._heads: dict[str, tuple[int, bytes]] = {}

    # --- leases ---------------------------------------------------------------------------------------------------

    def holder(self, run: str) -> Held | None:
        """Who owns the run, if another process that may be alive does."""
        row = self._execute(
            "SELECT owner, host, pid, process, renewed_at, renewed_clock FROM runs WHERE run = ?", (run,)
        ).fetchone()
        if row is None or row[0] is None or not is_alive(Holder(*row[1:6]), self._options.lease_s):
            return None
        return Held(run, row[0], row[1].partition("/")[0], row[2])

    def acquire(self, run: str, owner: str) -> Lease:
        """Own the run; :class:`Held` while another process that may be alive does."""
        me = this_process()
        with self._writing(run):
            row = self._execute(
                "SELECT owner, host, pid, process, renewed_at, renewed_clock, epoch, last_seq, last_hash FROM runs WHERE run = ?",
                (run,),
            ).fetchone()
            if row is None:
                epoch, head = 1, (0, b"")
                self._execute(
                    "INSERT INTO runs (run, title, status, started_at, updated_at, last_seq, last_hash, epoch, host, pid, process, "
                    "renewed_at, renewed_clock) VALUES (?, '', 'initializing', ?, ?, 0, x'', 0, '', 0, '', 0, 0)",
                    (run, me.renewed_at, me.renewed_at),
                )
            else:
                holder, epoch, head = Holder(*row[1:6]), row[6] + 1, (row[7], bytes(row[8]))
                if row[0] is not None and is_alive(holder, self._options.lease_s):
                    raise Held(run, row[0], holder.host.partition("/")[0], holder.pid)
            self._execute(
                "UPDATE runs SET owner = ?, host = ?, pid = ?, process = ?, renewed_at = ?, renewed_clock = ?, epoch = ? WHERE run = ?",
                (owner, me.host, me.pid, me.process, me.renewed_at, me.renewed_clock, epoch, run),
            )
        self._heads[run] = head
        return Lease(run=run, owner=owner, epoch=epoch)

    def renew(self, lease: Lease) -> None:
        """Prolong it; :class:`Fenced` when it was taken over."""
        me = this_process()
        with self._writing(lease.run):
            changed = self._execute(
                "UPDATE runs SET renewed_at = ?, renewed_clock = ? WHERE run = ? AND owner = ? AND epoch = ?",
                (me.renewed_at, me.renewed_clock, lease.run, lease.owner, lease.epoch),
            ).rowcount
            if not changed:
                raise self._fenced(lease)

    def release(self, lease: Lease) -> None:
        """Give it back; harmless when it was taken over."""
        with self._writing(lease.run):
            self._execute(
                "UPDATE runs SET owner = NULL WHERE run = ? AND owner = ? AND epoch = ?",
                (lease.run, lease.owner, lease.epoch),
            )

    def _fenced(self, lease: Lease) -> Fenced:
        row = self._execute("SELECT owner, host, pid FROM runs WHERE run = ?", (lease.run,)).fetchone()
        who = f"{row[0]} (process {row[2]} on {row[1].partition('/')[0]})" if row and row[0] else "another process"
        return Fenced(f"run {lease.run} was taken over by {who}: nothing this process does for it counts any more")

    # --- events ---------------------------------------------------------------------------------------------------

    def append(self, lease: Lease, events: Sequence[Event]) -> int:
        """Record them all or none; :class:`Fenced` when the lease is stale."""
        run = lease.run
        before, previous = self._heads.get(run) or self._head(run)
        if not events:
            return before
        seq = before + len(events)
        text = page_of(before + 1, events)
        digest = link(previous, text)
        told = _told(events)
        execute = self._execute
        with self._writing(run):
            head = (seq, digest, events[-1].at, run, lease.owner, lease.epoch, before)
            if not execute(_ADVANCE, head).rowcount:
                raise self._fenced(lease)
            if told is not None:
                execute(_TELL, (*told, run))
            execute(_INSERT, (run, seq, text, digest))
            failpoint("store.commit.before")
        self._heads[run] = (seq, digest)
        return seq

    @property
    def syncs_late(self) -> bool:
        """With ``synchronous = FULL``; see :class:`agent_dispatcher.extension.upkeep.LateStore`."""
        return self._options.synchronous == "FULL"

    def append_soon(self, lease: Lease, events: Sequence[Event]) -> int:
        """As :meth:`append`, without waiting for the disk: :meth:`sync` does."""
        self._execute("PRAGMA synchronous = NORMAL")
        try:
            return self.append(lease, events)
        finally:
            self._execute(f"PRAGMA synchronous = {self._options.synchronous}")

    def sync(self) -> None:
        """Flush what :meth:`append_soon` has recorded to the disk; in any thread."""
        self._database.sync()

    def _head(self, run: str) -> tuple[int, bytes]:
        with explained(str(self._path)):
            row = self._execute("SELECT last_seq, last_hash FROM runs WHERE run = ?", (run,)).fetchone()
        return (row[0], bytes(row[1])) if row else (0, b"")

    def read(self, run: str, after: int = 0) -> Iterator[Event]:
        """Events above ``after``, each verified against the chain; :class:`StoreError` at the first that does not fit."""
        with explained(str(self._path)), closing(self._database.connect()) as connection:
            connection.execute("BEGIN")
            head = connection.execute("SELECT last_seq, last_hash FROM runs WHERE run = ?", (run,)).fetchone()
            if head is None:
                return
            row = connection.execute(_PAGE_BEFORE, (run, after)).fetchone()
            seq, previous = (row[0], bytes(row[1])) if row else (0, b"")
            pages = connection.execute(
                "SELECT seq, events, hash FROM pages WHERE run = ? AND seq > ? ORDER BY seq", (run, seq)
            )
            found = Pages(pages, seq, previous)
            for first, last, texts in found:
                events = events_of(run, first, texts)
                if len(events) != last - first + 1:
                    raise self._damaged(run, last, "is not where it was recorded")
                yield from events if first > after else events[after - first + 1 :]
            damage = found.damage((head[0], bytes(head[1])))
            if damage:
                raise self._damaged(run, found.seq + 1, damage)

    def _damaged(self, run: str, seq: int, what: str) -> StoreError:
        return StoreError(
            f"{self._path}: event {seq} of run {run} {what}; the log cannot be trusted: put back a copy of the database, "
            "or begin a new run"
        )

    # --- runs, requests, blobs ------------------------------------------------------------------------------------

    def runs(self) -> Sequence[RunFolder]:
        """All runs that have begun, oldest first."""
        with explained(str(self._path)), Session(self._database.engine) as session:
            rows = session.exec(select(RunRow).where(RunRow.last_seq > 0).order_by(col(RunRow.started_at)))
            return [
                RunFolder(
                    run=row.run,
                    status=row.status,
                    title=row.title,
                    started_at=row.started_at,
                    updated_at=row.updated_at,
                )
                for row in rows
            ]

    def delete(self, run: str, lease: Lease | None = None) -> None:
        """Forget a run, and what only its first page names of the blobs; :class:`Held` while it is owned by anyone but ``lease``."""
        with self._writing(run):
            row = self._execute(
                "SELECT owner, host, pid, process, renewed_at, renewed_clock, epoch FROM runs WHERE run = ?", (run,)
            ).fetchone()
            if lease is not None and (row is None or (row[0], row[6]) != (lease.owner, lease.epoch)):
                raise self._fenced(lease)
            alive = row is not None and row[0] is not None and is_alive(Holder(*row[1:6]), self._options.lease_s)
            if lease is None and alive:
                raise Held(run, row[0], row[1].partition("/")[0], row[2])
            begun = self._execute(f"SELECT {_FIRST_PAGE.format('?')}", (run,)).fetchone()
            for table in ("pages", "requests", "runs"):
                self._execute(f"DELETE FROM {table} WHERE run = ?", (run,))
            # a run that is just being begun may have kept its blobs and not named them yet
            beginning = self._execute("SELECT 1 FROM runs WHERE last_seq = 0 AND owner IS NOT NULL").fetchone()
            for digest in set() if beginning else set(_DIGEST.findall(begun[0] or "")):
                self._execute(
                    "DELETE FROM blobs WHERE digest = ? "
                    f"AND NOT EXISTS (SELECT 1 FROM runs WHERE instr({_FIRST_PAGE.format('runs.run')}, ?))",
                    (digest, digest),
                )
        self._heads.pop(run, None)

    def compact(self) -> int:
        """Give the room of what was deleted back to the disk; see :class:`agent_dispatcher.extension.upkeep.Compactor`."""
        self._database.same_file()
        with explained(str(self._path)):
            before = self._execute("PRAGMA page_count").fetchone()[0]
            rows = self._execute(
                "SELECT host, pid, process, renewed_at, renewed_clock FROM runs WHERE owner IS NOT NULL"
            ).fetchall()
            if any(is_alive(Holder(*row), self._options.lease_s) for row in rows):
                return 0
            self._execute("VACUUM")
            self._execute("PRAGMA wal_checkpoint(TRUNCATE)")
            after, size = (self._execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        return int(max(before - after, 0) * size)

    def request(self, run: str, command: Mapping[str, Any]) -> int:
        """Ask the run's owner for something; returns the request's number."""
        text = _sealed(run, json.dumps(dict(command), sort_keys=True))
        with self._writing(run):
            number = self._execute(
                "INSERT INTO requests (run, at, command) VALUES (?, ?, ?)", (run, time.time(), text)
            ).lastrowid
        return int(number or 0)

    def requests(self, run: str, after: int = 0) -> Sequence[tuple[int, dict[str, Any]]]:
        """Requests with a number above ``after``, in order."""
        with explained(str(self._path)):  # asked for many times a second: not through a session
            rows = self._execute("SELECT id, command FROM requests WHERE run = ? AND id > ? ORDER BY id", (run, after))
            return [(number, json.loads(self._unsealed(run, number, str(command)))) for number, command in rows]

    def _unsealed(self, run: str, number: int, command: str) -> str:
        """What was asked, as it was asked. Earlier releases recorded it without a checksum."""
        _, _, text = command.partition(" ")
        if command.startswith("{"):
            return command
        if _sealed(run, text) != command:
            raise StoreError(
                f"{self._path}: request {number} of run {run} was altered after it was recorded: put back a copy of the database"
            )
        return text

    def put_blob(self, data: bytes) -> str:
        """Keep bytes; the same bytes are kept once."""
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        with self._writing(""):
            self._execute("INSERT OR IGNORE INTO blobs (digest, data) VALUES (?, ?)", (digest, data))
        return digest

    def get_blob(self, digest: str) -> bytes:
        """The bytes; :class:`StoreError` when there are none or they do not fit the digest."""
        with explained(str(self._path)):
            row = self._execute("SELECT data FROM blobs WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            raise StoreError(
                f"{self._path} holds no blob {digest}: put back a copy of the database, or begin a new run"
            )
        data = bytes(row[0])
        if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
            raise StoreError(f"{self._path}: blob {digest} was altered: put back a copy of the database")
        return data

    def close(self) -> None:
        """Give the file back. Calling it twice does no harm."""
        self._database.close()

    async def aclose(self) -> None:
        """As :meth:`close`, for the dispatcher's own clean-up."""
        self.close()


def _told(events: Sequence[Event]) -> tuple[str | None, str | None, float | None] | None:
    """Status, title and beginning of the run as these events tell them, ``None`` where they do not; ``None`` when they tell nothing of it."""
    if not any(event.type in _TELLING for event in events):
        return None
    status = title = started_at = None
    for event in events:
        if event.type in _STATUS:
            status = _STATUS[event.type]
            if event.type == "run.started":
                title, started_at = str(event.data.get("title", "")), event.at
        elif event.type == "run.finished":
            status = str(event.data.get("status", "failed"))
    return status, title, started_at


def _sealed(run: str, text: str) -> str:
    """A request with its checksum before it."""
    return f"{hashlib.sha256(f'{run} {text}'.encode()).hexdigest()[:16]} {text}"
