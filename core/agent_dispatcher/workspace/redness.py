"""What is red in evidence, what of it is new, and how that is told. Pure.

A check names what failed in it under ``failed`` in the details of its evidence, as ``{"test": name, "message": why}`` or as a plain name. So a tree can
be told from one that was red before in the same places. A check that names nothing is red as a whole; one that could not say anything about the
tree at all has ``could_not_run`` in its details, and ``timed_out`` beside it if that is because its time was over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

from attrs import evolve

from ..models import Evidence

__all__ = ["Failure", "beyond", "failing", "marked", "messages", "named", "new_reasons", "reasons", "speechless"]

#: (check, name of what failed in it; "" for the check as a whole, "?" where it could not say anything, "?time" where its time was over).
Failure = tuple[str, str]
_AS_A_WHOLE, _UNTOLD, _OUT_OF_TIME = "", "?", "?time"
_NAMELESS = (_AS_A_WHOLE, _UNTOLD, _OUT_OF_TIME)

#: How many failures evidence keeps with their messages, and how many of them its summary tells.
_MOST_KEPT = 50
_MOST_SHOWN = 3


def reasons(evidence: Sequence[Evidence]) -> str:
    """What the evidence has against a tree, ``""`` for nothing. An *expected red* is no reason."""
    return "; ".join(f"{one.check}: {one.summary}" for one in evidence if _red(one))


def failing(evidence: Sequence[Evidence]) -> frozenset[Failure]:
    """What is red."""
    found: set[Failure] = set()
    for one in evidence:
        if _red(one):
            found |= {(one.check, name) for name, _ in _entries(one)} or {(one.check, _nameless(one))}
    return frozenset(found)


def named(red: Set[Failure]) -> frozenset[Failure]:
    """What of it a check can be asked about by name."""
    return frozenset(each for each in red if each[1] not in _NAMELESS)


def messages(evidence: Sequence[Evidence]) -> dict[Failure, str]:
    """Why each thing is red that is named."""
    return {(one.check, name): message for one in evidence if _red(one) for name, message in _entries(one)}


def beyond(red: Set[Failure], before: Set[Failure]) -> frozenset[Failure]:
    """What of ``red`` was not red before. What could not be told before, of a test because its file could not even be read, is not newly red; only a
    check that had been at work until its time was over, and now does not even begin, is."""
    return frozenset(
        (check, name)
        for check, name in red
        if before.isdisjoint(((check, name), (check, name.partition("::")[0]), (check, _UNTOLD)))
        and (name == _UNTOLD or (check, _OUT_OF_TIME) not in before)
    )


def speechless(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """The evidence of checks that could not say anything about the tree."""
    return tuple(one for one in evidence if _red(one) and one.details.get("could_not_run"))


def new_reasons(evidence: Sequence[Evidence], new: Set[Failure], flaky: Mapping[Failure, str]) -> str:
    """What is newly red, with why; of what was red before only how much it is."""
    concerned = [one for one in evidence if any(check == one.check for check, _ in new)]
    return reasons(marked(concerned, new=new, flaky=flaky))


def marked(
    evidence: Sequence[Evidence],
    *,
    new: Set[Failure] = frozenset(),
    flaky: Mapping[Failure, str] | None = None,
    on_tip: bool = True,
) -> tuple[Evidence, ...]:
    """The evidence as it is kept: what is new first, what was red and then green on the same tree as ``flaky``, the rest counted as ``red_before``.

    What is red in flaky tests alone has passed. A check that could say nothing, and could not before either, has ``untold_before``.

    Args:
        new: what was not red before.
        flaky: what failed in one of two runs, and how.
        on_tip: whether what is neither new nor flaky was red before.
    """
    return tuple(_marked(one, new, flaky or {}, on_tip) for one in evidence)


def _marked(one: Evidence, new: Set[Failure], flaky: Mapping[Failure, str], on_tip: bool) -> Evidence:
    entries = [(name, message) for name, message in _entries(one) if (one.check, name) not in flaky]
    wavering = [(name, message) for (check, name), message in flaky.items() if check == one.check]
    known = [each for each in entries if (one.check, each[0]) not in new]
    first = [each for each in entries if (one.check, each[0]) in new]
    details = dict(one.details)
    if _red(one) and "failed" in details:
        details["failed"] = [{"test": name, "message": why} for name, why in [*first, *known][:_MOST_KEPT]]
        if known and on_tip:
            details["red_before"] = len(known)
    summary = one.summary
    if on_tip and _red(one) and one.details.get("could_not_run") and (one.check, _nameless(one)) not in new:
        details["untold_before"] = True
        summary = f"untold, as it was before: {summary}"
    if first and (known or wavering):
        before = f" ({len(known)} {'was' if len(known) == 1 else 'were'} red before)" if known else ""
        summary = f"{len(first)} failed: {_list(first)}{before}"
    if wavering:
        details["flaky"] = [{"test": name, "message": why} for name, why in wavering[:_MOST_KEPT]]
        summary += f"; flaky, red in one run and green in another one of the same tree: {_list(wavering)}"
    passed = one.passed or (_red(one) and bool(wavering) and bool(_entries(one)) and not entries)
    return evolve(one, passed=passed, summary=summary, details=details)


def _list(named: Sequence[tuple[str, str]]) -> str:
    more = f"; and {len(named) - _MOST_SHOWN} more" if len(named) > _MOST_SHOWN else ""
    return "; ".join(f"{name}: {message}" if message else name for name, message in named[:_MOST_SHOWN]) + more


def _nameless(one: Evidence) -> str:
    """What a check that names nothing is red as."""
    if not one.details.get("could_not_run"):
        return _AS_A_WHOLE
    return _OUT_OF_TIME if one.details.get("timed_out") else _UNTOLD


def _red(one: Evidence) -> bool:
    return not one.passed and not one.expected_red


def _entries(one: Evidence) -> list[tuple[str, str]]:
    """(name, message) of what failed, in the order of the check."""
    failed = one.details.get("failed")
    entries: Iterable[object] = failed if isinstance(failed, (list, tuple)) else ()
    return [
        (str(each.get("test", each)), str(each.get("message", ""))) if isinstance(each, Mapping) else (str(each), "")
        for each in entries
    ]
