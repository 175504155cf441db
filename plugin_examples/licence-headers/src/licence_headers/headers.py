"""What a header looks like in each sort of file, whether it is there, and where it goes. Pure: bytes in, bytes out."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from attrs import field, frozen
from attrs.validators import matches_re

__all__ = ["LOOK_AT_BYTES", "Header", "is_source"]

#: A header stands this near the beginning of a file, or it is none.
LOOK_AT_BYTES = 4096

_HASH = (".py", ".pyi", ".sh", ".bash", ".rb", ".pl", ".r", ".yaml", ".yml", ".toml")
_SLASHES = (
    ".c",
    ".h",
    ".cc",
    ".cpp",
    ".hpp",
    ".cs",
    ".go",
    ".java",
    ".js",
    ".jsx",
    ".kt",
    ".rs",
    ".swift",
    ".ts",
    ".tsx",
)
_MARKS = {**dict.fromkeys(_HASH, "#"), **dict.fromkeys(_SLASHES, "//"), ".sql": "--", ".lua": "--", ".hs": "--"}
_BOM = b"\xef\xbb\xbf"
#: Lines that mean something only where they stand: an interpreter, and Python's declaration of an encoding.
_PINNED = re.compile(rb"#!|#.*?coding[:=]")
_ONE_LINE = matches_re(r"[^\x00-\x1f\x7f]*")


def is_source(path: str) -> bool:
    """Whether a file of that name carries a header: its language has line comments, and no folder on the way is hidden."""
    pure = PurePosixPath(path)
    return pure.suffix.lower() in _MARKS and not any(part.startswith(".") for part in pure.parts)


@frozen(kw_only=True)
class Header:
    """The lines every source file begins with.

    Attributes:
        licence: an SPDX licence expression.
        holder: who holds the copyright; ``""`` leaves that line out.
    """

    licence: str = field(default="MIT", validator=matches_re(r"[A-Za-z0-9.+()-]+( [A-Za-z0-9.+()-]+)*"))
    holder: str = field(default="", validator=_ONE_LINE)

    def lines(self, path: str) -> tuple[bytes, ...]:
        """The header as comment lines for a file of that name (see :func:`is_source`), without line ends."""
        mark = _MARKS[PurePosixPath(path).suffix.lower()]
        texts = [f"SPDX-License-Identifier: {self.licence}"]
        if self.holder:
            texts.insert(0, f"SPDX-FileCopyrightText: {self.holder}")
        return tuple(f"{mark} {text}".encode() for text in texts)

    def is_on(self, path: str, beginning: bytes) -> bool:
        """Whether a file carries the header; an empty file needs none.

        Args:
            beginning: its first :data:`LOOK_AT_BYTES` bytes, or more.
        """
        there = {line.rstrip() for line in beginning.removeprefix(_BOM).splitlines()}
        return not beginning.strip() or there.issuperset(self.lines(path))

    def put_on(self, path: str, data: bytes) -> bytes:
        """The file with the header, after the lines that must stay first, in the file's own line ends; as it was when it has one."""
        if self.is_on(path, data[:LOOK_AT_BYTES]):
            return data
        bom = _BOM if data.startswith(_BOM) else b""
        rest = data.removeprefix(bom).splitlines(keepends=True)
        end = b"\r\n" if rest[0].endswith(b"\r\n") else b"\n"
        pinned = 0
        while pinned < min(2, len(rest)) and _PINNED.match(rest[pinned]):
            pinned += 1
        first = [line if line.endswith((b"\n", b"\r")) else line + end for line in rest[:pinned]]
        return b"".join([bom, *first, *(line + end for line in self.lines(path)), *rest[pinned:]])
