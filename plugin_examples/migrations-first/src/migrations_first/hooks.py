"""What this package offers: one dependency rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import Component, DispatcherSpecs, Services, hookimpl

__all__ = ["plugin"]


def _make(options: None, services: Services) -> Any:
    from .rule import MigrationsFirstRule

    return MigrationsFirstRule()


class MigrationsFirstPlugin(DispatcherSpecs):
    """Inherits the specifications so that type checkers compare the hook with them."""

    @hookimpl
    def dispatcher_dependency_rules(self) -> Iterable[Component]:
        yield Component(
            "migrations-first",
            "Puts database migrations before the code that queries their tables.",
            _make,
            default_rank=100,
        )


plugin = MigrationsFirstPlugin()
