"""The check boxes of a Markdown page: what each says, its number, what stands below it, and which box it is a part of.

Boxes in fences, comments and quotations are examples and none of the list. A fence that is never closed would hide the rest of the page: it is told, and
read as if it were not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import evolve, frozen

from .page import Block, Page, parse_page

__all__ = ["BOX", "DONE", "Checklist", "Detail", "Entry", "read_checklist", "shortened"]

#: A check box at the beginning of a text, with the star that some formats put behind it.
BOX = re.compile(
    r"\s*\[(?P<mark>[ \t]?(?:[^\[\]()\s\w]\ufe0f?|[xXoO]|)[ \t]?)\](?P<star>\\?\*(?!\*))?(?![(\[:])(?P<space>\s*)"
)
#: Marks of a ticked box.
DONE = frozenset({"x", "X", "✓", "✔", "✔️", "√", "☑", "☑️", "✅"})

_LETTERS = r"(?:T|TASK|Task)-?"
_DOTTED = r"\d{1,5}(?:\.\d{1,5})+[a-z]?"
_NUMBER = re.compile(
    rf"(?P<struck>~~)?(?P<open>\*\*|__|`)?(?P<word>(?:tasks?|tarefa|задача|タスク|任务|任務|작업)\s*#?)?"
    rf"(?P<id>{_DOTTED}|\d{{1,5}}[a-z]?|{_LETTERS}\d{{1,5}}(?:\.\d{{1,5}})*[a-z]?)(?P<end>[.):：、]|(?=\s|\\?\*|__|`|$))"
    r"(?P<close>\*\*|__|`)?(?P<star>\\?\*(?!\*))?(?P<colon>[:：])?(?:\s*[-–—]\s|\s+|$|(?<=[.):：、*])(?=[^\d\s]))",
    re.IGNORECASE,
)
_BARE = re.compile(r"\d{1,5}[a-z]?")
_PARALLEL = re.compile(r"[(\[]P[)\]](?=\s|$)\s*", re.IGNORECASE)
_LOOSE = re.compile(r"^[ \t]*[-*+]\[[ xX]\]", re.MULTILINE)
_ANY_BOX = re.compile(r"^[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t]*\[[ xX~-]\]", re.MULTILINE)
_PLAIN_BOX = re.compile(r"^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+\[[ xX~-]\](?![(\[:])", re.MULTILINE)
_LINE_END = re.compile(r"\r\n|\r|\n")
#: So many warnings of one sort are given.
_MOST = 5
#: Lines of an item that do not belong to its first sentence.
_APART = re.compile(r"^\s*(?:_[^_\s]|\*\*[^*\n]{1,60}(?:[:：]\*\*|\*\*\s*[:：])|\*[A-Z][\w ]{1,40}[:：])")
#: A line that is shorter was ended by its author, a longer one by the width of the window.
_WRAPPED = 60
#: A title is looked at that far; nobody writes a longer number in front of it.
_LOOK = 400


@frozen
class Detail:
    """A line below a box: its text without a marker, its line, and how deep it stands below the box."""

    text: str
    line: int
    depth: int = 1


@frozen(kw_only=True)
class Entry:
    """A check box.

    Attributes:
        number: as written (``1.1``, ``T4``), ``""`` without one.
        title: what stands behind it, on one line, without marks of emphasis around the whole.
        mark: what stands in the box, stripped; ``None`` for an entry that has no box.
        star: whether a star stands behind the box or the number.
        parallel: whether it is marked ``(P)``.
        struck: whether it is struck through.
        details: lines below it that belong to none of its parts.
        parent: place in the list of the box it is a part of.
        heading: index of the heading it stands under.
        line: from 1.
        heads: whether it is a heading itself.
    """

    number: str
    title: str
    mark: str | None
    star: bool = False
    parallel: bool = False
    struck: bool = False
    details: tuple[Detail, ...] = ()
    parent: int | None = None
    heading: int | None = None
    line: int
    block: int
    heads: bool = False

    @property
    def done(self) -> bool:
        """Whether its box is ticked."""
        return self.mark in DONE

    @property
    def called(self) -> str:
        """For messages: the number, or the beginning of the title."""
        short = self.title if len(self.title) <= 50 else self.title[:49] + "…"
        return self.number or f'"{short}"'


@frozen
class Checklist:
    """All boxes of a page in its order.

    Attributes:
        page: the page they were read from.
        entries: an entry's place here is what ``parent`` means.
        warnings: what was not understood, with its place.
    """

    page: Page
    entries: tuple[Entry, ...] = ()
    warnings: tuple[str, ...] = ()

    def heading(self, entry: Entry) -> str:
        """The innermost heading an entry stands under, ``""`` for none."""
        return "" if entry.heading is None else self.page.blocks[entry.heading].flat

    def children(self) -> Mapping[int, list[int]]:
        """For each entry with parts the places of its direct parts."""
        found: dict[int, list[int]] = {}
        for place, entry in enumerate(self.entries):
            if entry.parent is not None:
                found.setdefault(entry.parent, []).append(place)
        return found


def read_checklist(text: str, name: str) -> Checklist:
    """Read a page.

    Args:
        text: the page, without a byte order mark.
        name: what places call it.
    """
    page, warnings = _opened_up(text, name)
    found = list(_boxes(page))
    bare = [entry for entry in found if _BARE.fullmatch(entry.number)]
    if bare and any(not entry.number for entry in found):  # "2 new endpoints" has no number if others have none
        undotted = {entry.block: entry for entry in bare if _undotted(page.blocks[entry.block])}
        found = [_without_number(page, each) if each.block in undotted else each for each in found]
    found = _with_parents(page, found)
    found = _with_details(page, found)
    return Checklist(page, tuple(found), (*warnings, *_oddities(page, text, found)))


# --- the page -------------------------------------------------------------------------------------------------------


def _opened_up(text: str, name: str) -> tuple[Page, list[str]]:
    """The page, read without the marks of fences that nobody closed and that swallow boxes."""
    page = parse_page(text, name)
    warnings: list[str] = []
    for _ in range(20):
        hiding = (b for b in page.blocks if b.kind == "fence" and not b.closed and _ANY_BOX.search(b.text))
        fence = next(hiding, None)
        lines = re.split(r"(\r\n|\r|\n)", text)  # texts and line ends in turn
        at = 2 * (fence.line - 1) if fence else len(lines)
        if fence is None or at >= len(lines):
            break
        warnings.append(
            f"{page.where(fence.line)}: a fence is opened here and never closed: read as if it were not there"
        )
        lines[at] = re.sub(r"[`~]{3,}.*$", "", lines[at])
        text = "".join(lines)
        page = parse_page(text, name)
    return page, warnings


def _oddities(page: Page, text: str, entries: Sequence[Entry]) -> list[str]:
    return [
        *shortened(_in_fences(page)),
        *shortened(_twice(page, entries)),
        *shortened(
            f"{page.where(entry.line)}: {entry.number or 'a check box'} does not say what is to be done"
            for entry in entries
            if not entry.title
        ),
        *_passed_over(page, text, entries),
    ]


def shortened(warnings: Iterable[str]) -> Iterator[str]:
    """The first of many warnings of one sort, and how many more there are."""
    found = list(warnings)
    yield from found[:_MOST]
    if len(found) > _MOST:
        yield f"{found[_MOST].partition(': ')[0]}: and {len(found) - _MOST} more like that"


def _in_fences(page: Page) -> Iterator[str]:
    for block in page.blocks:
        boxes = len(_ANY_BOX.findall(block.text)) if block.kind in ("fence", "html") else 0
        if boxes:
            where, what = page.where(block.line), "a fence" if block.kind == "fence" else "a comment or HTML"
            yield f"{where}: {boxes} check {'box' if boxes == 1 else 'boxes'} in {what} {'is no task' if boxes == 1 else 'are no tasks'}"


def _twice(page: Page, entries: Sequence[Entry]) -> Iterator[str]:
    first: dict[str, Entry] = {}
    for entry in entries:
        other = first.setdefault(entry.number, entry) if entry.number else entry
        if other is not entry:
            where, at = page.where(entry.line), page.where(other.line)
            yield f"{where}: {entry.number} is the number of two tasks (the first: {at}); both are planned"


def _passed_over(page: Page, text: str, entries: Sequence[Entry]) -> Iterator[str]:
    """Lines that look like boxes and were not read as such, for whatever reason (lists in lists a hundred deep)."""
    read = {entry.line for entry in entries}
    for block in page.blocks:
        if block.kind in ("fence", "html"):
            read.update(range(block.line, block.line + block.text.count("\n") + 2))
    line, at, missed = 1, 0, []
    for match in _PLAIN_BOX.finditer(text):
        line += len(_LINE_END.findall(text, at, match.start()))
        at = match.start()
        if line not in read:
            missed.append(line)
    if missed:
        lines = "line looks" if len(missed) == 1 else "lines look"
        yield f"{page.where(missed[0])}: {len(missed)} {lines} like a check box and cannot be read as one: no task"


# --- boxes ----------------------------------------------------------------------------------------------------------


def _boxes(page: Page) -> Iterator[Entry]:
    for index, block in enumerate(page.blocks):
        if block.quoted or block.kind not in ("item", "text"):
            continue
        number, line = block.number, block.line
        for part in _parts(block):
            entry = _entry(block, index, part, line, number)
            if entry is not None:
                yield entry
            number, line = "", line + part.count("\n") + 1


def _parts(block: Block) -> Iterator[str]:
    """The text of a block, divided before each ``-[ ] text``: no item of a list for Markdown, but one for its author."""
    if not _LOOSE.search(block.text):
        if block.kind == "item":
            yield block.text
        return
    part: list[str] = []
    for line in block.text.split("\n"):
        if _LOOSE.match(line) and part:
            yield "\n".join(part)
            part = []
        part.append(line)
    yield "\n".join(part)


def _entry(block: Block, index: int, text: str, line: int, marker: str) -> Entry | None:
    first, *rest = text.split("\n")
    box = BOX.match(first.lstrip()[1:] if _LOOSE.match(first) else first)
    if box is None:
        return None
    first = box.string
    lines = [first[box.end() :]]
    details: list[Detail] = []
    for number, each in enumerate(rest, line + 1):
        if details or _APART.match(each) or (len(lines) == 1 and len(first) < _WRAPPED):
            if each.strip():
                details.append(Detail(each.strip(), number))
        else:
            lines.append(each)
    whole = " ".join(" ".join(lines).split())
    entry = Entry(
        number="",
        title=whole,
        mark=box["mark"].strip(),
        star=bool(box["star"]),
        details=tuple(details),
        heading=block.heading,
        line=line,
        block=index,
    )
    return _numbered(entry, whole, marker)


def _numbered(entry: Entry, text: str, marker: str) -> Entry:
    found = _NUMBER.match(text[:_LOOK])
    star = entry.star
    number, struck = "", False
    if found:
        number, struck, star = found["id"], bool(found["struck"]), star or bool(found["star"])
        rest = text[found.end() :]
        if found["open"] and not found["close"]:
            rest = rest.replace(found["open"], "", 1)
        text = rest.replace("~~", "", 1) if struck else rest
    elif marker and not _BARE.fullmatch(text.split(" ", 1)[0] if text else ""):
        number = marker
    if text.startswith("~~") and "~~" in text[2:]:
        struck, text = True, text[2:].replace("~~", "", 1)
    marked = _PARALLEL.match(text)
    if marked:
        text = text[marked.end() :]
    bare = text.rstrip(" *_`")
    at_end = bare.lower().endswith((" (p)", " [p]")) or bare.lower() in ("(p)", "[p]")
    if at_end:
        text = bare[:-3]
    title = _plain(text.strip())
    return evolve(entry, number=number, title=title, star=star, parallel=bool(marked) or at_end, struck=struck)


def _undotted(block: Block) -> bool:
    """Whether the number in front of a box's text is one only if all others have one."""
    box = BOX.match(block.text)
    found = _NUMBER.match(block.text[box.end() :][:_LOOK]) if box else None
    return bool(
        found and not found["word"] and not found["end"] and not found["colon"] and _BARE.fullmatch(found["id"])
    )


