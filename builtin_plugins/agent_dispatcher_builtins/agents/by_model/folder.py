"""The attempt's folder as the rounds use it: texts out, texts in, and everything put back as it was, byte for byte.

A model is shown texts and answers with texts. A file that is there and is none (not UTF-8, a link, larger than may be read) it has not seen, so it may neither
change nor replace it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from contextlib import suppress

from attrs import field, frozen

from agent_dispatcher.agents import AgentWorkspace
from agent_dispatcher.errors import PathRefused

__all__ = ["Files", "WorkFolder"]

#: Path to text; ``None`` for a file that is not there.
Files = Mapping[str, str | None]


def _nothing_against(path: str) -> str | None:
    return None


@frozen(kw_only=True)
class WorkFolder:
    """What an answer may do to the attempt's folder.

    Args:
        refuse: why a path may not be written, ``None`` if it may.
        refuse_removal: why a file that is there may not be removed or renamed, ``None`` if it may.
    """

    workspace: AgentWorkspace
    refuse: Callable[[str], str | None] = field(default=_nothing_against)
    refuse_removal: Callable[[str], str | None] = field(default=_nothing_against)

    def read(self, path: str) -> str | None:
        """The text of a file; ``None`` when there is none, or none that is text: see :meth:`refused`."""
        try:
            return self.workspace.read_text(path)
        except (FileNotFoundError, PathRefused):
            return None

    def refused(self, files: Files) -> tuple[str, ...]:
        """What may not be made of the folder, in sentences: what the task may not write or remove, and what is there and is no text."""
        faults = []
        for path, text in files.items():
            what, refuse = ("written", self.refuse) if text is not None else ("removed", self.refuse_removal)
            if why := self._no_text(path):
                faults.append(why)
            elif text is None and self.read(path) is None:
                continue
            elif why := refuse(path):
                faults.append(f"{path} may not be {what}: {why}")
        return tuple(faults)

    def put(self, files: Files) -> tuple[str, ...]:
        """Make the folder hold ``files``, or say what is refused; of what :meth:`refused` tells nothing is begun."""
        if faults := self.refused(files):
            return faults
        found = []
        for path, text in files.items():
            try:
                if text is not None:
                    self.workspace.write_text(path, text)
                else:
                    self._remove(path)
            except PathRefused as error:
                found.append(str(error))
        return tuple(found)

    def keep(self, paths: Iterable[str]) -> dict[str, bytes | None]:
        """The bytes of these files as they are now, for :meth:`put_back`; ``None`` for those that are not there. One that cannot be read is left out."""
        kept: dict[str, bytes | None] = {}
        for path in paths:
            try:
                kept[path] = self.workspace.read_bytes(path)
            except FileNotFoundError:
                kept[path] = None
            except PathRefused:
                continue
        return kept

    def put_back(self, kept: Mapping[str, bytes | None]) -> tuple[str, ...]:
        """Make these files what they were; says which could not be, since what was run has put something else in their place."""
        faults = []
        for path, data in kept.items():
            try:
                if data is not None:
                    self.workspace.write_bytes(path, data)
                else:
                    self._remove(path)
            except PathRefused as error:
                faults.append(f"{path} cannot be put back as it was: {error}")
        return tuple(faults)

    def paths(self) -> frozenset[str]:
        """What is there now, for :meth:`clear`."""
        return frozenset(self.workspace.files())

    def clear(self, there: Set[str]) -> None:
        """Remove files that are not among these: what tests and tools have left behind is nothing that the next round should find."""
        for path in self.workspace.files():
            if path not in there:
                with suppress(PathRefused, FileNotFoundError):
                    self.workspace.delete(path)

    def _remove(self, path: str) -> None:
        if self.workspace.exists(path):
            self.workspace.delete(path)

    def _no_text(self, path: str) -> str | None:
        """Why the file that is at ``path`` cannot be shown as text; ``None`` when it can, or there is none."""
        try:
            self.workspace.read_text(path)
        except FileNotFoundError:
            return None
        except PathRefused as error:
            return str(error)
        return None
