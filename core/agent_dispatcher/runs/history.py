"""What finished runs took, kept in the user's state folder: a few numbers for each run, so that planning need not open their stores.

Everything here is a projection of the runs' logs. A file that is missing, damaged or cannot be written loses only what would have been learned from it.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from math import inf
from pathlib import Path

from ..planning.history import Durations, Kind, Observation
from .index import state_home

__all__ = ["forget_durations", "learn", "remember_durations"]

_VERSION = 1
#: Of one run and one kind of task so many observations are kept, spread evenly from the quickest to the slowest.
_MOST = 16
#: So many runs stay written down.
_KEPT = 500


def remember_durations(run: str, observations: Sequence[Observation]) -> None:
    """Write down what the completed tasks of a run took; the same again when it is called again."""
    if not observations:
        return
    kinds: dict[Kind, list[Observation]] = {}
    kind, found = None, []
    for each in observations:
        if each.kind is not kind:  # neighbours mostly are of one kind
            kind, found = each.kind, kinds.setdefault(each.kind, [])
        found.append(each)
    entry = {
        "version": _VERSION,
        "kinds": [
            {
                "agent_type": kind.agent_type,
                "task_type": kind.task_type,
                "band": kind.band,
                "took": [[round(each.seconds, 6), each.cost_usd] for each in _thinned(found)],
            }
            for kind, found in sorted(kinds.items())
        ],
    }
    try:
        _folder().mkdir(parents=True, exist_ok=True)
        (_folder() / f"{run}.json").write_text(json.dumps(entry), encoding="utf-8")
        for name in _newest()[_KEPT:]:
            (_folder() / name).unlink(missing_ok=True)
    except OSError:
        return


def forget_durations(run: str) -> None:
    """Nothing is learned from that run any more. Harmless when nothing was written down."""
    with contextlib.suppress(OSError):
        (_folder() / f"{run}.json").unlink(missing_ok=True)


def learn(runs: int) -> Durations:
    """What the newest ``runs`` say that were written down; the empty value for none."""
    if runs < 1:
        return Durations()
    return Durations.learn(observation for name in _newest()[:runs] for observation in _read(_folder() / name))


def _folder() -> Path:
    return state_home() / "durations"


def _newest() -> list[str]:
    """Names of what was written down, by run, the newest first."""
    try:
        with os.scandir(_folder()) as entries:
            return sorted((entry.name for entry in entries if entry.name.endswith(".json")), reverse=True)
    except OSError:
        return []


def _thinned(found: Sequence[Observation]) -> list[Observation]:
    line = sorted(found, key=lambda each: each.seconds)
    if len(line) <= _MOST:
        return line
    return [line[place * (len(line) - 1) // (_MOST - 1)] for place in range(_MOST)]


def _read(path: Path) -> list[Observation]:
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        if entry["version"] != _VERSION:
            return []
        return [
            Observation(
                Kind(str(each["agent_type"]), str(each["task_type"]), int(each["band"])),
                _amount(seconds),
                None if cost is None else _amount(cost),
            )
            for each in entry["kinds"]
            for seconds, cost in each["took"]
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _amount(value: object) -> float:
    number = float(str(value))
    if not 0 <= number < inf:
        raise ValueError(f"{value!r} is no amount")
    return number
