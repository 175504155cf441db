"""Runs of the whole coordination in virtual time, each decided by a seed: plan, faults, and the order of everything that could happen at once.

::

    python tests/core/coordination/seeded/driver.py seeds 0 500     # 500 runs; exits with 1 at a violation
    python tests/core/coordination/seeded/driver.py show 17         # one of them, event by event, the same each time
    python tests/core/coordination/seeded/driver.py kills 0 400     # killed before and after each commit, until every type of event had its turn
    python tests/core/coordination/seeded/driver.py types 0 1000    # the same at one commit for each type of event
    python tests/core/coordination/seeded/driver.py nth 0 5         # the n-th operation of each sort fails, until a run passes untouched
    python tests/core/coordination/seeded/driver.py tails 0 30      # as after a power cut: each tail of transactions is lost
    python tests/core/coordination/seeded/driver.py broken idle 0 99   # with a part broken on purpose: violations must be found

Prints one JSON line per finding and one at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from attrs import evolve
from judge import judge_log, judge_quiet
from plans import DEMAND, MODEL, random_patch, random_plan
from steps import watched
from world import RUN, Killed, Model, Process, StoreOf, Worker, WorkspaceOf, World, context_for, line

from agent_dispatcher.config.values import AgentFactorySettings
from agent_dispatcher.coordination import coordinator as coordinator_module
from agent_dispatcher.coordination.agent_factory import AgentFactory
from agent_dispatcher.coordination.approvals import approval, refusal
from agent_dispatcher.coordination.backend_guard import BackendGuard
from agent_dispatcher.coordination.circuit import Circuit
from agent_dispatcher.coordination.coordinator import Coordinator, CoordinatorSettings
from agent_dispatcher.coordination.engine import Engine
from agent_dispatcher.coordination.exclusions import Exclusions
from agent_dispatcher.coordination.message_bus import MessageBus
from agent_dispatcher.coordination.model_calls import ModelCalls
from agent_dispatcher.coordination.patches import patch_request
from agent_dispatcher.coordination.recovery import adopt
from agent_dispatcher.coordination.replay import replay
from agent_dispatcher.coordination.retry import RetryPolicy
from agent_dispatcher.coordination.run_state import RunState
from agent_dispatcher.coordination.state_manager import StateManager, request
from agent_dispatcher.errors import StoreError
from agent_dispatcher.llm import Budget, Prices
from agent_dispatcher.models.event import EVENT_TYPES
from agent_dispatcher.testing.virtual_time import VirtualClock, VirtualLoop
from agent_dispatcher_builtins.executors.local import LocalExecutor

#: Seconds of virtual time in which a process must have ended, whatever its agents do.
LONG_S = 3000.0
#: Lives after which a run that nobody disturbs any more must be over.
LIVES = 40


class JudgingClock(VirtualClock):
    """Whenever time is about to pass, what must hold then is looked at."""

    def __init__(self, judge: Callable[[float], None]) -> None:
        super().__init__(epoch=0.0)
        self._judge = judge

    def advance(self, seconds: float) -> None:
        self._judge(self.monotonic())
        super().advance(seconds)


async def live(world: World, process: Process, concurrency: int, helper: Callable[..., Any] | None = None) -> str:
    """One life: what became of it."""
    world.process = process
    loop = asyncio.get_running_loop()
    store = StoreOf(world, process)
    world.store._owners.pop(RUN, None)  # whoever held the run is dead, or has given it back
    state = StateManager(
        store,
        RUN,
        renew_s=3.0,
        now=loop.time,
        monotonic=loop.time,  # type: ignore[arg-type]
    )
    begun = bool(world.log)
    factory = AgentFactory(lambda name: Worker(world, process), AgentFactorySettings())
    bus = MessageBus(capacity=2)
    jobs: list[asyncio.Task[Any]] = []
    try:
        state.open()
        process.recorded = state.append
        state.append("run.resumed" if begun else "run.started", data={"base": "c0"})
        state.flush()
        workspace = WorkspaceOf(world, process)
        process.guard = BackendGuard(Model(world, process), MODEL, circuit=Circuit(outages=2), monotonic=loop.time)
        plan = world.plan_now()
        coordinator = process.coordinator = Coordinator(
            plan=plan,
            run=RUN,
            state=state,
            workspace=workspace,  # type: ignore[arg-type]
            integration=workspace,
            executor=LocalExecutor(),
            factory=factory,
            bus=bus,
            settings=CoordinatorSettings(
                concurrency=concurrency,
                max_attempts=2,
                agent_timeout_s=30.0,
                grace_s=2.0,
                retry=RetryPolicy(base_s=4.0, max_s=20.0),
                approvals=frozenset({"reviewed"}),
                max_batch=world.max_batch,
                sealed_at_once=1 if world.max_batch == 2 else None,
            ),
            assignments={task.id: ("worker", "helper") for task in plan.tasks},
            context_for=context_for,
            monotonic=loop.time,
            rng=world.chance.random,
            models=ModelCalls(process.guard, MODEL, Budget(), Prices()),
            demand=DEMAND,
        )
        run = asyncio.create_task(coordinator.run())
        jobs = [run, asyncio.create_task(_listen(world, process, bus))]
        if helper is not None:
            jobs.append(asyncio.create_task(helper(world, process, run)))
        death = asyncio.create_task(process.died.wait())
        jobs.append(death)
        done, _ = await asyncio.wait({run, death}, timeout=LONG_S, return_when=asyncio.FIRST_COMPLETED)
        process.quiet = True
        if not done:
            world.violations.append(f"the process does not end: {coordinator.statuses()}")
            return "stuck"
        if not process.alive:
            return "killed"
        return run.result()
    except asyncio.CancelledError:
        return "interrupted"
    except (StoreError, OSError) as error:
        if not process.alive:
            return "killed"
        if not process.quiet:
            world.violations.append(f"the run breaks off: {error!r}")
        return "broken"
    except Exception as error:
        world.violations.append(f"the run breaks off: {error!r}")
        return "broken"
    finally:
        process.quiet = True
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        await factory.aclose(grace_s=1.0)
        with contextlib.suppress(Killed):
            state.close()
        process.alive = False
        world.read_log()


async def _listen(world: World, process: Process, bus: MessageBus) -> None:
    """Somebody who wants every durable message once, and is slow; what he heard he remembers from life to life."""
    while bus._record is None:
        await asyncio.sleep(0.01)
    async for message in bus.subscribe("interface.*", after=world.heard[-1] if world.heard else 0):
        process.living()
        world.heard.append(message.seq)
        await world.pause(3.0)


async def people(world: World, process: Process, run: asyncio.Task[str]) -> None:
    """They approve and refuse, ask for changes, pause, cancel and interrupt."""
    trouble = world.trouble
    plan = [
        (when, what)
        for what, often in (
            ("nonsense", 0.05),
            ("pause", 0.12),
            ("cancel", 0.08),
            ("interrupt", 0.12),
            ("patch", 0.25),
            ("patch", 0.2),
        )
        if world.maybe(often * 2 * trouble) and (when := world.chance.random() * 40) >= 0
    ]
    for when, what in sorted(plan):
        loop = asyncio.get_running_loop()
        while loop.time() < when + process.counts["born"]:
            await asyncio.sleep(1.7)
            answer(world)
        if what == "patch" and world.patches:
            name = world.fresh()
            command = patch_request(random_patch(world.chance, world.plan_now(), name), by="somebody", name=name)
            request(world.store, RUN, command)
        elif what == "interrupt":
            process.quiet = True
            run.cancel()
        elif what == "nonsense":
            world.store.request(RUN, {"command": "dance"})
        elif what != "patch":
            process.quiet = True
            request(world.store, RUN, {"command": what})
    while True:
        await asyncio.sleep(1.7)
        answer(world)


def answer(world: World) -> None:
    """Somebody looks at what waits for approval."""
    for name, task in world.state.tasks.items():
        if task.status == "in_progress" and task.phase == "sealed" and task.approval == "requested":
            about: dict[str, Any] = {"task": name, "attempt": task.attempts, "commit": task.asked["commit"]}
            no = world.maybe(0.2 * world.trouble)
            request(world.store, RUN, refusal(by="p", why="no", **about) if no else approval(by="p", **about))


def fate(world: World) -> Process:
    """What befalls a process of a run in trouble."""
    kind = world.chance.choice(["none", "none", "kill", "kill", "fail"])
    if kind == "kill":
        operation = world.chance.choice(["append", "append", "append", "seal", "land", "execute"])
        side = world.chance.choice(["before", "after"]) if operation != "execute" else "before"
        return Process(kill_at=(operation, side, world.chance.randint(1, 25 if operation == "append" else 5)))
    if kind == "fail":
        sorts = ["append", "append", "renew", "open", "seal", "stage", "land", "execute", "publish", "final", "finish"]
        operation = world.chance.choice(sorts)
        return Process(fail_at={operation: world.chance.randint(1, 20 if operation == "append" else 3)})
    return Process()


def seeded_world(seed: int, trouble: float = 0.35) -> tuple[World, int]:
    chance = random.Random(seed)
    concurrency = chance.randint(1, 4)
    max_batch = chance.choice([1, 2, 8])
    return World(plan=random_plan(chance), chance=chance, trouble=trouble, max_batch=max_batch), concurrency


def carry_out(
    world: World, concurrency: int, seed: int, fates: Callable[[int], Process], *, disturbed: int = 4
) -> None:
    """One run, life after life, until it is over; violations are left in ``world``."""

    async def all_lives() -> None:
        for life in range(LIVES):
            process = fates(life)
            process.counts["born"] = int(asyncio.get_running_loop().time())
            if life >= disturbed:
                world.trouble = 0.0
            status = await live(world, process, concurrency, people)
            if world.violations or world.state.finished.get("status") in ("completed", "partial", "failed"):
                return  # also when the process died after it had recorded that
            if status == "cancelled" and world.maybe(0.5):
                return
            if status == "paused":
                answer(world)
        world.violations.append(f"the run is not over after {LIVES} lives")

    def judge(now: float) -> None:
        world.violations.extend(judge_quiet(world, now, concurrency))

    clock = JudgingClock(judge)
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(seed, clock)) as runner:
        runner.run(all_lives())


def judged(world: World) -> list[str]:
    found = judge_log(world, over=not world.violations)
    difference = replay(world.plan, world.log).difference
    return found if difference is None else [*found, f"a replay decides otherwise: {difference}"]


def by_seed(seed: int) -> World:
    """The run of a seed."""
    world, concurrency = seeded_world(seed)
    carry_out(world, concurrency, seed, lambda life: fate(world) if life < 4 else Process())
    return world


def digest(world: World) -> str:
    return hashlib.sha256("\n".join(map(line, world.log)).encode()).hexdigest()[:16]


def seeds(first: int, last: int) -> Iterator[dict[str, Any]]:
    kinds: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    whole = hashlib.sha256()
    steps: set[tuple[str, str]] = set()
    stations: set[tuple[str, str]] = set()
    for seed in range(first, last):
        with watched() as seen:
            world = by_seed(seed)
        found = judged(world)
        if found:
            yield {"seed": seed, "violations": found}
        seen.resumed(world.log)
        steps |= seen.tasks
        stations |= seen.attempts
        kinds.update(event.type for event in world.log)
        ends[world.state.status] += 1
        whole.update(digest(world).encode())
    taken = {"tasks": sorted(steps), "attempts": sorted(stations)}
    yield {"seeds": last - first, "ends": ends, "events": kinds, "steps": taken, "digest": whole.hexdigest()[:16]}


def kills(first: int, last: int, *, all_points: bool = True) -> Iterator[dict[str, Any]]:
    """Killed on both sides of each commit of each life of a run: of as many runs as it takes until this was done to every type of event.

    Args:
        all_points: else only commits that hold a type of event whose turn has not come.
    """
    struck: set[tuple[str, str]] = set()
    points = runs = 0
    for seed in range(first, last):
        lives: list[Process] = []

        def remembered(life: int, lives: list[Process] = lives) -> Process:
            lives.append(Process())
            return lives[-1]

        world, concurrency = seeded_world(seed, trouble=0.35 + 0.5 * (seed % 2))
        carry_out(world, concurrency, seed, remembered)
        if found := judged(world):
            yield {"seed": seed, "violations": found}
        if {event.type for event in world.log} <= {kind for _, kind in struck}:
            continue
        runs += 1
        for which, process in enumerate(lives):
            for number, side in product(range(1, process.counts["append"] + 1), ("before", "after")):
                point = ("append", side, number)
                if not all_points and {(side, kind) for kind in process.batches[number - 1]} <= struck:
                    continue
                world, concurrency = seeded_world(seed, trouble=0.35 + 0.5 * (seed % 2))
                carry_out(world, concurrency, seed, lambda life, p=point, w=which: _killed_in(life, w, p))
                points += 1
                struck |= world.struck
                if found := judged(world):
                    yield {"seed": seed, "life": which, "point": point, "violations": found}
    missing = sorted(
        f"{side} {kind}" for side, kind in product(("before", "after"), EVENT_TYPES) if (side, kind) not in struck
    )
    yield {"runs": runs, "points": points, "missing": missing}


def types(first: int, last: int) -> Iterator[dict[str, Any]]:
    """As ``kills``, at one commit for each type of event."""
    yield from kills(first, last, all_points=False)


def _killed_in(life: int, which: int, point: tuple[str, str, int]) -> Process:
    return Process(kill_at=point if life == which else None)


def nth(first: int, last: int) -> Iterator[dict[str, Any]]:
    """The n-th operation of a sort fails, for n = 1, 2, ... until a run has fewer of them."""
    reached: Counter[str] = Counter()
    failures = 0
    for seed in range(first, last):
        for operation in OPERATIONS:
            for number in range(1, 1000):
                lives: list[Process] = []

                def failing(life: int, o: str = operation, n: int = number, lives: list[Process] = lives) -> Process:
                    lives.append(Process(fail_at={o: n} if life == 0 else {}))
                    return lives[-1]

                world, concurrency = seeded_world(seed, trouble=0.2)
                carry_out(world, concurrency, seed, failing)
                if found := judged(world):
                    yield {"seed": seed, "operation": operation, "n": number, "violations": found}
                if lives[0].counts[operation] < number:
                    break
                failures += 1
                reached[operation] = max(reached[operation], number)
    yield {"failures": failures, "reached": reached}


def tails(first: int, last: int) -> Iterator[dict[str, Any]]:
    """A run is over, and then it turns out that its last transactions are not on the disk. The workspace has all of it."""
    cases = adopted = 0
    for seed in range(first, last):
        for place in range(len(_whole(seed)[0].ends) - 1):
            world, concurrency = _whole(seed)
            keep = world.ends[:-1][min(place, len(world.ends) - 2)]  # of this very log
            landed, bodies = set(world.landed), world.executions.copy()
            del world.store._events[RUN][keep:]
            world.heard = [seq for seq in world.heard if seq <= keep]
            world.read_log()
            carry_out(world, concurrency, seed, lambda life: Process(), disturbed=0)
            found = judged(world)
            again = sorted(
                key[0] for key, times in world.executions.items() if key[0] in landed and times > bodies[key]
            )
            if again:
                found.append(f"what had landed is done again: {again}")
            adopted += sum(bool(event.data.get("found")) for event in world.log if event.type == "attempt.landed")
            cases += 1
            if found:
                yield {"seed": seed, "keep": keep, "violations": found}
    yield {"cases": cases, "adopted": adopted}


def _whole(seed: int) -> tuple[World, int]:
    world, concurrency = seeded_world(seed, trouble=0.0)
    world.plan = evolve(world.plan, tasks=tuple(evolve(task, type="code_writing") for task in world.plan.tasks))
    world.patches = False
    carry_out(world, concurrency, seed, lambda life: Process())
    return world, concurrency


def broken(part: str, first: str, last: str) -> Iterator[dict[str, Any]]:
    """Something is broken on purpose, to see that it is noticed."""
    if part == "exclusions":
        Exclusions.take = lambda self, index: True
    elif part == "idle":
        Engine._dispatch = lambda self, hold, whole=Engine._dispatch: None if self._running else whole(self, hold)
    elif part == "order":
        whole = StoreOf.append

        def forgetful(self: StoreOf, lease: Any, events: Any) -> int:
            return whole(self, lease, [event for event in events if event.type != "task.completed"] or events)

        StoreOf.append = forgetful
    elif part == "twice":
        coordinator_module.adopt = lambda plan, log, found: adopt(plan, RunState(), found)
    yield from seeds(int(first), int(last))


#: What can fail: writes of the store, of the workspace, agents that are begun, messages.
OPERATIONS = ("append", "renew", "reconcile", "open", "execute", "publish", "seal", "stage", "land", "final", "finish")


def main(arguments: list[str]) -> int:
    logging.disable(logging.CRITICAL)
    mode, *numbers = arguments
    if mode == "show":
        world = by_seed(int(numbers[0]))
        print("\n".join(map(line, world.log)))
        print(json.dumps({"seed": int(numbers[0]), "violations": judged(world), "digest": digest(world)}))
        return 0
    if mode == "broken":
        reports = broken(*numbers)
    else:
        reports = {"seeds": seeds, "kills": kills, "types": types, "nth": nth, "tails": tails}[mode](*map(int, numbers))
    bad = 0
    for report in reports:
        bad += bool(report.get("violations"))
        print(json.dumps(report), flush=True)
    return int(bad > 0)


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is part of an interleaving
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})
    sys.exit(main(sys.argv[1:]))
