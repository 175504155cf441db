"""The rule that follows artifacts from who makes them to who needs them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from agent_dispatcher.extension import PlanningContext, Requires
from agent_dispatcher.models import ArtifactRef, Specification, Task

from .naming import Named, named
from .pairs import one_tests_the_other, plain
from .unordered import unordered

__all__ = ["ArtifactsRule"]

#: How sure it is that a task waits for the one that makes what it needs by name.
_CONFIDENCE = 0.9
#: ... that what one task says in prose that it makes, and another names, is such a thing: written as code or a path, and only looking like a name.
_SAID = 0.45
_LOOKING = 0.4
#: What more tasks name than this, or more than half of them, is part of the subject, not of one task's work.
_SUBJECT = 40


class ArtifactsRule:
    """Reads what tasks promise (``produces``) and need (``consumes``); of tasks about whose order nobody has said anything (:mod:`.unordered`) also what they name.

    * A task that needs an artifact waits for every task that makes it; one that needs a folder (``src/``) for every task that writes in it.
    * A task that needs and makes the same artifact changes it: it waits for those that only make it.
    * What exactly one task says it makes (*create `app/models.py`*, *implement `POST /loans`*, *Add the LoanPolicy*) is needed by those that name it.
    * A test and what it verifies are written at the same time: nothing is said about such a pair.
    """

    async def find(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Iterable[Requires]:
        """Edges of kind ``data``. That writers of one file do not meet is the business of the rule ``resources``."""
        made = {task.id: frozenset(map(plain, task.produces)) for task in tasks}
        needed = {task.id: frozenset(map(plain, task.consumes)) for task in tasks}
        makers: dict[ArtifactRef, list[Task]] = {}
        for task in tasks:
            for artifact in sorted(made[task.id]):
                makers.setdefault(artifact, []).append(task)
        return [*_edges(tasks, made, needed, makers), *_said_edges(unordered(tasks, specification, context))]


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
                if maker.id == task.id or (changes and what in needed[maker.id]) or one_tests_the_other(task, maker):
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


def _said_edges(tasks: Sequence[Task]) -> Iterator[Requires]:
    """From who says that it makes something to who names it."""
    naming: dict[ArtifactRef, dict[int, Named]] = {}
    for number, task in enumerate(tasks):
        for each in named(task):
            known = naming.setdefault(each.thing, {}).get(number)
            if known is None or (each.made and not known.made):
                naming[each.thing][number] = each
    for thing in sorted(naming):
        users = naming[thing]
        makers = [number for number, each in users.items() if each.made]
        if len(makers) != 1:
            continue
        if "*" not in thing.name and 1 < len(users) <= min(_SUBJECT, max(3, len(tasks) // 2)):
            for user, how in users.items():
                yield from _said_edge(tasks, makers[0], users[makers[0]], user, how)
    yield from _globbed(tasks, naming)


def _globbed(tasks: Sequence[Task], naming: Mapping[ArtifactRef, Mapping[int, Named]]) -> Iterator[Requires]:
    """From who says that it makes a file to who names a pattern of files that it fits."""
    files = [
        (thing.name, number, each)
        for thing, users in sorted(naming.items())
        if thing.type == "path" and "*" not in thing.name
        for number, each in users.items()
        if each.made
    ]
    patterns = [thing for thing in sorted(naming) if thing.type == "path" and "*" in thing.name]
    for pattern in patterns[:_SUBJECT]:
        fitting = [(number, each) for name, number, each in files if fnmatchcase(name, pattern.name)]
        for user, how in naming[pattern].items():
            for maker, each in fitting[:_SUBJECT]:
                yield from _said_edge(tasks, maker, each, user, how)


def _said_edge(tasks: Sequence[Task], maker: int, made: Named, user: int, used: Named) -> Iterator[Requires]:
    if maker != user and not (used.made and used.thing == made.thing):
        before, after = tasks[maker], tasks[user]
        yield Requires(
            before.id,
            after.id,
            "data",
            _SAID if made.exact and used.exact else _LOOKING,
            f'"{after.title}" names {used.phrase}; "{before.title}" makes it: "{made.phrase}"',
            after.source or before.source,
        )


def _said(artifact: ArtifactRef) -> str:
    return artifact.name if artifact.type == "path" else f"the {artifact.type} {artifact.name}"
