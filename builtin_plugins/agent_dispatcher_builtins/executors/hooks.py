"""Offers the local executor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import Component, Services, hookimpl

__all__ = ["local"]


def _make(options: Any, services: Services) -> Any:
    from .local import LocalExecutor

    return LocalExecutor()


class LocalExecutorPlugin:
    """Agents in this process."""

    @hookimpl
    def dispatcher_executors(self) -> Iterable[Component]:
        yield Component("local", "Runs agents in the dispatcher's own process.", _make, default_rank=10)


local = LocalExecutorPlugin()
