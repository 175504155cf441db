"""What several rules ask about tasks and their artifacts."""

from __future__ import annotations

import posixpath

from agent_dispatcher.models import ArtifactRef, Task

__all__ = ["one_tests_the_other", "plain"]


def one_tests_the_other(first: Task, second: Task) -> bool:
    """Whether one verifies the other: such a pair is written at the same time, and no rule orders it."""
    return first.id in second.verifies or second.id in first.verifies


def plain(artifact: ArtifactRef) -> ArtifactRef:
    """Paths in one spelling; a folder keeps its slash at the end."""
    if artifact.type != "path" or not artifact.name:
        return artifact
    name = posixpath.normpath(artifact.name.replace("\\", "/"))
    return ArtifactRef(type="path", name=f"{name}/" if artifact.name.endswith(("/", "\\")) and name != "." else name)
