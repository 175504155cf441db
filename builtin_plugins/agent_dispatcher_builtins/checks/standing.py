"""Which findings of a tool stood before: nobody answers for mistakes that were there when he came. Pure.

A finding stood before when a version of before has one of the same rule on the same line of text, wherever that line was: in the same file, or in another one
of the change, as after a rename or when code is moved. Each finding of before explains one of now. What is left is compared once more with what the same file
(or one that is gone, if the file is new) had: a line that was altered is still the same line where most of it is, and a function that is named in the finding is the same
function. Where that cannot be told, a finding is taken for old.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import SequenceMatcher

from agent_dispatcher.models import Finding

__all__ = ["lines_of", "new_among"]

_NUMBER = re.compile(r"\d+")
_NAMES = re.compile(r"[`'\"]")
#: How much of a line is as it was, if it is still the same line.
_ALIKE = 0.6
_LONGEST_LINE = 500
#: Findings of one rule and file that an altered line is compared with.
_MOST_COMPARED = 40


def lines_of(texts: Mapping[str, str]) -> Callable[[Finding], str]:
    """How the line of a finding reads in ``texts``, apart from its indentation; ``""`` where there is none."""
    lines = {path: text.splitlines() for path, text in texts.items()}

    def line(found: Finding) -> str:
        there = lines.get(found.path, [])
        return there[found.line - 1].strip()[:_LONGEST_LINE] if 0 < found.line <= len(there) else ""

    return line


def new_among(
    now: Sequence[Finding], before: Sequence[Finding], texts: Mapping[str, str], earlier: Mapping[str, str]
) -> tuple[Finding, ...]:
    """The findings of ``now`` that did not stand before, in their order.

    Args:
        texts: of the files of the change as they are; a file that is gone has none.
        earlier: of the same files as they were; a file that is new has none.
    """
    line, old_line = lines_of(texts), lines_of(earlier)
    kept = dict(enumerate(before))
    left = dict(enumerate(now))
    for same_file in (True, False):
        by_line: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
        for place, found in kept.items():
            by_line[found.path if same_file else "", found.rule, old_line(found) or _shape(found)].append(place)
        for place, found in list(left.items()):
            places = by_line[found.path if same_file else "", found.rule, line(found) or _shape(found)]
            if places:
                del kept[places.pop(0)], left[place]
    gone = earlier.keys() - texts.keys()
    altered = _Altered(kept, old_line)
    for place, found in list(left.items()):
        old = altered.like(found, line(found), [found.path] if found.path in earlier else sorted(gone))
        if old is not None:
            del kept[old], left[place]
    return tuple(left.values())


class _Altered:
    """Finds what of before is about the same line or the same name, which was altered since.

    Args:
        kept: what is left of before, by place; what is taken out of it later is not found any more.
    """

    def __init__(self, kept: Mapping[int, Finding], old_line: Callable[[Finding], str]) -> None:
        self._kept, self._old_line = kept, old_line
        self._by_rule: defaultdict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
        self._by_name: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
        for place, old in sorted(kept.items(), key=lambda each: (each[1].line, each[0])):
            self._by_rule[old.path, old.rule].append((old.line, place))
            if _NAMES.search(old.what):
                self._by_name[old.path, old.rule, _shape(old)].append(place)

    def like(self, found: Finding, line: str, paths: Iterable[str]) -> int | None:
        """The place of one that ``found`` may have been, in the first of ``paths`` that has one."""
        for path in paths:
            if _NAMES.search(found.what):
                for place in self._by_name[path, found.rule, _shape(found)]:
                    if place in self._kept:
                        return place
            for place in self._near(path, found):
                if place in self._kept and self._is(place, line):
                    return place
        return None

    def _near(self, path: str, found: Finding) -> list[int]:
        """What stood around the same line: of many the nearest, so that a file written anew costs no hour."""
        every = self._by_rule.get((path, found.rule), [])
        middle = bisect_left(every, (found.line, 0)) if len(every) > _MOST_COMPARED else 0
        first = max(0, middle - _MOST_COMPARED // 2)
        return [place for _, place in every[first : first + _MOST_COMPARED]]

    def _is(self, place: int, line: str) -> bool:
        same = SequenceMatcher(None, self._old_line(self._kept[place]), line, autojunk=False)
        return same.quick_ratio() >= _ALIKE and same.ratio() >= _ALIKE


def _shape(found: Finding) -> str:
    """What is found, apart from how much of it there is."""
    return _NUMBER.sub("#", found.what)
