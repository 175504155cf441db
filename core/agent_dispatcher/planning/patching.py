"""May this patch be applied, now? Everything that speaks against it is said at once, and nothing of it is applied then.

A patch changes what has not begun. Work that is completed, sealed, landing or being worked on stays as it is: such a task is not removed, split
or re-routed, and gets no new dependency; it may be depended on, and verified. A task that failed or is blocked has nothing to lose: removing
it frees what waited for it, splitting and re-routing it gives it another beginning.

An agent may do less than a person. Its patches are counted, and it takes nothing away that was there before: it removes only
what patches brought into the plan, and touches no test of somebody else's work.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from attrs import evolve, frozen

from ..codec import suggestion
from ..errors import CycleError, GraphError, Problem
from ..models import Dependency, ExecutionPlan, PlanPatch, Task
from ._cycles import path_text
from .execution_graph import ExecutionGraph
from .patch_names import resolve_patch
from .revising import revise

__all__ = ["AgentLimits", "PatchedPlan", "apply_patch", "resolve_patch", "tasks_to_assign"]

#: Statuses of tasks that nothing was begun for, or that ended without a result.
_OPEN = frozenset({"pending", "ready", "blocked", "failed"})
#: Statuses of tasks that may be taken out of the plan.
_REMOVABLE = _OPEN | {"skipped", "cancelled"}


@frozen(kw_only=True)
class AgentLimits:
    """What an agent may still do to the plan.

    Attributes:
        patches_left: how many more patches of agents this run takes.
        tasks_left: how many more tasks they may bring.
        brought: ids of tasks that patches of this run brought.
    """

    patches_left: int
    tasks_left: int
    brought: frozenset[str] = frozenset()


@frozen(kw_only=True)
class PatchedPlan:
    """A patch that fits.

    Attributes:
        plan: the plan with the patch in it.
        patch: the patch with an id wherever a task is named.
        warnings: what whoever asked for it should know.
    """

    plan: ExecutionPlan
    patch: PlanPatch
    warnings: tuple[str, ...] = ()


def apply_patch(
    plan: ExecutionPlan,
    statuses: Mapping[str, str],
    patch: PlanPatch,
    *,
    candidates: Mapping[str, Collection[str]] | None = None,
    agent: AgentLimits | None = None,
    retired: Collection[str] = (),
    objections: Sequence[Problem] = (),
) -> PatchedPlan | tuple[Problem, ...]:
    """The plan with the patch in it, or every reason why not.

    Args:
        plan: as it is now.
        statuses: task id to its status now; without an entry the one in the plan.
        candidates: task id to the agent types that accept the task, for those of :func:`tasks_to_assign`; ``None``: any is taken
            at its word that names an agent type.
        agent: given when an agent asks for it; ``None``: a person.
        retired: ids of tasks that an earlier patch removed; no task is called that again.
        objections: what those have against it who were asked for ``candidates``; they said then what nobody accepts.
    """
    patch, problems = resolve_patch(plan, patch, retired)
    if problems:
        return tuple(problems)
    if patch == PlanPatch(why=patch.why):
        return (Problem("the patch changes nothing", remedy="say what to add, remove, split or re-route"),)
    now = {task.id: statuses.get(task.id, task.status) for task in plan.tasks}
    problems = [
        *(_over_limits(patch, agent) if agent is not None else ()),
        *(_taken_away(plan, patch, agent.brought) if agent is not None else ()),
        *_begun(plan, now, patch),
        *_incomplete(plan, patch),
        *(objections or _nobody(plan, patch, candidates)),
    ]
    if problems:
        return tuple(problems)
    try:
        patched = revise(plan, patch)
    except CycleError as error:
        what = f"with this patch tasks would wait for each other: {path_text(error.cycle)}"
        return (Problem(what, remedy="leave out one of these dependencies"),)
    except GraphError as error:
        return (Problem(str(error)),)
    return PatchedPlan(plan=patched, patch=patch, warnings=tuple(_warnings(plan, patched, patch, now)))


def tasks_to_assign(plan: ExecutionPlan, patch: PlanPatch) -> tuple[Task, ...]:
    """The tasks of a resolved patch for which an agent type has to be found: new ones, and re-routed ones as they would be."""
    rerouted = (
        evolve(task, agent_type=patch.reroute[task.id], status="pending")
        for task in plan.tasks
        if task.id in patch.reroute
    )
    return (*patch.new_tasks, *rerouted)


# --- what may be changed ----------------------------------------------------------------------------------------------


def _begun(plan: ExecutionPlan, now: Mapping[str, str], patch: PlanPatch) -> Iterable[Problem]:
    """Finished work and work in progress that the patch would change."""
    by_id = {task.id: task for task in plan.tasks}
    for name in patch.remove:
        if now[name] not in _REMOVABLE:
            yield _refused(name, now, "removed")
    for split in patch.split:
        if now[split.task] not in _OPEN:
            yield _refused(split.task, now, "split")
        elif by_id[split.task].children:
            yield Problem(f"task {split.task} has children and no work of its own", remedy="split one of its children")
    for name in patch.reroute:
        if now[name] not in _OPEN:
            yield _refused(name, now, "re-routed")
        elif by_id[name].children:
            yield Problem(f"task {name} has children and needs no agent", remedy="re-route one of its children")
    for edge in patch.add_dependencies:
        for name in _family(by_id, edge.after):
            if edge.strength == "binding" and now.get(name, "pending") not in _OPEN:
                yield _refused(name, now, f"made to wait for {edge.before}")
    for parent in by_id.values():
        if parent.children and parent.id not in patch.remove and set(parent.children) <= {*patch.remove}:
            yield Problem(f"task {parent.id} would have no children left", remedy="remove it too")


def _refused(name: str, now: Mapping[str, str], what: str) -> Problem:
    status = now[name].replace("_", " ")
    return Problem(f"task {name} is {status} and cannot be {what}", remedy="change what has not begun")


def _family(by_id: Mapping[str, Task], name: str) -> list[str]:
    found = [name] if name in by_id else []
    for each in found:
        found.extend(by_id[each].children)
    return found


def _incomplete(plan: ExecutionPlan, patch: PlanPatch) -> Iterable[Problem]:
    """What a task was to do and none of its parts would."""
    by_id = {task.id: task for task in plan.tasks}
    known = {requirement.id for requirement in plan.specification.requirements}
    for task in patch.new_tasks:
        unknown = sorted(set(task.requirements) - known) if known else []
        if unknown:
            what = f"new task {task.id} serves {', '.join(unknown)}, which is no requirement"
            yield Problem(what, remedy=suggestion(unknown[0], known))
    for split in patch.split:
        whole = by_id[split.task]
        for what, wanted, given in (
            ("serves requirement", whole.requirements, {name for part in split.into for name in part.requirements}),
            ("verifies", whole.verifies, {name for part in split.into for name in part.verifies}),
            (
                "promises",
                [each.name for each in whole.produces],
                {each.name for part in split.into for each in part.produces},
            ),
        ):
            for name in wanted:
                if name not in given:
                    yield Problem(
                        f"no part of {split.task} {what} {name}, as the whole does", remedy="say which part does"
                    )


def _nobody(
    plan: ExecutionPlan, patch: PlanPatch, candidates: Mapping[str, Collection[str]] | None
) -> Iterable[Problem]:
    """Tasks that no agent type would do."""
    for task in tasks_to_assign(plan, patch):
        accepting = candidates.get(task.id, ()) if candidates is not None else (task.agent_type,)
        if not any(accepting):
            remedy = "name an agent type that does, or another type of task"
            yield Problem(f"no agent type accepts task {task.id} ({task.title})", remedy=remedy)


def _over_limits(patch: PlanPatch, agent: AgentLimits) -> Iterable[Problem]:
    if agent.patches_left < 1:
        what = "agents have changed the plan of this run as often as they may"
        yield Problem(what, remedy="raise [coordinator] max_patches")
    count = len(patch.new_tasks)
    if count > agent.tasks_left:
        what = f"the patch brings {count} tasks, and agents may bring {max(agent.tasks_left, 0)} more in this run"
        yield Problem(what, remedy="raise [coordinator] max_patched_tasks")


def _taken_away(plan: ExecutionPlan, patch: PlanPatch, brought: frozenset[str]) -> Iterable[Problem]:
    """What an agent may not do: take away what the plan had before, or touch a test of somebody else's work."""
    remedy = "a person can do that with 'agent-dispatcher patch'"
    by_id = {task.id: task for task in plan.tasks}
    for name in patch.remove:
        if name not in brought:
            yield Problem(f"an agent may not remove task {name}, which no patch brought", remedy=remedy)
    for pair in patch.remove_dependencies:
        if pair.after not in brought:
            yield Problem(f"an agent may not let {pair.after} go without {pair.before}", remedy=remedy)
    for name in (*(split.task for split in patch.split), *patch.reroute):
        if name not in brought and by_id[name].verifies:
            yield Problem(f"an agent may not split or re-route {name}, which tests the work of others", remedy=remedy)


