"""What this package offers. Names and options only: the work is imported when it is first needed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import AgentType, Component, DispatcherSpecs, Services, hookimpl

from .agent import TASK_TYPE, accepts
from .headers import Header

__all__ = ["plugin"]


def _make_agent(options: Header | None, services: Services) -> Any:
    from .agent import LicenceHeadersAgent

    return LicenceHeadersAgent(options or Header())


def _make_check(options: Header | None, services: Services) -> Any:
    from .check import LicenceHeadersCheck

    return LicenceHeadersCheck(options or Header())


class LicenceHeadersPlugin(DispatcherSpecs):
    """Inherits the specifications so that type checkers compare the hooks with them."""

    @hookimpl
    def dispatcher_agent_types(self) -> Iterable[AgentType]:
        yield AgentType(
            name="licence-headers",
            summary="Puts a licence header on source files.",
            factory=_make_agent,
            task_types=[TASK_TYPE],
            accepts=accepts,
            options=Header,
            default_rank=100,
        )

    @hookimpl
    def dispatcher_checks(self) -> Iterable[Component]:
        yield Component(
            "licence-headers",
            "Every source file carries the licence header.",
            _make_check,
            options=Header,
            default_rank=100,
        )


plugin = LicenceHeadersPlugin()
