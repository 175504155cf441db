"""Everything that would keep a plan from being run, also where there is no plan yet or the configuration is wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from ..errors import ConfigError, DispatcherError, GraphError, PlanError, PluginError, Problem, SpecificationError
from ..models import ExecutionPlan
from .choices import Choices, Source
from .preflight import examine, output_problems
from .session import RunOptions, RunSession

__all__ = ["find_problems"]


async def find_problems(
    plan: ExecutionPlan | Source | DispatcherError,
    output: Path | None,
    options: RunOptions,
    choose: Choices,
    make_plan: Callable[[Source], Awaitable[ExecutionPlan]],
) -> tuple[Problem, ...]:
    """Everything that would keep a plan from being run, all at once; nothing is changed.

    Args:
        plan: a plan, what ``make_plan`` is to plan first, or why there can be none, where that was tried.
        output: where it would be run; ``None``: nothing is said about that.
    """
    found = list(choose.registry.problems())
    session = RunSession.open("validate", output or Path(), choose.registry, options)
    try:
        ready = await _plannable(plan, make_plan, found)
        if ready is None:
            found += await output_problems(session, output) if output is not None else ()
            return tuple(dict.fromkeys(found))
        session.language = choose.some_language(ready.specification, found)
        session.llm = choose.some_llm(found)
        return (await examine(ready, session, output=output, known=found)).problems
    finally:
        await session.aclose()


async def _plannable(
    plan: ExecutionPlan | Source | DispatcherError,
    make_plan: Callable[[Source], Awaitable[ExecutionPlan]],
    found: list[Problem],
) -> ExecutionPlan | None:
    """The plan; ``None`` when there can be none, with the reasons added to ``found``."""
    try:
        if isinstance(plan, DispatcherError):
            raise plan
        return plan if isinstance(plan, ExecutionPlan) else await make_plan(plan)
    except (SpecificationError, PlanError, ConfigError) as error:
        found += error.problems
    except (GraphError, PluginError) as error:
        if str(error) not in [problem.what for problem in found]:
            found.append(Problem(str(error)))
    return None
