"""Whether a call that is under way has left this process. One that ends while it still waits for its turn has cost nothing."""

from __future__ import annotations

from contextvars import ContextVar

from attrs import define

__all__ = ["SENDING", "Sending"]


@define(eq=False)
class Sending:
    """One call of a model.

    Attributes:
        sent: ``False`` while something between the meter and the backend holds the call back; a backend that is asked directly has it at once.
    """

    sent: bool = True


#: The call that is being made.
SENDING: ContextVar[Sending | None] = ContextVar("agent_dispatcher_sending", default=None)
