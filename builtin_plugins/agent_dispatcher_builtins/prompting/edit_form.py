"""The form in which a model writes what is to become of files, read out of whatever else it says.

::

    FILE: src/shop/prices.py            FILE: src/shop/cart.py
    ```python                           <<<<<<< SEARCH
    <the whole file>                    <whole lines that stand in the file exactly once>
    ```                                 =======
                                        <what is to stand there instead>
    DELETE: src/shop/old.py             >>>>>>> REPLACE

    RENAME: src/shop/a.py -> src/shop/b.py

Text that has lines like these marks is written between longer ones, as many of each sign. Nothing is guessed: what can be read in two ways, was cut off, or would be lost in silence is a fault that is told to the model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .asked import Edits, Replacement
from .completeness import completeness_of
from .fences import Kind, closing, fence_at
from .moves import deleted_in, nearly_in, renamed_in

__all__ = ["NO_TEXT", "edits_in"]

_HEADER = re.compile(r"^(?P<before>[#*\s>-]*)(?:FILE|File|file)\s*:\s*[`*\"']*(?P<path>[^\s`*\"']+)[`*\"']*\s*$")
_SEARCH = re.compile(r"^(<{5,}) ?SEARCH\s*$")
_MIDDLE = re.compile(r"^={7,}\s*$")
_REPLACE = re.compile(r"^(>{5,}) ?REPLACE\s*$")
_NAMED_INSIDE = re.compile(r"^\s*(?:#|//|--|/\*)\s*(?:FILE:\s*)?([\w./-]+\.\w+)\s*(?:\*/)?\s*$")
_AROUND = re.compile(r"[`*#:\"()]")
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)

#: Lines that no sentence looks like.
_CODE = re.compile(
    r"^(?:\t|  +)(?![-*\s])|[;{}]\s*$|^[\w.]+\(.*\)$|\w\s*[-+*/|]?=\s*\S|^(?:import|from \S+ import|def|class|const|function|@)\b"
)
NO_TEXT = "its text does not stand between fences (```)"
#: Signs in a mark; a text that has such a line itself is put between longer ones.
_USUAL = 7
_NO_END = "a SEARCH block has no end (<<<<<<< SEARCH, =======, >>>>>>> REPLACE, each on a line of its own, with exactly seven =)"


def edits_in(reply: str, expected: Sequence[str] = (), *, cut_off: bool = False) -> Edits:
    """The edits of a reply.

    Args:
        expected: paths that have to be written; when it is one, a reply with a single block of code need not name it.
        cut_off: the model was stopped before it had said all.
    """
    lines = _THOUGHT.sub("", reply).replace("\r\n", "\n").split("\n")
    return _Reading(lines, expected, cut_off).edits()


class _Reading:
    """One reply, read from its first line to its last."""

    def __init__(self, lines: Sequence[str], expected: Sequence[str], cut_off: bool) -> None:
        self._lines = lines
        self._expected = expected
        self._cut = ", the reply was cut off" if cut_off else ""
        self._whole: dict[str, str] = {}
        self._replacements: dict[str, list[Replacement]] = {}
        self._nameless: list[str] = []
        self._deleted: list[str] = []
        self._renamed: dict[str, str] = {}
        self._only_named: list[str] = []
        self._unheard: dict[str, str] = {}
        self._faults: list[str] = []
        self._path = ""
        self._named_so_far: dict[str, int] = {}  # to the line of the last header
        self._around = ""  # the fence around replacements, which says nothing

    def edits(self) -> Edits:
        at = 0
        while at < len(self._lines):
            at = self._line(at)
        self._name_the_nameless()
        self._tell_lost()
        return Edits(
            whole=self._whole,
            replacements={path: tuple(each) for path, each in self._replacements.items()},
            deleted=tuple(self._deleted),
            renamed=self._renamed,
            only_named=tuple(self._only_named),
            unheard={path: form for path, form in self._unheard.items() if path not in self._given()},
            faults=tuple(self._faults),
        )

    def _line(self, at: int) -> int:
        """Read what begins at this line; gives the line after it."""
        line = self._lines[at]
        if header := _HEADER.match(line):
            self._path = _plain(header["path"])
            self._named_so_far[self._path] = at
        elif _SEARCH.match(line):
            return self._replacement(at)
        elif _REPLACE.match(line):
            self._faults.append(f"{self._path or 'a block'}: >>>>>>> REPLACE stands where no SEARCH block is open")
        elif moved := renamed_in(line):
            self._renamed[_plain(moved[0])] = _plain(moved[1])
        elif gone := deleted_in(line):
            self._deleted.append(_plain(gone))
        elif near := nearly_in(line):
            self._unheard[_plain(near[0])] = near[1]
        elif fence_at(line) is not None:
            return self._fenced(at)
        return at + 1

    def _fenced(self, at: int) -> int:
        line = self._lines[at]
        fence = fence_at(line)
        assert fence is not None
        if self._around and line.strip() == self._around:
            self._around = ""
            return at + 1
        named = self._path or self._named(fence.info, at)
        first = at + 1
        inside = _HEADER.match(self._lines[first]) if first < len(self._lines) else None
        if self._says_nothing(at, named):
            after = self._lines[first + 1] if inside and first + 1 < len(self._lines) else ""
            closed = fence_at(after)  # ``FILE: …`` alone between two fences
            self._around = "" if closed is not None and not closed.info else fence.marks
            return at + 1
        if not named and inside is not None:
            named, first = self._expected_like(_plain(inside["path"])), at + 2
        end, why = closing(
            self._lines,
            at,
            first,
            is_next_file=self._is_next_file,
            kind=_kind(named),
            around=bool(self._around),
            is_complete=completeness_of(named),
        )
        if end is None:
            self._faults.append(f"{named or 'the code'}: {why}{self._cut}")
            return len(self._lines)
        inner = self._lines[first:end]
        if len(fence.marks) == 3 and any(map(_SEARCH.match, inner)) and any(map(_REPLACE.match, inner)):
            self._faults.append(
                f"{named or 'the code'}: a SEARCH block stands in the text of a whole file: give one or the other"
            )
            return end + 1
        text = "".join(f"{each}\n" for each in inner)
        if named:
            self._whole[named] = text
            self._replacements.pop(named, None)
        else:
            self._nameless.append(text)
        self._path = ""
        return end + 1

    def _says_nothing(self, at: int, named: str) -> bool:
        """Whether the fence at this line stands around what is no text of a file: blocks, deletions, or the name of a file and its text."""
        place, after = self._next_said(at + 1)
        if _SEARCH.match(after):
            return True
        if named:
            return False
        if _HEADER.match(after):
            return self._fence_follows(place) or bool(_SEARCH.match(self._next_said(place + 1)[1]))
        return bool(deleted_in(after) or renamed_in(after))

    def _fence_follows(self, at: int) -> bool:
        return at + 1 < len(self._lines) and fence_at(self._lines[at + 1]) is not None

    def _next_said(self, at: int) -> tuple[int, str]:
        """The first line from here on in which something stands, and what."""
        return next(((n, self._lines[n]) for n in range(at, len(self._lines)) if self._lines[n].strip()), (at, ""))

    def _replacement(self, at: int) -> int:
        """Read the block that begins at ``at``."""
        opened = _SEARCH.match(self._lines[at])
        assert opened is not None
        width = len(opened[1])
        end = self._end_of_block(at, width)
        inside = self._lines[at + 1 : end]
        again = [found for line in inside if (found := _SEARCH.match(line))]
        dividers = [n for n, line in enumerate(inside) if _MIDDLE.match(line)]
        wide = [n for n in dividers if len(inside[n].strip()) == width]
        middles = wide or [n for n in dividers if len(inside[n].strip()) == _USUAL]
        if end is None or not middles or any(len(each[1]) == width or width <= _USUAL for each in again):
            self._faults.append(f"{self._path or 'a block'}: {_NO_END}{self._cut if end is None else ''}")
            return len(self._lines)
        if not self._path:
            self._faults.append("a SEARCH block does not say which file it is for: put 'FILE: <path>' before it")
            return end + 1
        splits = tuple((tuple(inside[:middle]), tuple(inside[middle + 1 :])) for middle in middles)
        self._replacements.setdefault(self._path, []).append(Replacement(splits))
        return end + 1

    def _end_of_block(self, at: int, width: int) -> int | None:
        """The next end; behind a longer mark, the next that is as long."""
        first = None
        for n in range(at + 1, len(self._lines)):
            if end := _REPLACE.match(self._lines[n]):
                first = n if first is None else first
                if width <= _USUAL or len(end[1]) == width:
                    return n
        return first

    def _tell_lost(self) -> None:
        """A file that is named and of which nothing was read would be lost."""
        given = self._given()
        for path, at in self._named_so_far.items():
            if path in given or self._faults:
                continue
            if self._cut or self._code_follows(at):
                self._faults.append(f"{path}: {NO_TEXT}{self._cut}")
            else:
                self._only_named.append(path)

    def _given(self) -> set[str]:
        return {*self._whole, *self._replacements, *self._deleted, *self._renamed, *self._renamed.values()}

    def _code_follows(self, at: int) -> bool:
        """Whether what is said behind a header looks like the text of a file."""
        for line in self._lines[at + 1 :]:
            if _HEADER.match(line) or _SEARCH.match(line) or fence_at(line) is not None:
                return False
            if _CODE.search(line):
                return True
        return False

    def _name_the_nameless(self) -> None:
        nothing = not (self._whole or self._replacements or self._deleted or self._renamed)
        if nothing and self._nameless and len(self._expected) == 1:
            self._whole[self._expected[0]] = max(self._nameless, key=len)
            return
        if nothing and not self._faults:
            told = "a block of code without 'FILE: <path>' before it" if self._nameless else "no file"
            self._faults.append(f"there is {told} in the reply" + (", which was cut off" if self._cut else ""))

    def _is_next_file(self, at: int) -> bool:
        """Whether another file begins at this line: a header with something that belongs to it. Other lines that look like one are comments."""
        if not _HEADER.match(self._lines[at]):
            return False
        after = self._next_said(at + 1)[1]
        return any(fence_at(line) is not None for line in (self._lines[at - 1], after)) or bool(_SEARCH.match(after))

    def _named(self, info: str, at: int) -> str:
        """The file a block is for by the fence itself, the line before it or its first line, if that is one that is expected."""
        lines = self._lines
        inside = _NAMED_INSIDE.match(lines[at + 1]) if at + 1 < len(lines) else None
        before = next((line for line in reversed(lines[max(0, at - 2) : at]) if line.strip()), "")
        for path in self._expected:
            if path in info.split() or (inside is not None and inside[1] == path) or f" {path} " in _spaced(before):
                return path
        return ""

    def _expected_like(self, name: str) -> str:
        """The one expected path that ``name`` is the end of, else ``name``."""
        like = [path for path in self._expected if path == name or path.endswith(f"/{name}")]
        return like[0] if len(like) == 1 else name


def _plain(path: str) -> str:
    """``a.py`` for ``./a.py``: one file has one name."""
    while path.startswith("./"):
        path = path[2:]
    return path


def _kind(path: str) -> Kind:
    if not path:
        return "nameless"
    return "page" if path.endswith((".md", ".rst", ".txt")) else "file"


def _spaced(line: str) -> str:
    return f" {_AROUND.sub(' ', line)} "