def _without_number(page: Page, entry: Entry) -> Entry:
    return evolve(entry, number="", title=f"{entry.number} {entry.title}")


def _plain(title: str) -> str:
    """Without emphasis around the whole, or around its first words where those are followed by more."""
    for mark in ("**", "__"):
        if title.startswith(mark) and title.find(mark, 2) > 2:
            inner, _, rest = title[2:].partition(mark)
            return f"{inner}{rest}".strip()
    return title


# --- parts and details ----------------------------------------------------------------------------------------------


def _with_parents(page: Page, entries: Sequence[Entry]) -> list[Entry]:
    """A box is a part of the box it is indented under, else of the nearest one before it whose number its own begins with."""
    place_of_block = _place_of_block(entries)
    latest: dict[str, int] = {}
    found = []
    for place, entry in enumerate(entries):
        parent = None
        item = page.blocks[entry.block].item
        while item is not None and parent is None:
            parent = place_of_block.get(item)
            item = page.blocks[item].item
        if parent is None and "." in entry.number:
            stem = entry.number
            while parent is None and "." in stem:
                stem = stem.rpartition(".")[0]
                parent = latest.get(stem)
        if parent is not None and parent >= place:
            parent = None
        if entry.number:
            latest[entry.number] = place
        found.append(evolve(entry, parent=parent))
    return found


