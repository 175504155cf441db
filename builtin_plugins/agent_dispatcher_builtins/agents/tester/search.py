"""Finds small situations that tell a declared behaviour from its near misses.

Nothing here is clever: examples and sampled rows are varied at random (always with the same seed), played by the interpreter on the
behaviour and on every near miss not yet told apart, and kept when they tell one.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from .near_misses import Miss
from .plain import Plain
from .scenarios import Given, Memory, NotPossible, Outcome, Prepared, Scenario, prepare
from .variation import Variation

__all__ = ["TRIES", "Explored", "Finding", "explore"]

#: Scenarios that are tried for one operation or entity at most.
TRIES = 6000
#: Scenarios in a row that tell nothing new, after which there is probably nothing more to tell.
PATIENCE = 2000
#: Situations kept to be varied further.
_KEPT = 500


@frozen
class Finding:
    """A situation worth a test.

    Attributes:
        scenario: rows, clock and call.
        prepared: the same with its rows in place.
        outcome: what the declared behaviour does.
        told: near misses that would have done something else.
    """

    scenario: Scenario
    prepared: Prepared
    outcome: Outcome
    told: tuple[Miss, ...]


@frozen
class Explored:
    """What a search found.

    Attributes:
        findings: in the order they were found.
        untold: near misses that no situation told from the behaviour; most of them mean the same.
        outcomes: one situation for each error code that was seen, and for success under ``None``.
    """

    findings: tuple[Finding, ...]
    untold: tuple[Miss, ...]
    outcomes: Mapping[str | None, Finding]


def explore(
    plain: Mapping[str, Plain],
    starts: Sequence[Scenario],
    misses: Sequence[Miss],
    variation: Variation,
    *,
    seed: str,
    tries: int = TRIES,
    known: Sequence[Scenario] = (),
) -> Explored:
    """Look for situations that tell ``misses`` from ``plain``.

    Args:
        plain: the behaviour.
        starts: situations to begin with.
        misses: wrong readings.
        variation: how situations are varied.
        seed: the same seed gives the same findings.
        tries: how many situations to play at most.
        known: situations that are tested anyway; what they tell is not looked for.
    """
    rng = random.Random(seed)
    hunt = _Hunt(plain, list(misses))
    focuses = {miss.what: None if miss.part is None else variation.focus(miss.part) for miss in misses}
    for scenario in known:
        hunt.play(scenario, keep=False)
    for scenario in starts:
        hunt.play(scenario)
    for _ in range(tries):
        if not hunt.corpus or not hunt.live or hunt.idle > PATIENCE:
            break
        miss = rng.choice(hunt.live)
        focus = focuses[miss.what] if rng.random() < 0.6 else None
        scenario = rng.choice(hunt.bases(miss) if focus else hunt.corpus[-8:] if rng.random() < 0.2 else hunt.corpus)
        for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
            scenario = variation.vary(scenario, rng, focus)
        hunt.play(scenario)
    findings = tuple(_simplified(plain, finding) for finding in _fewest(hunt.findings))
    return Explored(findings, tuple(hunt.live), hunt.outcomes)


class _Hunt:
    """What has been found so far."""

    def __init__(self, plain: Mapping[str, Plain], live: list[Miss]) -> None:
        self.plain = plain
        self.live = live
        self.corpus: list[Scenario] = []
        self.errors: list[str | None] = []
        self.memory = Memory()
        self.telling = {
            entity: {name for name, field in declared["fields"].items() if field["type"] in ("choice", "boolean")}
            for entity, declared in plain["entities"].items()
        }
        self.idle = 0
        self.seen: set[tuple[Any, ...]] = set()
        self.findings: list[Finding] = []
        self.outcomes: dict[str | None, Finding] = {}

    def _sort(self, prepared: Prepared, outcome: Outcome) -> tuple[Any, ...]:
        """What a situation is like, roughly: how it ends, and how many rows of each entity are in which of their states."""
        states = [
            (
                entity,
                *(row[name] if name in self.telling[entity] else row[name] is None for name in row if name != "id"),
            )
            for entity, rows in prepared.before.items()
            for row in rows
        ]
        return outcome.error, tuple(sorted(map(repr, states)))

    def bases(self, miss: Miss) -> list[Scenario]:
        """Situations that get as far as what is misread: those that succeed, and those that end with its own error."""
        wanted = {None, *(piece["error"] for piece in _pieces(miss.part) if "error" in piece)}
        found = [scenario for scenario, error in zip(self.corpus, self.errors, strict=True) if error in wanted]
        return found or self.corpus

    def play(self, scenario: Scenario, *, keep: bool = True) -> None:
        """Play one situation.

        Args:
            scenario: the situation; one that is not possible is passed over.
            keep: make a finding of it when it tells something.
        """
        try:
            prepared = prepare(self.plain, scenario, self.memory)
            outcome = prepared.play(self.plain)
        except (NotPossible, KeyError):
            return
        told = []
        for miss in self.live:
            if _differs(outcome, prepared, miss):
                told.append(miss)
        self.live = [miss for miss in self.live if miss not in told]
        self.idle = 0 if told else self.idle + 1
        finding = Finding(scenario, prepared, outcome, tuple(told))
        self.outcomes.setdefault(outcome.error, finding)
        sort = self._sort(prepared, outcome)
        if told or not keep or (sort not in self.seen and len(self.corpus) < _KEPT):
            self.seen.add(sort)
            self.corpus.append(scenario)
            self.errors.append(outcome.error)
        if keep and told:
            self.findings.append(finding)


def _pieces(part: Plain) -> list[Mapping[str, Plain]]:
    """The guards, constraints or changes a part consists of."""
    pieces = part if isinstance(part, list) else [part]
    return [piece for piece in pieces if isinstance(piece, Mapping)]


def _fewest(findings: Sequence[Finding]) -> list[Finding]:
    """As few of the findings as tell everything that all of them tell, the ones that tell most first."""
    open_misses = {id(miss): miss for finding in findings for miss in finding.told}
    tells = [
        {key for key, miss in open_misses.items() if _differs(finding.outcome, finding.prepared, miss)}
        for finding in findings
    ]
    chosen: list[Finding] = []
    while open_misses:
        best = max(range(len(findings)), key=lambda index: len(tells[index] & open_misses.keys()))
        told = tuple(miss for key, miss in open_misses.items() if key in tells[best])
        chosen.append(evolve(findings[best], told=told))
        open_misses = {key: miss for key, miss in open_misses.items() if key not in tells[best]}
    return chosen


def _differs(outcome: Outcome, prepared: Prepared, miss: Miss) -> bool:
    try:
        return prepared.play(miss.behaviour) != outcome
    except (TypeError, AttributeError):
        return True  # not even well typed: nothing that could be written by mistake


def _simplified(plain: Mapping[str, Plain], finding: Finding) -> Finding:
    """The finding without the rows it does not need."""
    for given in reversed(finding.scenario.given):
        scenario = _without(finding.scenario, given)
        try:
            prepared = prepare(plain, scenario)
            outcome = prepared.play(plain)
        except (NotPossible, KeyError):
            continue
        if outcome.error == finding.outcome.error and all(_differs(outcome, prepared, miss) for miss in finding.told):
            finding = Finding(scenario, prepared, outcome, finding.told)
    return finding


def _without(scenario: Scenario, given: Given) -> Scenario:
    return evolve(scenario, given=tuple(other for other in scenario.given if other is not given))
