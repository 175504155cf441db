"""Which findings of a tool stood before: nobody answers for mistakes that were there when he came. Pure.

A finding stood before when a version of before has one of the same rule on the same line of text, wherever that line was: in the same file, or in another one
of the change, as after a rename or when code is moved. Each finding of before explains one of now. What is left is compared once more with what the same file
(or one that is gone, if the file is new) had: a line that was altered is still the same line where most of it is, and a function that is named in the finding is the same
function. Where that cannot be told, a finding is taken for old.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from agent_dispatcher.models import Finding

__all__ = ["lines_of", "new_among"]

_NUMBER = re.compile(r"\d+")
_NAMES = re.compile(r"[`'\"]")
#: How much of a line is as it was, if it is still the same line.
_ALIKE = 0.6
_LONGEST_LINE = 500


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
    for place, found in list(left.items()):
        there = {found.path} if found.path in earlier else gone
        old = next(_altered(found, line(found), kept, there, old_line), None)
        if old is not None:
            del kept[old], left[place]
    return tuple(left.values())


def _altered(
    found: Finding, line: str, kept: Mapping[int, Finding], there: Collection[str], old_line: Callable[[Finding], str]
) -> Iterator[int]:
    """Findings of before that are about the same line or the same name, which was altered since."""
    for place, old in kept.items():
        if old.rule != found.rule or old.path not in there:
            continue
        named = _NAMES.search(found.what) is not None and _shape(old) == _shape(found)
        if named or SequenceMatcher(None, old_line(old), line, autojunk=False).ratio() >= _ALIKE:
            yield place


def _shape(found: Finding) -> str:
    """What is found, apart from how much of it there is."""
    return _NUMBER.sub("#", found.what)
