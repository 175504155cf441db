"""Says before anything runs whether a plan can be run: everything that stands in the way, at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from attrs import evolve, field, fields, frozen

from ..codec import suggestion
from ..errors import Problem
from ..extension.components import AgentType, Available, Component, PlanValidator
from ..making import changer
from ..models import ArtifactRef, ExecutionPlan, Task
from .declared import declared_edges

__all__ = ["OfferedAgentType", "PlanLimits", "Refused", "Route", "Validation", "problems", "refusal"]

#: Asked with a task and the names that accept it, in rank; ``None`` is no opinion.
Route = Callable[[Task, Sequence[str]], str | None]

_DONE = frozenset({"completed", "skipped", "cancelled"})

_given_to = changer(Task, "agent_type")
#: How an agent type answers that takes whatever task is of its types.
_TAKES_ALL = fields(AgentType).accepts.default


class OfferedAgentType(Protocol):
    """What validation reads of an offer of the registry."""

    @property
    def component(self) -> AgentType | Component:
        """The agent type."""
        ...


@frozen(kw_only=True)
class PlanLimits:
    """What the configuration allows; ``None`` is no limit.

    Attributes:
        workers: attempts at the same time.
        agent_timeout_s: seconds for one attempt.
        max_execution_s: seconds for the whole run.
        max_tasks: tasks in a plan.
    """

    workers: int | None = None
    agent_timeout_s: float | None = None
    max_execution_s: float | None = None
    max_tasks: int | None = None


@frozen(kw_only=True)
class Refused:
    """A task that no agent type accepts.

    Attributes:
        reasons: ``(agent type, why not)`` for each, in rank.
    """

    task: Task
    reasons: tuple[tuple[str, str], ...] = ()


@frozen(kw_only=True)
class Validation:
    """What validation found.

    Attributes:
        problems: reasons not to run the plan; empty when it can run.
        plan: the plan with the chosen agent types, and with refused tasks skipped where that is allowed.
        assignments: task id -> the agent type that gets the task.
        candidates: task id -> all agent types that accept it, the chosen one first, then in rank.
        refused: tasks that no agent type accepts, in plan order, whether they are skipped or a problem.
        warnings: what will probably go wrong, though nothing forbids it.
    """

    problems: tuple[Problem, ...] = ()
    plan: ExecutionPlan
    assignments: Mapping[str, str] = field(factory=dict)
    candidates: Mapping[str, tuple[str, ...]] = field(factory=dict)
    refused: tuple[Refused, ...] = ()
    warnings: tuple[str, ...] = ()


def problems(
    plan: ExecutionPlan,
    agent_types: Sequence[OfferedAgentType],
    available: Available,
    *,
    route: Route | None = None,
    validators: Sequence[tuple[str, PlanValidator]] = (),
    limits: PlanLimits | None = None,
    allow_partial: bool = False,
    known_types: Collection[str] = (),
) -> Validation:
    """Choose an agent type for every task that needs one, and find every reason not to run the plan.

    A task gets the first agent type in rank that does its type of task, has what it needs and accepts it, unless ``route``
    prefers another that does. Tasks with children and tasks that are done need none.

    Args:
        agent_types: the active ones in rank.
        available: what is there for agents to use.
        route: see :data:`Route`.
        validators: ``(name, validator)`` of the active validators.
        limits: what the configuration allows.
        allow_partial: skip the tasks that nobody accepts (the engine blocks what depends on them) instead of refusing the plan.
        known_types: every task type there is; a task of another one is told so. Empty: none is unknown.
    """
    types = [each.component for each in agent_types if isinstance(each.component, AgentType)]
    remedy = "settle it in the specification"
    found: list[Problem] = [Problem(text, remedy=remedy) for text in plan.specification.blockers]
    warnings: list[str] = []
    candidates: dict[str, tuple[str, ...]] = {}
    refused: list[Refused] = []
    alike: dict[tuple[str, str | None], tuple[list[AgentType], tuple[str, ...] | None]] = {}
    shared: dict[tuple[str, ...], tuple[str, ...]] = {}
    for task in plan.tasks:
        if task.children or task.status in _DONE:
            continue
        sort = task.type, task.agent_type
        known = alike.get(sort)
        if known is None:
            suited = _suited(types, task, available)
            known = alike[sort] = suited, _takers_of_all(suited)
        suited, accepting = known
        if accepting is None:
            accepting = tuple(each.name for each in suited if _answer(each, task, available) is None)
        if accepting:
            names = _routed(task, accepting, route, warnings) if route is not None else accepting
            candidates[task.id] = shared.setdefault(names, names)
        else:
            refused.append(Refused(task=task, reasons=_reasons(types, task, available)))
    if refused and not allow_partial:
        found += [_problem(each, types, _place(each.task, plan), known_types) for each in refused]
    found += _lost_orders(plan)
    found += _unordered_inputs(plan)
    found += _over_limits(plan, limits or PlanLimits(), warnings)
    for name, validator in validators:
        found += _asked(name, validator, plan)
    assignments = {task_id: names[0] for task_id, names in candidates.items()}
    return Validation(
        problems=tuple(found),
        plan=_decided(plan, assignments, {each.task.id for each in refused} if allow_partial else set()),
        assignments=assignments,
        candidates=candidates,
        refused=tuple(refused),
        warnings=tuple(warnings),
    )


def refusal(agent_type: AgentType, task: Task, available: Available) -> str | None:
    """Why an agent type does not do a task; ``None`` if it does."""
    return _unsuited(agent_type, task, available) or _answer(agent_type, task, available)


def _suited(types: Sequence[AgentType], task: Task, available: Available) -> list[AgentType]:
    """Those to be asked about a task, in rank: they do its type, have what they need, and it insists on no other. The same for every task of its
    type and agent type.
    """
    wanted = types if task.agent_type is None else [each for each in types if each.name == task.agent_type]
    return [each for each in wanted if _unsuited(each, task, available) is None]


def _takers_of_all(suited: Sequence[AgentType]) -> tuple[str, ...] | None:
    """The names of these; ``None`` when one of them has to be asked about each task."""
    return tuple(each.name for each in suited) if all(each.accepts is _TAKES_ALL for each in suited) else None


def _unsuited(agent_type: AgentType, task: Task, available: Available) -> str | None:
    """What it lacks for any task of this type."""
    if "*" not in agent_type.task_types and task.type not in agent_type.task_types:
        return f"does {', '.join(sorted(agent_type.task_types)) or 'nothing'}, not {task.type}"
    missing = sorted(
        need
        for need in agent_type.needs
        if not (available.llm is not None if need == "llm" else need in available.capabilities)
    )
    if missing:
        return f"needs {', '.join('a model (llm)' if need == 'llm' else need for need in missing)}"
    return None


def _answer(agent_type: AgentType, task: Task, available: Available) -> str | None:
    """What it says itself when asked about a task."""
    try:
        answer = agent_type.accepts(task, available)
    except Exception as error:  # the plugin boundary: whatever it raises is the plugin's
        return f"failed when asked: {type(error).__name__}: {error}"
    if answer is None or isinstance(answer, str):
        return answer
    return f"gave {answer!r} when asked, neither None nor a reason"


def _reasons(types: Sequence[AgentType], task: Task, available: Available) -> tuple[tuple[str, str], ...]:
    """Why nobody does a task; only of the agent type it insists on, if it does."""
    wanted = task.agent_type
    if wanted is not None and all(each.name != wanted for each in types):
        return ((wanted, f"is not active; {suggestion(wanted, [each.name for each in types])}"),)
    asked = types if wanted is None else [each for each in types if each.name == wanted]
    return tuple((each.name, refusal(each, task, available) or "") for each in asked)


def _routed(task: Task, accepting: tuple[str, ...], route: Route, warnings: list[str]) -> tuple[str, ...]:
    choice = route(task, accepting)
    if choice is None:
        return accepting
    if choice not in accepting:
        warnings.append(
            f"a plugin routes task {task.id} to {choice!r}, which is none of {', '.join(accepting)}: ignored"
        )
        return accepting
    return (choice, *(name for name in accepting if name != choice))


def _problem(refused: Refused, types: Sequence[AgentType], where: str, known_types: Collection[str]) -> Problem:
    task = refused.task
    if known_types and task.type not in known_types:
        remedy = f"{suggestion(task.type, known_types)}; or declare it in [task_types.{task.type}]"
        return Problem(f"task {task.id} ({task.title}) is of a type that nobody knows: {task.type!r}", where, remedy)
    if not types:
        reason = "no agent type is active"
    else:
        # those that do not do this sort of task say nothing unless nobody else does
        relevant = [
            (name, why)
            for name, why in refused.reasons
            if not any(each.name == name and not _does(each, task) for each in types)
        ]
        reason = "; ".join(f"{name}: {why}" for name, why in relevant)
        reason = reason or f"no active agent type does {task.type}"
    serves = f" for {', '.join(task.requirements)}" if task.requirements else ""
    return Problem(
        f"no agent can do task {task.id} ({task.title}){serves}: {reason}",
        where,
        "declare its behaviour, configure a model or an agent that does it, or leave it out with --allow-partial",
    )


def _place(task: Task, plan: ExecutionPlan) -> str:
    """Where the task stands in its source; a derived one stands where its first requirement does."""
    places = (each.source for each in plan.specification.requirements if each.id in task.requirements)
    return task.source or next(places, "")


def _does(agent_type: AgentType, task: Task) -> bool:
    return "*" in agent_type.task_types or task.type in agent_type.task_types


def _lost_orders(plan: ExecutionPlan) -> list[Problem]:
    """Declared orders that the plan does not keep and does not say why, as when no active rule reports them."""
    edges = [edge for edge in declared_edges(plan.tasks) if edge.parent is None]
    if not edges:
        return []
    kept = set(plan.binding_edges())
    dropped = {(each.before, each.after) for each in plan.dropped}
    return [
        Problem(
            f"task {edge.after} is declared to wait for {edge.before}, but no active dependency rule says so",
            edge.source,
            "enable the rule that reports declared dependencies, or remove the declaration",
        )
        for edge in edges
        if (edge.before, edge.after) not in kept and (edge.before, edge.after) not in dropped
    ]


def _unordered_inputs(plan: ExecutionPlan) -> list[Problem]:
    """What a task needs and another promises, without anything that makes it wait: the rule that sees such things is missing."""
    if not any(task.consumes for task in plan.tasks):
        return []
    producers: dict[ArtifactRef, list[str]] = {}
    for task in plan.tasks:
        for ref in task.produces:
            producers.setdefault(ref, []).append(task.id)
    decided = set(plan.binding_edges())
    decided.update((each.before, each.after) for each in plan.dependencies)
    decided.update((each.before, each.after) for each in plan.dropped)
    decided.update((subject, test.id) for test in plan.tasks for subject in test.verifies)
    done = {task.id for task in plan.tasks if task.status in _DONE}
    found = []
    for task in plan.tasks:
        for ref in task.consumes:
            needed = producers.get(ref, ())
            if task.id in needed or done.issuperset(needed):
                continue
            if needed and not any((maker, task.id) in decided or (task.id, maker) in decided for maker in needed):
                found.append(
                    Problem(
                        f"task {task.id} needs {ref.type} {ref.name}, which {needed[0]} makes, but no active dependency rule orders them",
                        task.source,
                        "enable the rule that orders tasks by what they make and need, or declare the order",
                    )
                )
    return found


def _over_limits(plan: ExecutionPlan, limits: PlanLimits, warnings: list[str]) -> Iterable[Problem]:
    if limits.workers is not None and limits.workers < 1:
        yield Problem(
            "no task can run: the limits allow no worker", remedy="raise [coordinator] max_workers to 1 or more"
        )
    if limits.max_tasks is not None and len(plan.tasks) > limits.max_tasks:
        yield Problem(
            f"the plan has {len(plan.tasks)} tasks, {limits.max_tasks} are allowed", remedy="split the specification"
        )
    if limits.max_execution_s is not None and plan.estimates.span_s > limits.max_execution_s:
        warnings.append(
            f"the critical path alone is estimated at {plan.estimates.span_s:.0f} s, "
            f"the run is stopped after {limits.max_execution_s:g} s"
        )
    if limits.agent_timeout_s is not None:
        for task in plan.tasks:
            if not task.children and task.status not in _DONE and task.estimate_s > limits.agent_timeout_s:
                warnings.append(
                    f"task {task.id} is estimated at {task.estimate_s:.0f} s, "
                    f"an attempt is stopped after {limits.agent_timeout_s:g} s"
                )


def _asked(name: str, validator: PlanValidator, plan: ExecutionPlan) -> list[Problem]:
    try:
        return [Problem(str(each), remedy=f"validator {name}") for each in validator.problems(plan)]
    except Exception as error:  # the plugin boundary: whatever it raises is the plugin's
        return [
            Problem(
                f"validator {name} failed: {type(error).__name__}: {error}",
                remedy="mend or disable its plugin: a plan it did not see is not run",
            )
        ]


def _decided(plan: ExecutionPlan, assignments: Mapping[str, str], skipped: set[str]) -> ExecutionPlan:
    tasks = tuple(
        evolve(task, status="skipped")
        if task.id in skipped
        else _given_to(task, assignments[task.id])
        if assignments.get(task.id, task.agent_type) != task.agent_type
        else task
        for task in plan.tasks
    )
    return evolve(plan, tasks=tasks)
