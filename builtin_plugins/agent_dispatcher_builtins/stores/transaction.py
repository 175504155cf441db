"""One transaction of an SQLite connection that begins and commits nothing by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from agent_dispatcher.failpoints import failpoint

from .faults import explained

__all__ = ["Transaction"]


class Transaction:
    """Committed at the end of the ``with`` statement, rolled back on any error; errors of SQLite are explained.

    It is the only writer from its beginning on.

    Args:
        connection: in autocommit mode.
        path: the database, for messages.
        holder: who is known to hold it, for the message about a lock.
    """

    __slots__ = ("_connection", "_explained")

    def __init__(self, connection: sqlite3.Connection, path: str, holder: Callable[[], str]) -> None:
        self._connection = connection
        self._explained = explained(path, holder)

    def __enter__(self) -> None:
        with self._explained:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                failpoint("store.begun")
            except BaseException:
                self._roll_back()
                raise

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            with self._explained:
                self._roll_back()
            self._explained.__exit__(kind, error, trace)
            return
        with self._explained:
            try:
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
        failpoint("store.committed")

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
