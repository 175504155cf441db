"""What a run's configuration gives its tasks beside agents: named resources, language-model backends, fallback agent types."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from ..codec import suggestion
from ..coordination.demand import Demand
from ..errors import Problem
from ..extension.components import AgentType, Available
from ..models import ExecutionPlan, Task
from ..planning.needs import shortages
from ..planning.validation import refusal

if TYPE_CHECKING:
    from ..config import Config
    from ..llm import ActiveBackend

__all__ = ["demand", "fallbacks", "supply_problems"]


def demand(config: Config, plan: ExecutionPlan, types: Iterable[AgentType], llm: ActiveBackend | None) -> Demand | None:
    """What tasks may ask for; ``None`` when nothing is limited."""
    by_type = {name: dict(own.needs) for name, own in config.task_types.items() if own.needs}
    backends = {each.name: llm.name for each in types if "llm" in each.needs} if llm is not None else {}
    if not backends and not by_type and not any(task.needs for task in plan.tasks):
        return None
    return Demand(resources=dict(config.resources), by_type=by_type, backends=backends)


def fallbacks(
    config: Config, plan: ExecutionPlan, types: Iterable[AgentType], available: Available
) -> dict[str, tuple[str, ...]]:
    """Task id to the agent types that take over from the one before, for tasks that have such. What does not take the task is left out."""
    found: dict[str, tuple[str, ...]] = {}
    if not any(own.fallback for own in config.task_types.values()) and not any(task.fallback for task in plan.tasks):
        return found
    known = {each.name: each for each in types}
    for task in plan.tasks:
        wanted = _wanted(config, task)
        if wanted and task.status == "pending" and not task.children:
            takes = (name for name in wanted if name in known and refusal(known[name], task, available) is None)
            found[task.id] = tuple(takes)
    return found


def supply_problems(
    config: Config, plan: ExecutionPlan, types: Iterable[AgentType], available: Available, backends: Collection[str]
) -> list[Problem]:
    """Tasks that need more than there is, fallbacks that could not take over, and throttles of backends that nobody offers.

    Args:
        backends: names of the language-model backends that are offered.
    """
    by_type = {name: own.needs for name, own in config.task_types.items() if own.needs}
    found: list[Problem] = []
    if by_type or any(task.needs for task in plan.tasks):
        found += shortages(plan.tasks, config.resources, by_type)
    for name in config.throttle:
        if name not in backends:
            what = f"[throttle.{name}]: there is no language-model backend of that name"
            found.append(Problem(what, config.where(f"throttle.{name}"), suggestion(name, backends)))
    known = {each.name: each for each in types}
    for type, own in config.task_types.items():
        where = config.where(f"task_types.{type}.fallback")
        found += [_unknown(f"task type {type}", name, known, where) for name in own.fallback if name not in known]
    for task in plan.tasks:
        for name in task.fallback:
            who = f"task {task.id} ({task.title})"
            if name not in known:
                found.append(_unknown(who, name, known, task.source))
            elif why := refusal(known[name], task, available):
                remedy = "name an agent type that does the task"
                found.append(Problem(f"{who} falls back on {name}, which {why}", task.source, remedy))
    return found


def _wanted(config: Config, task: Task) -> tuple[str, ...]:
    own = config.task_types.get(task.type)
    return task.fallback or (own.fallback if own is not None else ())


def _unknown(who: str, name: str, known: Iterable[str], where: str) -> Problem:
    return Problem(f"{who} falls back on {name!r}, which is no active agent type", where, suggestion(name, known))
