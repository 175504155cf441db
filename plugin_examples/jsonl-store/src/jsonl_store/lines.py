"""A log as lines: one line is one batch of events, so that a batch is there whole or not at all.

A line is a JSON object that ends with the hash of everything before it and of the line above::

    {"run":"r","epoch":1,"first":1,"events":[...],"hash":"9f86..."}

What a killed process left of a last line has no line end: it was never promised, and is passed over.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from agent_dispatcher.errors import StoreError
from agent_dispatcher.models import Event
from attrs import frozen

__all__ = ["Head", "encode", "read_lines"]

_HASH = b',"hash":"%s"}\n'
_HASH_BYTES = len(_HASH % (b"0" * 64))


@frozen
class Head:
    """Where a log ends: the last number, the hash of its last line, and its size in bytes without what a kill left behind."""

    seq: int = 0
    digest: bytes = b""
    size: int = 0


def encode(head: Head, run: str, epoch: int, events: Sequence[Event]) -> tuple[bytes, Head]:
    """The line for a batch, and where the log ends with it; :class:`TypeError` or :class:`ValueError` for what is no JSON."""
    batch = [
        {"at": each.at, "type": each.type, "task": each.task, "attempt": each.attempt, "data": each.data}
        for each in events
    ]
    text = json.dumps(
        {"run": run, "epoch": epoch, "first": head.seq + 1, "events": batch}, separators=(",", ":"), allow_nan=False
    )
    body = text[:-1].encode("ascii")
    digest = _digest(head.digest, body)
    line = body + _HASH % digest
    return line, Head(head.seq + len(batch), digest, head.size + len(line))


def read_lines(file: Path, run: str) -> Iterator[tuple[Head, tuple[Event, ...]]]:
    """Each batch with where the log ends after it; :class:`StoreError` at the first line that is not as it was written."""
    head = Head()
    try:
        stream = file.open("rb")
    except FileNotFoundError:
        return
    with stream:
        for number, line in enumerate(stream, 1):
            if not line.endswith(b"\n"):
                return
            body = line[:-_HASH_BYTES]
            digest = _digest(head.digest, body)
            if line != body + _HASH % digest:
                raise _damaged(file, number)
            document: dict[str, Any] = json.loads(body + b"}")
            if (document["run"], document["first"]) != (run, head.seq + 1):
                raise _damaged(file, number)
            events = tuple(Event(run=run, seq=seq, **each) for seq, each in enumerate(document["events"], head.seq + 1))
            head = Head(head.seq + len(events), digest, head.size + len(line))
            yield head, events


def _digest(above: bytes, body: bytes) -> bytes:
    return hashlib.sha256(above + body).hexdigest().encode("ascii")


def _damaged(file: Path, number: int) -> StoreError:
    return StoreError(
        f"{file}:{number}: the line was altered after it was written: put back a copy of the file, or begin a new run"
    )
