"""How long a plan takes with so many workers, by the engine's own policy on estimated durations, landings taking no time.

The policy: ready tasks in the order of starting (see :mod:`.ranks`), each as soon as a worker is free and nobody holds what it shares with others; a worker
is free when the work is sealed, an exclusion when it has landed, or is sealed and waits for its tests. Of what ends at one moment all is sealed and free
workers begin anew; then one after the other lands, and after each again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from math import ceil, inf

from attrs import frozen

from ._order import Adjacency

__all__ = ["Jobs", "Outcome", "fewest_workers", "simulate"]


@frozen(kw_only=True)
class Jobs:
    """What is to be done. Nodes are the integers 0 to n-1.

    Attributes:
        after: node to those that wait for it, the parent of a part included.
        subjects: node to those that land only after it.
        idle: nodes that need no worker: parents, and what is done.
        duration: seconds of work.
        groups: node to the numbers of the exclusions it takes part in.
        place: node to its place in the order of starting.
    """

    after: Adjacency
    subjects: Adjacency
    idle: Sequence[bool]
    duration: Sequence[float]
    groups: Sequence[Sequence[int]]
    place: Sequence[int]


@frozen
class Outcome:
    """How it went.

    Attributes:
        makespan_s: seconds until everything has landed.
        busiest: the most workers at work at one moment.
    """

    makespan_s: float
    busiest: int


def simulate(jobs: Jobs, workers: int | None = None) -> Outcome:
    """Carry the jobs out with so many workers, with any number when ``None``."""
    return _Run(jobs, workers).outcome()


def fewest_workers(jobs: Jobs, slack: float) -> int:
    """The fewest workers that need at most ``1 + slack`` times as long as any number of them, found by halving the range."""
    best = simulate(jobs)
    goal = best.makespan_s * (1 + slack)
    if goal <= 0:
        return 1
    work = sum(seconds for seconds, idle in zip(jobs.duration, jobs.idle, strict=True) if not idle)
    low = max(1, ceil(work / goal - 1e-9))
    high = max(low, best.busiest)
    while low < high:
        middle = (low + high) // 2
        if simulate(jobs, middle).makespan_s <= goal:
            high = middle
        else:
            low = middle + 1
    return low


class _Run:
    def __init__(self, jobs: Jobs, workers: int | None) -> None:
        self.jobs = jobs
        self.workers = inf if workers is None else workers
        self.waiting, self.gates = _counts(jobs.after), _counts(jobs.subjects)
        self.sealed = bytearray(len(jobs.after))
        self.at_place = sorted(range(len(jobs.after)), key=jobs.place.__getitem__)
        self.ready: list[int] = []
        self.running: list[tuple[float, int]] = []
        self.lane: list[int] = []
        self.holder: dict[int, int] = {}
        self.parked: dict[int, list[int]] = {}
        self.now = 0.0
        self.busiest = 0

    def outcome(self) -> Outcome:
        first = [node for node, count in enumerate(self.waiting) if not count]
        for node in first:
            self.free(node)
        self.start()
        while self.running:
            self.now = self.running[0][0]
            while self.running and self.running[0][0] <= self.now:
                self.seal(self.at_place[heappop(self.running)[1]])
            self.start()
            while self.lane:
                node = self.at_place[heappop(self.lane)]
                self.release(node)
                self.land(node)
                self.start()
        return Outcome(self.now, self.busiest)

    def free(self, node: int) -> None:
        """Nothing is waited for any more."""
        if not self.jobs.idle[node]:
            heappush(self.ready, self.jobs.place[node])
            return
        self.sealed[node] = 1
        if not self.gates[node]:
            self.land(node)

    def seal(self, node: int) -> None:
        self.sealed[node] = 1
        if self.gates[node]:
            self.release(node)
        else:
            heappush(self.lane, self.jobs.place[node])

    def land(self, first: int) -> None:
        """What waited for it, or was held by it, goes on."""
        landed = [first]
        for node in landed:
            for target in self.jobs.after[node]:
                self.waiting[target] -= 1
                if not self.waiting[target]:
                    if not self.jobs.idle[target]:
                        heappush(self.ready, self.jobs.place[target])
                        continue
                    self.sealed[target] = 1
                    if not self.gates[target]:
                        landed.append(target)
            for subject in self.jobs.subjects[node]:
                self.gates[subject] -= 1
                if not self.gates[subject] and self.sealed[subject]:
                    if self.jobs.idle[subject]:
                        landed.append(subject)
                    else:
                        heappush(self.lane, self.jobs.place[subject])

    def start(self) -> None:
        """Give the free workers what is ready and may be begun."""
        while self.ready and len(self.running) < self.workers:
            place = heappop(self.ready)
            node = self.at_place[place]
            if self.take(node):
                heappush(self.running, (self.now + self.jobs.duration[node], place))
        self.busiest = max(self.busiest, len(self.running))

    def take(self, node: int) -> bool:
        """Hold all it shares with others, or line up for the first that is held."""
        groups = self.jobs.groups[node]
        for group in groups:
            if group in self.holder:
                heappush(self.parked.setdefault(group, []), self.jobs.place[node])
                self.wake(groups)
                return False
        for group in groups:
            self.holder[group] = node
        return True

    def release(self, node: int) -> None:
        groups = self.jobs.groups[node]
        held = [group for group in groups if self.holder.get(group) == node]
        for group in held:
            del self.holder[group]
        self.wake(held)

    def wake(self, groups: Iterable[int]) -> None:
        """Let the first in line for each of these come forward, where nobody holds it."""
        for group in groups:
            if self.parked.get(group) and group not in self.holder:
                heappush(self.ready, heappop(self.parked[group]))


def _counts(adjacency: Adjacency) -> list[int]:
    counts = [0] * len(adjacency)
    for targets in adjacency:
        for target in targets:
            counts[target] += 1
    return counts
