"""What a model wants written: whole files, or blocks to be found and replaced, applied exactly or refused.

::

    FILE: src/shop/prices.py            FILE: src/shop/cart.py
    ```python                           <<<<<<< SEARCH
    <the whole file>                    <text that stands in the file exactly once>
    ```                                 =======
                                        <what is to stand there instead>
                                        >>>>>>> REPLACE

Nothing is guessed: a block that is not found, or found twice, is a fault that is told to the model, and so is a reply that was cut off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from attrs import frozen

__all__ = ["Edits", "Replacement", "apply_edits", "edits_in"]

_HEADER = re.compile(r"^[#*\s>-]*(?:FILE|File|file)\s*:\s*[`*\"']*([^\s`*\"']+)[`*\"']*\s*$")
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})\s*([^`\s]*)\s*(\S*)\s*$")
_SEARCH, _MIDDLE, _REPLACE = (
    re.compile(r"^<{5,9} ?SEARCH\s*$"),
    re.compile(r"^={5,9}\s*$"),
    re.compile(r"^>{5,9} ?REPLACE\s*$"),
)
_NAMED_INSIDE = re.compile(r"^\s*(?:#|//|--|/\*)\s*(?:FILE:\s*)?([\w./-]+\.\w+)\s*(?:\*/)?\s*$")
_AROUND = re.compile(r"[`*#:\"()]")
_PAGES = (".md", ".rst", ".txt")
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)


@frozen
class Replacement:
    """``old`` becomes ``new``; an empty ``old`` is a file that does not exist yet."""

    old: str
    new: str


@frozen(kw_only=True)
class Edits:
    """What a reply asks for.

    Attributes:
        whole: path to the text of the whole file.
        replacements: path to what is replaced in it, in order.
        faults: sentences about what cannot be understood.
    """

    whole: Mapping[str, str]
    replacements: Mapping[str, tuple[Replacement, ...]]
    faults: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that is to be written."""
        return (*self.whole, *(path for path in self.replacements if path not in self.whole))


def edits_in(reply: str, expected: Sequence[str] = (), *, cut_off: bool = False) -> Edits:
    """The edits of a reply.

    Args:
        expected: paths that have to be written; when it is one, a reply with a single block of code need not name it.
        cut_off: the model was stopped before it had said all.
    """
    lines = _THOUGHT.sub("", reply).replace("\r\n", "\n").split("\n")
    whole: dict[str, str] = {}
    replacements: dict[str, list[Replacement]] = {}
    nameless: list[str] = []
    faults: list[str] = []
    path, around, at = "", "", 0
    while at < len(lines):
        line = lines[at]
        if header := _HEADER.match(line):
            path, at = header[1], at + 1
        elif _SEARCH.match(line):
            found, at = _replacement(lines, at)
            if isinstance(found, str):
                faults.append(f"{path or 'a block'}: {found}")
            elif not path:
                faults.append("a SEARCH block does not say which file it is for: put 'FILE: <path>' before it")
            else:
                replacements.setdefault(path, []).append(found)
        elif fence := _FENCE.match(line):
            named = path or _named(fence, lines, at, expected)
            around_ends = bool(around) and line.strip() == around
            if around_ends or (at + 1 < len(lines) and _SEARCH.match(lines[at + 1])):
                around, at = "" if around_ends else fence[1], at + 1  # a fence around replacements says nothing
                continue
            inside = _HEADER.match(lines[at + 1]) if at + 1 < len(lines) else None
            if inside is not None:  # a fence around the header as well
                if at + 2 < len(lines) and _FENCE.match(lines[at + 2]):
                    at += 1
                    continue
                named, at = inside[1], at + 1
            end = _closing(lines, at, fence[1], named)
            if end is None:
                faults.append(
                    f"{named or 'the code'}: the block is not closed" + (", the reply was cut off" if cut_off else "")
                )
                break
            text = "\n".join(lines[at + 1 : end]) + "\n"
            if named:
                whole[named] = text
            else:
                nameless.append(text)
            path, at = "", end + 1
        else:
            at += 1
    if nameless and not whole and not replacements and len(expected) == 1:
        whole[expected[0]] = max(nameless, key=len)
        nameless = []
    if not whole and not replacements and not faults:
        told = "a block of code without 'FILE: <path>' before it" if nameless else "no file"
        faults.append(f"there is {told} in the reply" + (", which was cut off" if cut_off else ""))
    return Edits(
        whole=whole, replacements={name: tuple(each) for name, each in replacements.items()}, faults=tuple(faults)
    )


