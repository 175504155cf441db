"""What SQLite's errors mean for a user, and what to do about them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


@contextmanager
def explained(path: str, holder: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Turn an :class:`sqlite3.Error` into a :class:`StoreError` that says what to do; so also what only a damaged database holds: text that is no
    text, values of another type.

    Args:
        path: the database.
        holder: who is known to hold it, for the message about a lock.
    """
    try:
        yield
    except (UnicodeDecodeError, JSONDecodeError, TypeError, OverflowError) as error:
        raise StoreError(f"{path} {_REMEDIES['SQLITE_CORRUPT'].format(error=error)}") from error
    except (sqlite3.Error, DBAPIError) as raised:
        cause = raised.orig if isinstance(raised, DBAPIError) else raised
        name = getattr(cause, "sqlite_errorname", "") or ""
        for code, remedy in _REMEDIES.items():
            if name.startswith(code):
                text = remedy.format(error=cause, holder=holder() if "{holder}" in remedy else "")
                raise StoreError(f"{path} {text}") from raised
        raise StoreError(f"{path} cannot be used: {cause}; check the file, then resume") from raised
