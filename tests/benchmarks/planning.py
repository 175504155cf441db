"""How long planning takes and how much memory, from 1,000 to 1,000,000 tasks, beside the standard library, networkx and rustworkx.

Run it as a program: ``python tests/benchmarks/planning.py [--most TASKS] [--limit SECONDS] [--others]``. It prints one JSON line per measure::

    {"measure": "plan-100k", "value": 0.61, "unit": "s", "floor": 0.83, "ratio": 0.73}

Every measure runs in a process of its own; ``value`` is ``null`` where that took longer than the limit. Seconds are CPU time of that process.

``plan-N``       a graph of N tasks and about 3 N dependencies planned by the public ``plan_tasks``: random layers, each 100 wide. Floor: the same tasks and
                 dependencies made as values, and sorted by ``graphlib``.
``plan-N-SHAPE`` other shapes: ``random`` (each task waits for three of all before it), ``long`` (layers and for every third task one edge from anywhere before),
                 ``fanout`` (one root, all others, one sink), ``chain``.
``growth``       CPU time per task of the largest ``plan-N`` over that of the one at 10,000 tasks.
``memory-N``     the most memory of the process that planned N tasks, its interpreter included. Floor: before it began to plan, the values being there.
``networkx-N``, ``rustworkx-N``   topological order, transitive reduction and longest path of the same graph, which is part of what a plan is. Floor: the plan.
"""

from __future__ import annotations

import argparse
import gc
import graphlib
import importlib.util
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

Pairs = list[tuple[int, int]]
SEED = 2026
WIDTH = 100


