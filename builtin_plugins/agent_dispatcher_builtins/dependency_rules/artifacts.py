"""The rule that follows artifacts from who makes them to who needs them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence

from agent_dispatcher.extension import PlanningContext, Requires
from agent_dispatcher.models import ArtifactRef, Specification, Task

__all__ = ["ArtifactsRule"]

#: How sure it is that a task waits for the one that makes what it needs by name.
_CONFIDENCE = 0.9


class ArtifactsRule:
    """Reads only what tasks promise (``produces``) and need (``consumes``).

    * A task that needs an artifact waits for every task that makes it; one that needs a folder (``src/``) for every task that writes in it.
    * A task that needs and makes the same artifact changes it: it waits for those that only make it.
    * A test and what it verifies are written at the same time: nothing is said about such a pair.
    """

    async def find(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Iterable[Requires]:
        """Edges of kind ``data``. That writers of one file do not meet is the business of the rule ``resources``."""
        made = {task.id: frozenset(map(_plain, task.produces)) for task in tasks}
        needed = {task.id: frozenset(map(_plain, task.consumes)) for task in tasks}
        makers: dict[ArtifactRef, list[Task]] = {}
        for task in tasks:
            for artifact in sorted(made[task.id]):
                makers.setdefault(artifact, []).append(task)
        return list(_edges(tasks, made, needed, makers))


Names = Mapping[str, frozenset[ArtifactRef]]


def _edges(
    tasks: Sequence[Task], made: Names, needed: Names, makers: Mapping[ArtifactRef, list[Task]]
) -> Iterator[Requires]:
    paths = sorted(artifact for artifact in makers if artifact.type == "path")
    for task in tasks:
        for artifact in sorted(needed[task.id]):
            changes = artifact in made[task.id]
            sources = [(artifact, maker) for maker in makers.get(artifact, ())]
            if artifact.type == "path" and artifact.name.endswith("/"):
                sources += [
                    (path, maker) for path in paths if path.name.startswith(artifact.name) for maker in makers[path]
                ]
            for what, maker in sources:
                if maker.id == task.id or (changes and what in needed[maker.id]) or _tests(task, maker):
                    continue
                yield Requires(
                    maker.id,
                    task.id,
                    "data",
                    _CONFIDENCE,
                    f'"{task.title}" needs {_said(artifact)}, which "{maker.title}" makes'
                    if what == artifact
                    else f'"{task.title}" needs {_said(artifact)}, in which "{maker.title}" writes {what.name}',
                    task.source or maker.source,
                )


def _tests(first: Task, second: Task) -> bool:
    return first.id in second.verifies or second.id in first.verifies


def _plain(artifact: ArtifactRef) -> ArtifactRef:
    """Paths in one spelling; a folder keeps its slash at the end."""
    if artifact.type != "path" or not artifact.name:
        return artifact
    name = posixpath.normpath(artifact.name.replace("\\", "/"))
    return ArtifactRef(type="path", name=f"{name}/" if artifact.name.endswith(("/", "\\")) and name != "." else name)


def _said(artifact: ArtifactRef) -> str:
    return artifact.name if artifact.type == "path" else f"the {artifact.type} {artifact.name}"
