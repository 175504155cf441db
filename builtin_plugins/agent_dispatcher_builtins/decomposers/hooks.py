"""What this folder offers: two decomposers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import Component, Services, hookimpl

__all__ = ["listed", "pattern"]


class _Listed:
    @hookimpl
    def dispatcher_decomposers(self) -> Iterable[Component]:
        """The tasks the specification lists itself."""
        yield Component("listed", "Takes the tasks that the specification lists itself.", _listed, default_rank=10)


class _Pattern:
    @hookimpl
    def dispatcher_decomposers(self) -> Iterable[Component]:
        """Tasks by pattern."""
        yield Component(
            "pattern", "Splits declared behaviour by module and prose by requirement.", _pattern, default_rank=30
        )


def _listed(options: Any, services: Services) -> Any:
    from .listed import ListedDecomposer

    return ListedDecomposer()


def _pattern(options: Any, services: Services) -> Any:
    from .pattern import PatternDecomposer

    return PatternDecomposer()


listed = _Listed()
pattern = _Pattern()