def apply_edits(edits: Edits, read: Callable[[str], str | None]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The texts of all files that change, and what is wrong; with anything wrong nothing is to be written.

    Args:
        read: the text of a file as the model has seen it, ``None`` when there is none.
    """
    texts = dict(edits.whole)
    faults = list(edits.faults)
    for path, blocks in edits.replacements.items():
        text = texts.get(path, read(path))
        for number, block in enumerate(blocks, 1):
            found = _applied(text, block)
            if isinstance(found, _Fault):
                faults.append(f"{path}: block {number}: {found.why}")
                break
            text = found
        if text is not None:
            texts[path] = text
    return texts, tuple(faults)


@frozen
class _Fault:
    why: str


def _applied(text: str | None, block: Replacement) -> str | _Fault:
    if not block.old.strip():
        return (
            block.new if text is None or not text.strip() else _Fault("SEARCH is empty, and the file is there already")
        )
    if text is None:
        return _Fault("there is no such file to search in: give the whole file")
    times = text.count(block.old)
    if times == 1:
        return text.replace(block.old, block.new)
    first = next(line for line in block.old.split("\n") if line.strip()).strip()
    if times == 0:
        return _Fault(f"its SEARCH text does not stand in the file exactly as it is (it begins {first[:80]!r})")
    return _Fault(f"its SEARCH text stands in the file {times} times: include more lines (it begins {first[:80]!r})")


def _replacement(lines: Sequence[str], at: int) -> tuple[Replacement | str, int]:
    """The block that begins at ``at``, and where the text goes on."""
    middle = _next(lines, at + 1, _MIDDLE)
    end = _next(lines, middle + 1, _REPLACE) if middle is not None else None
    if middle is None or end is None:
        return "a SEARCH block has no end (<<<<<<< SEARCH, =======, >>>>>>> REPLACE)", len(lines)
    return Replacement(_joined(lines[at + 1 : middle]), _joined(lines[middle + 1 : end])), end + 1


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _next(lines: Sequence[str], start: int, pattern: re.Pattern[str]) -> int | None:
    return next((at for at in range(start, len(lines)) if pattern.match(lines[at])), None)


def _closing(lines: Sequence[str], at: int, fence: str, path: str) -> int | None:
    """Where the block that begins at ``at`` ends. A page may hold fences itself: it ends at the last one before the next file."""
    ends = []
    for place in range(at + 1, len(lines)):
        if _HEADER.match(lines[place]):
            break
        stripped = lines[place].strip()
        if stripped.startswith(fence) and not stripped.strip(fence[0]):
            if not path.endswith(_PAGES):
                return place
            ends.append(place)
    return ends[-1] if ends else None


def _named(fence: re.Match[str], lines: Sequence[str], at: int, expected: Sequence[str]) -> str:
    """The file a block is for by the fence itself, the line before it or its first line, if that is one that is expected."""
    inside = _NAMED_INSIDE.match(lines[at + 1]) if at + 1 < len(lines) else None
    before = next((line for line in reversed(lines[max(0, at - 2) : at]) if line.strip()), "")
    for path in expected:
        if path in (fence[2], fence[3]) or (inside is not None and inside[1] == path) or f" {path} " in _spaced(before):
            return path
    return ""


def _spaced(line: str) -> str:
    return f" {_AROUND.sub(' ', line)} "
