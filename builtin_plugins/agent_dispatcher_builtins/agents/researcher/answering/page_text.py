"""The text of a page, as somebody would read it who looks at it. Pages are what strangers wrote: nothing in them may be slow, or hide the rest for want of an end."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

__all__ = ["decoded", "text_of_html"]

#: Encodings a server may choose: those of the web that decode in one pass. Any other is read as UTF-8.
_CHARSETS = frozenset(
    {"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "iso-8859-2", "iso-8859-15", "latin-1", "koi8-r"}
    | {
        "windows-1250",
        "windows-1251",
        "windows-1252",
        "shift-jis",
        "euc-jp",
        "euc-kr",
        "gb2312",
        "gbk",
        "gb18030",
        "big5",
    }
)
_SILENT = frozenset({"script", "style", "template", "svg", "head"})
_BLOCKS = frozenset(
    {"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "section", "article", "table", "dt", "dd"}
    | {"body", "main", "header", "footer", "nav", "ul", "ol", "dl", "blockquote"}
)
#: What ends at the first block in it, if nothing ended it before: as browsers do.
_END_AT_BLOCKS = frozenset({"svg", "head"})


def decoded(data: bytes, charset: str | None) -> str:
    """The text of ``data``; what cannot be read is replaced."""
    label = (charset or "").strip().lower().replace("_", "-")
    return data.decode(label if label in _CHARSETS else "utf-8", "replace")


def text_of_html(page: str, look_up: Callable[[], None] = lambda: None) -> str:
    """One line per block.

    Args:
        look_up: called now and then; what it raises goes through.
    """
    parser = _Text(look_up)
    parser.feed(page)
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.parts).split("\n"))
    return re.sub(r"\n{2,}", "\n", "\n".join(lines)).strip("\n")


class _Text(HTMLParser):
    """Gathers what a reader would see."""

    def __init__(self, look_up: Callable[[], None]) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent: list[str] = []
        self._look_up = look_up

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._look_up()
        if tag in _SILENT:
            self._silent.append(tag)
        elif tag in _BLOCKS:
            if any(each in _END_AT_BLOCKS for each in self._silent) and "template" not in self._silent:
                self._silent.clear()
            self.parts.append("\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """``<svg/>`` holds nothing; of other tags HTML overlooks the stroke."""
        if tag != "svg":
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self._look_up()
        if tag in self._silent:
            while self._silent.pop() != tag:
                pass
        elif tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        self._look_up()
        if not self._silent:
            self.parts.append(data)

    def set_cdata_mode(self, elem: str, *arguments: Any, **options: Any) -> None:
        """What stands in a style or a script ends with its own tag, but in a picture, where it is markup like any other."""
        if "svg" not in self._silent:
            super().set_cdata_mode(elem, *arguments, **options)
