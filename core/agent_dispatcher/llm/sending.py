"""What comes before a model can read a call: a call that is given up there has cost nothing, and the wait is not the attempt's time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from attrs import define

from .waiting import WAITING

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
def held_back(clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """What comes before any model can read a call, such as to wait for its turn or to fetch that model: a call that ends with the exception that left here
    has cost nothing. Where a limit of a wrapper's own turns that exception into another, the call counts as sent.
    The seconds do not count against the time that the attempt may take.
    """
    waiting = WAITING.get()
    if waiting is not None:
        waiting.begin(clock())
    try:
        yield
    except BaseException as error:
        sending = SENDING.get()
        if sending is not None:
            sending.held = error
        raise
    finally:
        if waiting is not None:
            waiting.end(clock())
