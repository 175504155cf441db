"""How fast one language-model backend is asked: requests and tokens a minute, slower when it says that this is too fast, faster again bit by bit.

Additive increase, multiplicative decrease: each refusal halves the pace (once for all calls that were under way together), each answer adds a
little. Where the user gives no limit there is none until the server refuses; then what was asked in the last minute is the limit, and grows.

Pure: the time comes with each call.
"""

from __future__ import annotations

from collections import deque

from attrs import define, field

__all__ = ["Throttle"]

_MINUTE_S = 60.0
#: So much of a minute's requests may be sent at once.
_BURST = 1 / 6
_SLOWER = 0.5
_SLOWEST = 0.1
#: Where the user gives no limit: none is found out below this many requests a minute.
_LEAST_FOUND = 60.0
_FASTER = 0.05
#: Without a word from the server: the wait after the first refusal in a row, and the longest.
_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0


@define
class _Bucket:
    """What may be sent at once, refilled over time; below zero it is owed.

    Attributes:
        limit: a minute; ``None`` for none.
        burst: part of the limit that may be sent at once.
    """

    limit: float | None
    burst: float
    level: float = 0.0
    at: float | None = None

    def wait_s(self, now: float, amount: float, pace: float) -> float:
        """Take ``amount``; seconds until it may be sent."""
        if self.limit is None:
            return 0.0
        rate, room = self.limit * pace / _MINUTE_S, max(self.limit * pace * self.burst, 1.0)
        self.level = room if self.at is None else min(room, self.level + max(0.0, now - self.at) * rate)
        self.at = now if self.at is None else max(self.at, now)
        self.level -= amount
        return self.at - now + max(0.0, -self.level / rate)

    def hold(self, until: float) -> None:
        """Nothing flows in before that, and nothing is sent at once after it: who waited does not come back all together."""
        self.level = min(self.level, 1.0)
        self.at = until if self.at is None else max(self.at, until)


@define
class Throttle:
    """Attributes:
    requests_per_minute, tokens_per_minute: as the user says; ``None``: as much as the server takes.
    pace: part of the limits that is used now, up to 1.
    """

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    pace: float = 1.0
    _requests: _Bucket = field(init=False)
    _tokens: _Bucket = field(init=False)
    _sent: deque[float] = field(factory=deque)
    _not_before: float = float("-inf")
    _slowed_at: float = float("-inf")
    _refusals: int = 0

    def __attrs_post_init__(self) -> None:
        self._requests = _Bucket(self.requests_per_minute, _BURST)
        self._tokens = _Bucket(self.tokens_per_minute, 1.0)

    def wait_s(self, now: float, tokens: int) -> float:
        """Take a place in line for a call of at most so many tokens; seconds until it may be sent."""
        wait_s = max(
            self._requests.wait_s(now, 1.0, self.pace),
            self._tokens.wait_s(now, float(tokens), self.pace),
            self._not_before - now,
            0.0,
        )
        self._sent.append(now + wait_s)
        while self._sent and self._sent[0] < now - _MINUTE_S:
            self._sent.popleft()
        return wait_s

    def answered(self, unused: int) -> None:
        """The model answered; of the tokens of its place in line so many were not used."""
        self._tokens.level += max(unused, 0)
        self._refusals = 0
        if self.pace < 1.0:
            self.pace = min(1.0, self.pace + _FASTER)
        elif self.requests_per_minute is None and self._requests.limit is not None:
            self._requests.limit += 1.0

    def left_the_line(self, tokens: int) -> None:
        """A call gave its place in line back."""
        self._requests.level += 1.0
        self._tokens.level += tokens
        if self._sent:
            self._sent.pop()

    def refused(self, now: float, sent_at: float, retry_after_s: float | None) -> float:
        """The server said that this was too fast; seconds until anything may be sent again.

        Args:
            sent_at: when the refused call was sent; what was under way when the pace was last halved does not halve it again.
            retry_after_s: what the server asks for, if it does.
        """
        if sent_at > self._slowed_at:
            if self._requests.limit is None:
                self._requests.limit = max(_LEAST_FOUND, float(len(self._sent)))
            self.pace = max(_SLOWEST, self.pace * _SLOWER)
            self._slowed_at = now
            self._refusals += 1
        pause_s = min(_LONGEST_PAUSE_S, _PAUSE_S * 2.0 ** min(self._refusals - 1, 30))
        wait_s = max(retry_after_s if retry_after_s is not None else pause_s, 0.0)
        self._not_before = max(self._not_before, now + wait_s)
        self._requests.hold(self._not_before)
        return self._not_before - now
