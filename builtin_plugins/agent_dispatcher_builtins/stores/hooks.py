"""Offers the store on SQLite."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import Component, Services, hookimpl

from .options import SqlOptions

__all__ = ["sql"]


def _make(options: Any, services: Services) -> Any:
    from .sql import SqlStore

    return SqlStore(services.data_dir, options or SqlOptions())


class SqlStorePlugin:
    """Runs in a database file."""

    @hookimpl
    def dispatcher_stores(self) -> Iterable[Component]:
        yield Component(
            "sql",
            "Keeps runs in an SQLite database in the output's .dispatcher folder.",
            _make,
            options=SqlOptions,
            default_rank=10,
        )


sql = SqlStorePlugin()
