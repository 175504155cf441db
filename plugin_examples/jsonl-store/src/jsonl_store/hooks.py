"""What this package offers: one store, used when configuration names it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import Component, DispatcherSpecs, Services, hookimpl

from .options import JsonlOptions

__all__ = ["plugin"]


def _make(options: JsonlOptions | None, services: Services) -> Any:
    from .store import JsonlStore

    return JsonlStore(services.data_dir, options or JsonlOptions())


class JsonlStorePlugin(DispatcherSpecs):
    """Inherits the specifications so that type checkers compare the hook with them."""

    @hookimpl
    def dispatcher_stores(self) -> Iterable[Component]:
        yield Component("jsonl", "One file of JSON lines per run.", _make, options=JsonlOptions)


plugin = JsonlStorePlugin()
