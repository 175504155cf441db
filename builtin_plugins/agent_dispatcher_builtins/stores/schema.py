"""The tables of a state database, and how an older one becomes a newer one.

Who changes a table gives the schema the next number, says in :data:`MIGRATIONS` how a database of the one before becomes one of it, and puts a database of it beside the
tests (``make_released.py`` there). An older database is copied before it is changed, and changed in one transaction.

``PRAGMA application_id`` says that a file is ours, ``PRAGMA user_version`` which schema it has. Importing this module imports SQLModel.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

from sqlalchemy import LargeBinary
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement
from sqlmodel import Field, SQLModel

from agent_dispatcher.errors import StoreError

from .pages import page_of_schema_1

__all__ = [
    "APPLICATION_ID",
    "MIGRATIONS",
    "SCHEMA_VERSION",
    "BlobRow",
    "MetaRow",
    "PageRow",
    "RequestRow",
    "RunRow",
    "prepare",
]

#: "AgDs": tells a state database from any other SQLite file.
APPLICATION_ID = 0x41674473
SCHEMA_VERSION = 2

#: Schema version -> statements that make it of the version before. ``page_of_schema_1`` is that of :mod:`.pages`.
MIGRATIONS: dict[int, tuple[str, ...]] = {
    2: (
        "CREATE TABLE pages (run VARCHAR NOT NULL, seq INTEGER NOT NULL, events VARCHAR NOT NULL, hash BLOB NOT NULL, "
        "PRIMARY KEY (run, seq)) WITHOUT ROWID",
        "INSERT INTO pages SELECT run, seq, page_of_schema_1(seq, at, type, task, attempt, data), hash FROM events",
        "DROP TABLE events",
    ),
}


class RunRow(SQLModel, table=True):
    """A run: who owns it, and the head of its chain of events."""

    __tablename__ = "runs"

    run: str = Field(primary_key=True)
    title: str = ""
    status: str = "initializing"
    started_at: float = 0.0
    updated_at: float = 0.0
    last_seq: int = 0
    last_hash: bytes = Field(default=b"", sa_type=LargeBinary)
    epoch: int = 0
    owner: str | None = None
    host: str = ""
    pid: int = 0
    process: str = ""
    renewed_at: float = 0.0
    renewed_clock: float = 0.0


class PageRow(SQLModel, table=True):
    """The events of one commit up to number ``seq``, as :mod:`.pages` has them; ``hash`` covers them and the hash of the page before."""

    __tablename__ = "pages"
    __table_args__ = {"sqlite_with_rowid": False}

    run: str = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    events: str
    hash: bytes = Field(sa_type=LargeBinary)


class RequestRow(SQLModel, table=True):
    """Something another process asks a run's owner for."""

    __tablename__ = "requests"

    id: int | None = Field(default=None, primary_key=True)
    run: str = Field(index=True)
    at: float
    command: str


class BlobRow(SQLModel, table=True):
    """Bytes by their digest."""

    __tablename__ = "blobs"

    digest: str = Field(primary_key=True)
    data: bytes = Field(sa_type=LargeBinary)


class MetaRow(SQLModel, table=True):
    """Facts about the database itself: ``store`` is its own id."""

    __tablename__ = "meta"

    key: str = Field(primary_key=True)
    value: str


_TABLES = (RunRow, PageRow, RequestRow, BlobRow, MetaRow)


def prepare(connection: sqlite3.Connection, path: str, store_id: str) -> None:
    """Make an empty database one of ours, or bring an older one up to date; many processes may do so at once.

    An older one is first copied to ``state.schema-N.db`` beside it, and then changed whole or not at all.

    Raises:
        StoreError: the file belongs to something else, or to a newer version of this program.
    """
    version = _check(connection, path)
    if version == SCHEMA_VERSION:
        return
    connection.create_function("page_of_schema_1", 6, page_of_schema_1, deterministic=True)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        version = _check(connection, path)  # another process may have been faster
        if version == 0:
            _create(connection, store_id)
            version = SCHEMA_VERSION
        elif version < SCHEMA_VERSION:
            _copy(Path(path), version)
        for number in range(version + 1, SCHEMA_VERSION + 1):
            for statement in MIGRATIONS[number]:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _copy(path: Path, version: int) -> None:
    """Keep the database as it is; the caller's transaction lets nobody else write meanwhile."""
    kept = path.with_name(f"{path.stem}.schema-{version}{path.suffix}")
    draft = kept.with_suffix(".tmp")
    draft.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(draft)) as target:
        source.backup(target)
    with draft.open("rb") as written:
        os.fsync(written.fileno())
    draft.replace(kept)


def _check(connection: sqlite3.Connection, path: str) -> int:
    """The schema version, 0 for an empty database."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application != APPLICATION_ID and (tables or version):
        raise StoreError(f"{path} is a database of another program: move it away, or choose another output folder")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{path} has schema version {version}, this program knows up to {SCHEMA_VERSION}: "
            "it was written by a newer agent-dispatcher; upgrade this one to use it "
            f"(a copy from before may lie beside it as {Path(path).stem}.schema-*{Path(path).suffix})"
        )
    return version


def _create(connection: sqlite3.Connection, store_id: str) -> None:
    for statement in _statements():
        connection.execute(statement)
    connection.execute("INSERT INTO meta (key, value) VALUES ('store', ?)", (store_id,))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


@cache
def _statements() -> tuple[str, ...]:
    """What makes the tables and indexes."""
    tables = [SQLModel.metadata.tables[str(model.__tablename__)] for model in _TABLES]
    made: list[DDLElement] = []
    for table in tables:
        made += [CreateTable(table), *map(CreateIndex, table.indexes)]
    return tuple(str(element.compile(dialect=sqlite.dialect())) for element in made)
