"""Counters of the message bus: how many messages there were, what was lost, how long they waited and how many wait."""

from __future__ import annotations

from attrs import define, field, frozen

__all__ = ["BusStatistics", "Latency", "SubscriberStatistics"]


@frozen(kw_only=True)
class SubscriberStatistics:
    """What one subscriber got.

    Attributes:
        dropped: transient messages that did not fit.
        expired: transient messages whose time was over before they were taken.
        waiting, deepest: messages in its queue now, and at most so far.
        latency_mean_s, latency_p99_s: seconds from publishing to delivery, of what came through the queue; the second is at most twice too high.
    """

    pattern: str
    delivered: int
    dropped: int
    expired: int
    waiting: int
    deepest: int
    latency_mean_s: float
    latency_p99_s: float


@frozen(kw_only=True)
class BusStatistics:
    """What a bus carried since it was made.

    Attributes:
        transient, durable: messages published.
        crowded_out: messages from other threads that came faster than the event loop could take them.
        subscribers: of those that listen now, in the order they came.
    """

    transient: int
    durable: int
    crowded_out: int
    subscribers: tuple[SubscriberStatistics, ...]


@define(eq=False)
class Latency:
    """Times, counted by the power of two of their microseconds: constant memory, whatever is measured."""

    count: int = 0
    total_s: float = 0.0
    _by_power: list[int] = field(factory=lambda: [0] * 40)

    def note(self, seconds: float) -> None:
        """One more."""
        self.count += 1
        self.total_s += seconds
        self._by_power[min(int(seconds * 1e6).bit_length(), 39)] += 1

    @property
    def mean_s(self) -> float:
        """Their mean; 0 when there are none."""
        return self.total_s / self.count if self.count else 0.0

    def quantile_s(self, share: float) -> float:
        """A time that ``share`` of them do not exceed, at most twice too high; 0 when there are none."""
        needed, seen = share * self.count, 0
        for power, count in enumerate(self._by_power):
            seen += count
            if count and seen >= needed:
                return float(1 << power) / 1e6
        return 0.0
