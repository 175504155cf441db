"""What this package offers: one reporter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import Component, DispatcherSpecs, Services, hookimpl

__all__ = ["plugin"]


def _make(options: None, services: Services) -> Any:
    from .reporter import JunitReporter

    return JunitReporter()


class JunitReportPlugin(DispatcherSpecs):
    """Inherits the specifications so that type checkers compare the hook with them."""

    @hookimpl
    def dispatcher_reporters(self) -> Iterable[Component]:
        yield Component(
            "junit-report",
            "Writes junit.xml: requirements, tasks and final checks as test cases.",
            _make,
            default_rank=100,
        )


plugin = JunitReportPlugin()
