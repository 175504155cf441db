"""Telling a test that is broken from one that is flaky, by looking again at the same tree.

What is red is looked at alone first, which is cheap. That can only confirm: a test that is green alone may well be red because of what ran before it, and
work that spoils other tests must not get away as bad luck. So only what is green when *everything* runs a second time is taken for flaky.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Set

from attrs import field, frozen

from ..models import Evidence
from .redness import Failure, beyond, failing, messages, named, speechless

__all__ = ["Ask", "SecondLook", "look_again"]

#: Asks the checks about one tree once more: only about what is given, or (``None``) about all of it.
Ask = Callable[[Set[Failure] | None], Awaitable[tuple[Evidence, ...]]]

#: Of so many failures it is asked whether they are red alone.
_MOST_ALONE = 20


@frozen(kw_only=True)
class SecondLook:
    """What came of it.

    Attributes:
        evidence: of the last time when everything ran.
        flaky: what was red in one of two runs of everything, and how it failed then.
        alone: what is red alone, too.
    """

    evidence: tuple[Evidence, ...]
    flaky: Mapping[Failure, str] = field(factory=dict)
    alone: frozenset[Failure] = frozenset()


async def look_again(evidence: tuple[Evidence, ...], doubted: Set[Failure], ask: Ask) -> SecondLook:
    """Look again at what is red and should not be.

    Args:
        evidence: of everything, as it was seen first.
        doubted: what of it is doubted. What a check does not name it cannot be asked about; that stays as it is.
        ask: about the same tree.
    """
    few = frozenset(sorted(named(doubted))[:_MOST_ALONE])
    if not few:
        return SecondLook(evidence=evidence)
    found = await ask(few)
    alone = few & failing(found) if not speechless(found) else few
    if alone == few:
        return SecondLook(evidence=evidence, alone=alone)
    again = await ask(None)
    first, second = failing(evidence), failing(again)
    if speechless(again) or named(second - first) != second - first:
        return SecondLook(
            evidence=evidence, alone=alone
        )  # a check that ended otherwise says nothing about single tests
    wavering = beyond(doubted, second) | (second - first)
    why = {**messages(again), **messages(evidence)}
    return SecondLook(evidence=again, flaky={each: why.get(each, "") for each in sorted(wavering)}, alone=alone)
