"""Which calls of a model were given up before anybody could read them: those have cost nothing."""

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
        held: what last ended a part of it that came before any model could read it. A call that ends with this very exception was not made; one that ends with another
            may have been, as whoever caught this one may have asked somebody else.
    """

    held: BaseException | None = None


#: The call that is being made.
SENDING: ContextVar[Sending | None] = ContextVar("agent_dispatcher_sending", default=None)


@contextmanager
def held_back() -> Iterator[None]:
    """What comes before any model can read a call, such as to wait for its turn or to fetch that model: a call that ends in here, by time or by whoever asked, has cost nothing."""
    try:
        yield
    except BaseException as error:
        sending = SENDING.get()
        if sending is not None:
            sending.held = error
        raise
