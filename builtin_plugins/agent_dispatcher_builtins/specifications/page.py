"""A Markdown page as a flat list of blocks that know their line, their heading and the list item they stand in.

Built from the tokens of a Markdown parser, so that what looks like a task inside a fence, a comment or a quotation is none. Three things that real
files need are different from the standard: indentation alone makes no code block (tasks are indented at will), a line of dashes under a
text makes no heading, and ``[x]: text`` is no link definition.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from agent_dispatcher.safe_load import read_text

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["Block", "Page", "read_page"]


@frozen(kw_only=True)
class Block:
    """One block of a page.

    Attributes:
        kind: ``heading``, ``item``, ``text``, ``row`` (of a table), ``fence`` or ``html``.
        text: the Markdown of the block without its marker, lines parted by ``\\n``; of an item only its first paragraph.
        line: where it begins, from 1.
        level: of a heading 1 to 6; of an item how many lists it stands in; else 0.
        heading: index of the innermost heading it stands under, ``None`` above the first.
        item: index of the innermost item it stands in, ``None`` outside of lists.
        quoted: whether it stands in a block quotation.
        cells: of a row, the texts of its cells.
        number: of an item of a numbered list the number as written, else ``""``.
        closed: whether a fence has an end; true of everything else.
    """

    kind: str
    text: str
    line: int
    level: int = 0
    heading: int | None = None
    item: int | None = None
    quoted: bool = False
    cells: tuple[str, ...] = ()
    number: str = ""
    closed: bool = True

    @property
    def flat(self) -> str:
        """The text on one line."""
        return " ".join(self.text.split())


@frozen
class Page:
    """A page that was read.

    Attributes:
        name: the file's name, for places.
        blocks: in the order of the file; a block's index is its place here.
    """

    name: str
    blocks: tuple[Block, ...]

    def where(self, line: int) -> str:
        """``file:line``."""
        return f"{self.name}:{line}"

    def above(self, index: int) -> list[int]:
        """The headings a block stands under, the innermost first; a heading's own does not count."""
        found: list[int] = []
        at = self.blocks[index].heading
        while at is not None:
            found.append(at)
            at = self.blocks[at].heading
        return found


def read_page(path: Path) -> Page:
    """Read a file.

    Raises:
        UsageError: it cannot be read.
        SpecificationError: it is too large or no UTF-8.
    """
    return parse_page(read_text(path, name=path.name), path.name)


def parse_page(text: str, name: str) -> Page:
    """Read a text; ``name`` is what places call it."""
    from markdown_it import MarkdownIt

    from .indentation import allow_any_indentation

    parser = MarkdownIt("commonmark", {"maxNesting": 200})
    parser.enable("table")
    parser.disable(["code", "lheading", "reference"])
    parser.core.ruler.disable(["inline", "text_join"])
    allow_any_indentation(parser)
    reader = _Reader()
    for token in parser.parse(text):
        reader.take(token)
    return Page(name, tuple(reader.blocks))


class _Reader:
    """Turns the stream of tokens into blocks."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._headings: list[int] = []  # the open ones, outermost first
        self._items: list[int | None] = []  # the open items; None for one whose text has not come yet
        self._numbers: list[str] = []
        self._quotes = 0
        self._level = 0
        self._cells: list[str] | None = None
        self._line = 1

    def take(self, token: Token) -> None:
        if token.map:
            self._line = token.map[0] + 1
        match token.type:
            case "heading_open":
                self._level = int(token.tag[1])
            case "heading_close":
                self._level = 0
            case "list_item_open":
                self._items.append(None)
                self._numbers.append(token.info)
            case "list_item_close":
                self._items.pop()
                self._numbers.pop()
            case "blockquote_open":
                self._quotes += 1
            case "blockquote_close":
                self._quotes -= 1
            case "tr_open":
                self._cells = []
            case "tr_close":
                cells, self._cells = tuple(self._cells or ()), None
                self._add("row", " | ".join(cells), cells=cells)
            case "inline" if self._cells is not None:
                self._cells.append(token.content.strip())
            case "inline" if self._level:
                self._add("heading", token.content, level=self._level)
            case "inline":
                self._add("item" if self._items and self._items[-1] is None else "text", token.content)
            case "fence":
                inside = token.content.removesuffix("\n").split("\n") if token.content else []
                lines = token.map[1] - token.map[0] if token.map else 0
                self._add("fence", token.content, closed=lines >= len(inside) + 2)
            case "html_block":
                self._add("html", token.content)

    def _add(self, kind: str, text: str, level: int = 0, cells: tuple[str, ...] = (), *, closed: bool = True) -> None:
        index = len(self.blocks)
        owner = next((item for item in reversed(self._items) if item is not None), None)
        rises = kind == "heading" and not self._quotes
        while rises and self._headings and self.blocks[self._headings[-1]].level >= level:
            self._headings.pop()
        if kind == "item":
            self._items[-1] = index
            level = len(self._items)
        elif self._items and self._items[-1] is None:
            self._items[-1] = owner  # an item that begins with something else than text has none of its own
        block = Block(
            kind=kind,
            text=text,
            line=self._line,
            level=level,
            heading=self._headings[-1] if self._headings else None,
            item=owner,
            quoted=self._quotes > 0,
            cells=cells,
            number=self._numbers[-1] if kind == "item" else "",
            closed=closed,
        )
        self.blocks.append(block)
        if rises:
            self._headings.append(index)
