"""Planning is near-linear: a step that looks at all pairs, or follows every path, is noticed here before anybody waits for it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from agent_dispatcher import DependencyResolver
from agent_dispatcher.extension import PlanningContext, Requires
from agent_dispatcher.models import Dependency, Specification, Task
from agent_dispatcher.planning.planner import plan_tasks

SPECIFICATION = Specification(id="s", title="S")
SMALL, LARGE = 2_000, 20_000


def layered(size: int) -> list[tuple[int, int]]:
    """Layers of 100; each task waits for three of the layer before."""
    rng = random.Random(1)
    return [(b, t) for t in range(100, size) for b in rng.sample(range(t - t % 100 - 100, t - t % 100), 3)]


def long(size: int) -> list[tuple[int, int]]:
    """Layers, and for every third task an edge from anywhere before its layer."""
    rng = random.Random(2)
    return [*layered(size), *((rng.randrange(t - t % 100), t) for t in range(200, size, 3))]


def hub(size: int) -> list[tuple[int, int]]:
    """A chain of which every task is also led to by the first, and leads to the last."""
    chained = [(t, t + 1) for t in range(size - 1)]
    return [*chained, *((0, t) for t in range(2, size - 1)), *((t, size - 1) for t in range(1, size - 2))]


def values(size: int) -> list[Task]:
    rng = random.Random(3)
    return [Task(id=f"t{number:06}", title="t", estimate_s=float(rng.randrange(1, 100))) for number in range(size)]


@pytest.fixture(autouse=True)
def not_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Below its limit the simulation costs as much as all the rest, and would hide its growth."""
    monkeypatch.setattr("agent_dispatcher.planning.execution_graph.SIMULATED_TASKS", 0)


@pytest.mark.parametrize("shape", [layered, long, hub], ids=lambda shape: shape.__name__)
def test_ten_times_the_tasks_cost_ten_times_as_much(
    shape: Callable[[int], list[tuple[int, int]]], growth: Callable[..., float]
) -> None:
    """CPU time per task grows far less than the number of tasks, from 2,000 to 20,000: it takes less than a factor of 4."""

    def prepare(size: int) -> Callable[[], object]:
        tasks = values(size)
        order = [Dependency(before=tasks[b].id, after=tasks[a].id) for b, a in dict.fromkeys(shape(size))]
        return lambda: plan_tasks(tasks, order)

    assert growth(prepare, SMALL, LARGE) < 4


class _Says:
    def __init__(self, items: Sequence[Any]) -> None:
        self.items = items

    async def find(self, *_: Any) -> Iterable[Any]:
        return self.items


def test_resolving_is_near_linear_too(growth: Callable[..., float]) -> None:
    """With sure edges, hints of every confidence, and hints the wrong way round here and there."""

    def prepare(size: int) -> Callable[[], object]:
        tasks, rng = values(size), random.Random(4)
        sure = [Requires(tasks[b].id, tasks[a].id) for b, a in layered(size)]
        hints = [
            Requires(tasks[number].id, tasks[number + rng.randrange(1, 300)].id, confidence=rng.randrange(1, 5) / 10)
            for number in range(size - 300)
        ]
        wrong = [Requires(tasks[n + 5].id, tasks[n].id, confidence=0.4) for n in range(0, size - 300, 10)]
        resolver = DependencyResolver([("sure", _Says(sure)), ("hints", _Says([*hints, *wrong]))])
        context = PlanningContext(specification=SPECIFICATION)

        async def resolve() -> None:
            await resolver.resolve(tasks, SPECIFICATION, context)

        return lambda: asyncio.run(resolve())

    assert growth(prepare, SMALL, LARGE) < 4
