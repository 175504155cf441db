"""Names and messages: how a task and an attempt are written into git and read back. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from attrs import frozen

__all__ = ["SealedCommit", "compose", "parse_commit", "ref_part", "trailers_of"]

_KEPT = re.compile(r"[^A-Za-z0-9._-]+")
_TRAILER = re.compile(r"(Dispatcher-[A-Za-z-]+): (.*)")
_LONGEST_PART = 80


def ref_part(text: str) -> str:
    """``text`` as one part of a ref's name (and of a file's): unchanged where that is possible, else with a digest so that it stays unique."""
    safe = _KEPT.sub("-", text)
    safe = re.sub(r"\.{2,}", ".", safe).strip(".-")
    if safe.lower().endswith(".lock"):
        safe = safe[: -len(".lock")] + "-lock"
    safe = safe[:_LONGEST_PART].rstrip(".-")
    if safe == text:
        return safe
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{safe}-{digest}" if safe else digest


def compose(message: str, trailers: Sequence[tuple[str, str]]) -> str:
    """A commit message that ends with ``trailers`` as its last paragraph; values are put on one line."""
    text = "\n".join(line.rstrip() for line in message.replace("\0", "").splitlines()).strip() or "Work"
    block = "\n".join(f"{key}: {' '.join(value.replace(chr(0), '').split())}" for key, value in trailers)
    return f"{text}\n\n{block}\n" if block else f"{text}\n"


def trailers_of(message: str) -> dict[str, str]:
    """The dispatcher's trailers in the last paragraph; the first of each name. Paragraphs before it cannot claim anything."""
    last = message.rstrip().rsplit("\n\n", 1)[-1]
    found: dict[str, str] = {}
    for line in last.splitlines():
        match = _TRAILER.fullmatch(line)
        if match:
            found.setdefault(match[1], match[2])
    return found


@frozen(kw_only=True)
class SealedCommit:
    """What a commit object says: its tree, first parent (``""`` for none), author line and message."""

    tree: str
    parent: str
    author: str
    message: str


def parse_commit(data: bytes) -> SealedCommit:
    """The content of a commit object as ``git cat-file commit`` prints it."""
    head, _, body = data.partition(b"\n\n")
    fields: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition(" ")
        fields.setdefault(key, value)
    return SealedCommit(
        tree=fields["tree"],
        parent=fields.get("parent", ""),
        author=fields.get("author", ""),
        message=body.decode("utf-8", "replace"),
    )