# --- what to know -----------------------------------------------------------------------------------------------------


def _warnings(before: ExecutionPlan, after: ExecutionPlan, patch: PlanPatch, now: Mapping[str, str]) -> Iterable[str]:
    yield from (text for text in after.warnings if text not in before.warnings)
    tests = {task.id for task in before.tasks if task.verifies}
    for task in after.tasks:
        if task.id in tests and not task.verifies and not task.children:
            yield f"test {task.id} has nothing to verify any more: remove it too, or it has to pass by itself"
    served = {name for task in after.tasks if not task.children for name in task.requirements}
    for name in dict.fromkeys(name for task in before.tasks for name in task.requirements):
        if name not in served:
            yield f"no task serves requirement {name} any more"
    if patch.remove_dependencies:
        graph = ExecutionGraph(after.tasks, _all_dependencies(after))
        for pair in patch.remove_dependencies:
            if pair.after in graph and pair.before in graph and pair.before in graph.ancestors(pair.after):
                yield f"{pair.after} still waits for {pair.before}, through other tasks"
    for edge in after.gates:
        if edge.test in {task.id for task in patch.new_tasks} and now.get(edge.subject) == "completed":
            yield f"{edge.subject} is completed: what {edge.test} finds cannot hold it back any more"


def _all_dependencies(plan: ExecutionPlan) -> list[Dependency]:
    return [Dependency(before=before, after=after) for before, after in plan.binding_edges()]
