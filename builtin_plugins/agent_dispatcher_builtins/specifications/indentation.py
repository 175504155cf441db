"""Lists that are indented at will.

The Markdown standard takes an item that is indented by four columns more than its surroundings for code, or for the next line of the text above it.
People indent their tasks like that all the same, with tabs or under a text, and mean a list.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock

__all__ = ["allow_any_indentation"]

_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]+\S")
_TOO_FAR = 4


def allow_any_indentation(parser: MarkdownIt) -> None:
    """Let items begin wherever they stand. The parser's rule ``code`` must be off."""
    from markdown_it.rules_block import list_block

    def any_list(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        indent = state.blkIndent
        if not silent and state.sCount[start] - indent >= _TOO_FAR:
            state.blkIndent = state.sCount[start]  # as if its surroundings were indented too
        try:
            return list_block(state, start, end, silent)
        finally:
            state.blkIndent = indent

    parser.block.ruler.at("list", any_list, {"alt": ["paragraph", "reference", "blockquote"]})
    parser.block.ruler.at("paragraph", _paragraph)


def _paragraph(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A text goes on until an empty line, another block, or an item, however far that is indented."""
    others = state.md.block.ruler.getRules("paragraph")
    outer, state.parentType = state.parentType, "paragraph"
    line = start + 1
    while line < end and not state.isEmpty(line):
        if _begins_item(state, line):
            break
        goes_on = state.sCount[line] - state.blkIndent >= _TOO_FAR or state.sCount[line] < 0
        if not goes_on and any(rule(state, line, end, True) for rule in others):
            break
        line += 1
    state.parentType = outer
    state.line = line
    state.push("paragraph_open", "p", 1).map = [start, line]
    inline = state.push("inline", "", 0)
    inline.content = state.getLines(start, line, state.blkIndent, False).strip()
    inline.map = [start, line]
    inline.children = []
    state.push("paragraph_close", "p", -1)
    return True


def _begins_item(state: StateBlock, line: int) -> bool:
    begin = state.bMarks[line] + state.tShift[line]
    return state.sCount[line] >= 0 and bool(_ITEM.match(state.src, begin, state.eMarks[line]))
