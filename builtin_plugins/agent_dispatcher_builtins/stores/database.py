"""The file that the store writes into: opened once, known again, and never mistaken for another one."""

from __future__ import annotations

import os
import sqlite3
import uuid
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import create_engine
from sqlmodel.pool import StaticPool

from agent_dispatcher.errors import StoreError

from .faults import explained
from .options import SqlOptions
from .schema import prepare
from .transaction import Transaction

__all__ = ["Database"]

#: Pages of the write-ahead log after which it is carried over into the database: 16 MB, each time with two flushes of the disk.
_CARRIED_OVER_AFTER = 4000


class Database:
    """An SQLite database in journal mode WAL, and the one connection that writes.

    A small file beside it (``state.id``) remembers which database belongs here, so that one that was lost or exchanged is noticed instead
    of replaced by an empty one.

    Args:
        folder: holds ``state.db``; made when it does not exist.
        options: see :class:`~agent_dispatcher_builtins.stores.options.SqlOptions`.

    Raises:
        StoreError: the database cannot be used; the message says why and what to do.
    """

    def __init__(self, folder: Path, options: SqlOptions) -> None:
        self.path = folder / "state.db"
        self._options = options
        self._marker = folder / "state.id"
        self._wal: int | None = None
        self._closed = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{folder} cannot be made: {error.strerror}; choose another output folder") from error
        expected = self._expected_id()
        if expected and not self.path.exists():
            raise StoreError(
                f"{self.path} is gone, though runs were recorded in it: put it back, or delete {self._marker} to begin anew without them"
            )
        with explained(str(self.path)):
            self.connection = self.connect()
        try:
            with explained(str(self.path)):
                self._set_up(expected)
        except BaseException:
            self.connection.close()
            raise
        #: The same connection for SQLModel.
        self.engine: Engine = create_engine("sqlite://", creator=lambda: self.connection, poolclass=StaticPool)

    def connect(self) -> sqlite3.Connection:
        """A connection of its own: a reader that is in nobody's way. Closed by the caller."""
        connection = sqlite3.connect(
            self.path, timeout=self._options.busy_timeout_s, isolation_level=None, check_same_thread=False
        )
        connection.execute(f"PRAGMA synchronous = {self._options.synchronous}")
        return connection

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """One statement on the writing connection."""
        return self.connection.execute(statement, values)

    def writing(self, run: str) -> Transaction:
        """One transaction on the file that was opened."""
        self.same_file()
        return Transaction(self.connection, str(self.path), lambda: self._holder(run))

    def same_file(self) -> None:
        """Refuse to write into a file that is no longer at its place: nobody would find it again."""
        try:
            status = os.stat(self.path)  # noqa: PTH116 - with every transaction
        except OSError as error:
            raise StoreError(
                f"{self.path} is gone while a run is using it ({error.strerror}): put it back, then resume"
            ) from error
        if (status.st_dev, status.st_ino) != self._file:
            raise StoreError(f"{self.path} was exchanged while a run is using it: put the old one back, then resume")

    def sync(self) -> None:
        """Flush the write-ahead log, which holds every transaction until it is in the database; in any thread."""
        try:
            if self._wal is None:
                self._wal = os.open(f"{self.path}-wal", os.O_RDONLY | os.O_CLOEXEC)
            os.fdatasync(self._wal)
        except OSError as error:
            raise StoreError(
                f"{self.path}-wal cannot be flushed to the disk ({error.strerror}): check the disk, then resume"
            ) from error

    def close(self) -> None:
        """Give the file back. Calling it twice does no harm."""
        if not self._closed:
            self._closed = True
            if self._wal is not None:
                os.close(self._wal)
            self.engine.dispose()
            self.connection.close()

    def _expected_id(self) -> str:
        try:
            return self._marker.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise StoreError(f"{self._marker} cannot be read: {error.strerror}") from error

    def _set_up(self, expected: str) -> None:
        prepare(self.connection, str(self.path), uuid.uuid4().hex)
        self.execute("PRAGMA journal_mode = WAL")
        self.execute(f"PRAGMA wal_autocheckpoint = {_CARRIED_OVER_AFTER}")
        row = self.execute("SELECT value FROM meta WHERE key = 'store'").fetchone()
        actual = row[0] if row else ""
        if expected and actual != expected:
            raise StoreError(
                f"{self.path} is not the database that runs were recorded in here: put that one back, "
                f"or delete {self._marker} to go on with this one"
            )
        if not expected:
            draft = self._marker.with_suffix(f".{os.getpid()}.tmp")
            try:
                draft.write_text(actual, encoding="utf-8")
                draft.replace(self._marker)
            except OSError as error:
                raise StoreError(
                    f"{self._marker} cannot be written ({error.strerror}): check the disk, then try again"
                ) from error
        status = self.path.stat()
        self._file = (status.st_dev, status.st_ino)

    def _holder(self, run: str) -> str:
        """Who owns ``run``, for the message about a lock that does not go away."""
        try:
            row = self.execute("SELECT owner, host, pid FROM runs WHERE run = ?", (run,)).fetchone()
        except sqlite3.Error:
            return ""
        return f" (the run belongs to process {row[2]} on {row[1].partition('/')[0]})" if row and row[0] else ""
