"""A database of every schema that was released is brought up to date, copied before, and its run is resumed."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.errors import StoreError
from agent_dispatcher.extension import AgentType, hookimpl
from agent_dispatcher.models import Task
from agent_dispatcher_builtins.stores import schema
from agent_dispatcher_builtins.stores.sql import SqlStore

RELEASED = {
    int(path.stem.rpartition("_")[2]): path for path in Path(__file__).with_name("released").glob("schema_*.db")
}


class Worker(BaseAgent):
    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        return AgentResult(status="done")


class Plugin:
    @hookimpl
    def dispatcher_agent_types(self) -> Iterator[AgentType]:
        yield AgentType(
            name="worker",
            summary="Works.",
            factory=lambda options, services: Worker(),
            task_types=["*"],
            default_rank=0,
        )


def placed(folder: Path, number: int) -> Path:
    """The released database as a state folder has it."""
    folder.mkdir(parents=True)
    (folder / "state.db").write_bytes(RELEASED[number].read_bytes())
    return folder


def tables(path: Path) -> list[tuple[str, ...]]:
    """What a database is made of, column by column."""
    with closing(sqlite3.connect(path)) as database:
        names = [
            row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        ]
        columns = [(name, *map(str, row)) for name in names for row in database.execute(f"PRAGMA table_xinfo({name})")]
        indices = database.execute("SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' ORDER BY name")
        return [*columns, *map(tuple, indices)]


def test_every_schema_has_its_database() -> None:
    """Each number up to today's is here: a new one needs a migration, and a database for this test."""
    assert sorted(RELEASED) == list(range(1, schema.SCHEMA_VERSION + 1))
    assert sorted(schema.MIGRATIONS) == list(range(2, schema.SCHEMA_VERSION + 1))


@pytest.mark.parametrize("number", sorted(RELEASED))
def test_a_released_database_becomes_one_of_today(tmp_path: Path, number: int) -> None:
    """Its tables are those a new database has. Tables that changed without a new number fail here."""
    with closing(SqlStore(placed(tmp_path / "old", number))), closing(SqlStore(tmp_path / "new")):
        pass
    assert tables(tmp_path / "old" / "state.db") == tables(tmp_path / "new" / "state.db")


@pytest.mark.parametrize("number", sorted(RELEASED))
def test_a_released_run_is_resumed(tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had recorded stays word for word, what it had not finished is done, and nothing is done twice."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = placed(tmp_path / "out" / ".dispatcher", number)
    with closing(SqlStore(folder)) as store:
        (run,) = store.runs()
        before = list(store.read(run.run))
        kinds = Counter(event.type for event in before)
        assert kinds["attempt.failed"] and kinds["message"] and kinds["plan.patched"] and kinds["task.completed"] >= 4
    dispatcher = AgentDispatcher({"use": {"workspace": "none"}}, plugins=[("worker", Plugin())])
    assert dispatcher.resume(run.run, output=tmp_path / "out").status == "paused", "it waits for approval"
    desk = dispatcher.desk(run.run, tmp_path / "out")
    (waiting,) = desk.waiting()
    desk.answer(waiting)
    assert dispatcher.resume(run.run, output=tmp_path / "out").status == "completed"
    events = dispatcher.log_of(run.run, tmp_path / "out").events
    assert list(events[: len(before)]) == before
    done = Counter(event.task for event in events if event.type == "task.completed")
    assert set(done) == {"first", "again", "says", "changes", "more", "last", "judged"} and set(done.values()) == {1}


def test_a_migration_launders_nothing(tmp_path: Path) -> None:
    """An event that was altered before the database was brought up to date is refused afterwards, and those before it are read."""
    folder = placed(tmp_path / "data", 1)
    with closing(sqlite3.connect(folder / "state.db")) as database, database:
        database.execute("UPDATE events SET at = at + 1 WHERE seq = 7")
    read = []
    with closing(SqlStore(folder)) as store:
        (run,) = store.runs()
        with pytest.raises(StoreError, match=f"event 7 of run {run.run} or one recorded with it was altered"):
            for event in store.read(run.run):
                read.append(event.seq)
    assert read == [1, 2, 3, 4, 5, 6]


def older(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *statements: str) -> Path:
    """A folder whose database is one schema behind."""
    folder = placed(tmp_path / "data", max(RELEASED))
    monkeypatch.setattr(schema, "SCHEMA_VERSION", max(RELEASED) + 1)
    monkeypatch.setattr(schema, "MIGRATIONS", {**schema.MIGRATIONS, max(RELEASED) + 1: statements})
    return folder


def test_an_older_database_is_copied_before_it_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy beside it is whole and of the schema before."""
    folder = older(tmp_path, monkeypatch, "ALTER TABLE meta ADD COLUMN note TEXT", "DELETE FROM pages")
    with closing(SqlStore(folder)):
        pass
    with closing(sqlite3.connect(folder / f"state.schema-{max(RELEASED)}.db")) as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (max(RELEASED),)
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM pages").fetchone()[0] > 5
    assert sorted(path.name for path in folder.iterdir() if path.suffix == ".tmp") == []


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one transaction: after an error in the middle the database is what it was, and the next try finds it so."""
    folder = older(tmp_path, monkeypatch, "DELETE FROM pages", "ALTER TABLE nowhere ADD COLUMN note TEXT")
    with pytest.raises(StoreError, match="no such table: nowhere"):
        SqlStore(folder)
    monkeypatch.undo()
    with closing(SqlStore(folder)) as store:
        (run,) = store.runs()
        assert len(list(store.read(run.run))) > 20
