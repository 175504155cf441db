"""Whether a call that is under way has left this process. One that ends while it still waits for its turn has cost nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from attrs import define

__all__ = ["SENDING", "Sending", "held_back"]


@define(eq=False)
class Sending:
    """One call of a model.

    Attributes:
        sent: ``False`` while something holds the call back: what stands between the meter and the backend, or a backend that gets ready first.
    """

    sent: bool = True


#: The call that is being made.
SENDING: ContextVar[Sending | None] = ContextVar("agent_dispatcher_sending", default=None)


@contextmanager
def held_back() -> Iterator[None]:
    """What a backend does before any model can read its call, such as to fetch that model: a call that ends in here, by time or by whoever asked, has cost nothing."""
    sending = SENDING.get() or Sending()
    sending.sent = False
    yield
    sending.sent = True
