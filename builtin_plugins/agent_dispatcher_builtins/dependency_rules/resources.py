"""The rule that keeps tasks apart which cannot share something: a file both write, a thing there is only once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from agent_dispatcher.extension import Excludes, PlanningContext
from agent_dispatcher.models import ArtifactRef, Specification, Task
from agent_dispatcher.planning.declared import declared_edges

from .pairs import plain

__all__ = ["ResourcesRule"]


class ResourcesRule:
    """Reads only what tasks promise (``produces``) and need (``consumes``), and gives exclusions, never an order.

    * Two tasks that both make, or both change, one path must not run at the same time, unless an order is declared. (Who changes a file waits for who
      makes it: that is an edge of the rule ``artifacts``.)
    * Tasks that need the same artifact of the type ``resource`` (a port, a device, the only staging server) must not run at the same time.
    * A folder is no place to collide in: it is the files that do.
    """

    async def find(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Iterable[Excludes]:
        """Exclusions named ``path:...`` and ``resource:...``."""
        users: dict[ArtifactRef, list[tuple[Task, bool]]] = {}
        for task in tasks:
            made, needed = frozenset(map(plain, task.produces)), frozenset(map(plain, task.consumes))
            for artifact in sorted(made | needed):
                if (artifact.type == "path" and artifact in made and not artifact.name.endswith("/")) or (
                    artifact.type == "resource"
                ):
                    users.setdefault(artifact, []).append((task, artifact in needed))
        if not any(len(each) > 1 for each in users.values()):
            return []
        return list(_exclusions(users, _declared_order(tasks)))


def _exclusions(
    users: Mapping[ArtifactRef, Sequence[tuple[Task, bool]]], order: Mapping[str, set[str]]
) -> Iterator[Excludes]:
    for artifact, using in sorted(users.items(), key=lambda item: item[0]):
        if artifact.type == "resource":
            groups = [[task for task, _ in using]]
        else:
            groups = [[task for task, needs in using if needs is changes] for changes in (False, True)]
        for group in groups:
            apart = [
                task
                for task in group
                if any(
                    other is not task and other.id not in order[task.id] and task.id not in order[other.id]
                    for other in group
                )
            ]
            if len(apart) > 1:
                titles = " and ".join(f'"{task.title}"' for task in apart)
                verb = "need" if artifact.type == "resource" else "write"
                yield Excludes(
                    tuple(task.id for task in apart),
                    f"{artifact.type}:{artifact.name}",
                    f"{titles} {verb} {artifact.name}",
                    next((task.source for task in apart if task.source), ""),
                )


def _declared_order(tasks: Sequence[Task]) -> dict[str, set[str]]:
    """For each task all that are declared, directly or not, to come before it."""
    before: dict[str, list[str]] = {task.id: [] for task in tasks}
    for edge in declared_edges(tasks):
        before[edge.after].append(edge.before)
    order: dict[str, set[str]] = {}
    for task in tasks:
        seen: set[str] = set()
        stack = [task.id]
        while stack:
            for name in before[stack.pop()]:
                if name not in seen:
                    seen.add(name)
                    stack.append(name)
        order[task.id] = seen
    return order
