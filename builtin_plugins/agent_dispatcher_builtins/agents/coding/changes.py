"""What an agent changed, by what is in the folder: nothing it says about that is looked at."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from attrs import frozen

from agent_dispatcher.agents.base_agent import AgentWorkspace
from agent_dispatcher.errors import PathRefused
from agent_dispatcher.extension.components import Language
from agent_dispatcher.models import Artifact

__all__ = ["Changes", "artifacts", "changes", "pictured"]


@frozen(kw_only=True)
class Changes:
    """Files that are not as they were; sorted paths.

    Attributes:
        written: files that are new or other than before.
        deleted: files that are gone.
    """

    written: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.written or self.deleted)

    def __str__(self) -> str:
        parts = [f"wrote {_some(self.written)}"] if self.written else []
        parts += [f"deleted {_some(self.deleted)}"] if self.deleted else []
        return ", ".join(parts) or "changed nothing"


def pictured(workspace: AgentWorkspace) -> dict[str, str]:
    """Every file and the digest of its content; blocks while it reads."""
    return {path: _digest(workspace, path) for path in workspace.files()}


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> Changes:
    """The difference of two pictures."""
    return Changes(
        written=tuple(sorted(path for path, digest in after.items() if before.get(path) != digest)),
        deleted=tuple(sorted(before.keys() - after.keys())),
    )


def artifacts(made: Changes, task: str, language: Language | None) -> tuple[Artifact, ...]:
    """What was written, by what the language says that it is."""
    return tuple(Artifact(name=path, type=_sort(path, language), path=path, task=task) for path in made.written)


def _digest(workspace: AgentWorkspace, path: str) -> str:
    try:
        return hashlib.sha256(workspace.read_bytes(path)).hexdigest()
    except (PathRefused, FileNotFoundError) as error:
        return str(error)  # too large to be read, or gone: the reason tells it from what can be read


def _sort(path: str, language: Language | None) -> str:
    if language is not None and language.is_test(path):
        return "test"
    return "doc" if path.lower().endswith((".md", ".rst", ".txt")) else "code"


def _some(paths: tuple[str, ...]) -> str:
    shown = ", ".join(paths[:4])
    return f"{shown} and {len(paths) - 4} more" if len(paths) > 4 else shown
