"""The tasks of a document: check boxes, numbered lists under a heading that promises tasks, and headings like ``Task 3: ...``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import define, field, frozen

from ..page import Block, Page
from ..spec_kit.tasklines import BOX, DONE
from ..task_master.fields import Notes
from .sections import Sections

__all__ = ["Entry", "Outline", "read_outline"]

_HEADING = re.compile(
    r"^[\W_]*(?:task|step|work\s+item|タスク|任务|任務|작업|tarefa|задача)\s*#?(?P<id>\d{1,4}(?:\.\d{1,4})*)\s*[:.：–—-]\s*(?P<text>\S.*)$",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"^[*_`]*(?P<id>\d{1,4}(?:\.\d{1,4})*)[.)]?[*_`]*\s+(?P<text>\S.*)$")
#: An id in front of a task: ``T001``, ``AUTH-12:``, ``#3``, ``1.2``, ``3.`` or ``[T001]``; a bare number needs a sign behind it.
_ID = re.compile(
    r"[*_`]*(?:\[(?P<bracketed>[A-Z][A-Z0-9]{0,9}-?\d{1,5}[a-z]?|\d{1,4}(?:\.\d{1,4})+)\]|(?P<plain>[A-Z][A-Z0-9]{1,9}-\d{1,5}[a-z]?|[A-Z]{1,3}\d{1,5}[a-z]?)(?=[*_`]*(?::|\s[-–—]\s|\.\s|\)\s|\s))"
    r"|(?P<dotted>\d{1,4}(?:\.\d{1,4})+)(?=[*_`]*[.:)]?[*_`]*\s)|\#(?P<hash>\d{1,5})(?=[*_`]*[.:)]?[*_`]*\s)|(?P<number>\d{1,4})(?=[*_`]*[.:)][*_`]*\s))"
    r"[*_`]*\s*[:.)–—-]?[*_`]*\s*"
)
_STRUCK = re.compile(r"^~~.*~~[\s.]*$", re.DOTALL)


@frozen(kw_only=True, eq=False)
class Entry:
    """A task as it is written.

    Attributes:
        id: its own, ``""`` without one.
        text: without box and id, its lines as they are.
        block: index of the block it was read from.
        line: from 1.
        mark: what stands in its box; ``None`` without a box.
        struck: whether all of it is struck through.
    """

    id: str
    text: str
    block: int
    line: int
    mark: str | None = None
    struck: bool = False

    @property
    def done(self) -> bool:
        """Whether its box is ticked."""
        return self.mark in DONE


@define
class Outline:
    """What was found.

    Attributes:
        entries: block to task, in the order of the page.
        criteria: blocks of check boxes that say when something is finished, and are no tasks.
        details: task to the blocks that belong to it and are no tasks.
        parents: task to the task it stands below.
    """

    entries: dict[int, Entry] = field(factory=dict)
    criteria: set[int] = field(factory=set)
    details: dict[int, list[int]] = field(factory=dict)
    parents: dict[int, int] = field(factory=dict)

    def owner(self, page: Page, index: int) -> int | None:
        """The task a block belongs to: the nearest item above it that is one, else the nearest heading."""
        item = page.blocks[index].item
        while item is not None:
            if item in self.entries:
                return item
            item = page.blocks[item].item
        return next((at for at in page.above(index) if at in self.entries), None)


def read_outline(page: Page, sections: Sections, notes: Notes) -> Outline:
    """Find the tasks of a page; what looks like one and is none is noted."""
    found = Outline()
    for index, block in enumerate(page.blocks):
        if block.quoted or block.kind not in ("item", "heading"):
            continue
        section = sections.of(index)
        if section == "left out":
            if block.kind == "item" and BOX.match(block.text):
                notes.count(page.where(block.line), "a check box in a section about what is left out is no task")
            continue
        entry = _heading(index, block) if block.kind == "heading" else _box(page, index, block, notes)
        if entry is None:
            continue
        if section == "criteria" and block.kind == "item":
            found.criteria.add(index)
            notes.count(page.where(block.line), "a check box under acceptance criteria is a requirement, not a task")
        else:
            found.entries[index] = entry
    for index, entry in _numbered(page, sections, found):
        found.entries[index] = entry
    if not found.entries and not found.criteria:
        found.entries.update(_without_boxes(page, sections, notes))
    found.entries = dict(sorted(found.entries.items()))
    for index in range(len(page.blocks)):
        owner = found.owner(page, index)
        if owner is not None and index in found.entries:
            found.parents[index] = owner
        elif owner is not None:
            found.details.setdefault(owner, []).append(index)
    return found


def _heading(index: int, block: Block) -> Entry | None:
    named = _HEADING.match(block.flat)
    return Entry(id=named["id"], text=named["text"], block=index, line=block.line) if named else None


def _box(page: Page, index: int, block: Block, notes: Notes) -> Entry | None:
    box = BOX.match(block.text)
    if box is None:
        return None
    mark = box["mark"]
    if mark and mark not in DONE:
        notes.count(page.where(block.line), f"a box that holds {mark!r} is taken for not done")
    return _entry(index, block, block.text[box.end() :], mark)


def _numbered(page: Page, sections: Sections, found: Outline) -> Iterator[tuple[int, Entry]]:
    """The outermost items of numbered lists in sections called *Tasks*, *Plan*, ... where no check box and no heading is a task."""
    taken = {at for index in found.entries for at in (index, *page.above(index))}
    for index, block in enumerate(page.blocks):
        if block.kind != "item" or block.quoted or not block.number or block.level != 1:
            continue
        if block.heading is not None and block.heading not in taken and sections.of(index) == "tasks":
            yield index, _entry(index, block, block.text, None)


def _without_boxes(page: Page, sections: Sections, notes: Notes) -> dict[int, Entry]:
    """In a page without any task so far, under a heading or title that promises things to do: numbered headings, else the outermost items.

    In a file that is called so what stands under *Features* is to do as well.
    """
    others = ("left out", "about") if sections.called_to_do else ("left out", "about", "requirements")
    headings: dict[int, Entry] = {}
    items: dict[int, Entry] = {}
    for index, block in enumerate(page.blocks):
        if block.quoted or sections.of(index) in others or not sections.to_do(index):
            continue
        numbered = _NUMBERED.match(block.flat) if block.kind == "heading" else None
        if numbered:
            headings[index] = Entry(id=numbered["id"], text=numbered["text"], block=index, line=block.line)
        elif block.kind == "item" and block.level == 1:
            items[index] = _entry(index, block, block.text, None)
    found = headings or items
    if found:
        first = next(iter(found.values()))
        notes.add(page.where(first.line), "no task has a check box, so nothing can be marked as done there")
    return found


def _end(named: re.Match[str]) -> int:
    """Where an id ends with what closes it; a mark that opens what follows (``T1 `src/app.py` gets``) belongs to that."""
    mark = re.search(r"(?<=\s)[*_`]+$", named[0])
    if mark is None:
        return named.end()
    before = named[0][: mark.start()].rstrip()
    closes = before.startswith(mark[0]) and not before.endswith(mark[0])  # **T1: **
    return named.end() if closes else named.start() + mark.start()


def _entry(index: int, block: Block, text: str, mark: str | None) -> Entry:
    struck = bool(_STRUCK.match(text.strip()))
    if struck:
        text = text.strip().strip("~").strip()
    named = _ID.match(text)
    name = next((each for each in named.groups() if each), "") if named else ""
    rest = text[_end(named) :] if named else text
    if not rest.strip():  # nothing but a name: that is the text
        name, rest = "", text
    return Entry(id=name or block.number, text=rest.strip(), block=index, line=block.line, mark=mark, struck=struck)
