"""What carrying out a plan costs, beside the least it could cost: one JSON line per measure.

Run it as a program: ``python tests/benchmarks/engine.py [MEASURE ...] [--traces FILE --scorer PROGRAM]``. Without names it takes all of :data:`MEASURES`::

    {"measure": "layered-10k", "value": 51.58, "unit": "us", "floor": 8.75, "ratio": 5.897}

All goes through the public ``plan_tasks`` and ``execute``, with what a user gets who configures nothing but the workspace ``none``, an agent that
returns at once, and 100 places (the floor has them too: it takes a layer at once). Every measure runs in a process of its own, after a small run that imports what a run needs; floors are measured there too.

``SHAPE-SIZE``               CPU microseconds a task of ``execute`` without persistence. Shapes: ``layered`` (random layers, 100 wide, 3 edges a task),
                             ``fanout`` (one root, all others, one sink), ``chain``. Floor: ``graphlib`` and a bare asyncio task for each.
``SHAPE-SIZE-durable``       the same with the default store. Floor: the same with one SQLite commit for each round of tasks.
``SHAPE-SIZE-durable-full``  safe against power cuts; the time that passes, as it is spent waiting for the disk. Floor: the same.
``sleep-2000x10ms-at-64``    seconds that pass while 2,000 tasks sleep 10 ms, 64 at a time. Floor: the same by bare asyncio tasks behind a semaphore.
``resume-SIZE-half``         CPU seconds until the first agent of a resumed run of SIZE tasks begins, half of which were done. Floor: the recorded
                             events read and hashed, the graph sorted.
``memory-SIZE``              bytes a task at the peak of a durable run, tasks and plan included. Floor: the strings and pairs, and ``graphlib`` over them.
``growth-SIZE``              cost of a task in ``layered-SIZE-durable`` over that in ``layered-1k-durable``.
``makespan-pN``              how far the real engine is above the least makespan there can be, on N places, by virtual time: geometric mean over the
                             traces of ``--traces`` (JSON lines: ``name``, ``runtime_s``, ``edges``), as ``--scorer`` says, a program that takes lines of
                             ``instance``, ``P`` and ``makespan_s`` and prints lines of ``P`` and ``geomean``.
``git-workspace-ms``         median milliseconds to open, seal and land a task of one file in a repository of 1,000. Floor: bare git.
``plan-100k``                see ``planning.py``.

SIZE is any number, with ``k`` or ``m``. What takes long is measured only when it is named: ``layered-1m-durable``, ``growth-1m``, ``memory-1m`` and
``resume-1m-half`` take minutes and about 4 GB each.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import logging
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from graphlib import TopologicalSorter
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import planning  # the file beside this one

MEASURES = (
    "layered-10k",
    "layered-10k-durable",
    "layered-100k-durable",
    "fanout-100k-durable",
    "chain-1k-durable",
    "chain-1k-durable-full",
    "sleep-2000x10ms-at-64",
    "plan-100k",
    "resume-100k-half",
    "memory-100k",
    "growth-100k",
    "makespan-p4",
    "makespan-p16",
    "makespan-p64",
    "git-workspace-ms",
)
Graph = dict[str, list[str]]
Measured = tuple[float, str, float | None]


# --- the public way ---------------------------------------------------------------------------------------------------


class Work:
    """A plan of ``pairs``, and a dispatcher whose agents do as ``body`` says.

    Args:
        config: beside the workspace ``none``.
    """

    def __init__(self, size: int, pairs: planning.Pairs, config: dict[str, Any], body: Callable[[], Any] | None = None):
        from agent_dispatcher import AgentDispatcher
        from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
        from agent_dispatcher.extension import AgentType, hookimpl
        from agent_dispatcher.models import Task

        class Instant(BaseAgent):
            async def execute(self, task: Task, context: AgentContext) -> AgentResult:
                if body is not None:
                    await body()
                return AgentResult(status="done")

        class Plugin:
            @hookimpl
            def dispatcher_agent_types(self) -> Iterator[AgentType]:
                yield AgentType(
                    name="instant",
                    summary="Returns at once.",
                    factory=lambda options, services: Instant(),
                    task_types=["*"],
                    default_rank=0,
                )

        self.dispatcher = AgentDispatcher({"use": {"workspace": "none"}, **config}, plugins=[("instant", Plugin())])
        tasks = [{"id": f"t{number}", "title": f"t{number}", "type": "instant_work"} for number in range(size)]
        self.plan = self.dispatcher.plan_tasks(tasks, [(f"t{before}", f"t{after}") for before, after in pairs])

    def execute(self, folder: Path, **options: Any) -> Any:
        """Carry it out."""
        return self.dispatcher.execute(self.plan, output=folder, **options)


def _places(count: int) -> dict[str, Any]:
    many = {"max_workers": count, "max_concurrent_tasks": count}
    return {"coordinator": many, "agent_factory": {"max_total_agents": count}}


def _config(variant: str) -> dict[str, Any]:
    config = {"state_manager": {"enable_persistence": bool(variant)}, **_places(planning.WIDTH)}
    if variant == "durable-full":
        config["options"] = {"store:sql": {"synchronous": "FULL"}}
    return config


def _warm_up(folder: Path, config: dict[str, Any]) -> None:
    Work(200, planning.layered(200), config).execute(folder / "warm")


# --- floors -----------------------------------------------------------------------------------------------------------


def graph(size: int, pairs: planning.Pairs) -> Graph:
    """Each task with those before it."""
    before: Graph = {f"t{number}": [] for number in range(size)}
    for first, second in pairs:
        before[f"t{second}"].append(f"t{first}")
    return before


async def bare(before: Graph, commit: Callable[[list[str]], None] | None) -> None:
    """An asyncio task for each task, in the order of the graph; the results of each round are committed together."""

    async def body(name: str) -> str:
        return name

    sorter = TopologicalSorter(before)
    sorter.prepare()
    loop = asyncio.get_running_loop()
    while sorter.is_active():
        done, _ = await asyncio.wait([loop.create_task(body(name)) for name in sorter.get_ready()])
        names = [task.result() for task in done]
        if commit is not None:
            commit(names)
        sorter.done(*names)


def bare_store(path: Path, full: bool) -> Callable[[list[str]], None]:
    """Commits one row for each name."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if full else 'NORMAL'}")
    connection.execute("CREATE TABLE done (task, status, data)")

    def commit(names: list[str]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO done VALUES (?, ?, ?)", [(name, "done", "{}") for name in names])
        connection.execute("COMMIT")

    return commit


# --- measures, each in a process of its own ---------------------------------------------------------------------------


def run_of(shape: str, size: int, variant: str, folder: Path) -> Measured:
    """Microseconds a task, and the floor's."""
    pairs = planning.SHAPES[shape](size)
    clock = time.perf_counter if variant == "durable-full" else time.process_time
    before = graph(size, pairs)

    def floor() -> float:
        commit = bare_store(folder / f"bare-{time.monotonic_ns()}", variant == "durable-full") if variant else None
        began = clock()
        asyncio.run(bare(before, commit))
        return clock() - began

    least = [floor()]
    config = _config(variant)
    _warm_up(folder, config)
    work = Work(size, pairs, config)
    began = clock()
    result = work.execute(folder / "run")
    taken = clock() - began
    assert result.status == "completed", result.status
    least.append(floor())
    return 1e6 * taken / size, "us", 1e6 * min(least) / size


def sleeps(folder: Path, count: int = 2000, seconds: float = 0.01, places: int = 64) -> Measured:
    """Seconds that pass."""

    async def sleep() -> None:
        await asyncio.sleep(seconds)

    async def alone() -> None:
        gate = asyncio.Semaphore(places)

        async def one() -> None:
            async with gate:
                await sleep()

        await asyncio.gather(*(one() for _ in range(count)))

    config = _places(places)
    _warm_up(folder, config)
    work = Work(count, [], config, sleep)
    began = time.perf_counter()
    asyncio.run(alone())
    floor = time.perf_counter() - began
    began = time.perf_counter()
    assert work.execute(folder / "run").status == "completed"
    return time.perf_counter() - began, "s", floor


def resume(size: int, folder: Path) -> Measured:
    """CPU seconds until the first agent begins."""
    state: dict[str, Any] = {"left": size // 2}

    async def body() -> None:
        state["left"] -= 1
        if not state["left"]:
            state["at"] = time.process_time()
            state["coordinator"].pause()

    def keep(coordinator: Any) -> None:
        state["coordinator"] = coordinator

    _warm_up(folder, _config("durable"))
    pairs = planning.layered(size)
    work = Work(size, pairs, _config("durable"), body)
    assert work.execute(folder / "run", on_coordinator=keep).status == "paused"
    state["left"] = 1
    began = time.process_time()
    assert work.dispatcher.resume(output=folder / "run", on_coordinator=keep).status == "paused"
    taken = state["at"] - began
    began = time.process_time()
    connection = sqlite3.connect(folder / "run" / ".dispatcher" / "state.db")
    digest = b""
    for (page,) in connection.execute("SELECT events FROM pages ORDER BY seq"):
        digest = hashlib.sha256(digest + page.encode()).digest()
        json.loads(page)
    tuple(TopologicalSorter(graph(size, pairs)).static_order())
    return taken, "s", time.process_time() - began


def memory(size: int, folder: Path) -> Measured:
    """Bytes a task at the peak."""
    floor = float(subprocess.check_output([sys.executable, __file__, "--child", "memory-floor", str(size)]))
    _warm_up(folder, _config("durable"))
    began = _peak()
    assert Work(size, planning.layered(size), _config("durable")).execute(folder / "run").status == "completed"
    return (_peak() - began) / size, "bytes", floor


def memory_floor(size: int) -> float:
    """The same of the graph alone."""
    began = _peak()
    before = graph(size, planning.layered(size))
    order = tuple(TopologicalSorter(before).static_order())
    return (_peak() - began) / len(order)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def makespans(places: int, traces: Path, scorer: Path, folder: Path) -> Measured:
    """Geometric mean over the traces; the bound is the floor."""
    results = folder / "makespans.jsonl"
    with traces.open() as lines, results.open("w") as out:
        for line in lines:
            trace = json.loads(line)
            taken = simulated(trace["runtime_s"], trace["edges"], places)
            out.write(json.dumps({"instance": trace["name"], "P": places, "makespan_s": taken}) + "\n")
    printed = subprocess.check_output([sys.executable, scorer, results], text=True)
    scores = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return next(float(each["geomean"]) for each in scores if each.get("P") == places and "geomean" in each), "x", 1.0


def simulated(runtimes: list[float], edges: planning.Pairs, places: int) -> float:
    """The makespan of the real engine over exact durations, where agents take just as long as estimated and landing takes no time."""
    from agent_dispatcher.coordination import transitions as t
    from agent_dispatcher.coordination.engine import Engine
    from agent_dispatcher.models import Dependency, Task
    from agent_dispatcher.planning.planner import plan_tasks

    ids = [f"t{number}" for number in range(len(runtimes))]
    length = dict(zip(ids, runtimes, strict=True))
    plan = plan_tasks(
        [Task(id=name, title=name, agent_type="x", estimate_s=length[name]) for name in ids],
        [Dependency(before=ids[before], after=ids[after]) for before, after in edges],
    )
    engine = Engine(plan, concurrency=places, max_batch=places)
    now, running, events = 0.0, list[tuple[float, str, int]](), list[t.EngineEvent]()
    while not engine.finished:
        said, events = engine.handle(*events, hold=True), []
        for one in said:
            if isinstance(one, t.Start):
                heappush(running, (now + length[one.task], one.task, one.attempt))
            elif isinstance(one, t.Land):
                events.append(t.AttemptLanded(one.task, one.attempt))
        if not events and running:
            now = running[0][0]
            while running and running[0][0] <= now:
                _, task, attempt = heappop(running)
                events.append(t.AttemptSealed(task, attempt))
    return now


def git_workspace(folder: Path) -> Measured:
    """Median milliseconds."""
    import git_workspace as git  # the file beside this one

    git.make_repository(folder / "repository")
    taken = asyncio.run(git.through_workspace(folder / "repository", 30))
    return 1e3 * statistics.median(taken), "ms", 1e3 * statistics.median(git.bare_plumbing(folder / "repository", 30))


# --- what is asked for ------------------------------------------------------------------------------------------------


def number(text: str) -> int:
    """10,000 for ``10k``."""
    for unit, name in ((1_000_000, "m"), (1000, "k")):
        if text.endswith(name):
            return int(text[:-1]) * unit
    return int(text)


def measure(name: str, traces: Path | None, scorer: Path | None) -> Measured:
    """What a measure gives.

    Raises:
        SystemExit: there is no such measure, or it lacks what it needs.
    """
    logging.disable(logging.WARNING)
    kind, _, rest = name.partition("-")
    first, _, variant = rest.partition("-")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["XDG_STATE_HOME"] = str(folder / "state")  # nothing of this is to be remembered
        if kind in ("layered", "fanout", "chain") and variant in ("", "durable", "durable-full"):
            return run_of(kind, number(first), variant, folder)
        if name == "sleep-2000x10ms-at-64":
            return sleeps(folder)
        if kind == "resume" and variant == "half":
            return resume(number(first), folder)
        if kind == "memory":
            return memory(number(first), folder)
        if kind == "makespan":
            if traces is None or scorer is None:
                raise SystemExit(f"{name} is left out: it needs --traces and --scorer")
            return makespans(int(first.removeprefix("p")), traces, scorer, folder)
        if name == "git-workspace-ms":
            return git_workspace(folder)
    if kind == "plan":
        answer = planning.measure_plan(number(first), "layered")
        return answer["plan"], "s", answer["floor"]
    raise SystemExit(f"there is no measure {name}; there are {', '.join(MEASURES)}")


def ask(name: str, more: list[str]) -> Measured | None:
    """What a process of its own measures."""
    if name.startswith("growth-"):
        large = ask(f"layered-{name.removeprefix('growth-')}-durable", more)
        small = ask("layered-1k-durable", more)
        return (large[0] / small[0], "x", 1.0) if large and small else None
    ended = subprocess.run([sys.executable, __file__, "--child", name, "", *more], stdout=subprocess.PIPE)
    return None if ended.returncode else tuple(json.loads(ended.stdout))


def main() -> None:
    """Print the measures, or one child's answer."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("measures", nargs="*", help="names of measures; all without one")
    parser.add_argument("--traces", type=Path, help="JSON lines of workflows whose durations are known")
    parser.add_argument("--scorer", type=Path, help="a program that knows how long they take at least")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        name, size = options.child
        if name == "memory-floor":
            print(memory_floor(int(size)))
        else:
            print(json.dumps(measure(name, options.traces, options.scorer)))
        return
    more = [f"--{key}={path}" for key in ("traces", "scorer") if (path := getattr(options, key)) is not None]
    for name in options.measures or MEASURES:
        measured = ask(name, more)
        print(planning.line(name, *(measured or (None, ""))), flush=True)


if __name__ == "__main__":
    main()
