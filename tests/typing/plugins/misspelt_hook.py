"""Hooks that do not exist."""

from __future__ import annotations

from collections.abc import Iterable

from typing_extensions import override

from agent_dispatcher.extension import Component, DispatcherSpecs, hookimpl
from agent_dispatcher.extension.components import Check
from agent_dispatcher.models import Task


class Hooks(DispatcherSpecs):
    @hookimpl
    @override
    def dispatcher_check(self) -> Iterable[Component[Check]]:  # finding
        yield from ()

    @hookimpl
    @override
    def dispatcher_prioritise(self, task: Task) -> float | None:  # finding
        return None


plugin = Hooks()
