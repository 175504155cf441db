"""Texts from outside that a research task kept beside its note, so that what is quoted of them can be looked up without a network; and notes, which are no sources.

Beside the texts lies :data:`INDEX`, which says of each where it comes from, when it was read, and the digest of what was read::

    {"docs.python.org-3-9f86d081.txt": {"origin": "https://docs.python.org/3/", "retrieved": "2026-01-31T12:00:00Z", "sha256": "..."}}
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256

from attrs import asdict, frozen

from agent_dispatcher.errors import PathRefused
from agent_dispatcher.workspace.path_guard import GuardedFolder

__all__ = ["INDEX", "KeptSource", "index_text", "is_note", "misfit", "read_index", "text_digest"]

#: Name of the file that lists the texts of its folder.
INDEX = "retrieved.json"
_NOTE = re.compile(r"\A\s*# (?:Answer|Gathered facts)\n\s*> Task `")


@frozen
class KeptSource:
    """Where a text comes from.

    Attributes:
        origin: an address, or a tool with its arguments.
        retrieved: when, in UTC, as ISO 8601.
        sha256: of the file as it was kept, see :func:`text_digest`.
    """

    origin: str
    retrieved: str
    sha256: str


def is_note(text: str) -> bool:
    """Whether a text is a note of the researcher."""
    return _NOTE.match(text[:500]) is not None


def index_text(sources: Mapping[str, KeptSource]) -> str:
    """The content of :data:`INDEX` for these, by the names of their files."""
    plain = {name: asdict(source) for name, source in sorted(sources.items())}
    return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"


def read_index(tree: GuardedFolder, path: str) -> Mapping[str, KeptSource]:
    """What a folder's :data:`INDEX` lists; nothing where there is none, or none that can be read."""
    try:
        data = json.loads(tree.read_bytes(path))
        return {
            str(name): KeptSource(str(each["origin"]), str(each["retrieved"]), str(each["sha256"]))
            for name, each in data.items()
        }
    except (OSError, PathRefused, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return {}


def text_digest(data: bytes) -> str:
    """The digest of a text, whichever ends of lines a checkout gave it."""
    return sha256(data.replace(b"\r\n", b"\n")).hexdigest()


def misfit(kept: KeptSource, data: bytes) -> str:
    """What is wrong with the file that a text was kept in; ``""`` when it is what was read."""
    if text_digest(data) == kept.sha256:
        return ""
    return f"it is not what was read from {kept.origin[:200]} on {kept.retrieved}: its digest differs from {INDEX}"
