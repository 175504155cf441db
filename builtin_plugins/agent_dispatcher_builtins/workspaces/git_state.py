"""What a run in git must know again after a crash; kept in a file of its own, written as a whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

from attrs import asdict, evolve, frozen

from agent_dispatcher.errors import WorkspaceError

__all__ = ["GitState", "load_state", "save_state", "write_as_a_whole"]


@frozen(kw_only=True)
class GitState:
    """Attributes:
    base: the commit the run starts from.
    branch: the run's branch.
    new: the repository was made for this run.
    head: the branch that is fast-forwarded at the end of a new repository's run.
    finishing: the tip that a ``finish`` was about to check out; ``""`` when none was.
    """

    base: str
    branch: str
    new: bool
    head: str = ""
    finishing: str = ""

    def with_finishing(self, tip: str) -> GitState:
        """The same, with ``tip`` about to be checked out (``""``: none is)."""
        return evolve(self, finishing=tip)


def load_state(file: Path) -> GitState | None:
    """What an earlier process wrote; ``None`` when there was none."""
    try:
        return GitState(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise WorkspaceError(
            f"{file} cannot be read ({error}): it says where the run began; restore it or start a new run"
        ) from error


def save_state(file: Path, state: GitState) -> None:
    """Write it."""
    write_as_a_whole(file, json.dumps(asdict(state)))


def write_as_a_whole(file: Path, text: str) -> None:
    """The file holds ``text`` or what it held before, never a part."""
    file.parent.mkdir(parents=True, exist_ok=True)
    working = file.with_suffix(".tmp")
    working.write_text(text, encoding="utf-8")
    working.replace(file)
