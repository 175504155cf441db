"""What this folder offers: three dependency rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import Component, Services, hookimpl

__all__ = ["artifacts", "declared", "logical"]


class _Declared:
    @hookimpl
    def dispatcher_dependency_rules(self) -> Iterable[Component]:
        """What the source declares."""
        yield Component("declared", "Reports the order that the source declares.", _declared, default_rank=10)


class _Artifacts:
    @hookimpl
    def dispatcher_dependency_rules(self) -> Iterable[Component]:
        """What tasks make and need."""
        yield Component(
            "artifacts",
            "Puts who makes something before who needs it, and keeps writers apart.",
            _artifacts,
            default_rank=20,
        )


class _Logical:
    @hookimpl
    def dispatcher_dependency_rules(self) -> Iterable[Component]:
        """What follows from the sort of work."""
        yield Component(
            "logical",
            "Puts set-up before what is built on it, and documentation and deployment behind.",
            _logical,
            default_rank=30,
        )


def _declared(options: Any, services: Services) -> Any:
    from .declared import DeclaredRule

    return DeclaredRule()


def _artifacts(options: Any, services: Services) -> Any:
    from .artifacts import ArtifactsRule

    return ArtifactsRule()


def _logical(options: Any, services: Services) -> Any:
    from .logical import LogicalRule

    return LogicalRule()


declared = _Declared()
artifacts = _Artifacts()
logical = _Logical()
