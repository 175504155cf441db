"""Plans and patches that a seed decides."""

from __future__ import annotations

import random

from agent_dispatcher.coordination.demand import Demand
from agent_dispatcher.models import (
    DeclaredDependency,
    Dependency,
    Exclusion,
    ExecutionPlan,
    Gate,
    PlanPatch,
    ResourceNeed,
    Specification,
    Task,
    TaskSplit,
)

#: The language-model backend that workers need; helpers do without.
MODEL = "model"
DEMAND = Demand(resources={"gpu": 2, "port": 3}, backends={"worker": MODEL})


def random_plan(chance: random.Random) -> ExecutionPlan:
    """Three to eight tasks with dependencies, gates, exclusions, needs and fallbacks, sometimes a parent, work that a person approves, and a task that is skipped."""
    names = [f"t{number}" for number in range(chance.randint(3, 8))]
    kinds: dict[tuple[str, str], str] = {}
    for _ in range(chance.randint(0, len(names) + 3)):
        a, b = sorted(chance.sample(range(len(names)), 2))
        kinds[names[a], names[b]] = chance.choice(["binding", "binding", "binding", "advisory", "gate"])
    children = tuple(chance.sample(names[:-1], 2)) if chance.random() < 0.2 else ()
    skipped = chance.choice(names[:-1]) if chance.random() < 0.1 else None
    tasks = [
        Task(
            id=name,
            title=name,
            agent_type="worker",
            needs=tuple(
                ResourceNeed(resource=resource, amount=chance.randint(1, most))
                for resource, most in DEMAND.resources.items()
                if chance.random() < 0.25
            ),
            fallback=("helper",) if chance.random() < 0.2 else (),
            type="reviewed" if chance.random() < 0.12 else "code_writing",
            estimate_s=float(chance.randint(1, 9)),
            status="skipped" if name == skipped else "pending",
            children=children if name == names[-1] else (),
            verifies=tuple(b for (a, b), kind in kinds.items() if kind == "gate" and a == name),
        )
        for name in names
    ]
    return ExecutionPlan(
        specification=Specification(id="s", title="s"),
        tasks=tuple(tasks),
        dependencies=tuple(
            Dependency(before=a, after=b, strength="binding" if kind == "binding" else "advisory")
            for (a, b), kind in kinds.items()
            if kind != "gate"
        ),
        gates=tuple(Gate(test=a, subject=b) for (a, b), kind in kinds.items() if kind == "gate"),
        exclusions=tuple(
            Exclusion(tasks=tuple(chance.sample(names, min(chance.randint(2, 3), len(names)))), resource=f"r{number}")
            for number in range(chance.randint(0, 2))
        ),
    )


def random_patch(chance: random.Random, plan: ExecutionPlan, fresh: str) -> PlanPatch:
    """A change that may or may not fit.

    Args:
        fresh: a name no task has.
    """
    names = [task.id for task in plan.tasks]
    one, other = chance.choice(names), chance.choice(names)
    new = Task(id=fresh, title=fresh, agent_type="worker", depends_on=(DeclaredDependency(task=one),))
    kind = chance.choice(["add", "add", "between", "split", "remove", "reroute", "tie"])
    if kind == "add":
        return PlanPatch(why="more", add=(new,))
    if kind == "between":
        return PlanPatch(why="first", add=(new,), add_dependencies=(Dependency(before=fresh, after=other),))
    if kind == "split":
        parts = tuple(Task(id=f"{fresh}{part}", title=fresh, agent_type="worker") for part in "ab")
        return PlanPatch(why="smaller", split=(TaskSplit(task=one, into=parts),))
    if kind == "remove":
        return PlanPatch(why="not needed", remove=(one,))
    if kind == "reroute":
        return PlanPatch(why="better", reroute={one: "helper"})
    return PlanPatch(why="order", add_dependencies=(Dependency(before=one, after=other),))
