"""What this package offers: one specification format."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import Component, DispatcherSpecs, Services, hookimpl

__all__ = ["plugin"]


def _make(options: None, services: Services) -> Any:
    from .format import CsvTasksFormat

    return CsvTasksFormat()


class CsvTasksPlugin(DispatcherSpecs):
    """Inherits the specifications so that type checkers compare the hook with them."""

    @hookimpl
    def dispatcher_specification_formats(self) -> Iterable[Component]:
        yield Component("csv-tasks", "A table of tasks in a CSV file.", _make, default_rank=100)


plugin = CsvTasksPlugin()
