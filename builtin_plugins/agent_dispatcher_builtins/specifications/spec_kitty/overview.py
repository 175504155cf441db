"""``tasks.md``: what the subtasks are called, which are done, and, for versions before ``dependencies`` stood in the front matter, what waits for what."""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import define, field

from ..page import Page
from ..spec_kit.tasklines import BOX, DONE

__all__ = ["PACKAGE", "Overview", "read_overview", "subtask_titles"]

#: The id of a work package.
PACKAGE = re.compile(r"(?<![A-Za-z0-9])WP\d{1,4}[a-z]?(?![A-Za-z0-9])")
_SUBTASK = re.compile(
    r"[*_`]*(?:Subtask\s+)?(?P<id>T\d{2,4}[A-Za-z]?(?:-[a-z]\w*)?)\b[*_`]*\s*(?:[:.–—-]\s*|\[P\]\s*)*(?P<text>.*)",
    re.DOTALL,
)
_DEPENDENCIES = re.compile(r"^[*_\s]*(?:dependenc\w+|depends\s+on)[*_\s]*:?[*_\s]*(?P<said>.*)$", re.IGNORECASE)
_NEEDS = re.compile(
    r"^[*_\s]*(?:(?:depends\s+on|requires|needs|blocked\s+by|after)\b[*_:\s]*)?(?P<said>[`*_(\[]*WP\d.*)$",
    re.IGNORECASE,
)
_LIST = re.compile(r"[`*_(\[]*WP\d{1,4}[a-z]?[`*_)\]]*(?:\s*(?:,|;|&|\band\b|\+)\s*[`*_(\[]*WP\d{1,4}[a-z]?[`*_)\]]*)*")


@define
class Overview:
    """What ``tasks.md`` says.

    Attributes:
        titles: subtask to its title.
        done: subtasks whose box is ticked.
        waits: work package to what it waits for, with the line.
    """

    titles: dict[str, str] = field(factory=dict)
    done: set[str] = field(factory=set)
    waits: dict[str, dict[str, str]] = field(factory=dict)


def read_overview(page: Page) -> Overview:
    """Read the whole page; nothing in it can make it fail."""
    found = Overview()
    for index, block in enumerate(page.blocks):
        box = BOX.match(block.text) if block.kind == "item" and not block.quoted else None
        named = _SUBTASK.match(block.text, box.end()) if box else None
        if box and named and box["mark"] in DONE:
            found.done.add(named["id"])
        _waits(page, index, found)
    found.titles = subtask_titles(page)
    return found


def subtask_titles(page: Page) -> dict[str, str]:
    """What headings, check boxes and rows of tables call subtasks; the first of those counts."""
    found: dict[str, str] = {}
    for kind in ("heading", "item", "row"):
        for block in page.blocks:
            if block.kind != kind or block.quoted:
                continue
            if kind == "row" and len(block.cells) < 2:
                continue
            box = BOX.match(block.text) if kind == "item" else None
            if kind == "item" and box is None:
                continue
            text = f"{block.cells[0]} {block.cells[1]}" if kind == "row" else block.text[box.end() if box else 0 :]
            named = _SUBTASK.match(text)
            if named:
                title = " ".join(named["text"].split("\n")[0].split()).strip("*_ ")
                if title:
                    found.setdefault(named["id"], title)
    return found


def _waits(page: Page, index: int, found: Overview) -> None:
    """A line ``**Dependencies**: WP01, WP02`` of a work package's section, or an item under its heading ``Dependencies``; not what prose mentions."""
    block = page.blocks[index]
    if block.kind not in ("text", "item") or block.quoted:
        return
    above = [page.blocks[each].flat for each in page.above(index)]
    package = next((named[0] for title in above if (named := PACKAGE.search(title))), None)
    if package is None:
        return
    under = bool(above) and bool(_DEPENDENCIES.match(above[0])) and PACKAGE.search(above[0]) is None
    for number, line in enumerate(block.text.split("\n"), block.line):
        labelled = _DEPENDENCIES.match(line)
        needs = _NEEDS.match(labelled["said"] if labelled else line) if labelled or under else None
        for name in _listed(needs["said"]) if needs else ():
            if name != package:
                found.waits.setdefault(package, {}).setdefault(name, page.where(number))


def _listed(said: str) -> Iterator[str]:
    """The work packages named at the beginning: ``WP01, WP02 (for the models of WP07)`` are two."""
    listed = _LIST.match(said)
    if listed:
        yield from PACKAGE.findall(listed[0])
