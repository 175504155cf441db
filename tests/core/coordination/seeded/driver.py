"""Runs of the whole coordination in virtual time, each decided by a seed: plan, faults, and the order of everything that could happen at once.

::

    python tests/core/coordination/seeded/driver.py seeds 0 500     # 500 runs; exits with 1 at a violation
    python tests/core/coordination/seeded/driver.py show 17         # one of them, event by event, the same each time
    python tests/core/coordination/seeded/driver.py kills 3         # killed around each commit of the run of seed 3
    python tests/core/coordination/seeded/driver.py nth 3           # the n-th operation of each sort fails, until a run passes untouched
    python tests/core/coordination/seeded/driver.py rollback 3      # as after a power cut: each tail of transactions is lost

Prints one JSON line per finding and one at the end.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from judge import judge_log, judge_quiet
from plans import random_patch, random_plan
from world import RUN, Killed, Process, StoreOf, Worker, WorkspaceOf, World, context_for, line

from agent_dispatcher.config.values import AgentFactorySettings
from agent_dispatcher.coordination.agent_factory import AgentFactory
from agent_dispatcher.coordination.approvals import approval, refusal
from agent_dispatcher.coordination.coordinator import Coordinator, CoordinatorSettings
from agent_dispatcher.coordination.message_bus import MessageBus
from agent_dispatcher.coordination.patches import patch_request
from agent_dispatcher.coordination.retry import RetryPolicy
from agent_dispatcher.coordination.state_manager import StateManager, request
from agent_dispatcher.errors import StoreError
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
        store, RUN, checkpoint_interval_s=0, renew_s=3.0, now=loop.time, monotonic=loop.time  # type: ignore[arg-type]
    )
    begun = bool(world.log)
    factory = AgentFactory(lambda name: Worker(world, process), AgentFactorySettings())
    bus = MessageBus(capacity=2)
    jobs: list[asyncio.Task[Any]] = []
    try:
        state.open()
        state.append("run.resumed" if begun else "run.started", data={"base": "c0"})
        state.flush()
        workspace = WorkspaceOf(world, process)
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
            ),
            assignments={task.id: ("worker", "helper") for task in plan.tasks},
            context_for=context_for,
            monotonic=loop.time,
            rng=world.chance.random,
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
    finally:
        process.quiet = True
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        await factory.aclose(grace_s=1.0)
        try:
            state.close()
        except Killed:
            pass
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
        for what, often in (("pause", 0.12), ("cancel", 0.08), ("interrupt", 0.12), ("patch", 0.25), ("patch", 0.2))
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
    return World(plan=random_plan(chance), chance=chance, trouble=trouble), concurrency


def carry_out(world: World, concurrency: int, seed: int, fates: Callable[[int], Process], *, disturbed: int = 4) -> None:
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
    return judge_log(world, over=not world.violations)


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
    for seed in range(first, last):
        world = by_seed(seed)
        found = judged(world)
        if found:
            yield {"seed": seed, "violations": found}
        kinds.update(event.type for event in world.log)
        ends[world.state.status] += 1
        whole.update(digest(world).encode())
    yield {"seeds": last - first, "ends": ends, "events": kinds, "digest": whole.hexdigest()[:16]}


def main(arguments: list[str]) -> int:
    logging.disable(logging.CRITICAL)
    mode, *numbers = arguments
    if mode == "show":
        world = by_seed(int(numbers[0]))
        print("\n".join(map(line, world.log)))
        print(json.dumps({"seed": int(numbers[0]), "violations": judged(world), "digest": digest(world)}))
        return 0
    bad = 0
    for report in {"seeds": seeds}[mode](*map(int, numbers)):
        bad += bool(report.get("violations"))
        print(json.dumps(report), flush=True)
    return int(bad > 0)


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is part of an interleaving
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})
    sys.exit(main(sys.argv[1:]))
