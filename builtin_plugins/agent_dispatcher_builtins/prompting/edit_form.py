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
from collections.abc import Iterator, Sequence

from attrs import evolve

from .asked import Edits, Replacement
from .blocks import block_at, ends_block, opens_block
from .completeness import completeness_of, is_page
from .diffs import Difference, differences_in, is_difference
from .fences import Fence, Kind, closing, fence_at, outdented
from .moves import deleted_in, nearly_in, renamed_in
from .naming import fits, headed, labelled, plain_path, told_by_fence

__all__ = ["NO_TEXT", "edits_in"]

_HEADER = re.compile(
    r"^[#*\s>-]*(?:\d+[.)]\s*)?[#*\s]*(?:FILE|[Ff]ile|[Ff]ilename|FILENAME|[Ff]ile (?:name|path))\s*:[*\s]*"
    r"[`*\"']*(?P<path>[^\s`*\"']+?)[`*\"']*:?[`*]*\s*(?:[-–—]?\s*\([^()]{1,60}\):?)?\s*$"
)
#: So much of a line is looked at.
_LONGEST = 400
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)

#: Lines that no sentence looks like.
_CODE = re.compile(
    r"^(?:\t|  +)(?![-*\s])|[;{}]\s*$|^[\w.]+\(.*\)$|\w\s*[-+*/|]?=\s*\S|^(?:import|from \S+ import|def|class|const|function|@)\b"
)
_NO_CHANGE = re.compile(
    r"\bno (?:other |further |more )?(?:changes?|modifications?|edits?)\b|\bunchanged\b|\bnot (?:be |need to be )?(?:changed|modified|touched)\b|\bnot need\b",
    re.IGNORECASE,
)
#: A line of a remark: words of a sentence, perhaps in a list.
_REMARK = re.compile(r"^\s*+(?:[-*]|\d+[.)])?\s*+(?:[^\s<>{}=]+\s++){2}[^<>{}=]*[.!?)`*]\s*+$")
_MOST_REMARKS = 3
NO_NAME = "without 'FILE: <path>' before it"
ONLY_HEADED = "its block of code stands under a heading: put 'FILE: <path>' before it if it is to be written, and leave it out if not"
NO_TEXT = "its text does not stand between fences (```)"
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
        self._nameless: list[tuple[str, str]] = []  # what stands behind the marks, and the text
        self._headed: list[str] = []  # paths that are headings of nameless ones
        self._deleted: list[str] = []
        self._renamed: dict[str, str] = {}
        self._only_named: list[str] = []
        self._unheard: dict[str, str] = {}
        self._faults: list[str] = []
        self._path = ""
        self._header = (
            -1
        )  # the line of the header whose file has still to come; blocks for ``_path`` may follow on one another
        self._named_so_far: dict[str, int] = {}  # to the line of the last header
        self._differences: list[Difference] = []
        self._around = ""  # the fence around replacements, which says nothing

    def edits(self) -> Edits:
        at = 0
        while at < len(self._lines):
            at = self._line(at)
        self._take_differences()
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
        if header := _HEADER.match(line, 0, _LONGEST):
            self._path = plain_path(header["path"])
            self._named_so_far[self._path] = self._header = at
        elif opens_block(line):
            return self._replacement(at)
        elif ends_block(line):
            self._faults.append(f"{self._path or 'a block'}: >>>>>>> REPLACE stands where no SEARCH block is open")
        elif moved := renamed_in(line):
            self._renamed[plain_path(moved[0])] = plain_path(moved[1])
        elif gone := deleted_in(line):
            self._deleted.append(plain_path(gone))
        elif near := nearly_in(line):
            self._unheard[plain_path(near[0])] = near[1]
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
        if self._stands_around(at, fence):
            return at + 1
        named, first = self._named(fence, at), at + 1
        inside = _HEADER.match(self._lines[first], 0, _LONGEST) if first < len(self._lines) else None
        if not named and inside is not None:
            named, first = self._expected_like(plain_path(inside["path"])), at + 2
        complete = completeness_of(named)
        end, why = closing(
            self._lines,
            at,
            first,
            is_next_file=self._is_next_file,
            kind=_kind(named),
            around=bool(self._around),
            is_complete=complete and (lambda text: complete(outdented(text, fence.indent))),
        )
        if end is None:
            self._faults.append(f"{named or 'the code'}: {why}{self._cut}")
            return len(self._lines)
        inner = self._lines[first:end]
        if len(fence.marks) == 3 and any(map(opens_block, inner)) and any(map(ends_block, inner)):
            self._faults.append(
                f"{named or 'the code'}: a SEARCH block stands in the text of a whole file: give one or the other"
            )
        else:
            self._keep(named, fence, inner)
            if not named and (path := headed(self._line_before(at), fence.info)):
                self._headed.append(self._expected_like(path))
        return end + 1

    def _keep(self, named: str, fence: Fence, inner: Sequence[str]) -> None:
        """Keep what stands between two fences: the text of a file, a difference, or something that is said."""
        text = outdented("".join(f"{each}\n" for each in inner), fence.indent)
        if is_difference(fence.info, text.split("\n"), named):
            found = differences_in(text.split("\n")[:-1])
            self._differences += (evolve(each, path=named or each.path) for each in found)
        elif named:
            self._whole[named] = text
            self._replacements.pop(named, None)
        else:
            self._nameless.append((fence.info, text))
            return
        if named == self._path:
            self._path, self._header = "", -1

    def _stands_around(self, at: int, fence: Fence) -> bool:
        """Whether the fence at this line stands around what is no text of a file; takes note of it."""
        if not self._says_nothing(at, fence):
            return False
        following = self._lines[at + 1 : at + 3]
        closed = fence_at(following[1]) if len(following) == 2 and _HEADER.match(following[0], 0, _LONGEST) else None
        self._around = "" if closed is not None and not closed.info else fence.marks  # ``FILE: …`` alone between two
        return True

    def _says_nothing(self, at: int, fence: Fence) -> bool:
        """Whether it stands around blocks, deletions, or the name of a file and its text."""
        place, after = self._next_said(at + 1)
        if opens_block(after):
            return True
        if self._named(fence, at):
            return False
        if _HEADER.match(after, 0, _LONGEST):
            return self._fence_follows(place) or opens_block(self._next_said(place + 1)[1])
        return bool(deleted_in(after) or renamed_in(after))

    def _fence_follows(self, at: int) -> bool:
        return at + 1 < len(self._lines) and fence_at(self._lines[at + 1]) is not None

    def _next_said(self, at: int) -> tuple[int, str]:
        """The first line from here on in which something stands, and what."""
        return next(((n, self._lines[n]) for n in range(at, len(self._lines)) if self._lines[n].strip()), (at, ""))

    def _replacement(self, at: int) -> int:
        """Read the block that begins at ``at``."""
        found, end = block_at(self._lines, at)
        if found is None or end is None:
            self._faults.append(f"{self._path or 'a block'}: {_NO_END}{self._cut if end is None else ''}")
            return len(self._lines)
        if not self._path:
            self._faults.append("a SEARCH block does not say which file it is for: put 'FILE: <path>' before it")
            return end + 1
        self._replacements.setdefault(self._path, []).append(found)
        self._header = -1
        return end + 1

    def _tell_lost(self) -> None:
        """A file that is named and of which nothing was read would be lost; so would one beside others whose name is a heading."""
        given = self._given()
        for path, at in self._named_so_far.items():
            if path in given or self._faults:
                continue
            if self._cut or path in self._expected or not self._is_mention(path, at):
                self._faults.append(f"{path}: {NO_TEXT}{self._cut}")
            else:
                self._only_named.append(path)
        if given and not self._faults:
            self._faults += (f"{path}: {ONLY_HEADED}" for path in dict.fromkeys(self._headed) if path not in given)

    def _given(self) -> set[str]:
        return {*self._whole, *self._replacements, *self._deleted, *self._renamed, *self._renamed.values()}

    def _is_mention(self, path: str, at: int) -> bool:
        """Whether what is said behind a header is a remark about the file: nothing, or a few sentences. In a page sentences may be the page."""
        said = [line for line in self._behind(at) if line.strip()]
        if is_page(path):
            return not said or (len(said) == 1 and _NO_CHANGE.search(said[0]) is not None)
        return len(said) <= _MOST_REMARKS and all(_REMARK.match(line) and not _CODE.search(line) for line in said)

    def _code_follows(self, at: int) -> bool:
        """Whether what is said behind a header looks like the text of a file."""
        return any(_CODE.search(line) for line in self._behind(at))

    def _behind(self, at: int) -> Iterator[str]:
        """The lines behind a header, up to the next one or to what stands in a block."""
        for line in self._lines[at + 1 :]:
            if _HEADER.match(line, 0, _LONGEST) or opens_block(line) or fence_at(line) is not None:
                return
            yield line

    def _take_differences(self) -> None:
        """What differences say of files of which nothing else is said; others only show once more what was changed."""
        given = self._given()
        for each in self._differences:
            path = each.path or (self._expected[0] if len(self._expected) == 1 else "")
            if path in given or (given and not path):
                continue
            if each.why or not path:
                self._faults.append(f"{path or 'a difference'}: {each.why or NO_NAME}")
            elif each.deleted:
                self._deleted.append(path)
            else:
                self._replacements.setdefault(path, []).extend(each.blocks)

    def _name_the_nameless(self) -> None:
        if self._given() or self._faults:
            return
        cut = ", which was cut off" if self._cut else ""
        if self._nameless and len(self._expected) == 1:
            path = self._expected[0]
            fitting = [text for info, text in self._nameless if fits(info, path)]
            if fitting:
                self._whole[path] = max(fitting, key=len)
            else:
                self._faults.append(f"{path}: no block of code in the reply{cut} is marked as one of its language")
        elif self._nameless:
            self._faults.append(f"there is a block of code {NO_NAME} in the reply{cut}")
        elif not any(map(self._code_follows, self._named_so_far.values())):
            self._faults.append(f"there is no file in the reply{cut}: put its text between fences (```)")

    def _is_next_file(self, at: int) -> bool:
        """Whether another file begins at this line: a header with something that belongs to it. Other lines that look like one are comments."""
        if not _HEADER.match(self._lines[at], 0, _LONGEST):
            return False
        after = self._next_said(at + 1)[1]
        return any(fence_at(line) is not None for line in (self._lines[at - 1], after)) or opens_block(after)

    def _named(self, fence: Fence, at: int) -> str:
        """The file a block is for: by the header before it, by the fence itself, or by what is said around it."""
        if self._header >= 0 and not self._is_said(fence, at):
            return self._path
        if told := told_by_fence(fence.info, self._expected):
            return told
        first = self._lines[at + 1] if at + 1 < len(self._lines) else ""
        return labelled(self._line_before(at), first, fence.info, self._expected, self._given())

    def _line_before(self, at: int) -> str:
        """What stands right before a line, or before a blank one there."""
        return next((line for line in reversed(self._lines[max(0, at - 2) : at]) if line.strip()), "")

    def _is_said(self, fence: Fence, at: int) -> bool:
        """Whether a block that stands behind other words than its header is part of what is said there."""
        between = [line for line in self._lines[self._header + 1 : at] if line.strip()]
        return bool(between) and (
            not fits(fence.info, self._path) or (not fence.info and any(map(_NO_CHANGE.search, between)))
        )

    def _expected_like(self, name: str) -> str:
        """The one expected path that ``name`` is the end of, else ``name``."""
        like = [path for path in self._expected if path == name or path.endswith(f"/{name}")]
        return like[0] if len(like) == 1 else name


def _kind(path: str) -> Kind:
    if not path:
        return "nameless"
    return "page" if is_page(path) else "file"
