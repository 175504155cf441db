"""Changing a few characters of a file that is somebody else's: everything around them stays as it is, byte for byte."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

from agent_dispatcher.errors import PathRefused

__all__ = ["Edit", "apply", "rewrite"]

_BOM = b"\xef\xbb\xbf"


@frozen(order=True)
class Edit:
    """The characters from ``start`` up to ``end`` (offsets into the text without a byte order mark) become ``text``."""

    start: int
    end: int
    text: str


def apply(text: str, edits: Iterable[Edit]) -> str:
    """``text`` with all ``edits``, which must not overlap."""
    parts, done = [], 0
    for edit in sorted(edits):
        if edit.start < done:
            raise ValueError(f"edits overlap at {edit.start}")
        parts += [text[done : edit.start], edit.text]
        done = edit.end
    return "".join([*parts, text[done:]])


def rewrite(file: Path, text: str, within: Path) -> None:
    """Put ``text`` into ``file``, whole or not at all; its byte order mark and permissions stay.

    Args:
        file: an existing regular file.
        text: the new text, without a byte order mark and with the line ends it is to have.
        within: a folder the file must lie in, links followed.

    Raises:
        PathRefused: the file is a link, or a link leads out of the folder: what it names would be changed instead.
    """
    if file.is_symlink():
        raise PathRefused(str(file), "it is a link, and only the file itself may be changed")
    if not file.resolve().is_relative_to(within.resolve()):
        raise PathRefused(str(file), f"a link leads out of {within}")
    data = text.encode("utf-8")
    with file.open("rb") as old:
        if old.read(len(_BOM)) == _BOM:
            data = _BOM + data
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".ad-writing-")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        shutil.copymode(file, name)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
