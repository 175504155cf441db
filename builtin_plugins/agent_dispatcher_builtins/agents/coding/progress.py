"""How far an agent is, which nobody knows: a share that creeps towards the end, or follows the agent's own plan, and a line about what it does."""

from __future__ import annotations

import time
from collections.abc import Callable

from attrs import define, field

__all__ = ["Teller"]

#: An agent that does a thousand things a second is heard ten times.
_PAUSE_S = 0.1
_NEARLY = 0.95
_MAX_TEXT = 200


@define
class Teller:
    """Tells progress.

    Attributes:
        progress: told of it, see :class:`agent_dispatcher.agents.AgentContext`.
        share: from 0 to 1; never falls.
    """

    progress: Callable[[float, str], None]
    share: float = 0.0
    _next: float = field(default=0.0, repr=False)

    def reached(self, share: float) -> None:
        """So much is done, by the agent's own plan."""
        self.share = max(self.share, min(share, 1.0))

    def tell(self, text: str) -> None:
        """It does this now."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _PAUSE_S
        self.share += max(0.0, _NEARLY - self.share) / 20
        self.progress(self.share, " ".join(text.split())[:_MAX_TEXT])
