"""What was changed of a file, with enough around it to be understood: what a review is shown, and what a finding has to point at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from attrs import frozen

__all__ = ["Diff", "DiffLine", "diff"]

#: Unchanged lines that are shown on either side of a change.
_AROUND = 12


@frozen
class DiffLine:
    """One line as it is shown.

    Attributes:
        sign: ``+`` is new, ``-`` is gone, a space was there and is.
        number: its number in the file as it is; of a line that is gone that of the line in its place.
    """

    sign: str
    number: int
    text: str

    def __str__(self) -> str:
        number = "     " if self.sign == "-" else f"{self.number:>5}"
        return f"{self.sign}{number}| {self.text}"


@frozen
class Diff:
    """What was changed of one file.

    Attributes:
        lines: changed ones and what is around them, in order.
        is_new: the file was not there before.
    """

    lines: tuple[DiffLine, ...]
    is_new: bool

    def places(self, quote: str) -> tuple[list[int], list[int]]:
        """Numbers of the lines at which ``quote`` begins, white space apart: where it takes in something that was changed, and where it does not."""
        wanted = [" ".join(line.split()) for line in quote.strip().split("\n")]
        changed: list[int] = []
        others: list[int] = []
        for gone in "-+":
            view = [line for line in self.lines if line.sign != gone]
            for at in _found(wanted, [" ".join(line.text.split()) for line in view]):
                is_changed = any(line.sign != " " for line in view[at : at + len(wanted)])
                (changed if is_changed else others).append(view[at].number)
        return sorted(set(changed)), sorted(set(others))


def diff(before: str | None, now: str) -> Diff:
    """What became of a file; ``before`` is ``None`` where it was not there."""
    new = now.split("\n")
    if before is None:
        return Diff(tuple(DiffLine("+", number, line) for number, line in enumerate(new, 1)), True)
    old = before.split("\n")
    lines: list[DiffLine] = []
    for group in SequenceMatcher(a=old, b=new, autojunk=False).get_grouped_opcodes(_AROUND):
        for tag, first, last, start, end in group:
            if tag in ("replace", "delete"):
                lines += (DiffLine("-", start + 1, line) for line in old[first:last])
            sign = " " if tag == "equal" else "+"
            lines += (DiffLine(sign, number, new[number - 1]) for number in range(start + 1, end + 1))
    return Diff(tuple(lines), False)


def _found(wanted: Sequence[str], lines: Sequence[str]) -> Iterator[int]:
    """Where ``wanted`` begins in ``lines``: its first line may be a part of one."""
    joined = "\n".join(wanted)
    for at in range(len(lines) - len(wanted) + 1):
        if wanted[0] in lines[at] and joined in "\n".join(lines[at : at + len(wanted)]):
            yield at