def layered(size: int) -> Pairs:
    """Each task waits for three of the layer before."""
    rng = random.Random(SEED)
    return [
        (before, task)
        for task in range(WIDTH, size)
        for before in rng.sample(range((task // WIDTH - 1) * WIDTH, task // WIDTH * WIDTH), 3)
    ]


def uniform(size: int) -> Pairs:
    """Each task waits for three of all that come before it."""
    rng = random.Random(SEED)
    return sorted({(rng.randrange(task), task) for task in range(1, size) for _ in range(3)})


def long(size: int) -> Pairs:
    """Layers, and for every third task an edge from anywhere before its layer."""
    rng = random.Random(SEED + 1)
    return [*layered(size), *((rng.randrange(task - task % WIDTH), task) for task in range(2 * WIDTH, size, 3))]


def fanout(size: int) -> Pairs:
    """A root, all others, a sink."""
    return [edge for task in range(1, size - 1) for edge in ((0, task), (task, size - 1))]


def chain(size: int) -> Pairs:
    """One after the other."""
    return [(task, task + 1) for task in range(size - 1)]


SHAPES: dict[str, Callable[[int], Pairs]] = {
    "layered": layered,
    "random": uniform,
    "long": long,
    "fanout": fanout,
    "chain": chain,
}


# --- what runs in a process of its own --------------------------------------------------------------------------------


def measure_plan(size: int, shape: str) -> dict[str, float]:
    """Seconds to plan, to make the values and to sort; megabytes before and at the most."""
    from agent_dispatcher.models import Dependency, Task
    from agent_dispatcher.planning.planner import plan_tasks

    pairs = list(dict.fromkeys(SHAPES[shape](size)))
    ids = [f"t{number:07d}" for number in range(size)]
    rng = random.Random(SEED)
    lengths = [float(rng.randrange(1, 100)) for _ in ids]

    def values() -> tuple[list[Task], list[Dependency]]:
        return (
            [Task(id=name, title=name, estimate_s=length) for name, length in zip(ids, lengths, strict=True)],
            [Dependency(before=ids[before], after=ids[after]) for before, after in pairs],
        )

    def sort() -> int:
        sorter: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter()
        for before, after in pairs:
            sorter.add(ids[after], ids[before])
        return sum(1 for _ in sorter.static_order())

    repeats = max(1, min(20, 20_000 // size))
    gc.disable()
    sorting = _best(sort, repeats)
    making = _best(values, repeats)
    tasks, dependencies = values()
    pairs.clear()
    before = _megabytes()
    planning = _best(lambda: plan_tasks(tasks, dependencies), repeats)
    return {"plan": planning, "floor": sorting + making, "before": before, "most": _megabytes()}


def measure_networkx(size: int, shape: str) -> dict[str, float]:
    """Seconds for order, reduction and longest path."""
    import networkx

    graph = networkx.DiGraph(SHAPES[shape](size))

    def work() -> None:
        list(networkx.topological_sort(graph))
        networkx.transitive_reduction(graph)
        networkx.dag_longest_path(graph)

    return {"took": _best(work, 1)}


def measure_rustworkx(size: int, shape: str) -> dict[str, float]:
    """As :func:`measure_networkx`."""
    import rustworkx

    graph = rustworkx.PyDiGraph()
    graph.add_nodes_from(range(size))
    graph.add_edges_from_no_data(list(dict.fromkeys(SHAPES[shape](size))))

    def work() -> None:
        rustworkx.topological_sort(graph)
        rustworkx.transitive_reduction(graph)
        rustworkx.dag_longest_path(graph)

    return {"took": _best(work, 1)}


CHILDREN: dict[str, Callable[[int, str], dict[str, float]]] = {
    "plan": measure_plan,
    "networkx": measure_networkx,
    "rustworkx": measure_rustworkx,
}


def _best(work: Callable[[], object], repeats: int) -> float:
    best = float("inf")
    for _ in range(repeats):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def _megabytes() -> float:
    """The most memory this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# --- what asks for it -------------------------------------------------------------------------------------------------


def ask(what: str, size: int, shape: str, limit: float) -> dict[str, float] | None:
    """What the child answers; ``None`` when it takes too long."""
    argv = [sys.executable, __file__, "--child", what, str(size), shape]
    try:
        ended = subprocess.run(argv, stdout=subprocess.PIPE, timeout=limit, check=True)
    except subprocess.TimeoutExpired:
        return None
    answer: dict[str, float] = json.loads(ended.stdout)
    return answer


def line(measure: str, value: float | None, unit: str, floor: float | None = None) -> str:
    """One measure as JSON."""
    ratio = round(value / floor, 3) if value is not None and floor else None
    rounded: dict[str, Any] = {
        "value": None if value is None else round(value, 4),
        "floor": None if floor is None else round(floor, 4),
    }
    return json.dumps(
        {"measure": measure, "value": rounded["value"], "unit": unit, "floor": rounded["floor"], "ratio": ratio}
    )


def called(size: int) -> str:
    """``100k`` for 100,000."""
    for unit, name in ((1_000_000, "m"), (1000, "k")):
        if size % unit == 0:
            return f"{size // unit}{name}"
    return str(size)


def lines(most: int, limit: float, others: bool) -> Iterator[str]:
    """Every measure, as soon as it is known."""
    planned: dict[int, float] = {}
    for size in (size for size in (1000, 10_000, 100_000, 1_000_000) if size <= most):
        answer = ask("plan", size, "layered", 10 * limit)
        if answer is None:
            yield line(f"plan-{called(size)}", None, "s")
            continue
        planned[size] = answer["plan"]
        yield line(f"plan-{called(size)}", answer["plan"], "s", answer["floor"])
        yield line(f"memory-{called(size)}", answer["most"], "MB", answer["before"])
    if len(planned) > 1:
        largest, middle = max(planned), 10_000 if max(planned) > 10_000 else min(planned)
        yield line("growth", planned[largest] / largest / (planned[middle] / middle), "times", 1.0)
    for shape in SHAPES:
        if shape != "layered":
            size = min(most, 100_000)
            answer = ask("plan", size, shape, limit) or {}
            yield line(f"plan-{called(size)}-{shape}", answer.get("plan"), "s", answer.get("floor"))
    for tool in ("networkx", "rustworkx") if others else ():
        if importlib.util.find_spec(tool) is None:
            continue
        for size in planned:
            if size <= 100_000:
                answer = ask(tool, size, "layered", limit) or {}
                yield line(f"{tool}-{called(size)}", answer.get("took"), "s", planned[size])
                if not answer:
                    break


def main() -> None:
    """Print the measures, or one child's answer."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--most", type=int, default=1_000_000, help="tasks in the largest graph")
    parser.add_argument(
        "--limit", type=float, default=60.0, help="seconds one measure may take (the largest plan ten times as many)"
    )
    parser.add_argument(
        "--others", action="store_true", help="also measure networkx and rustworkx, where they are installed"
    )
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        what, size, shape = options.child
        print(json.dumps(CHILDREN[what](int(size), shape)))
        return
    for each in lines(options.most, options.limit, options.others):
        print(each, flush=True)


if __name__ == "__main__":
    main()
