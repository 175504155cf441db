"""Fenced blocks of Markdown files, found as a Markdown parser finds them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from attrs import frozen
from markdown_it import MarkdownIt

__all__ = ["ROOT", "Block", "blocks", "pages"]

ROOT = Path(__file__).parents[2]


@frozen
class Block:
    """A fenced block: ``language`` is its info string, ``line`` where its content begins."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """README and everything under docs that people read."""
    return [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> Iterator[Block]:
    """The blocks of one language in a page."""
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        if token.type == "fence" and token.info.strip() == language and token.map is not None:
            yield Block(page.relative_to(ROOT).as_posix(), token.map[0] + 2, language, token.content)
