"""The rule: looks up for every table that code uses which migrations make it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise

from agent_dispatcher import Specification, Task
from agent_dispatcher.extension import Excludes, PlanningContext, Requires, Veto

from .sightings import Sighting, is_migration, made_tables, numbered_file, used_tables

__all__ = ["MigrationsFirstRule"]

_BY_NUMBER = 0.8
Maker = tuple[Task, Sighting]


class MigrationsFirstRule:
    """Sees three things.

    * Code that uses a table waits for the migrations that make or change it (kind ``data``).
    * No other rule may make such a migration wait for such code: a veto.
    * Numbered migrations of one folder follow each other (kind ``logical``).

    It is silent about a test and what it verifies: those are written at the same time.
    """

    async def find(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Iterable[Requires | Excludes | Veto]:
        """Deterministic; looks at every task once."""
        migrations = {task.id for task in tasks if is_migration(task)}
        makers: dict[str, list[Maker]] = {}
        for task in tasks:
            for table, made in _surest(made_tables(task) if task.id in migrations else ()).items():
                makers.setdefault(table, []).append((task, made))
        users = [task for task in tasks if task.id not in migrations]
        return [*_behind_migrations(users, makers), *_by_number(task for task in tasks if task.id in migrations)]


def _surest(sightings: Iterable[Sighting]) -> dict[str, Sighting]:
    found: dict[str, Sighting] = {}
    for each in sightings:
        if each.table not in found or each.confidence > found[each.table].confidence:
            found[each.table] = each
    return found


def _behind_migrations(users: Sequence[Task], makers: dict[str, list[Maker]]) -> Iterator[Requires | Veto]:
    for user in users:
        for table, used in _surest(used_tables(user)).items():
            for migration, made in makers.get(table, ()):
                if migration.id in user.verifies or user.id in migration.verifies:
                    continue
                seen = f'"{user.title}" {used.quote}, and the migration "{migration.title}" {made.quote}'
                confidence = round(used.confidence * made.confidence, 2)
                yield Requires(migration.id, user.id, "data", confidence, seen, user.source or migration.source)
                yield Veto(user.id, migration.id, f"a migration never waits for the code that uses its table: {seen}")


def _by_number(migrations: Iterable[Task]) -> Iterator[Requires]:
    files = [(*file, task) for task in migrations if (file := numbered_file(task)) is not None]
    files.sort(key=lambda each: (each[0], each[1], each[3].id))
    groups = [list(group) for _, group in groupby(files, key=lambda each: (each[0], each[1]))]
    for earlier, later in pairwise(groups):
        if earlier[0][0] != later[0][0]:
            continue
        for _, _, first, before in earlier:
            for _, _, second, after in later:
                yield Requires(
                    before.id,
                    after.id,
                    "logical",
                    _BY_NUMBER,
                    f"{second} has a higher number than {first}",
                    after.source,
                )
