"""What the workspace ``none`` keeps of a run in ``.dispatcher/folders``, when nobody is at work on it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from agent_dispatcher.errors import WorkspaceError
from agent_dispatcher.workspace.path_guard import GuardedFolder

from .commits import ref_part
from .worktrees import remove_folder

__all__ = ["home", "lost_with", "pack", "remove_run", "unpack"]

#: The landed files of a run, in a packed one.
_LANDED = "landed"


def home(output: Path, run: str) -> Path:
    """Where everything about the run lies."""
    return output.resolve() / ".dispatcher" / "folders" / ref_part(run)


def lost_with(run: str, output: Path) -> Sequence[str]:
    """See :class:`agent_dispatcher.extension.upkeep.RunRemover`: work that was sealed and never landed is nowhere else."""
    landed, sealed = set[str](), dict[str, str]()
    for entry in _journal(home(output, run)):
        if entry["what"] == "sealed":
            sealed[entry["task"]] = entry["ref"]
        elif entry["what"] == "landed":
            landed |= set(entry["tasks"])
    return [
        f"work on {task} that was kept and never landed is in {home(output, run) / 'sealed' / ref} alone: copy what you need"
        for task, ref in sorted(sealed.items())
        if task not in landed and (home(output, run) / "sealed" / ref).is_dir()
    ]


def remove_run(run: str, output: Path) -> None:
    """See :class:`agent_dispatcher.extension.upkeep.RunRemover`. What landed is in the output and stays."""
    remove_folder(home(output, run))


def pack(run: str, output: Path, folder: Path) -> None:
    """See :class:`agent_dispatcher.extension.upkeep.RunMover`: the journal, what was sealed, and of the output what landed."""
    place = home(output, run)
    if not place.is_dir():
        return
    entries = list(_journal(place))
    (folder / "journal").write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    paths = dict[str, str]()
    for entry in entries:
        if entry["what"] == "sealed" and (place / "sealed" / entry["ref"]).is_dir():
            shutil.copytree(place / "sealed" / entry["ref"], folder / "sealed" / entry["ref"], dirs_exist_ok=True)
        elif entry["what"] == "landed":
            paths |= entry["files"]
    for path, digest in paths.items():
        if digest and (output / path).is_file():
            (folder / _LANDED / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(output / path, folder / _LANDED / path)


def unpack(run: str, output: Path, folder: Path) -> None:
    """See :class:`agent_dispatcher.extension.upkeep.RunMover`. A file that is there already must be what landed.

    Raises:
        WorkspaceError: it is not; nothing was written.
    """
    if not (folder / "journal").exists():
        return
    landed = folder / _LANDED
    files = [path.relative_to(landed) for path in sorted(landed.rglob("*")) if path.is_file()]
    others = [
        path
        for path in files
        if (output / path).exists() and (output / path).read_bytes() != (landed / path).read_bytes()
    ]
    if others:
        names = ", ".join(map(str, others[:5]))
        raise WorkspaceError(f"{output} holds other files where the run has its own ({names}): name an empty folder")
    place = home(output, run)
    for path in files:
        output.mkdir(parents=True, exist_ok=True)
        mode = (landed / path).stat().st_mode & 0o777
        GuardedFolder(output).write_bytes(path.as_posix(), (landed / path).read_bytes(), mode=mode)
    if (folder / "sealed").is_dir():
        shutil.copytree(folder / "sealed", place / "sealed", dirs_exist_ok=True)
    place.mkdir(parents=True, exist_ok=True)
    shutil.copy2(folder / "journal", place / "journal")


def _journal(place: Path) -> Iterator[dict[str, Any]]:
    """The entries; a last line that a kill cut short had not happened yet."""
    try:
        lines = (place / "journal").read_text(encoding="utf-8").splitlines(keepends=True)
    except FileNotFoundError:
        return
    for line in lines:
        if line.endswith("\n"):
            entry: dict[str, Any] = json.loads(line)
            yield entry
