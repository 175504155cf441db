"""What a model wants written, applied to the files as they are: exactly, or refused with what would help.

Blocks are found by whole lines, never inside of one; blank lines around a block are no part of it where it stands in the file once without them. The form is read in :mod:`.edit_form`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from attrs import frozen

from .asked import Edits, Replacement
from .edit_form import NO_TEXT, edits_in
from .lines import Lines

__all__ = ["Edits", "Replacement", "apply_edits", "edits_in"]

Read = Callable[[str], str | None]
_Split = tuple[Sequence[str], Sequence[str]]
_SHOWN = 80


def apply_edits(edits: Edits, read: Read) -> tuple[dict[str, str | None], tuple[str, ...]]:
    """The texts of all files that change, ``None`` for those that go, and what is wrong; with anything wrong nothing is to be written.

    Files keep their kind of line ends, a byte order mark, and a last line without an end.

    Args:
        read: the text of a file as the model has seen it, ``None`` when there is none.
    """
    texts: dict[str, str | None] = {}
    faults = [*edits.faults, *_lost(edits, read), *_moves(edits, read, texts)]

    def now(path: str) -> str | None:
        return texts[path] if path in texts else read(path)

    for path, text in edits.whole.items():
        before = now(path)
        texts[path] = text if before is None else Lines.of(before).rewritten(text).text
    for path, blocks in edits.replacements.items():
        text_now = now(path)
        for number, block in enumerate(blocks, 1):
            if text_now is None and path in edits.renamed:
                faults.append(f"{path}: it is renamed: write FILE: {edits.renamed[path]}")
                break
            found = _applied(text_now, block)
            if isinstance(found, _Fault):
                faults.append(f"{path}: block {number}: {found.why}")
                break
            text_now = found
        if text_now is not None:
            texts[path] = text_now
    return texts, tuple(faults)


@frozen
class _Fault:
    why: str


def _lost(edits: Edits, read: Read) -> Iterator[str]:
    """What is wrong with files of which something seems to be said, and nothing was read: those that are there may be named, but not moved so."""
    for path in edits.only_named:
        if read(path) is None:
            yield f"{path}: {NO_TEXT}"
    for path, form in edits.unheard.items():
        if read(path) is not None:
            yield f"{path}: write '{form}' on a line of its own, with nothing before or behind it, or do not mention it so"


def _moves(edits: Edits, read: Read, texts: dict[str, str | None]) -> Iterator[str]:
    """Put into ``texts`` what is deleted and renamed; gives what is wrong with it."""
    for path in edits.deleted:
        if read(path) is None:
            yield f"{path}: there is no such file to delete"
        elif path in edits.whole or path in edits.replacements or path in edits.renamed:
            yield f"{path}: it is to be deleted, and written or renamed as well"
        texts[path] = None
    for old in edits.renamed:
        texts[old] = None
    for old, new in edits.renamed.items():
        text = read(old)
        if text is None:
            yield f"{old}: there is no such file to rename"
        elif texts.get(new, read(new)) is not None:
            yield f"{old}: it cannot be renamed: {new} is there already"
        else:
            texts[new] = text


def _applied(text: str | None, block: Replacement) -> str | _Fault:
    first, instead = block.splits[0]
    if not any(line.strip() for line in first):
        if text is not None and text.strip():
            return _Fault("SEARCH is empty, and the file is there already")
        return "".join(f"{line}\n" for line in instead)
    if text is None:
        return _Fault("there is no such file to search in: give the whole file")
    lines = Lines.of(text)
    matching = _matching(lines, block.splits) or _matching(lines, [_bared(*each) for each in block.splits])
    if not matching:
        return _Fault(_not_there(lines, first))
    old, new, places = max(matching, key=lambda each: len(each[0]))
    if len(places) > 1:
        return _Fault(f"its SEARCH text stands in the file {len(places)} times: include more lines ({_begins(old)})")
    return lines.replaced(places[0], len(old), new).text


def _matching(lines: Lines, splits: Iterable[_Split]) -> list[tuple[Sequence[str], Sequence[str], list[int]]]:
    return [(old, new, places) for old, new in splits if (places := lines.places(old))]


def _bared(old: Sequence[str], new: Sequence[str]) -> _Split:
    """Without the blank lines around ``old``, and without as many around ``new``."""
    before, behind = _blank(old), _blank(old[::-1])
    first, last = min(before, _blank(new)), min(behind, _blank(new[::-1]))
    return old[before : len(old) - behind], new[first : max(first, len(new) - last)]


def _blank(lines: Sequence[str]) -> int:
    """How many lines are blank before the first that is not."""
    return next((n for n, line in enumerate(lines) if line.strip()), len(lines))


def _not_there(lines: Lines, old: Sequence[str]) -> str:
    """Why these lines are not in the file, as far as it can be seen."""
    told = f"its SEARCH text does not stand in the file exactly as it is ({_begins(old)})"
    wanted = [line.strip() for line in old]
    bare = Lines(tuple(line.strip() for line in lines.texts), lines.ends)
    if places := bare.places(wanted):
        at = next(n for n, line in enumerate(old) if line != lines.texts[places[0] + n])
        return f"{told}: its line {at + 1} is {lines.texts[places[0] + at][:_SHOWN]!r} there, with that indentation"
    first = next(line for line in wanted if line)
    inside = [line for line in lines.texts if first in line and first != line.strip()]
    if inside:
        return f"{told}: give whole lines, not a part of {inside[0][:_SHOWN]!r}"
    begins = [n for n, line in enumerate(bare.texts) if line == wanted[0]]
    if len(begins) == 1:
        rest = zip(wanted, bare.texts[begins[0] :], strict=False)
        differing = [n for n, (mine, its) in enumerate(rest) if mine != its]
        if differing:
            return f"{told}: its line {differing[0] + 1} is {lines.texts[begins[0] + differing[0]][:_SHOWN]!r} there"
    return told


def _begins(old: Sequence[str]) -> str:
    first = next(line for line in old if line.strip()).strip()
    return f"it begins {first[:_SHOWN]!r}"
