"""Tests that cannot fail, and tests that prove less than they did before."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator

from agent_dispatcher.extension import Objection

from .claims import Claim
from .tests_read import TestRead, tests_in

__all__ = ["idle", "weakened"]

_SHOWN = 160


def idle(path: str, tree: ast.Module) -> list[tuple[str, Objection]]:
    """Tests that are not run, or pass whatever the code does, each with a key that stays the same while lines move."""
    found = []
    for test in tests_in(tree).values():
        why, line = _cannot_fail(test)
        if why:
            what = f"{test.name} cannot fail: {why}"
            found.append((f"{test.name} {why}", Objection(kind="idle", path=path, line=line or test.line, what=what)))
    return found


def _cannot_fail(test: TestRead) -> tuple[str, int]:
    if test.never_run:
        return f"it is not run, or may fail ({test.skips[0] if test.skips else 'skipped'})", test.line
    live = [claim for claim in test.claims if claim.can_fail]
    if test.cases == 0:
        return "its parameters give it no case", test.line
    if not test.claims and not test.calls:
        return "it asserts nothing, and calls nothing that may fail", test.line
    if test.claims and not live:
        first = test.claims[0]
        if first.why:
            return f"{first.why}: '{_short(first.text)}'", first.line
        return f"'assert {_short(first.text)}' is true whatever the code does", first.line
    if live and {claim.line for claim in live} <= set(test.swallowed):
        return f"the failure of '{_short(live[0].text)}' is caught and dropped", live[0].line
    return "", 0


def weakened(path: str, before: ast.Module, after: ast.Module | None) -> list[Objection]:
    """What the tests of a file no longer prove; ``None`` after: the file is gone."""
    old = tests_in(before)
    if after is None:
        names = ", ".join(list(old)[:5])
        return (
            [Objection(kind="weakened", path=path, what=f"the file was deleted with its tests ({names})")]
            if old
            else []
        )
    new = tests_in(after)
    moved = {test.body: test for name, test in new.items() if name not in old}
    found: list[Objection] = []
    for name, test in old.items():
        now = new.get(name) or moved.get(test.body)
        if now is not None:
            found += [
                Objection(kind=kind, path=path, line=now.line, what=f"{name} {why}") for kind, why in _less(test, now)
            ]
        else:
            found.append(Objection(kind="weakened", path=path, what=f"{name} was deleted: {_lost(test.claims)}"))
    return found


def _less(old: TestRead, new: TestRead) -> Iterator[tuple[str, str]]:
    """How a test says less than before, in words that show what was there."""
    added = [skip for skip in new.skips if skip not in old.skips]
    if added:
        yield "weakened", f"may no longer be run: {_short(added[0])} was added"
    if new.cases < old.cases:
        yield "weakened", f"has {new.cases} cases, and had {old.cases}"
    if new.swallowed and not old.swallowed:
        yield "weakened", "now catches its own failures and drops them"
    gone, come = _without(old.claims, new.claims), _without(new.claims, old.claims)
    if not gone:
        return
    instead = f"{_lost(gone)}; instead: {_lost(come)}"
    if _live(new.claims) < _live(old.claims):
        yield "weakened", f"lost an assertion: {_lost(gone)}"
    elif sum(each.strength for each in come) < sum(each.strength for each in gone):
        yield "weakened", f"asserts less: {instead}"
    elif _tolerance(come) > _tolerance(gone):
        yield "weakened", f"tolerates more: {instead}"
    else:
        yield "changed", f"expects something else: {instead}"


def _live(claims: Iterable[Claim]) -> int:
    return sum(1 for each in claims if each.can_fail)


def _tolerance(claims: Iterable[Claim]) -> float:
    return max((each.tolerance for each in claims), default=0.0)


def _without(claims: tuple[Claim, ...], others: tuple[Claim, ...]) -> list[Claim]:
    left = Counter(each.text for each in others)
    found = []
    for claim in claims:
        if left[claim.text] > 0:
            left[claim.text] -= 1
        else:
            found.append(claim)
    return found


def _lost(claims: tuple[Claim, ...] | list[Claim]) -> str:
    return "; ".join(f"'{_short(each.text)}'" for each in claims[:3]) or "nothing"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"
