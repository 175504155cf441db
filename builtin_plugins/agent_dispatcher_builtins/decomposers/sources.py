"""Reads the pages of a specification's folder, within bounds. What cannot be read is passed over: the format that read the specification has said so."""

from __future__ import annotations

from pathlib import Path

from agent_dispatcher.errors import PathRefused
from agent_dispatcher.models import Specification
from agent_dispatcher.workspace.path_guard import GuardedFolder

from ..specifications.documents import further_documents
from ..specifications.page import Page, parse_page

__all__ = ["read_pages"]

_ENDINGS = (".md", ".markdown")
_MOST = 40
_MOST_BYTES = 1024**2
_ALL_BYTES = 4 * 1024**2


def read_pages(specification: Specification) -> tuple[Page, ...]:
    """Its Markdown pages by name, sorted; empty for a specification that was not read from a file.

    Of a folder all of them, of a file only that file and what its format says belongs to it.
    """
    if not specification.path:
        return ()
    place = Path(specification.path)
    stated = [*specification.documents, *(each.source.rpartition(":")[0] for each in specification.requirements)]
    if place.is_dir():
        folder, wanted = place, [*stated, *further_documents(place, ())]
    else:
        folder, wanted = place.parent, [place.name, *specification.documents]
    guard = GuardedFolder(folder, max_bytes=_MOST_BYTES)
    pages, left = [], _ALL_BYTES
    for name in sorted({each for each in wanted if each.lower().endswith(_ENDINGS)})[:_MOST]:
        try:
            data = guard.read_bytes(name)
        except (OSError, PathRefused):
            continue
        left -= len(data)
        if left < 0:
            break
        pages.append(parse_page(data.decode("utf-8", "replace").replace("\0", "\ufffd"), name))
    return tuple(pages)
