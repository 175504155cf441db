"""What a phrase names: tasks by their ids and ranges of them, phases by number or name, user stories.

``T004-T012``, ``T004 – T012``, ``X-001 through X-004`` and ``T004..012`` are ranges in the order in which the tasks are listed. ``T17`` is taken for ``T017`` where there is no
``T17``, with a remark. What names nothing is remarked too, never dropped in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from attrs import field, frozen

from .words import FOUNDATION, POLISH, SET_UP, STORY

__all__ = ["TASK_ID", "Mention", "Names", "PhaseName", "story_numbers"]

#: A task's id. What looks like one but names a requirement is none.
TASK_ID = r"(?!(?:FR|NFR|SC|AC|EC|CHK|REQ|US)-)(?:[A-Z][A-Z0-9]*-\d{3,4}[a-z]?|T-?\d{1,4}[a-z]?)(?![\w])"
_THROUGH = r"(?:[-‐‑–—−~〜～]+|\.{2,3}|…|to|through|thru|until|a|até|по|до|至|到|から|부터)"
_AND = r"(?:[,、，/&+;]|and|or|e|и|と|和|及|및|や|,\s*and)"

_TASKS = rf"(?P<task>{TASK_ID})(?:\s*{_THROUGH}\s*(?P<last>{TASK_ID}|\d{{1,4}}[a-z]?\b))?"
_NUMBER = r"\d{1,4}(?:\.\d+)*"
_STORY = r"(?:US|user\s+story|story)"
_JOIN = rf"(?:\s*{_AND}\s*|[-‐‑–—~〜]|\.{{2,3}}|\s+(?:to|through|thru|a|até|по|до)\s+)"  # a dash with spaces parts, it joins nothing
_NUMBERS = rf"{_NUMBER}(?:{_JOIN}{_NUMBER}\b)*"
_STORY_NUMBERS = rf"\d{{1,4}}(?:{_JOIN}(?:{_STORY}\s*-?)?\d{{1,4}}\b)*"
#: ``Phase 3+`` goes on to the end; ``Phase 2 + US2`` are two.
_ON = rf"\s*\+(?!\s*(?:{_STORY}|phase|fase|T)\s*-?\d)"
_PHASES = (
    rf"(?:phases?|fases?|этап\w*|фаз\w+|フェーズ|阶段|階段|段階|단계|stages?)\s*#?(?P<phases>{_NUMBERS})(?P<on>{_ON})?"
    rf"|第(?P<counted>{_NUMBERS})\s*(?:阶段|階段|段階|フェーズ)|(?P<korean>{_NUMBER})\s*단계"
)
_STORIES = (
    r"(?:all|every|any|both|todas?\s+as|все\w*|すべての|全ての|所有|모든)\s*(?:the\s+)?(?:\w+\s+){0,2}?"
    r"(?P<every>user\s+stor\w+|stories|hist\w+\s+de\s+usu\w+|пользовательск\w+\s+истори\w+|ユーザーストーリー|用户故事|使用者故事|사용자\s*스토리)"
    rf"|(?:user\s+stor(?:y|ies)|stor(?:y|ies)|hist[óo]rias?(?:\s+de\s+usu[áa]rio)?|истори\w+|ユーザーストーリー|用户故事|使用者故事|사용자\s*스토리|US)\s*-?(?P<stories>{_STORY_NUMBERS})"
    r"|(?P<plural>user\s+stories)"
)
_MENTION = re.compile(
    rf"(?<![A-Za-z0-9_])(?:{_TASKS}|(?i:{_PHASES}|{_STORIES})|(?i:(?P<name>set-?up|foundation(?:al)?|polish)\b))"
)
_WRITTEN = re.compile(rf"(?<![A-Za-z0-9_]){TASK_ID}")
_LIST = re.compile(rf"\s*(?:\(|\))?\s*(?:{_AND}\s*)*(?:tasks?\s+)?$", re.IGNORECASE)
_EACH = re.compile(rf"(?P<join>{_JOIN})?(?:{_STORY}\s*-?)?(?P<number>{_NUMBER})", re.IGNORECASE)
_ONLY_AND = re.compile(rf"\s*{_AND}\s*")
_PARTS = re.compile(r"(?P<prefix>[A-Z][A-Z0-9]*-|T-?)(?P<number>\d+)(?P<letter>[a-z]?)")


@frozen(kw_only=True)
class PhaseName:
    """What a phase may be called.

    Attributes:
        number: as it is written, ``""`` for none.
        stories: numbers of the user stories its heading names.
        story: whether it is there for a story alone.
    """

    title: str
    number: str = ""
    stories: tuple[int, ...] = ()
    story: bool = False


@frozen(kw_only=True)
class Mention:
    """A place in a phrase that names tasks or phases.

    Attributes:
        start, end: where in the phrase.
        tasks: positions of the tasks named by id (or by a story that has no phase).
        phases: positions of the phases named.
        remarks: what is odd about it.
    """

    start: int
    end: int
    tasks: tuple[int, ...] = ()
    phases: tuple[int, ...] = ()
    remarks: tuple[str, ...] = ()


@frozen
class Names:
    """Everything in a list of tasks that a phrase can name.

    Args:
        ids: of the tasks, in listed order; an id may stand several times.
        stories: for each task the number of its story, ``None`` for none.
        phases: in listed order.
    """

    ids: Sequence[str]
    stories: Sequence[int | None] = ()
    phases: Sequence[PhaseName] = ()
    _at: dict[str, list[int]] = field(init=False, factory=dict)
    _numeric: dict[tuple[str, int, str], list[int]] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        for index, name in enumerate(self.ids):
            self._at.setdefault(name, []).append(index)
            self._numeric.setdefault(_key(name), []).append(index)

    def mentions(self, phrase: str) -> list[Mention]:
        """Everything the phrase names, in its order."""
        return [self._mention(found) for found in _MENTION.finditer(phrase)]

    def listed(self, phrase: str, start: int) -> list[Mention]:
        """The mentions that begin at ``start`` and follow each other as a list does: ``T001, T002 and T004-T006 ...``."""
        result: list[Mention] = []
        at = start
        for mention in self.mentions(phrase):
            if mention.start < at:
                continue
            if not _LIST.match(phrase[at : mention.start]):
                break
            result.append(mention)
            at = mention.end
        return result

    def task(self, name: str) -> tuple[list[int], str]:
        """Positions of the tasks with that id, and a remark when it is not written like this there."""
        if name in self._at:
            return self._at[name], ""
        near = self._numeric.get(_key(name), [])
        if len({self.ids[index] for index in near}) == 1:
            return near, f"{name} is taken for {self.ids[near[0]]}"
        return [], f"there is no task {name}"

    def guessed(self, phrase: str) -> frozenset[int]:
        """Positions of the tasks that the phrase means by an id that is written otherwise."""
        names = {found[0] for found in _WRITTEN.finditer(phrase) if found[0] not in self._at}
        return frozenset(index for name in names for index in self.task(name)[0])

    def _mention(self, found: re.Match[str]) -> Mention:
        if found["task"]:
            tasks, remarks = self._range(found["task"], found["last"])
            return Mention(start=found.start(), end=found.end(), tasks=tasks, remarks=remarks)
        if found["name"]:
            kind = {"s": SET_UP, "f": FOUNDATION, "p": POLISH}[found["name"][0].lower()]
            named = [i for i, phase in enumerate(self.phases) if kind.search(phase.title) and not phase.story]
            return Mention(start=found.start(), end=found.end(), phases=tuple(named[:1]))
        numbers = found["phases"] or found["counted"] or found["korean"]
        if numbers:
            return self._phases(found, numbers)
        if found["stories"]:
            return self._stories(found)
        all_of_them = tuple(i for i, phase in enumerate(self.phases) if phase.story)
        return Mention(start=found.start(), end=found.end(), phases=all_of_them)

    def _range(self, first: str, last: str | None) -> tuple[tuple[int, ...], tuple[str, ...]]:
        begin, remark = self.task(first)
        remarks = [remark] if remark else []
        if last is None:
            return tuple(begin), tuple(remarks)
        if last[0].isdigit():
            last = first[: _prefix_length(first)] + last
        end, remark = self.task(last)
        remarks += [remark] if remark else []
        if begin and end and begin[0] <= end[-1]:
            return tuple(range(begin[0], end[-1] + 1)), tuple(remarks)
        if begin and end:
            remarks.append(f"{first} is listed behind {last}, so they are no range: only the two are meant")
        return tuple(dict.fromkeys([*begin, *end])), tuple(remarks)

    def _phases(self, found: re.Match[str], numbers: str) -> Mention:
        by_number: dict[str, list[int]] = {}
        for index, phase in enumerate(self.phases):
            by_number.setdefault(phase.number, []).append(index)
        remarks: list[str] = []
        wanted: list[int] = []
        for first, last in _ranges(numbers):
            for name in dict.fromkeys((first, last)):
                if name not in by_number:
                    remarks.append(f"there is no phase {name}")
            begin, end = by_number.get(first, []), by_number.get(last, [])
            wanted += range(begin[0], end[-1] + 1) if begin and end else [*begin, *end]
        if found["on"] and wanted:
            later = range(min(wanted), len(self.phases))
            wanted = [i for i in later if self.phases[i].story] or list(later)
        return Mention(
            start=found.start(), end=found.end(), phases=tuple(dict.fromkeys(wanted)), remarks=tuple(remarks)
        )

    def _stories(self, found: re.Match[str]) -> Mention:
        tasks: list[int] = []
        phases: list[int] = []
        remarks: list[str] = []
        for first, last in _ranges(found["stories"]):
            for number in _between(first, last):
                own = [i for i, phase in enumerate(self.phases) if number in phase.stories]
                labelled = [i for i, story in enumerate(self.stories) if story == number]
                if own:
                    phases += own
                elif labelled:
                    tasks += labelled
                else:
                    remarks.append(f"there is no user story {number} among the tasks")
        return Mention(
            start=found.start(), end=found.end(), tasks=tuple(tasks), phases=tuple(phases), remarks=tuple(remarks)
        )


def story_numbers(title: str) -> tuple[int, ...]:
    """The user stories that a heading names."""
    found: list[int] = []
    for match in _MENTION.finditer(title):
        if match["stories"]:
            for first, last in _ranges(match["stories"]):
                found += _between(first, last)
    return tuple(dict.fromkeys(found)) if STORY.search(title) else ()


def _ranges(numbers: str) -> Iterator[tuple[str, str]]:
    """``3-5, 7`` -> (3, 5), (7, 7)."""
    first = last = ""
    for each in _EACH.finditer(numbers):
        if first and each["join"] and not _ONLY_AND.fullmatch(each["join"]):
            last = each["number"]
            continue
        if first:
            yield first, last
        first = last = each["number"]
    if first:
        yield first, last


def _between(first: str, last: str) -> list[int]:
    """Of a range as long as no project is, only the ends: those are surely meant."""
    low, high = int(first.partition(".")[0]), int(last.partition(".")[0])
    return list(range(low, high + 1)) if low <= high <= low + 200 else [low, high]


def _key(name: str) -> tuple[str, int, str]:
    parts = _PARTS.fullmatch(name)
    return (parts["prefix"].rstrip("-"), int(parts["number"]), parts["letter"]) if parts else (name, -1, "")


def _prefix_length(name: str) -> int:
    parts = _PARTS.fullmatch(name)
    return len(parts["prefix"]) if parts else 0
