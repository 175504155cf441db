"""The log of a run, page by page: what one commit recorded is one text with one hash over it and the page before.

A page is a list in JSON: the number of its first event, then for each event a list of ``at``, ``type``, ``task``, ``attempt`` and ``data``. It is
filed under the number of its last event, so that pages without a gap fit together::

    3   [1,[1764000000.5,"run.started",null,null,{...}],[...],[...]]            hash 1 = SHA-256(text 1)
    5   [4,[1764000001.5,"attempt.started","api",1,{...}],[...]]                hash 2 = SHA-256(hash 1, text 2)

Schema 1 recorded each event alone: a list of its number, ``at``, ``type``, ``task`` and ``attempt``, and below it, on a line of its own, the data. These pages stay as they
were written, with the hashes they had. JSON holds no line break, which tells one from the other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from agent_dispatcher.models import Event
from agent_dispatcher.models.event import make_event

__all__ = ["Pages", "events_of", "link", "page_of", "page_of_schema_1"]

#: Characters of the log that are parsed together, at least.
_READ_AT_ONCE = 100_000

_encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
# JSONEncoder.encode makes one of these for each call; where there is none, in other implementations of Python, it has to do.
_make = getattr(json.encoder, "c_make_encoder", None)
_encode = _make and _make(
    None, _encoder.default, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, False
)


_row_of = attrgetter("at", "type", "task", "attempt", "data")


def page_of(first: int, events: Sequence[Event]) -> str:
    """The text of a page.

    Args:
        first: number of the first of ``events``.

    Raises:
        ValueError, TypeError: something in an event's data is no JSON value.
    """
    page: list[Any] = [first, *map(_row_of, events)]
    return "".join(_encode(page, 0)) if _encode is not None else _encoder.encode(page)


def link(previous: bytes, text: str) -> bytes:
    """The hash of a page after the one whose hash is ``previous``, ``b""`` for the first."""
    return hashlib.sha256(previous + text.encode()).digest()


class Pages:
    """Pages as they were filed, as far as they fit together: iterate once, then ask for the :meth:`damage`.

    Iterating gives some pages at once: the number of the first event, of the last, and their texts.

    Args:
        filed: number of the last event, text and hash of each page, in order.
        seq, previous: number and hash of the page before them.
    """

    def __init__(self, filed: Iterable[tuple[int, str, bytes]], seq: int, previous: bytes) -> None:
        self._filed = filed
        self._previous = previous
        self._damage = ""
        #: Number of the last event that fits.
        self.seq = seq

    def __iter__(self) -> Iterator[tuple[int, int, list[str]]]:
        texts, size, first = list[str](), 0, self.seq + 1
        for last, what, digest in self._filed:
            text = str(what)
            self._previous = link(self._previous, text)
            follows = text.startswith(f"[{self.seq + 1},")
            if self._previous != digest or not follows:
                self._damage = "or one recorded with it was altered after it was recorded" if follows else "is missing"
                break
            texts.append(text)
            size, self.seq = size + len(text), last
            if size > _READ_AT_ONCE:
                yield first, self.seq, texts
                texts, size, first = [], 0, self.seq + 1
        if texts:
            yield first, self.seq, texts

    def damage(self, head: tuple[int, bytes]) -> str:
        """What is wrong with the first event that does not fit, ``""`` where all do and the last page is ``head``."""
        if self._damage or (self.seq, self._previous) == head:
            return self._damage
        return "is missing, or the end of the log was altered"


def events_of(run: str, first: int, texts: Sequence[str]) -> list[Event]:
    """The events of pages that follow upon each other and were verified, numbered from ``first`` on.

    They are parsed as one text, and so share the texts of keys and names.
    """
    found: list[Event] = []
    same: dict[Any, Any] = {}
    for _, *events in json.loads(f"[{','.join([_as_today(text) for text in texts])}]"):
        for seq, (at, kind, task, attempt, data) in enumerate(events, first + len(found)):
            found.append(
                make_event(run, same.setdefault(kind, kind), at, seq, same.setdefault(task, task), attempt, data)
            )
    return found


def page_of_schema_1(seq: int, at: float, kind: str, task: str | None, attempt: int | None, data: str) -> str:
    """The text that schema 1 hashed of an event."""
    name = "null" if task is None else json.dumps(task)
    return f"[{seq}, {at!r}, {json.dumps(kind)}, {name}, {'null' if attempt is None else attempt}]\n{data}"


def _as_today(text: str) -> str:
    head, broken, data = text.partition("\n")
    if not broken:
        return text
    seq, _, rest = head[1:-1].partition(",")
    return f"[{seq},[{rest},{data}]]"
