"""What a task of a list says itself about the tasks it waits for: ``_Depends: 1.2_``, ``**Dependencies**: Task 1, 3-5``, ``(depends on 2.1)``.

Only such a line of its own, or a parenthesis in its title, declares anything; prose that mentions a number does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from attrs import define, field

from .checklist import Checklist, Entry

__all__ = ["Names", "StatedOrders", "is_order_line", "stated_orders"]

_WORDS = (
    r"(?:depends?(?:\s+(?:up)?on)?|dependenc(?:y|ies)|blocked\s+by|depende(?:\s+d[eao]s?)?|dependências?|зависит\s+от|зависимост\w+"
    r"|依存(?:先|関係|タスク)?|前提タスク|依赖(?:于|任务|关系|项)?|依賴(?:於|任務)?|前置任务|의존(?:성)?|선행\s*작업)(?![^\W\d_])"
)
_LINE = re.compile(rf"^[\s*_(\[-]*(?:task\s+)?{_WORDS}[\s*_]*(?P<colon>[:：])?[\s*_]*(?P<value>.*)$", re.IGNORECASE)
_INSIDE = re.compile(
    rf"[(（\[]\s*(?:{_WORDS}|after|requires|needs)\s*[:：]?\s*(?P<value>[^()（）\[\]]{{1,200}})[)）\]]", re.IGNORECASE
)
_ID = r"(?:T-?)?\d{1,5}(?:\.\d{1,5})*[a-z]?"
_TASK_WORD = r"(?:tasks?|task[- ]?ids?|タスク|任务|任務|작업|tarefas?|задач\w*)\s*#?\s*"
_ITEM = re.compile(
    rf"[`*_#]*(?:{_TASK_WORD})?[`*_#]*(?P<first>{_ID})(?![^\W_]|%)(?:\s*(?:-|–|—|~|〜|to\b|through\b|\.\.)\s*(?:{_TASK_WORD})?(?P<last>{_ID})(?![^\W_]|%))?[`*_]*",
    re.IGNORECASE,
)
_NEXT = re.compile(
    r"\s*(?:[(（][^()（）]{0,200}[)）])?\s*(?:[,，、;；&+/]|and\b|und\b|e\b|и\b|和|と)+\s*(?:and\b)?\s*", re.IGNORECASE
)
_MENTION = re.compile(rf"{_TASK_WORD}(?={_ID}(?![^\W_]))", re.IGNORECASE)
_ENDS = re.compile(r"\s*(?:$|[(（)）\]_*.;:—–-])")
_NOTHING = re.compile(
    r"^[\s*_`(（-]*(?:$|(?:none|nothing|n/?a|no)\b|なし|無し|无|無|没有|없음|nenhum|нет)|independent", re.IGNORECASE
)
_LONGEST = 2000


def is_order_line(text: str) -> bool:
    """Whether a line is there to say what a task waits for."""
    found = _LINE.match(text[:_LONGEST])
    return bool(found and (found["colon"] or _ITEM.match(found["value"])))


class Names:
    """The numbers of a list's tasks, and whom they mean."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self._places: dict[str, list[int]] = {}
        for place, entry in enumerate(entries):
            if entry.number:
                self._places.setdefault(_key(entry.number), []).append(place)

    def find(self, number: str) -> list[int]:
        """Places of the tasks with that number; several if it was given several times."""
        return self._places.get(_key(number), [])

    def span(self, first: str, last: str) -> list[int]:
        """Places of all tasks from one number to another, both included; empty if that means nothing."""
        if re.fullmatch(r"\d+", first) and re.fullmatch(r"\d+", last):
            low, high = int(first), int(last)
            known = (n for n in self._places if n.isdigit() and low <= int(n) <= high)
            return sorted(place for number in known for place in self._places[number])
        starts, ends = self.find(first), self.find(last)
        if not starts or not ends or starts[0] > ends[-1]:
            return []
        dots = first.count(".")
        inside = range(starts[0], ends[-1] + 1)
        return [p for p in inside if self._entries[p].number and self._entries[p].number.count(".") == dots]


@define
class StatedOrders:
    """What tasks say about their order.

    Attributes:
        before: place of a task to the places of those it waits for, each with the line that says so.
        warnings: what names nothing, each with its place.
    """

    before: dict[int, dict[int, int]] = field(factory=dict)
    warnings: list[str] = field(factory=list)

    def add(self, checklist: Checklist, names: Names, place: int, value: str, line: int) -> bool:
        """Take in what a statement names; whether it names anything."""
        where, entry = checklist.page.where(line), checklist.entries[place]
        named = False
        for first, last in references(value):
            named = True
            found = names.span(first, last) if last else names.find(first)
            others = [other for other in found if other != place]
            said = f"{first}-{last}" if last else first
            if not found:
                self.warnings.append(f"{where}: {entry.called} depends on {said}, which is no task here: ignored")
            elif not others:
                self.warnings.append(f"{where}: {entry.called} depends on itself ({said}): ignored")
            for other in others:
                self.before.setdefault(place, {}).setdefault(other, line)
        return named


def stated_orders(checklist: Checklist, names: Names | None = None) -> StatedOrders:
    """Read the lines and titles of all tasks."""
    names = names or Names(checklist.entries)
    found = StatedOrders()
    for place, entry in enumerate(checklist.entries):
        for match in _INSIDE.finditer(entry.title[:_LONGEST]):
            found.add(checklist, names, place, match["value"], entry.line)
        for detail in entry.details:
            text = detail.text[:_LONGEST]
            line = _LINE.match(text) if is_order_line(text) else None
            if line is None or _NOTHING.match(line["value"]):
                continue
            if not found.add(checklist, names, place, line["value"], detail.line):
                where = checklist.page.where(detail.line)
                found.warnings.append(f"{where}: this names no task that {entry.called} would wait for: {text[:80]}")
    return found


def references(value: str) -> Iterator[tuple[str, str]]:
    """The numbers a statement names, each with the end of its range or ``""``: those it begins with, and those behind the word "task"."""
    if _NOTHING.match(value[:_LONGEST]):
        return
    value, at = value[:_LONGEST].lstrip(" \t([（-"), 0
    while True:
        found = _ITEM.match(value, at)
        if found is None:
            mention = _MENTION.search(value, at)
            if mention is None:
                return
            at = mention.start()
            continue
        onward = _NEXT.match(value, found.end())
        plain = found["first"].isdigit() and not _MENTION.match(found[0].lstrip("`*_#"))
        if onward is None and plain and not _ENDS.match(value, found.end()):
            at = found.end()  # "3 items" names no task
            continue
        yield found["first"], found["last"] or ""
        at = onward.end() if onward else found.end()


def _key(number: str) -> str:
    plain = number.upper().removeprefix("TASK").lstrip("-")
    plain = plain[1:].lstrip("-") if plain.startswith("T") else plain
    return plain.rstrip(".").lower()
