"""Offers the message bus inside one process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import field, frozen
from attrs.validators import ge

from agent_dispatcher.extension import Component, Services, hookimpl

__all__ = ["local"]


@frozen(kw_only=True)
class LocalBusOptions:
    """Attributes:
    capacity: messages that may wait for one subscriber.
    """

    capacity: int = field(default=1000, validator=ge(1))


def _make(options: Any, services: Services) -> Any:
    from agent_dispatcher.coordination.message_bus import MessageBus

    return MessageBus(capacity=options.capacity if options is not None else 1000)


class LocalBusPlugin:
    """Messages in this process."""

    @hookimpl
    def dispatcher_message_buses(self) -> Iterable[Component]:
        yield Component(
            "local",
            "Carries messages inside the dispatcher's process.",
            _make,
            options=LocalBusOptions,
            default_rank=10,
        )


local = LocalBusPlugin()