def _with_details(page: Page, entries: Sequence[Entry]) -> list[Entry]:
    """What stands below each box. Items that follow a box without being indented under it, and are none themselves, are about it too."""
    place_of_block = _place_of_block(entries)
    details: list[list[Detail]] = [list(entry.details) for entry in entries]
    nearest: int | None = None
    for index, block in enumerate(page.blocks):
        if block.kind == "heading" and not block.quoted:
            nearest = None
        if index in place_of_block:
            owner, depth = _owner(page, block, place_of_block)
            own = entries[place_of_block[index]].line - block.line  # lines above its first box
            if owner is not None:
                details[owner] += [
                    Detail(t.strip(), block.line + n, depth) for n, t in enumerate(block.text.split("\n")[:own])
                ]
            nearest = place_of_block[index]
            continue
        if block.kind in ("heading", "html"):
            continue
        owner, depth = _owner(page, block, place_of_block)
        if (owner is None and nearest is not None and (block.kind == "item" or block.item is not None)) or (
            owner is None and nearest is not None and block.kind == "text" and _APART.match(block.text)
        ):
            owner = nearest
        if owner is None:
            if block.kind == "text":
                nearest = None
            continue
        if block.kind == "fence":
            text = "```\n" + block.text.rstrip("\n") + "\n```"
            details[owner].append(Detail(text, block.line, depth))
        else:
            lines = [line.strip() for line in block.text.split("\n")]
            details[owner] += [Detail(text, block.line + n, depth) for n, text in enumerate(lines) if text]
    return [evolve(entry, details=tuple(own)) for entry, own in zip(entries, details, strict=True)]


def _place_of_block(entries: Sequence[Entry]) -> dict[int, int]:
    """Where the first box of each block stands in the list."""
    found: dict[int, int] = {}
    for place, entry in enumerate(entries):
        found.setdefault(entry.block, place)
    return found


def _owner(page: Page, block: Block, place_of_block: Mapping[int, int]) -> tuple[int | None, int]:
    """The box a block stands below, and how many items are in between."""
    item, depth = block.item, 1
    while item is not None:
        if item in place_of_block:
            return place_of_block[item], depth
        item, depth = page.blocks[item].item, depth + 1
    return None, 1
