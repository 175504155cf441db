"""Before anything runs: who could do what, and everything that stands in the way, said at once.

One fault must not hide the next: where a part of the configuration is wrong, the rest is looked at without that part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from ..collecting import no_collections
from ..coordination.patches import Advice, Advise
from ..coordination.run_state import RunState
from ..errors import ConfigError, DispatcherError, GraphError, PluginError, Problem, SandboxUnavailable, Unavailable
from ..extension.components import AgentType, Available, Check, OutputInspector
from ..extension.options import lacks
from ..extension.registry import REST, Offered, Registry
from ..models import ExecutionPlan, PlanPatch, Specification, Task
from ..planning.patching import PatchedPlan, apply_patch, resolve_patch, tasks_to_assign
from ..planning.revising import revise
from ..planning.validation import PlanLimits, Validation, refusal
from ..planning.validation import problems as judge
from .candidates import chosen_again, reopened
from .sandboxing import MissingSandbox, choose_sandbox
from .session import RunSession
from .supply import fallbacks, supply_problems

__all__ = ["Examined", "advise", "examine", "output_problems", "takers", "try_patch", "who_accepts"]


@frozen
class Examined:
    """What was found: the plan as it would be run, and every reason not to run it."""

    validation: Validation
    problems: tuple[Problem, ...]


async def examine(
    plan: ExecutionPlan, session: RunSession, *, output: Path | None = None, known: Iterable[Problem] = ()
) -> Examined:
    """Look at configuration, components, sandbox, output and plan. The sandbox is left in ``session``.

    Nothing is changed; packages that commands on the output need are fetched into the cache of its language.

    Args:
        output: where a new run is to work; ``None``: nothing is said about that.
        known: problems that were found before; they come first and are not repeated.
    """
    registry = session.registry
    found = dict.fromkeys([*known, *registry.problems()])
    # What is wrong with a name was said there; what follows goes without the component.
    found.update(dict.fromkeys(_missing(session)))
    found.update(dict.fromkeys(await _sandbox_problems(plan, session)))
    if output is not None:
        found.update(dict.fromkeys(await output_problems(session, output)))
        found.update(dict.fromkeys(await _environment_problems(plan, session, output)))
    with no_collections():
        validation = _judged(plan, session)
    found.update(dict.fromkeys(validation.problems))
    return Examined(validation, tuple(found))


def _missing(session: RunSession) -> Iterable[Problem]:
    try:
        return session.missing()
    except PluginError:
        return ()


async def _sandbox_problems(plan: ExecutionPlan, session: RunSession) -> Iterable[Problem]:
    unsafe = session.options.unsafe_no_sandbox
    try:
        session.sandbox = await choose_sandbox(session.registry, session.components, unsafe=unsafe)
    except SandboxUnavailable as error:
        session.sandbox = MissingSandbox(error)
        return [Problem(str(error))] if _needs_sandbox(plan, session) else ()
    except ConfigError as error:
        session.sandbox = MissingSandbox(SandboxUnavailable(str(error)))
        return error.problems
    except PluginError as error:
        session.sandbox = MissingSandbox(SandboxUnavailable(str(error)))
    return ()


def _needs_sandbox(plan: ExecutionPlan, session: RunSession) -> bool:
    tasks = [task for task in plan.tasks if task.status == "pending" and not task.children]
    types = {task.type for task in tasks}
    agents = (each for each in _agent_types(session) if "sandbox" in each.needs)
    if any("*" in each.task_types or types & each.task_types for each in agents):
        return True
    try:
        checks, by_type = session.checks(), session.checks_by_type()
    except DispatcherError:
        return True
    if any(check.applies(task, plan) for task in tasks for _, check in by_type.get(task.type, ()) if _runs(check)):
        return True
    return any(check.applies(task, plan) for _, check in checks if _runs(check) for task in (*plan.tasks, None))


def _runs(check: Check) -> bool:
    """Whether a check runs commands; one that only reads files says ``needs_sandbox = False``."""
    return bool(getattr(check, "needs_sandbox", True))


async def output_problems(session: RunSession, output: Path) -> Iterable[Problem]:
    """What speaks against a new run in ``output``; nothing is changed."""
    if output.exists() and not output.is_dir():
        return [
            Problem(
                f"output {output} is a file", remedy="name a folder that is missing or empty, or a repository's root"
            )
        ]
    try:
        workspace = session.workspace()
    except DispatcherError:
        return ()
    if not isinstance(workspace, OutputInspector):
        return ()
    return [Problem(text) for text in await workspace.problems(output.resolve())]


async def _environment_problems(plan: ExecutionPlan, session: RunSession, output: Path) -> Iterable[Problem]:
    """What commands need on the repository as it is and cannot have: told before a model is paid for work that nothing could check."""
    if session.language is None or not output.is_dir() or not _needs_sandbox(plan, session):
        return ()
    try:
        await session.language.environment(output.resolve())
    except Unavailable as error:
        return [Problem(f"commands cannot run on {output} as it is: {error.reason}", remedy=error.remedy)]
    except Exception as error:  # the plugin boundary: whatever it raises is the plugin's
        what = f"commands cannot run on {output} as it is: its language failed with {type(error).__name__}: {error}"
        return [Problem(what, remedy="mend what it names, or tell the author of the language's plugin")]
    return ()


def advise(session: RunSession) -> Advise:
    """What is asked when a plan is to be changed: everything that is asked before a plan is begun, and only what the change would bring up."""

    def look(before: ExecutionPlan, after: ExecutionPlan, tasks: Sequence[Task]) -> Advice:
        known = set(_judged(before, session, allow_partial=False, as_recorded=False).problems)
        found = _judged(after, session, allow_partial=False, as_recorded=False)
        return Advice(
            candidates={task.id: found.candidates[task.id] for task in tasks if task.id in found.candidates},
            problems=tuple(problem for problem in found.problems if problem not in known),
        )

    return look


def try_patch(
    plan: ExecutionPlan, log: RunState, patch: PlanPatch, session: RunSession
) -> PatchedPlan | tuple[Problem, ...]:
    """What a patch would make of the plan of a run by its log, or everything that speaks against it."""
    retired = [name for patched in log.patches for name in patched["removed"]]
    resolved, problems = resolve_patch(plan, patch, retired)
    if problems:
        return tuple(problems)
    statuses = log.patching_statuses()
    try:
        after = revise(plan, resolved)
    except GraphError:
        return apply_patch(plan, statuses, resolved)
    advice = advise(session)(plan, after, tasks_to_assign(plan, resolved))
    return apply_patch(
        plan, statuses, resolved, candidates=advice.candidates, retired=retired, objections=advice.problems
    )


def _judged(
    plan: ExecutionPlan, session: RunSession, *, allow_partial: bool | None = None, as_recorded: bool = True
) -> Validation:
    """What validation says.

    Args:
        as_recorded: whether a task for which several agent types were found when the run was begun is for each of them.
    """
    config, registry = session.config, session.registry
    available, types = _available(plan, session), _agent_types(session)
    recorded = session.candidates if as_recorded else {}
    route = registry.route_task if registry.asks("dispatcher_route_task") else None
    found = judge(
        reopened(_with_configured_agents(plan, registry), recorded),
        [Offered("agent_type", each, registry.offered("agent_type", each.name).plugin) for each in types],
        available,
        route=chosen_again(recorded, route),
        validators=list(_validators(session)),
        limits=PlanLimits(
            workers=config.concurrency(),
            agent_timeout_s=config.coordinator.agent_timeout,
            max_execution_s=config.max_execution_time,
        ),
        allow_partial=session.options.allow_partial if allow_partial is None else allow_partial,
        known_types=registry.task_types(),
    )
    backends = {offered.name for offered in registry.offers("llm")} if config.throttle else set()
    lacking = supply_problems(config, plan, types, available, backends)
    session.fallbacks = fallbacks(config, found.plan, types, available)
    return evolve(found, problems=(*found.problems, *lacking)) if lacking else found


def _available(plan: ExecutionPlan, session: RunSession) -> Available:
    return Available(
        specification=plan.specification,
        language=session.language.name if session.language is not None else "",
        llm=session.llm.name if session.llm is not None else None,
        capabilities=frozenset({"sandbox"}),  # a missing one is a problem of its own, said once
    )


def who_accepts(task: Task, plan: ExecutionPlan, session: RunSession) -> tuple[tuple[str, str | None], ...]:
    """``(agent type, why not)`` for every active one in rank; ``None`` instead of a reason for one that does the task."""
    available = _available(plan, session)
    insists = {each.id: each.agent_type for each in _with_configured_agents(plan, session.registry).tasks}[task.id]
    answers = [(each.name, refusal(each, task, available)) for each in _agent_types(session)]
    if insists is None:
        return tuple(answers)
    return tuple((name, why if name == insists else f"the task is for {insists}") for name, why in answers)


def takers(tasks: Iterable[Task], specification: Specification, session: RunSession) -> dict[str, str]:
    """Task id to the first agent type in rank that does the task, ``""`` where none does."""
    plan = _with_configured_agents(ExecutionPlan(specification=specification, tasks=tuple(tasks)), session.registry)
    available = _available(plan, session)
    types = _agent_types(session)
    found: dict[str, str] = {}
    for task in plan.tasks:
        wanted = types if task.agent_type is None else [each for each in types if each.name == task.agent_type]
        found[task.id] = next((each.name for each in wanted if refusal(each, task, available) is None), "")
    return found


def _agent_types(session: RunSession) -> list[AgentType]:
    """The active agent types in rank; each also does the task types for which ``[task_types]`` names it, and none does a task for which something is
    missing here.
    """
    own: dict[str, set[str]] = {}
    for type, settings in session.config.task_types.items():
        if settings.agent_type is not None:
            own.setdefault(settings.agent_type, set()).add(type)
    found = []
    for name in _names(session.registry, "agent_type"):
        component = session.registry.offered("agent_type", name).component
        if isinstance(component, AgentType):
            component = evolve(component, task_types=component.task_types | own.get(name, set()))
            found.append(_without_what_it_lacks(component, session))
    return found


def _without_what_it_lacks(component: AgentType, session: RunSession) -> AgentType:
    """An agent type that refuses what it would take, when its options name something that is not there."""
    try:
        options = session.registry.options("agent_type", component.name)
    except DispatcherError:
        return component  # its options are refused: said already
    missing = lacks(options, with_model=session.llm is not None)
    if not missing:
        return component
    return evolve(component, accepts=lambda task, available: component.accepts(task, available) or missing)


def _validators(session: RunSession) -> Iterable[tuple[str, Any]]:
    for name in _names(session.registry, "validator"):
        try:
            yield name, session.components.get("validator", name)
        except Unavailable as error:
            yield name, _Missing(str(error))
        except DispatcherError:
            continue  # its options are refused: said already


@frozen
class _Missing:
    """Stands for a validator that cannot work here: a plan it did not see is not run."""

    why: str

    def problems(self, plan: ExecutionPlan) -> tuple[str, ...]:
        return (f"the validator cannot work here: {self.why}",)


def _names(registry: Registry, kind: str) -> list[str]:
    """The active names of a kind, without those that nobody offers or that two offer."""
    configured = registry.config.use.of(kind)
    names = configured if isinstance(configured, tuple) else ()
    usable = [name for name in names if name == REST or _is_offered(registry, kind, name)]
    try:
        return registry.names(kind, usable if names else configured)
    except PluginError:
        return []


def _is_offered(registry: Registry, kind: str, name: str) -> bool:
    try:
        registry.offered(kind, name)
    except PluginError:
        return False
    return True


def _with_configured_agents(plan: ExecutionPlan, registry: Registry) -> ExecutionPlan:
    """The plan with the agent types that ``[task_types]`` names, for tasks that do not name one themselves.

    Where it names one that nobody offers, that is the problem, and not each task for which there is nobody.
    """
    types = registry.config.task_types
    wanted = {name: own.agent_type for name, own in types.items() if own.agent_type is not None}
    if not wanted:
        return plan
    offered = {each.name for each in registry.offers("agent_type")}
    tasks = []
    for task in plan.tasks:
        if task.agent_type is None and task.type in wanted and task.status == "pending":
            name = wanted[task.type]
            task = evolve(task, agent_type=name) if name in offered else evolve(task, status="skipped")
        tasks.append(task)
    return evolve(plan, tasks=tuple(tasks))
