"""What this package offers: one store, used when configuration names it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import Component, DispatcherSpecs, Services, hookimpl
from attrs import field, frozen
from attrs.validators import ge

__all__ = ["JsonlOptions", "plugin"]


@frozen(kw_only=True)
class JsonlOptions:
    """Attributes:
    sync: wait for the disk at every append, so that a power cut loses nothing either.
    lease_s: seconds an owner on another machine may be silent before the run is taken from it.
    """

    sync: bool = False
    lease_s: float = field(default=30.0, validator=ge(1.0))


def _make(options: JsonlOptions | None, services: Services) -> Any:
    from .store import JsonlStore

    return JsonlStore(services.data_dir, options or JsonlOptions())


class JsonlStorePlugin(DispatcherSpecs):
    """Inherits the specifications so that type checkers compare the hook with them."""

    @hookimpl
    def dispatcher_stores(self) -> Iterable[Component]:
        yield Component("jsonl", "One file of JSON lines per run.", _make, options=JsonlOptions)


plugin = JsonlStorePlugin()
