"""What is asked of an attempt's changes before they are sealed: which of them are its work, and whether a key is among them.

An agent that writes only through its workspace says so (``commands_write = False``): what commands that it ran have left behind (a database that a test made, a
report of coverage, a folder of a build) is not its work then, whichever round it is from. Of an agent that lets its commands write everything counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from attrs import define, field

from ..errors import PathRefused, WorkspaceError
from ..extension.components import Opened, Remembering, Workspace
from ..provenance.scrubbing import Scrubber
from ..workspace.path_guard import GuardedFolder

__all__ = ["KeyInWork", "Sealing"]

_MOST_SHOWN = 5


class KeyInWork(WorkspaceError):
    """A key that the run knows of stands in changed files; the message names file and line, and never the key."""


@define
class Sealing:
    """Asked once for each attempt; see ``keep`` of :meth:`agent_dispatcher.extension.Workspace.seal`.

    Args:
        wrote: paths that the agent wrote or deleted through its workspace: of one that did nothing of that, nothing is kept. ``None`` where whatever was changed
            is its work.
        scrubber: knows the keys.

    Attributes:
        left_out: what was changed and is not kept; sorted.
    """

    workspace: Workspace
    opened: Opened
    scrubber: Scrubber
    wrote: Collection[str] | None = None
    left_out: tuple[str, ...] = field(default=(), init=False)

    @property
    def anything(self) -> bool:
        """Whether there is anything to ask."""
        return self.wrote is not None or bool(self.scrubber.values)

    async def __call__(self, paths: Sequence[str]) -> Sequence[str]:
        """Those of the changed paths that are kept.

        Raises:
            KeyInWork: and nothing is to be.
        """
        wrote = self.wrote
        kept = list(paths) if wrote is None else [path for path in paths if path in wrote]
        self.left_out = tuple(sorted({*paths}.difference(kept)))
        if kept and self.scrubber.values:
            await self._refuse_keys(kept)
        return kept

    async def _refuse_keys(self, paths: Sequence[str]) -> None:
        found = await asyncio.to_thread(_lines_with_keys, self.opened.path, paths, self.scrubber)
        if not found:
            return
        before = await self._texts_before(paths)
        known = {line.strip() for text in before for line in text.splitlines()}
        new = [
            f"{path}:{line}"
            for path, line, said in found
            if (not any(said in text for text in before) if _is_over_lines(said) else said not in known)
        ]
        if new:
            more = f" and {len(new) - _MOST_SHOWN} more" if len(new) > _MOST_SHOWN else ""
            raise KeyInWork(
                f"a key that the run knows of stands in {', '.join(new[:_MOST_SHOWN])}{more}: read it from an environment variable instead of "
                "writing it into a file (what is named like a key and is none goes into provenance.not_secrets)"
            )

    async def _texts_before(self, paths: Iterable[str]) -> list[str]:
        """The changed files as they were: a key that was there, or is moved with its line, is not the agent's doing."""
        if not isinstance(self.workspace, Remembering):
            return []
        return [_text(await self.workspace.content(self.opened.base, path) or b"") for path in paths]


def _lines_with_keys(root: Path, paths: Iterable[str], scrubber: Scrubber) -> list[tuple[str, int, str]]:
    """File, line and text of each line with a key; of a key of several lines the first one, and the key."""
    folder = GuardedFolder(root)
    found = []
    for path in paths:
        try:
            text = _text(folder.read_bytes(path))
        except (FileNotFoundError, PathRefused):
            continue  # deleted, or nothing that is kept
        if scrubber.holds(text):
            lines = enumerate(text.splitlines(), 1)
            found += [(path, number, line.strip()) for number, line in lines if scrubber.holds(line)]
            long = [value for value in scrubber.values if _is_over_lines(value) and value in text]
            found += [(path, len(text[: text.index(value) + 1].splitlines()), value) for value in long]
    return found


def _is_over_lines(text: str) -> bool:
    return text.splitlines() != [text]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
