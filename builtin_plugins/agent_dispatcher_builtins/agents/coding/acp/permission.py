"""Which requests of an agent are granted: what lies in the task's folder, and commands, which the sandbox holds there. Everything else is refused."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from agent_dispatcher.errors import PathRefused
from agent_dispatcher.workspace.path_names import split_path

__all__ = ["chosen", "inside", "is_granted"]

#: What changes or reads files, and has to say which.
_ABOUT_FILES: Final = frozenset({"read", "edit", "delete", "move", "search"})
#: What needs no file: a command runs in the sandbox, a thought nowhere.
_HARMLESS: Final = frozenset({"execute", "think"})
#: Where a request that gives no locations names the file, in the tools of the agents that were tried.
_PATHS: Final = ("path", "file_path", "filePath", "filepath", "absolute_path", "abs_path")


def inside(folder: str, path: str) -> str:
    """``path`` relative to ``folder``.

    Raises:
        PathRefused: it lies elsewhere, or is one that nobody may touch.
    """
    whole = posixpath.normpath(posixpath.join(folder, path))
    if not whole.startswith(folder.rstrip("/") + "/"):
        raise PathRefused(path, "it is not in the folder of the task")
    relative = whole[len(folder.rstrip("/")) + 1 :]
    split_path(relative)
    return relative


def is_granted(folder: str, call: Mapping[str, Any]) -> bool:
    """Whether a tool call, as the protocol writes it, may be made."""
    kind = call.get("kind") or "other"
    if kind in _HARMLESS:
        return True
    paths = list(_paths(call))
    if kind not in _ABOUT_FILES or not paths:
        return False
    return all(_is_inside(folder, path, whole_too=kind in ("read", "search")) for path in paths)


def chosen(options: Sequence[Mapping[str, Any]], granted: bool) -> str | None:
    """The id of the option to answer with: for this once, never for always where there is a choice; ``None`` when none fits."""
    kinds = ("allow_once", "allow_always") if granted else ("reject_once", "reject_always")
    for kind in kinds:
        for option in options:
            if option.get("kind") == kind:
                return str(option.get("optionId"))
    return None


def _paths(call: Mapping[str, Any]) -> Iterator[str]:
    """Every path the call names."""
    for location in call.get("locations") or ():
        yield str(location.get("path"))
    for content in call.get("content") or ():
        if content.get("type") == "diff":
            yield str(content.get("path"))
    given = call.get("rawInput")
    if isinstance(given, dict):
        yield from (given[name] for name in _PATHS if isinstance(given.get(name), str))


def _is_inside(folder: str, path: str, *, whole_too: bool) -> bool:
    if whole_too and posixpath.normpath(posixpath.join(folder, path)) == folder.rstrip("/"):
        return True
    try:
        inside(folder, path)
    except PathRefused:
        return False
    return True
