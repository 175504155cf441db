"""Telling a test that is broken from one that is flaky, by looking again at the same trees.

A test that is broken is red with the work at every look, and at none without it. A flaky one is red and green on one and the same tree. So what is red is
looked at until it has been both, or often enough. That is done alone at first, which is cheap. What is green alone at every look may well be red because of
what ran before it, and work that spoils other tests must not get away as bad luck: for that, and for what is red alone without the work too, only looks
count at which *everything* runs.

With ``p`` the share of runs in which an innocent test is red, work is refused for it in ``p**4 * q**4 + p**3 * q**6`` of all cases, ``q = 1 - p``: in 0.6 % for
``p = 1/3``, in 0.06 % for ``p = 1/10``, in less than 1 % for every ``p``. What is red always is refused always.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Set

from attrs import define, field, frozen

from ..models import Evidence
from .redness import Failure, beyond, failing, messages, named, speechless

__all__ = [
    "AT_THE_END",
    "OF_ONE",
    "OF_SEVERAL",
    "Ask",
    "Elsewhere",
    "Looks",
    "SecondLook",
    "look_again",
    "look_there",
]

#: Asks the checks about one tree once more: only about what is given, or (``None``) about all of it.
Ask = Callable[[Set[Failure] | None], Awaitable[tuple[Evidence, ...]]]

#: Of so many failures it is asked whether they are red alone.
_MOST_ALONE = 20


@frozen(kw_only=True)
class Looks:
    """How often it is looked at a tree again.

    Attributes:
        alone: at what is red by itself.
        at_all: at everything, beside the first time.
        most_s: seconds after which no look follows that is not the first of its sort.
    """

    alone: int = 3
    at_all: int = 2
    most_s: float = 600.0


#: Of one change, which would be refused.
OF_ONE = Looks()
#: Of several changes, none of which is refused before it has been looked at by itself.
OF_SEVERAL = Looks(alone=1, at_all=1)
#: Of the finished whole there is nothing before to compare it with: 0.2 % for ``p = 1/3``.
AT_THE_END = Looks(alone=5, at_all=4)


@frozen(kw_only=True)
class SecondLook:
    """What came of it.

    Attributes:
        evidence: of the last time when everything ran.
        flaky: what was red and green on one tree, and how it failed.
        alone: what is red alone, too, at every look.
    """

    evidence: tuple[Evidence, ...]
    flaky: Mapping[Failure, str] = field(factory=dict)
    alone: frozenset[Failure] = frozenset()


@frozen(kw_only=True)
class Elsewhere:
    """What came of looking at the tree without the work.

    Attributes:
        flaky: what is red and green there, and how it failed.
        broken: what was red at no look.
        needy: what is red alone at every look there, too: about this only looks at everything tell.
    """

    flaky: Mapping[Failure, str] = field(factory=dict)
    broken: frozenset[Failure] = frozenset()
    needy: frozenset[Failure] = frozenset()


@define
class _Tally:
    """What was red and what was green at looks of one sort."""

    asked: frozenset[Failure]
    reds: set[Failure] = field(factory=set)
    greens: set[Failure] = field(factory=set)
    why: dict[Failure, str] = field(factory=dict)

    def count(self, asked: Set[Failure], found: tuple[Evidence, ...]) -> None:
        """Of what could not be told nothing is green."""
        new = beyond(asked, failing(found)) if not speechless(found) else frozenset()
        self.greens |= new
        self.reds |= asked - new
        self.why = {**messages(found), **self.why}

    @property
    def both(self) -> frozenset[Failure]:
        """Red at one look and green at another."""
        return self.asked & self.reds & self.greens


async def look_again(
    evidence: tuple[Evidence, ...],
    doubted: Set[Failure],
    ask: Ask,
    *,
    needy: Set[Failure] = frozenset(),
    looks: Looks = OF_ONE,
) -> SecondLook:
    """Look again at what is red and should not be.

    Args:
        evidence: of everything, as it was seen first.
        doubted: what of it is doubted. What a check does not name it cannot be asked about; that stays as it is.
        ask: about the same tree.
        needy: of which looks alone tell nothing.
    """
    until = time.monotonic() + looks.most_s
    few = frozenset(sorted(named(doubted) - needy)[:_MOST_ALONE])
    alone = await _alone(few, ask, looks.alone, until)
    first, why = failing(evidence), messages(evidence)
    steady = few - alone.greens
    flaky = {each: why.get(each, "") for each in sorted(alone.both)}
    as_it_was = SecondLook(evidence=evidence, flaky=flaky, alone=steady)
    if not named(doubted) or not (few - alone.reds or named(doubted) & needy or (not steady and named(doubted) - few)):
        return as_it_was
    wavering = set(alone.both)
    for turn in range(looks.at_all):
        if turn and (time.monotonic() > until or not doubted - steady - wavering):
            break
        again = await ask(None)
        now = failing(again)
        if speechless(again) or named(now - first) != now - first:
            return as_it_was  # a check that ended otherwise says nothing about single tests
        wavering |= beyond(doubted, now) | (now - first)
        why = {**messages(again), **why}
        evidence = again
    return SecondLook(evidence=evidence, flaky={each: why.get(each, "") for each in sorted(wavering)}, alone=steady)


async def look_there(new: Set[Failure], alone: Set[Failure], ask: Ask, *, looks: Looks = OF_ONE) -> Elsewhere:
    """Look at the tree without the work, where all that is ``new`` was green once when everything ran.

    Args:
        alone: what is red alone with the work.
        ask: about that tree.
    """
    until = time.monotonic() + looks.most_s
    if named(new) != new:
        return Elsewhere(broken=frozenset(new))
    if new <= alone:
        by_itself = await _alone(frozenset(new), ask, looks.alone, until)
        broken = frozenset(new) - by_itself.reds
        flaky = {each: by_itself.why.get(each, "") for each in sorted(by_itself.both)}
        return Elsewhere(flaky=flaky, broken=broken, needy=frozenset(new) - by_itself.greens)
    left, why = set(new), dict[Failure, str]()
    for turn in range(looks.at_all):
        if not left or (turn and time.monotonic() > until):
            break
        found = await ask(None)
        if speechless(found):
            return Elsewhere(broken=frozenset(new))
        left &= beyond(left, failing(found))
        why = {**messages(found), **why}
    return Elsewhere(flaky={each: why.get(each, "") for each in sorted(set(new) - left)}, broken=frozenset(left))


async def _alone(asked: frozenset[Failure], ask: Ask, times: int, until: float) -> _Tally:
    """Look at ``asked`` by itself so often, as long as something of it was not red and green."""
    tally = _Tally(asked)
    for turn in range(times):
        open_still = asked - tally.both
        if not open_still or (turn and time.monotonic() > until):
            break
        tally.count(open_still, await ask(open_still))
    return tally
