"""``[workflow]``: tasks that follow others, planned by their types.

::

    after.code_writing = ["security_review"]          write model (R1) ──┐
                                                                         ├──▶ security review of R1
                                                      write store (R1) ──┘

Per requirement and following type there is one task, and it depends on all that requirement's tasks of the types before; a task that serves no
requirement is followed on its own. What follows may be followed in turn. One exception: a *test* is not ordered against what it tests, it
``verifies`` it, so that both are written at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import PurePath
from re import sub

from attrs import evolve

from ..extension.components import Decomposition
from ..models import DeclaredDependency, Requirement, Specification, Task

__all__ = ["follow_up"]

#: The type of task that verifies instead of following.
_TESTING = "testing"
_DONE = frozenset({"completed", "skipped", "cancelled"})


def follow_up(
    decomposition: Decomposition,
    specification: Specification,
    after: Mapping[str, Sequence[str]],
    where: Callable[[str], str] = lambda path: "",
) -> Decomposition:
    """The decomposition with the tasks that the workflow adds, at the end.

    A follow-up keeps its id as long as its type and its requirement (or the one task it follows) stay. Nothing follows tasks that are
    all done already, or tests that exist for everything they would verify.

    Args:
        after: task type to the types that follow it; without circles.
        where: the place where a key of the configuration was set, for the reason of each dependency.
    """
    if not after:
        return decomposition
    tasks = list(decomposition.tasks)
    taken = {task.id for task in tasks}
    tested = {subject for task in tasks if task.type == _TESTING for subject in task.verifies}
    requirements = {each.id: each for each in specification.requirements}
    for following in _in_order(after):
        before = [name for name, types in after.items() if following in types]
        places = {name: _place(name, where) for name in before}
        for key, group in _groups(tasks, frozenset(before)):
            if following == _TESTING:
                group = [task for task in group if task.id not in tested]
            made = _task(following, key, group, requirements.get(key), places)
            if made is None:
                continue
            made = evolve(made, id=_free(made.id, taken))
            taken.add(made.id)
            tasks.append(made)
    return evolve(decomposition, tasks=tasks)


def _in_order(after: Mapping[str, Sequence[str]]) -> list[str]:
    """Every type that follows another, after all types it follows; otherwise as configured."""
    order: list[str] = []

    def visit(name: str) -> None:
        if name in order:
            return
        for before, types in after.items():
            if name in types:
                visit(before)
        order.append(name)

    for types in after.values():
        for name in types:
            visit(name)
    return [name for name in order if any(name in types for types in after.values())]


def _groups(tasks: Iterable[Task], types: frozenset[str]) -> list[tuple[str, list[Task]]]:
    """(requirement, its tasks of these types), in the order of the tasks; for a task without one (its id, itself)."""
    groups: dict[tuple[bool, str], list[Task]] = {}
    for task in tasks:
        if task.type in types and not task.children:
            for key in [(True, each) for each in task.requirements] or [(False, task.id)]:
                groups.setdefault(key, []).append(task)
    return [(key, group) for (_, key), group in groups.items()]


def _task(
    type: str, key: str, group: Sequence[Task], requirement: Requirement | None, places: Mapping[str, str]
) -> Task | None:
    """The task that follows ``group``; ``None`` when nothing is left to do for it."""
    if all(task.status in _DONE for task in group):
        return None
    verifies: tuple[str, ...] = ()
    depends_on: tuple[DeclaredDependency, ...] = ()
    if type == _TESTING:
        verifies = tuple(task.id for task in group)
    else:
        depends_on = tuple(DeclaredDependency(task=task.id, source=places[task.type]) for task in group)
    served = bool(group[0].requirements)
    what = key if served else group[0].title
    name = type.replace("_", " ")
    groups = {task.group for task in group}
    return Task(
        id=f"{_slug(type)}-{_slug(what)}-{sha256(f'workflow{chr(0)}{type}{chr(0)}{key}'.encode()).hexdigest()[:4]}",
        title=f"{name[:1].upper()}{name[1:]} of {_titled(what, requirement)}",
        description=_description(group, requirement),
        type=type,
        requirements=(key,) if served else (),
        depends_on=depends_on,
        verifies=verifies,
        group=groups.pop() if len(groups) == 1 else "",
        priority=max(task.priority for task in group),
    )


def _titled(what: str, requirement: Requirement | None) -> str:
    if requirement is None:
        return what
    line = " ".join(requirement.text.split())
    return f"{what}: {line if len(line) <= 60 else line[:59].rstrip() + '…'}"


def _description(group: Sequence[Task], requirement: Requirement | None) -> str:
    parts = [f"Requirement {requirement.id}: {requirement.text}"] if requirement is not None else []
    lines = []
    for task in group:
        paths = ", ".join(ref.name for ref in task.produces if ref.type == "path")
        lines.append(f"- {task.title} ({task.id})" + (f": {paths}" if paths else ""))
    return "\n\n".join([*parts, "The work in question:\n" + "\n".join(lines)])


def _place(before: str, where: Callable[[str], str]) -> str:
    """Where the entry was set: a file by its name alone, so that a plan does not depend on whose machine it was made on."""
    place = where(f"workflow.after.{before}")
    return PurePath(place).name if place else f"[workflow] after.{before}"


def _slug(text: str) -> str:
    return sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].rstrip("-") or "task"


def _free(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}-{number}", number + 1
    return name
