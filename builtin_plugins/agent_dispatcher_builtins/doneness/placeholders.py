"""Texts that hold the place of what is still to be written, in files that no language inspects more closely."""

from __future__ import annotations

import re

from agent_dispatcher.extension import Objection

__all__ = ["placeholders"]

_CODE = re.compile(
    r"^\s*(?://|#|/\*|\*|--|;|<!--)+!?\s*(?:TODO|FIXME|XXX|TBD)\b|(?://|#|/\*|--)\s*(?:TODO|FIXME|XXX)\s*[:(]"
)
_PROSE = re.compile(
    r"^\W*(?:TODO|FIXME|TBD)\W*$|\b(?:TODO|FIXME)\s*:|\bTBD\b|(?i:\blorem ipsum\b|^\W*(?:coming soon|to be written|to be done)\W*$)"
)
_DOCUMENTS = (".md", ".rst", ".txt", ".adoc")
_DATA = (".json", ".lock", ".csv", ".svg", ".xml")


def placeholders(path: str, text: str) -> list[Objection]:
    """Lines that say that something is missing."""
    if path.endswith(_DATA):
        return []
    pattern = _PROSE if path.endswith(_DOCUMENTS) else _CODE
    return [
        Objection(
            kind="stub",
            path=path,
            line=number,
            what=f"it says that something is missing: {' '.join(line.split())[:120]!r}",
        )
        for number, line in enumerate(text.splitlines(), 1)
        if len(line) < 2000 and pattern.search(line)
    ]
