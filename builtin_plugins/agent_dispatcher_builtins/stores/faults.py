"""What SQLite's errors mean for a user, and what to do about them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from json import JSONDecodeError

from sqlalchemy.exc import DBAPIError

from agent_dispatcher.errors import StoreError

__all__ = ["explained"]

_REMEDIES = {
    "SQLITE_BUSY": "is locked by another process{holder}: end what holds it, then resume",
    "SQLITE_LOCKED": "is locked by another process{holder}: end what holds it, then resume",
    "SQLITE_FULL": "cannot grow, the disk is full: free some space, then resume",
    "SQLITE_READONLY": "is read-only: make it and its folder writable, then resume",
    "SQLITE_CANTOPEN": "cannot be opened: check that its folder exists and is writable",
    "SQLITE_IOERR": "cannot be read or written ({error}): check the disk, then resume",
    "SQLITE_CORRUPT": "is damaged ({error}): put back a copy of it, or resume the newest checkpoint file beside it in another folder",
    "SQLITE_NOTADB": "is damaged or no database at all: put back a copy of it",
}


#: What is no error of SQLite's and comes of a damaged database alone: text that is no text, values of another type.
_DAMAGE = (UnicodeDecodeError, JSONDecodeError, TypeError, OverflowError)


class explained:
    """Turns an :class:`sqlite3.Error` into a :class:`StoreError` that says what to do; so also what only a damaged database holds: text that is no
    text, values of another type.

    Args:
        path: the database.
        holder: who is known to hold it, for the message about a lock.
    """

    __slots__ = ("_holder", "_path")

    def __init__(self, path: str, holder: Callable[[], str] = str) -> None:
        self._path = path
        self._holder = holder

    def __enter__(self) -> None:
        """Nothing is to be done before."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise what explains ``error``, if it is one of the database's."""
        if isinstance(error, _DAMAGE):
            raise StoreError(f"{self._path} {_REMEDIES['SQLITE_CORRUPT'].format(error=error)}") from error
        if isinstance(error, sqlite3.Error | DBAPIError):
            raise self._explanation(error) from error

    def _explanation(self, raised: sqlite3.Error | DBAPIError) -> StoreError:
        cause = raised.orig if isinstance(raised, DBAPIError) else raised
        name = getattr(cause, "sqlite_errorname", "") or ""
        for code, remedy in _REMEDIES.items():
            if name.startswith(code):
                text = remedy.format(error=cause, holder=self._holder() if "{holder}" in remedy else "")
                return StoreError(f"{self._path} {text}")
        return StoreError(f"{self._path} cannot be used: {cause}; check the file, then resume")
