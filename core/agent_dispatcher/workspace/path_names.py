"""Which names a file in a workspace may have. Pure: looks at text only, never at a disk.

A name is refused when it means something else somewhere: to git, to another operating system, to a terminal, or to a file system that
folds case. What the disk holds at that name is the subject of :mod:`agent_dispatcher.workspace.path_guard`.
"""

from __future__ import annotations

import unicodedata
from itertools import chain

from ..errors import PathRefused

__all__ = ["MAX_NAME_BYTES", "MAX_PATH_BYTES", "is_git_name", "split_path", "twin_key"]

#: Longest name of one file or folder, in bytes of UTF-8.
MAX_NAME_BYTES = 255
#: Longest path, in bytes of UTF-8.
MAX_PATH_BYTES = 1024
#: Deepest nesting of folders.
_MAX_DEPTH = 64

_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"]
)
_FORBIDDEN = frozenset('\\:*?"<>|')

#: Code points that some file systems drop when they compare names.
_IGNORABLE = frozenset(
    chain(
        (0x00AD, 0x034F, 0x061C, 0x180E, 0xFEFF),
        range(0x200B, 0x2010),
        range(0x202A, 0x202F),
        range(0x2060, 0x2070),
        range(0xFE00, 0xFE10),
    )
)


def twin_key(name: str) -> str:
    """Equal for two names that some file system takes for one: compatibility, case and composition folded."""
    visible = "".join(c for c in name if ord(c) not in _IGNORABLE)
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())


def is_git_name(name: str) -> bool:
    """Whether git, on some operating system, takes ``name`` for its own folder (``.GIT``, ``git~1``, ``.git::$DATA``)."""
    key = twin_key(name).split(":", 1)[0].rstrip(". ")
    return key == ".git" or (key.startswith("git~") and key[4:].isdigit())


def split_path(path: str) -> tuple[str, ...]:
    """The names ``path`` is made of.

    Args:
        path: relative, ``/`` separated.

    Returns:
        At least one name, none of them ``.`` or ``..``.

    Raises:
        PathRefused: with the reason.
    """
    if not isinstance(path, str):
        raise PathRefused(repr(path), "it is not text")
    if not path:
        raise PathRefused(path, "it is empty")
    if "\0" in path:
        raise PathRefused(path, "it holds a NUL")
    try:
        encoded = path.encode("utf-8")
    except UnicodeEncodeError:
        raise PathRefused(path, "it is not valid UTF-8") from None
    if len(encoded) > MAX_PATH_BYTES:
        raise PathRefused(path[:60] + "…", f"it is longer than {MAX_PATH_BYTES} bytes")
    if path.startswith("/"):
        raise PathRefused(path, "it is absolute: give it relative to the workspace")
    if path.startswith("\\"):
        raise PathRefused(path, "it starts with a backslash: give it relative to the workspace, with '/' between names")
    if path.startswith("~"):
        raise PathRefused(path, "it starts with '~', which shells take for a home folder")
    names = tuple(path.split("/"))
    if len(names) > _MAX_DEPTH:
        raise PathRefused(path[:60] + "…", f"it is nested deeper than {_MAX_DEPTH} folders")
    for name in names:
        why = _why_not(name)
        if why:
            raise PathRefused(path, why)
    if twin_key(names[0]).rstrip(". ") == ".dispatcher":
        raise PathRefused(path, "'.dispatcher' belongs to the dispatcher")
    return names


def _why_not(name: str) -> str | None:
    if not name:
        return "it has an empty name in it (a doubled or trailing '/')"
    if name in (".", ".."):
        return f"{name!r} is not allowed in it: name the file directly"
    if len(name.encode("utf-8")) > MAX_NAME_BYTES:
        return f"the name {name[:30]}… is longer than {MAX_NAME_BYTES} bytes"
    for character in name:
        if unicodedata.category(character) in ("Cc", "Zl", "Zp"):
            return f"the name {name!r} holds a control character"
        if ord(character) in _IGNORABLE:
            return f"the name {name!r} holds an invisible character"
        if character in _FORBIDDEN:
            return f"the name {name!r} holds {character!r}, which not every file system allows"
    if is_git_name(name):
        return f"the name {name!r} belongs to git"
    if name != name.rstrip(". "):
        return f"the name {name!r} ends with a dot or a space, which not every file system keeps"
    if name.split(".", 1)[0].rstrip(" ").casefold() in _RESERVED:
        return f"the name {name!r} is a device on Windows"
    return None
