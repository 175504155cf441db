"""Which task of an older plan is which task of a newer one, though ids, numbers and words have changed.

Ids say it first: they stay for the same content. Of the rest those belong together that resemble each other most, by the words of their titles and by what
they promise; the same id in the source counts for much, but not alone, since some sources number their tasks by place.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from ..models import Task

__all__ = ["match_tasks"]

#: Tasks belong together from this likeness on; 1 is the same title.
_ALIKE = 0.55
_SAME_SOURCE_ID = 0.3
_SAME_PROMISE = 0.2
#: A word that more tasks than this have is no reason to compare them.
_COMMON = 60


def match_tasks(before: Sequence[Task], after: Sequence[Task]) -> dict[str, str]:
    """Id in ``before`` -> id in ``after``, each used once, for every task that is in both."""
    newer = {task.id for task in after}
    matched = {task.id: task.id for task in before if task.id in newer}
    old = [task for task in before if task.id not in matched]
    new = [task for task in after if task.id not in matched]
    taken: set[str] = set()
    for _, old_id, new_id in sorted(_likely(old, new), key=lambda each: (-each[0], each[1], each[2])):
        if old_id not in matched and new_id not in taken:
            matched[old_id] = new_id
            taken.add(new_id)
    return matched


def _likely(old: Sequence[Task], new: Sequence[Task]) -> Iterable[tuple[float, str, str]]:
    """``(likeness, old, new)`` of pairs that are alike enough; only tasks that share a rare word or their id in the source are compared."""
    by_word: defaultdict[str, list[int]] = defaultdict(list)
    words = [_words(task.title) for task in new]
    for number, task in enumerate(new):
        for word in {*words[number], f"\0{task.source_id}"}:
            by_word[word].append(number)
    for task in old:
        own = _words(task.title)
        near: set[int] = set()
        for word in {*own, f"\0{task.source_id}"}:
            if len(by_word.get(word, ())) <= _COMMON:
                near.update(by_word.get(word, ()))
        for number in sorted(near):
            likeness = _likeness(task, own, new[number], words[number])
            if likeness >= _ALIKE:
                yield likeness, task.id, new[number].id


def _likeness(old: Task, own: Counter[str], new: Task, others: Counter[str]) -> float:
    total = own.total() + others.total()
    likeness = 2 * (own & others).total() / total if total else 0.0
    if old.source_id is not None and old.source_id == new.source_id:
        likeness += _SAME_SOURCE_ID
    if old.produces and set(old.produces) == set(new.produces):
        likeness += _SAME_PROMISE
    return likeness


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.lower()))
