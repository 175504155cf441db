"""Full outputs of checks, read from the run's folder and from nowhere else."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from urllib.parse import quote

from attrs import frozen

__all__ = ["Logs"]

_TAIL_BYTES = 8_000


@frozen
class Logs:
    """The run's folder. What a check calls its log is only believed when it is a file inside."""

    folder: Path

    def link(self, log: str) -> str | None:
        """A relative address of the log for the page, ``None`` when there is no such file in the folder."""
        if self._find(log) is None:
            return None
        return "./" + quote(PurePosixPath(log).as_posix())

    def tail(self, log: str) -> str:
        """The last part of the log, ``""`` when there is none."""
        path = self._find(log)
        if path is None:
            return ""
        try:
            with path.open("rb") as file:
                file.seek(0, 2)
                file.seek(max(0, file.tell() - _TAIL_BYTES))
                return file.read(_TAIL_BYTES).decode("utf-8", "replace")
        except OSError:
            return ""

    def _find(self, log: str) -> Path | None:
        if not log or "\0" in log or PurePosixPath(log).is_absolute() or ".." in PurePosixPath(log).parts:
            return None
        try:
            path = (self.folder / log).resolve()
            inside = path.is_relative_to(self.folder.resolve()) and path.is_file()
        except (OSError, ValueError):
            return None
        return path if inside else None
