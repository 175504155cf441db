"""The circuit of one language-model backend: while it does not answer, nothing that needs it is begun.

::

    closed ──several outages in a row, or asked to stay away for long──▶ open ──after a while──▶ half_open ──an answer──▶ closed
                                                                          ▲                        │
                                                                          └──────another outage────┘

Pure: the time comes with each call.
"""

from __future__ import annotations

from attrs import define, field, frozen
from attrs.validators import ge, gt

from .demand import CLOSED, HALF_OPEN, OPEN

__all__ = ["Circuit", "CircuitNews"]


@frozen
class CircuitNews:
    """The circuit is in another state now.

    Attributes:
        why: the failure that opened it; ``""`` for another state.
        wait_s: seconds until it is tried again; 0 for another state than ``open``.
        is_unreached: it was never reached, and that for so long that its address may be wrong.
    """

    state: str
    why: str = ""
    wait_s: float = 0.0
    is_unreached: bool = False


@define
class Circuit:
    """Attributes:
    outages: so many in a row open it.
    long_s: a server that asks to stay away for longer opens it at once.
    first_wait_s, longest_wait_s: until it is tried again, doubled each time that fails.
    unreached_s: a server that was never reached is tried for so long; whoever waits for it is then told.
    """

    outages: int = field(default=3, validator=ge(1))
    long_s: float = field(default=30.0, validator=ge(0))
    first_wait_s: float = field(default=5.0, validator=gt(0))
    longest_wait_s: float = field(default=300.0, validator=gt(0))
    unreached_s: float = field(default=60.0, validator=ge(0))
    state: str = CLOSED
    _in_a_row: int = 0
    _times_open: int = 0
    _until: float = 0.0
    _is_reached: bool = False
    _unreached_since: float | None = None

    def failed(
        self, now: float, sort: str, why: str, retry_after_s: float | None, *, unreached: bool = False
    ) -> CircuitNews | None:
        """A call failed; ``unreached``: no connection came about. ``None``: nothing changes."""
        if not unreached:
            self._is_reached = True
        elif self._unreached_since is None:
            self._unreached_since = now
        asked_s = retry_after_s or 0.0
        if sort == "outage":
            self._in_a_row += 1
            is_over = self.state == HALF_OPEN or self._in_a_row >= self.outages
        else:
            is_over = sort == "rate_limit" and asked_s > self.long_s
        if self.state == OPEN or not is_over:
            return None
        wait_s = asked_s
        if sort == "outage":
            wait_s = min(self.longest_wait_s, self.first_wait_s * 2.0 ** min(self._times_open, 30))
            wait_s = max(wait_s, asked_s)
            self._times_open += 1
        is_unreached = False
        if not self._is_reached and self._unreached_since is not None:
            left_s = self._unreached_since + self.unreached_s - now
            is_unreached = left_s <= 0
            wait_s = wait_s if is_unreached else min(wait_s, left_s)
        self.state, self._until = OPEN, now + wait_s
        return CircuitNews(OPEN, why, wait_s, is_unreached)

    def answered(self) -> CircuitNews | None:
        """A call was answered. ``None``: nothing changes."""
        self._in_a_row = self._times_open = 0
        self._is_reached = True
        if self.state == CLOSED:
            return None
        self.state = CLOSED
        return CircuitNews(CLOSED)

    def due(self, now: float) -> CircuitNews | None:
        """The wait may be over. ``None``: it is not, or there is none."""
        if self.state != OPEN or now < self._until:
            return None
        self.state = HALF_OPEN
        return CircuitNews(HALF_OPEN)

    def left_s(self, now: float) -> float:
        """Seconds until it is tried again."""
        return max(0.0, self._until - now) if self.state == OPEN else 0.0
