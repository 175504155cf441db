"""How large the work is that a requirement asks for, by what can be counted."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agent_dispatcher.models import Requirement

__all__ = ["FILE", "SECONDS", "SHARE", "task_complexity", "testing_complexity", "weight"]

#: Expected seconds per unit of complexity for work that an agent does from prose.
SECONDS = 60.0
#: What a weight of one adds to the complexity of a task, and what a further file adds.
SHARE = 0.4
FILE = 0.1

_CONDITION = re.compile(
    r"\b(?:if|when|unless|except|only|until|otherwise|while|before|after|at least|at most|within|wenn|falls|si|cuando)\b|場合|とき|如果|当",
    re.IGNORECASE,
)
#: Things that are harder than their words are many.
_HARD = re.compile(
    r"\b(?:concurren\w*|parallel|thread[- ]safe\w*|real[- ]time|encrypt\w*|authenticat\w*|authori[sz]\w*|migrat\w*|transaction\w*|offline|synchroni[sz]\w*"
    r"|distributed|idempotent|rate[- ]limit\w*|backward\w* compatib\w*)\b",
    re.IGNORECASE,
)


def weight(requirements: Iterable[Requirement]) -> float:
    """What requirements add to their task: each 0.3, and something for every 40 words, condition and hard thing in its text, and for every step, edge case and
    constraint that hangs on them. What several of them share counts once.
    """
    counted = 0.0
    hanging: set[str] = set()
    for each in requirements:
        counted += 0.3 + _words(each.text) / 40 + 0.2 * len(_CONDITION.findall(each.text))
        counted += 0.4 * min(2, len(set(map(str.lower, _HARD.findall(each.text)))))
        hanging.update(step for one in each.scenarios for step in (*one.given, *one.when, *one.then))
        hanging.update(each.edge_cases, each.constraints)
    return round(counted + sum(0.1 + _words(each) / 100 for each in hanging), 2)


def task_complexity(requirements: Iterable[Requirement], files: int = 0) -> float:
    """1 to 10: requirements of one component share their surroundings, so each adds less than it would alone; every file beyond the first adds 0.1."""
    return min(10.0, round(1.0 + SHARE * weight(requirements) + FILE * max(0, files - 1), 1))


def testing_complexity(complexity: float) -> float:
    """Of the tests of work of that complexity."""
    return max(0.5, round(complexity * 0.6, 1))


def _words(text: str) -> float:
    """Words; where a script does not part them, two and a half signs are one."""
    run = sum(1 for sign in text if "\u3040" <= sign <= "\u9fff" or "\uac00" <= sign <= "\ud7af")
    return len(text.split()) + run / 2.5
