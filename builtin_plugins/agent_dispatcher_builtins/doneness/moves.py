"""Which files of a result are files that were there before, under another path? What is in them is then compared with what it was.

Told as git tells renames (``-M``): a file that is gone and one that is new are the same when at least half of the larger one stands in both; each counts once,
the likest first, and a name that is kept before another.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping

__all__ = ["moved", "moves"]

Now = Callable[[str], bytes | None]
Before = Callable[[str], Awaitable[bytes | None]]

_LIKE = 0.5
#: ... for files of the same name, of which each is the only one.
_LIKE_BY_NAME = 0.75
_CHUNK = 64
#: Beyond this only files that are the same in each byte, or keep their name, are taken for moved.
_MOST_PAIRS = 20_000
_MOST_BYTES = 2 * 1024**2


async def moved(paths: Iterable[str], now: Now, before: Before | None) -> Mapping[str, str]:
    """New path to old, of the changed files that were moved."""
    if before is None:
        return {}
    come: dict[str, bytes] = {}
    gone: dict[str, bytes] = {}
    missing = []
    for path in paths:
        data = now(path)
        if data is None:
            missing.append(path)
        else:
            come[path] = data
    for path in missing:
        if (old := await before(path)) is not None:
            gone[path] = old
    if not gone:
        return {}
    return moves(gone, {path: data for path, data in come.items() if await before(path) is None})


def moves(gone: Mapping[str, bytes], come: Mapping[str, bytes]) -> dict[str, str]:
    """New path to old. Empty files are not taken for moved."""
    found: dict[str, str] = {}
    by_text: dict[bytes, list[str]] = {}
    for path in sorted(gone):
        by_text.setdefault(gone[path], []).append(path)
    for path in sorted(come):
        same = by_text.get(come[path], []) if come[path] else []
        if same:
            old = next((each for each in same if posixpath.basename(each) == posixpath.basename(path)), same[0])
            same.remove(old)
            found[path] = old
    chunks: dict[bytes, Counter[bytes]] = {}

    def like(old: str, new: str) -> float:
        a, b = gone[old], come[new]
        if not a or not b or min(len(a), len(b)) < _LIKE * max(len(a), len(b)) or max(len(a), len(b)) > _MOST_BYTES:
            return 0.0
        for text in (a, b):
            if text not in chunks:
                chunks[text] = _chunks(text)
        shared = chunks[a] & chunks[b]
        return sum(len(each) * times for each, times in shared.items()) / max(len(a), len(b))

    def left() -> tuple[list[str], list[str]]:
        taken = set(found.values())
        return [each for each in sorted(gone) if each not in taken], [
            each for each in sorted(come) if each not in found
        ]

    olds, news = left()
    named = [_only_by_name(each) for each in (olds, news)]
    for name, new in named[1].items():
        twin = named[0].get(name)
        if twin is not None and like(twin, new) >= _LIKE_BY_NAME:
            found[new] = twin
    olds, news = left()
    if len(olds) * len(news) > _MOST_PAIRS:
        return found
    pairs = sorted(
        (-score, posixpath.basename(old) != posixpath.basename(new), new, old)
        for new in news
        for old in olds
        if (score := like(old, new)) >= _LIKE
    )
    for _, _, new, old in pairs:
        if new not in found and old not in found.values():
            found[new] = old
    return found


def _only_by_name(paths: Iterable[str]) -> dict[str, str]:
    """Name to the only path that has it."""
    names: dict[str, list[str]] = {}
    for path in paths:
        names.setdefault(posixpath.basename(path), []).append(path)
    return {name: each[0] for name, each in names.items() if len(each) == 1}


def _chunks(data: bytes) -> Counter[bytes]:
    """Lines, long ones in pieces; either end of lines counts as the same."""
    return Counter(
        line[at : at + _CHUNK]
        for line in data.replace(b"\r\n", b"\n").splitlines(keepends=True)
        for at in range(0, len(line), _CHUNK)
    )
