"""What a plan looks like with a patch in it: a pure function of the two, so that a log of patches gives the same plan to everybody.

::

    remove B        A ──▶ B ──▶ C   becomes   A ──▶ C                      who waited for B waits for what B had waited for

    split B         A ──▶ B ──▶ C   becomes   A ──▶ B1 ──▶ B2 ──▶ B ──▶ C   B stays, has no work, and completes with its parts

All of it works on the full binding set, redundant dependencies included, so that nothing that was ordered through a task or a dependency
comes loose with it. Whether a patch *may* be applied is the subject of :mod:`agent_dispatcher.planning.patching`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from attrs import evolve

from ..models import (
    ArtifactRef,
    DeclaredDependency,
    Dependency,
    Dropped,
    Exclusion,
    ExecutionPlan,
    PlanPatch,
    Reason,
    Task,
    TaskSplit,
)
from .planner import assemble

__all__ = ["RULE", "first_parts", "revise", "revise_all"]

#: What stands as the rule in the reasons of everything a patch brings.
RULE = "patch"


def revise(plan: ExecutionPlan, patch: PlanPatch) -> ExecutionPlan:
    """The plan with the patch in it: dependencies, gates, exclusions, phases, critical path and estimates fit again.

    Args:
        patch: every task is named by its id, and is there.

    Raises:
        CycleError: tasks would wait for each other.
    """
    draft = _Draft(plan, patch.why)
    for pair in patch.remove_dependencies:
        draft.untie(pair.before, pair.after)
    for split in patch.split:
        draft.split(split)
    for task in patch.add:
        draft.add(task)
    for dependency in patch.add_dependencies:
        for after in draft.family(dependency.after):
            draft.tie(evolve(dependency, after=after))
    for name in patch.remove:
        draft.remove(name)
    for name, agent_type in patch.reroute.items():
        draft.tasks[name] = evolve(draft.tasks[name], agent_type=agent_type)
    new = [task.id for task in patch.new_tasks if task.id in draft.tasks]
    return draft.assembled(plan, new)


def revise_all(plan: ExecutionPlan, patches: Iterable[PlanPatch]) -> ExecutionPlan:
    """The plan with one patch after the other in it."""
    for patch in patches:
        plan = revise(plan, patch)
    return plan


def first_parts(split: TaskSplit) -> tuple[str, ...]:
    """The parts that wait for no other part."""
    parts = {part.id for part in split.into}
    return tuple(part.id for part in split.into if not any(each.task in parts for each in part.depends_on))


class _Draft:
    """A plan in the making: tasks by id in their order, the full set of dependencies, exclusions and what was dropped."""

    def __init__(self, plan: ExecutionPlan, why: str) -> None:
        self.tasks = {task.id: task for task in plan.tasks}
        self.edges = {(each.before, each.after): each for each in plan.dependencies}
        self.dropped: list[Dropped] = []
        for each in plan.dropped:
            if each.kind == "redundant":
                edge = Dependency(before=each.before, after=each.after, reasons=each.reasons)
                self.edges.setdefault((each.before, each.after), edge)
            else:
                self.dropped.append(each)
        self.exclusions = list(plan.exclusions)
        self.parent = {child: task.id for task in plan.tasks for child in task.children}
        self.why = why or "no reason was given"

    # --- one change each ----------------------------------------------------------------------------------------------

    def tie(self, edge: Dependency) -> None:
        """A dependency more; a binding one replaces an advisory one."""
        key = edge.before, edge.after
        if edge.before in self._line(edge.after) or edge.after in self._line(edge.before):
            return  # a part and its whole: they complete together
        known = self.edges.get(key)
        if known is None or (known.strength != "binding" and edge.strength == "binding"):
            self.edges[key] = edge if edge.reasons else evolve(edge, reasons=(self._reason(self.why),))
        self.dropped = [each for each in self.dropped if (each.before, each.after) != key]

    def untie(self, before: str, after: str) -> None:
        """A dependency less, also where it was declared, and for the children of a parent."""
        for name in self.family(after):
            edge = self.edges.pop((before, name), None)
            if edge is not None:
                item = Dropped(before=before, after=name, kind="patch", why=self.why, reasons=edge.reasons)
                self.dropped.append(item)
            task = self.tasks[name]
            left = tuple(each for each in task.depends_on if each.task != before)
            self.tasks[name] = evolve(task, depends_on=left)

    def add(self, task: Task) -> None:
        """A task more, with what it declares to wait for."""
        self.tasks[task.id] = task
        for declared in task.depends_on:
            reason = self._reason(f"{task.id} declares it: {self.why}", declared.source)
            self.tie(Dependency(before=declared.task, after=task.id, reasons=(reason,)))

    def split(self, split: TaskSplit) -> None:
        """The task becomes the parent of its parts."""
        task = self.tasks[split.task]
        parts = [part.id for part in split.into]
        whole = evolve(task, children=tuple(parts), verifies=(), produces=(), agent_type=None)
        before_it = {key: edge for key, edge in self.edges.items() if key[1] == task.id}
        behind = {key: edge for key, edge in self.edges.items() if key[0] == task.id}
        self._insert(whole, [evolve(part, depends_on=()) for part in split.into])
        self.parent.update(dict.fromkeys(parts, task.id))
        for part in split.into:
            self.add(part)
        for (before, _), edge in before_it.items():
            for name in first_parts(split):
                self.tie(Dependency(before=before, after=name, strength=edge.strength, reasons=edge.reasons))
        if split.last:
            for key, edge in behind.items():
                del self.edges[key]
                for name in split.last:
                    self.tie(evolve(edge, before=name))
            self._rename_declared(task.id, split.last, set(parts))
        self._rename_subject(task.id, parts)
        self.exclusions = [self._shared_out(each, task.id, split.into) for each in self.exclusions]

    def remove(self, name: str) -> None:
        """A task less: what waited for it waits for what it had waited for."""
        task = self.tasks.pop(name)
        parent = self.parent.pop(name, None)
        before = [each for (each, after), edge in self.edges.items() if after == name and edge.strength == "binding"]
        behind = [
            each
            for (each_before, each), edge in self.edges.items()
            if each_before == name and edge.strength == "binding"
        ]
        self.edges = {key: edge for key, edge in self.edges.items() if name not in key}
        self.dropped = [each for each in self.dropped if name not in (each.before, each.after)]
        for child in task.children:
            self.parent.pop(child, None)
            before.append(child)
        if parent is not None:
            self.tasks[parent] = _without_child(self.tasks[parent], name)
            behind.append(parent)
        for first in before:
            for last in behind:
                reason = self._reason(f"{first} → {name} → {last}, and {name} was removed: {self.why}")
                self.tie(Dependency(before=first, after=last, reasons=(reason,)))
        for other in self.tasks.values():
            if name in other.verifies or any(each.task == name for each in other.depends_on):
                self.tasks[other.id] = evolve(
                    other,
                    verifies=tuple(each for each in other.verifies if each != name),
                    depends_on=tuple(each for each in other.depends_on if each.task != name),
                )
        kept = (evolve(each, tasks=tuple(one for one in each.tasks if one != name)) for each in self.exclusions)
        self.exclusions = [each for each in kept if len(each.tasks) > 1]

    # --- what follows -------------------------------------------------------------------------------------------------

    def assembled(self, plan: ExecutionPlan, new: Iterable[str]) -> ExecutionPlan:
        """The plan, with everything computed that follows from tasks and dependencies."""
        self._keep_apart(new)
        made = assemble(
            plan.specification,
            self.tasks.values(),
            self.edges.values(),
            exclusions=self.exclusions,
            dropped=self.dropped,
        )
        return evolve(
            plan,
            tasks=made.tasks,
            dependencies=made.dependencies,
            exclusions=made.exclusions,
            gates=made.gates,
            dropped=made.dropped,
            phases=made.phases,
            critical_path=made.critical_path,
            estimates=made.estimates,
            warnings=tuple(dict.fromkeys((*plan.warnings, *made.warnings))),
        )

    def family(self, name: str) -> list[str]:
        """The task and all its children, theirs included."""
        found = [name]
        for each in found:
            found.extend(child for child in self.tasks[each].children if child in self.tasks)
        return found

    def _keep_apart(self, new: Iterable[str]) -> None:
        """New tasks share nothing that there is only once with tasks they may run beside: a file both write, a resource both need."""
        after: dict[str, list[str]] = {}
        before: dict[str, list[str]] = {}
        for (first, last), edge in self.edges.items():
            if edge.strength == "binding":
                after.setdefault(first, []).append(last)
                before.setdefault(last, []).append(first)
        users: dict[ArtifactRef, list[str]] | None = None
        for name in new:
            things = list(_only_once(self.tasks[name]))
            if not things:
                continue
            if users is None:
                users = self._users()
            ordered = _reached(after, name) | _reached(before, name)
            for thing in things:
                beside = [other for other in users[thing] if other != name and other not in ordered]
                if beside:
                    self._exclude(name, beside, thing)

    def _users(self) -> dict[ArtifactRef, list[str]]:
        users: dict[ArtifactRef, list[str]] = {}
        for task in self.tasks.values():
            for thing in _only_once(task):
                users.setdefault(thing, []).append(task.id)
        return users

    def _exclude(self, name: str, beside: list[str], thing: ArtifactRef) -> None:
        """One pair each: those beside may be in progress together already, and that is no concern of the new task."""
        resource = _resource(thing)
        known = {
            each for one in self.exclusions if one.resource == resource and name in one.tasks for each in one.tasks
        }
        verb = "need" if thing.type == "resource" else "write"
        for other in beside:
            if other not in known:
                reason = evolve(self._reason(f"{other} and {name} {verb} {thing.name}"), kind="resource")
                self.exclusions.append(Exclusion(tasks=(other, name), resource=resource, reasons=(reason,)))

    def _insert(self, whole: Task, parts: list[Task]) -> None:
        """Put the parts behind the whole, in the order of the plan."""
        tasks: dict[str, Task] = {}
        for name, task in self.tasks.items():
            tasks[name] = whole if name == whole.id else task
            if name == whole.id:
                tasks.update((part.id, part) for part in parts)
        self.tasks = tasks

    def _rename_declared(self, name: str, last: Iterable[str], parts: set[str]) -> None:
        for other in self.tasks.values():
            if other.id not in parts and any(each.task == name for each in other.depends_on):
                renamed = [
                    DeclaredDependency(task=one, source=each.source)
                    for each in other.depends_on
                    for one in (last if each.task == name else (each.task,))
                ]
                self.tasks[other.id] = evolve(other, depends_on=tuple(renamed))

    def _rename_subject(self, name: str, parts: Iterable[str]) -> None:
        for other in self.tasks.values():
            if name in other.verifies:
                subjects = [one for each in other.verifies for one in (parts if each == name else (each,))]
                self.tasks[other.id] = evolve(other, verifies=tuple(dict.fromkeys(subjects)))

    def _shared_out(self, exclusion: Exclusion, name: str, parts: Iterable[Task]) -> Exclusion:
        """The exclusion with those parts instead of the whole that use the thing; with all of them where none says so."""
        if name not in exclusion.tasks:
            return exclusion
        users = [part.id for part in parts if exclusion.resource in map(_resource, _only_once(part))]
        users = users or [part.id for part in parts]
        return evolve(
            exclusion, tasks=tuple(one for each in exclusion.tasks for one in (users if each == name else (each,)))
        )

    def _line(self, name: str) -> Iterator[str]:
        """The parents of a task, from the nearest."""
        seen = {name}
        while (name := self.parent.get(name, name)) not in seen:
            seen.add(name)
            yield name

    @staticmethod
    def _reason(evidence: str, source: str = "") -> Reason:
        return Reason(rule=RULE, evidence=evidence, source=source)


def _only_once(task: Task) -> Iterator[ArtifactRef]:
    """What nobody can use beside this task: the files it writes (a folder is no place to collide in), and ``resource`` artifacts."""
    for artifact in dict.fromkeys((*task.produces, *task.consumes)):
        if artifact.type == "resource" or (
            artifact.type == "path" and artifact in task.produces and not artifact.name.endswith("/")
        ):
            yield artifact


def _resource(artifact: ArtifactRef) -> str:
    return f"{artifact.type}:{artifact.name}"


def _without_child(task: Task, name: str) -> Task:
    return evolve(task, children=tuple(child for child in task.children if child != name))


def _reached(adjacency: Mapping[str, list[str]], name: str) -> set[str]:
    seen: set[str] = set()
    queue = deque([name])
    while queue:
        for other in adjacency.get(queue.popleft(), ()):
            if other not in seen:
                seen.add(other)
                queue.append(other)
    return seen
