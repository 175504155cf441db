"""Which task serves which requirement, where the source itself does not say: by the words they share.

A guess, made so that a wrong one costs little: it decides what an agent is told and in whose name a task is checked, and orders nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from attrs import evolve

from agent_dispatcher.models import Requirement, Task

__all__ = ["serving"]

#: Of the tasks that share words with a requirement, those that come this near to the best one serve it.
_NEAR = 0.6
_MOST = 5
#: Sorts of work that make something true, or show that it is.
_SERVES = frozenset({"code_writing", "refactoring", "debugging", "testing"})
_WORD = re.compile(r"[^\W\d_]{2,}")
#: Scripts without spaces: every two letters are taken for a word.
_PAIRS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2,}")
_LONGEST = 4000
_EVERYWHERE = """
    the and for are was has its can not all any new use via per with that this from into shall must should when then than them they their there
    have been will each such only also implement create add update system user application support provide requirement
"""
_COMMON = frozenset(_EVERYWHERE.split())


def serving(tasks: Sequence[Task], requirements: Sequence[Requirement]) -> tuple[Task, ...]:
    """The tasks with the requirements they serve. Each requirement is served by at least one task, if there is any.

    Args:
        tasks: that name no requirement themselves.
        requirements: in any order.
    """
    able = [place for place, task in enumerate(tasks) if _can(task)]
    if not any(tasks[place].type in _SERVES for place in able):
        found: dict[int, list[str]] = {place: [each.id for each in requirements] for place in able}
    else:
        able = [place for place in able if tasks[place].type in _SERVES]
        found = _by_words(tasks, able, requirements)
    return tuple(
        evolve(task, requirements=tuple(found[place])) if found.get(place) else task for place, task in enumerate(tasks)
    )


def _can(task: Task) -> bool:
    return not task.children and task.status != "skipped"


def _by_words(tasks: Sequence[Task], able: Sequence[int], requirements: Sequence[Requirement]) -> dict[int, list[str]]:
    having: dict[str, list[int]] = {}
    for place in able:
        task = tasks[place]
        for word in _words(f"{task.title}\n{task.group}\n{task.description}"):
            having.setdefault(word, []).append(place)
    found: dict[int, list[str]] = {}
    for requirement in requirements:
        score: dict[int, float] = {}
        for word in sorted(_words(f"{requirement.id}\n{requirement.text}")):
            places = having.get(word, ())
            weight = math.log((1 + len(able)) / (1 + len(places)))
            if weight > 0:
                for place in places:
                    score[place] = score.get(place, 0.0) + weight
        ranked = sorted(score, key=lambda place: (-score[place], place))
        near = [place for place in ranked[:_MOST] if score[place] >= _NEAR * score[ranked[0]]]
        for place in near or able:
            found.setdefault(place, []).append(requirement.id)
    return found


def _words(text: str) -> set[str]:
    """Words in lower case, without an ending ``s``; of scripts without spaces every two letters."""
    text = re.sub(r"([a-z])([A-Z])", r"\1 \2", text[:_LONGEST]).lower()
    found = {
        word.removesuffix("s")
        for word in _WORD.findall(text)
        if word.isascii() and len(word) > 2 and word not in _COMMON
    }
    found |= {word for word in _WORD.findall(text) if not word.isascii() and not _PAIRS.search(word)}
    for run in _PAIRS.findall(text):
        found |= {run[at : at + 2] for at in range(len(run) - 1)}
    return found
