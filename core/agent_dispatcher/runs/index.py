"""Where runs are: from a run's id, or the folder somebody stands in, to the output folder that holds its state."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from ..errors import UsageError

__all__ = [
    "STATE_FOLDER",
    "KnownRun",
    "find_output",
    "forget_run",
    "known_runs",
    "new_run_id",
    "remember_run",
    "state_home",
]

#: Folder below an output that holds everything about its runs.
STATE_FOLDER = ".dispatcher"


@frozen(kw_only=True)
class KnownRun:
    """A run that this user started: ``output`` may be gone by now."""

    run: str
    output: Path
    title: str
    started_at: float


def state_home() -> Path:
    """``$XDG_STATE_HOME/agent-dispatcher``."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "agent-dispatcher"


def new_run_id() -> str:
    """An id that sorts by time and can be part of a branch name: ``20260131-120000-3fa9``."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def remember_run(run: str, output: Path, title: str) -> None:
    """Write the run into the user's index. An index that cannot be written loses only the short way to name a run."""
    folder = state_home() / "runs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        entry = {"output": str(output.resolve()), "title": title, "started_at": time.time()}
        (folder / f"{run}.json").write_text(json.dumps(entry), encoding="utf-8")
    except OSError:
        return


def forget_run(run: str) -> None:
    """Take the run out of the user's index. Harmless when it is not in it."""
    with contextlib.suppress(OSError):
        (state_home() / "runs" / f"{run}.json").unlink(missing_ok=True)


def known_runs() -> Iterator[KnownRun]:
    """Runs in the user's index, oldest first; unreadable entries are left out."""
    folder = state_home() / "runs"
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            entry = json.loads(path.read_text(encoding="utf-8"))
            yield KnownRun(
                run=path.stem,
                output=Path(entry["output"]),
                title=str(entry["title"]),
                started_at=float(entry["started_at"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            continue


def find_output(run: str | None = None, output: str | os.PathLike[str] | None = None) -> Path:
    """The output folder a command means.

    Args:
        run: a run's id from the user's index, or ``None``.
        output: a folder the user named; it wins.

    Returns:
        The folder that holds ``.dispatcher``.

    Raises:
        UsageError: nothing is there, with where was looked.
    """
    if output is not None:
        folder = Path(output)
        if not (folder / STATE_FOLDER).is_dir():
            raise UsageError(f"{folder}: no run was started there (no {STATE_FOLDER} folder)")
        return folder.resolve()
    here = Path.cwd()
    nearest = next((folder for folder in (here, *here.parents) if (folder / STATE_FOLDER).is_dir()), None)
    if run is None:
        if nearest is None:
            raise UsageError(
                f"no run at or above {here}: go into an output folder, name a run (see 'agent-dispatcher runs'), or give --output"
            )
        return nearest
    known = {entry.run: entry for entry in known_runs()}
    if run in known:
        if not (known[run].output / STATE_FOLDER).is_dir():
            raise UsageError(f"run {run} was in {known[run].output}, which is no longer there")
        return known[run].output
    if nearest is not None:
        return nearest
    from difflib import get_close_matches

    close = get_close_matches(run, known, n=3)
    hint = f"; close: {', '.join(close)}" if close else ""
    raise UsageError(f"no run called {run!r} is known{hint} (see 'agent-dispatcher runs')")
