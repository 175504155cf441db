"""Everything around a coordinator, in memory and in virtual time: what survives a process, and what dies with it.

A :class:`World` is what survives: the store, the workspace, the people. A :class:`Process` is one life of the coordinator. When it is
killed nothing it does has an effect any more: its store and its workspace refuse, as if the machine had stopped there.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from plans import random_patch

from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.codec import structure
from agent_dispatcher.coordination.memory_store import MemoryStore
from agent_dispatcher.coordination.run_state import RunState, fold
from agent_dispatcher.errors import AgentDied, BackendError, BudgetExceeded, StoreError
from agent_dispatcher.extension import Change, Landed, Lease, LlmReply, LlmRequest, Opened, Reconciled, Started
from agent_dispatcher.models import Event, Evidence, ExecutionPlan, PlanPatch, Specification, Task
from agent_dispatcher.planning.revising import revise_all
from agent_dispatcher.workspace.examination import Entry

RUN = "seeded"
#: Operations without which a coordinator cannot go on; the others cost an attempt.
_ENDS_THE_RUN = frozenset({"append", "renew", "reconcile", "stage", "land", "final", "finish"})


class Killed(StoreError):
    """The process is dead; whoever still runs in it gets nothing done."""


class Injected(OSError):
    """A fault that was put in."""


@define(eq=False)
class Process:
    """One life of the coordinator.

    Attributes:
        fail_at: operation to the count at which it fails (``append`` with StoreError, others with :class:`Injected`).
        kill_at: operation, side (``before`` or ``after``) and count at which the process dies.
        counts: operations so far.
        batches: types of events in each transaction.
        quiet: whether nothing new is to begin (it was told to stop, or something broke).
    """

    fail_at: Mapping[str, int] = field(factory=dict)
    kill_at: tuple[str, str, int] | None = None
    alive: bool = True
    quiet: bool = False
    counts: Counter[str] = field(factory=Counter)
    batches: list[set[str]] = field(factory=list)
    died: asyncio.Event = field(factory=asyncio.Event)
    bodies: dict[tuple[str, int], None] = field(factory=dict)
    resting: dict[str, float] = field(factory=dict)
    landing: str | None = None
    coordinator: Any = None
    guard: Any = None
    recorded: Any = None

    def kill(self) -> None:
        self.alive = False
        self.died.set()

    def living(self) -> None:
        if not self.alive:
            raise Killed("this process is dead")

    def before(self, operation: str) -> None:
        """Count an operation; it may fail or be the last thing."""
        self.living()
        self.counts[operation] += 1
        if self.kill_at == (operation, "before", self.counts[operation]):
            self.kill()
        self.living()
        if self.fail_at.get(operation) == self.counts[operation]:
            self.quiet = self.quiet or operation in _ENDS_THE_RUN
            text = f"{operation} number {self.counts[operation]} fails"
            raise StoreError(text) if operation in ("append", "renew") else Injected(text)

    def after(self, operation: str) -> None:
        if self.kill_at == (operation, "after", self.counts[operation]):
            self.kill()
        self.living()


@frozen(kw_only=True)
class Verdict:
    """See :class:`agent_dispatcher.coordination.lane.VerdictPort`."""

    landed: Landed | None = None
    evidence: tuple[Evidence, ...] = ()
    why: str = ""
    conflict: tuple[str, ...] = ()
    sides: tuple[Any, ...] = ()
    permanent: bool = False
    tip: str = ""
    tree: str = ""


@define(eq=False)
class World:
    """What survives.

    Attributes:
        chance: decides everything that is not decided by the order of events.
        trouble: how often agents, checks and people make trouble, 0 to 1.
        heard: numbers of the durable messages that a listener got, over all lives.
        ends: number of the last event of each transaction.
        struck: on which side of the commit of which type of event a process was killed.
    """

    plan: ExecutionPlan
    chance: random.Random
    trouble: float = 0.35
    patches: bool = True
    max_batch: int = 1
    store: Any = field(factory=MemoryStore)
    sealed: dict[tuple[str, int], Change] = field(factory=dict)
    landed: dict[str, Landed] = field(factory=dict)
    executions: Counter[tuple[str, int]] = field(factory=Counter)
    process: Process | None = None
    log: list[Event] = field(factory=list)
    state: RunState = field(factory=RunState)
    made: int = 0
    heard: list[int] = field(factory=list)
    violations: list[str] = field(factory=list)
    ends: list[int] = field(factory=list)
    struck: set[tuple[str, str]] = field(factory=set)
    _plans: dict[int, ExecutionPlan] = field(factory=dict)

    def plan_now(self) -> ExecutionPlan:
        """With every patch that the log has."""
        patches = self.state.patches
        known = self._plans.get(len(patches))
        if known is None:
            known = self._plans[len(patches)] = revise_all(
                self.plan, [structure(data["patch"], PlanPatch) for data in patches]
            )
        return known

    def read_log(self) -> None:
        """Take note of what the store holds now."""
        self.log = list(self.store.read(RUN))
        self.state = fold(self.log)
        self._plans.clear()

    def note(self, batch: Sequence[Event], process: Process, now: float) -> None:
        self.log.extend(batch)
        fold(batch, self.state)
        for event in batch:
            if (
                event.type == "attempt.retry" and event.task is not None
            ):  # a wait may be shorter than what is recorded of it
                process.resting[event.task] = now + float(event.data["delay_s"])
        self.ends.append(batch[-1].seq)

    def maybe(self, probability: float) -> bool:
        return self.chance.random() < probability

    def fresh(self) -> str:
        self.made += 1
        return f"n{self.made}"

    async def pause(self, most_s: float) -> None:
        """Some time passes, or none; in a third of all worlds whole seconds, so that much happens in the same moment."""
        digits = 0 if self.max_batch == 2 else 3
        await asyncio.sleep(round(self.chance.random() * most_s, digits) if self.maybe(0.7) else 0)


class StoreOf:
    """The store as one process has it."""

    def __init__(self, world: World, process: Process) -> None:
        self._world, self._process, self._store = world, process, world.store

    def append(self, lease: Lease, events: Sequence[Event]) -> int:
        process = self._process
        if process.kill_at is not None and process.kill_at[::2] == ("append", process.counts["append"] + 1):
            self._world.struck |= {(process.kill_at[1], event.type) for event in events}
        process.batches.append({event.type for event in events})
        process.before("append")
        number = self._store.append(lease, events)
        batch = list(self._store.read(RUN, number - len(events)))
        self._world.note(batch, self._process, asyncio.get_running_loop().time())
        self._process.after("append")
        return int(number)

    def renew(self, lease: Lease) -> None:
        self._process.before("renew")
        self._store.renew(lease)

    def acquire(self, run: str, owner: str) -> Lease:
        self._process.living()
        return self._store.acquire(run, owner)  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        self._process.living()
        return getattr(self._store, name)


class WorkspaceOf:
    """The workspace and the merge train as one process has them."""

    stacks = True

    def __init__(self, world: World, process: Process) -> None:
        self._world, self._process = world, process

    @property
    def _tip(self) -> str:
        return list(self._world.landed.values())[-1].commit if self._world.landed else "c0"

    async def start(self, run: str, output: Path, *, title: str = "") -> Started:
        return Started(base="c0")

    async def open(self, task: Task, attempt: int, base: str | None = None) -> Opened:
        self._process.before("open")
        await self._world.pause(0.05)
        return Opened(task=task.id, attempt=attempt, path=Path("nowhere"), base=base or "")

    async def seal(self, opened: Opened, message: str, *, trailers: Sequence[tuple[str, str]] = ()) -> Change:
        await self._world.pause(0.1)
        self._process.before("seal")
        commit = f"s-{opened.task}-{opened.attempt}"
        change = Change(task=opened.task, attempt=opened.attempt, ref=commit, commit=commit, base=opened.base)
        self._world.sealed[opened.task, opened.attempt] = change
        self._process.after("seal")
        await self._world.pause(0.1)
        return change

    async def discard(self, opened: Opened) -> None:
        await asyncio.sleep(0)

    async def reconcile(self, run: str) -> Reconciled:
        self._process.before("reconcile")
        await self._world.pause(0.1)
        sealed = {key: change for key, change in self._world.sealed.items() if key[0] not in self._world.landed}
        return Reconciled(landed=dict(self._world.landed), sealed=sealed, tip=self._tip)

    async def finish(self, status: str) -> str:
        self._process.before("finish")
        await self._world.pause(0.1)
        return self._tip

    # --- the merge train ------------------------------------------------------------------------------------------

    async def inspect(self, task: Task, change: Change, landed: Any, attempt: int, record: Any) -> Verdict:
        return await self._judge(task, change, attempt, record, moving=False)

    async def land(
        self, task: Task, change: Change, landed: Any, attempt: int, record: Any, passed_on: Any = None
    ) -> Verdict:
        return await self._judge(task, change, attempt, record, moving=True)

    async def _judge(self, task: Task, change: Change, attempt: int, record: Any, *, moving: bool) -> Verdict:
        world, process = self._world, self._process
        process.living()
        process.landing = task.id
        try:
            await world.pause(9.0 if world.maybe(world.trouble * 0.5) else 1.0)
            process.before("stage")
            if world.maybe(world.trouble * 0.2):
                conflict = ("x",) if world.maybe(0.5) else ()
                return Verdict(why="does not fit", conflict=conflict, permanent=world.maybe(0.1))
            evidence = (Evidence(id=f"{task.id}-{attempt}", check="c", passed=True, tree="t"),)
            await record("t", evidence if world.maybe(0.7) else (), evidence if world.maybe(0.3) else ())
            if not moving:
                return Verdict(evidence=evidence, tip=self._tip, tree="t")
            process.before("land")
            made = Landed(commit=f"c-{task.id}", tree="t")
            if task.id in world.landed:
                world.violations.append(f"{task.id} lands twice")
            world.landed[task.id] = made
            process.after("land")
            await world.pause(0.1)
            process.living()
            return Verdict(landed=made, evidence=evidence)
        finally:
            process.landing = None

    async def land_together(self, entries: Sequence[Entry], landed: Any, record: Any, tell: Any) -> None:
        """In one move or in several; some are refused."""
        world, process = self._world, self._process
        process.living()
        process.landing = entries[0].task.id
        try:
            left = list(entries)
            while left:
                count = world.chance.randint(1, len(left))
                batch, left = left[:count], left[count:]
                await world.pause(9.0 if world.maybe(world.trouble * 0.5) else 1.0)
                process.before("stage")
                for entry in [one for one in batch if world.maybe(world.trouble * 0.2)]:
                    batch.remove(entry)
                    tell(entry, Verdict(why="does not fit", conflict=("x",) if world.maybe(0.5) else ()))
                if batch:
                    await self._land_batch(batch, record, tell)
        finally:
            process.landing = None

    async def _land_batch(self, batch: Sequence[Entry], record: Any, tell: Any) -> None:
        world, process = self._world, self._process
        evidence = {
            one.task.id: (Evidence(id=f"{one.task.id}-{one.attempt}", check="c", passed=True, tree="t"),)
            for one in batch
        }
        about = [(one, evidence[one.task.id] if world.maybe(0.7) else ()) for one in batch]
        await record("t", about, evidence[batch[0].task.id] if world.maybe(0.7) else ())
        process.before("land")
        for one in batch:
            if one.task.id in world.landed:
                world.violations.append(f"{one.task.id} lands twice")
            world.landed[one.task.id] = Landed(commit=f"c-{one.task.id}", tree="t")
        process.after("land")
        await world.pause(0.1)
        process.living()
        for one in batch:
            tell(one, Verdict(landed=world.landed[one.task.id], evidence=evidence[one.task.id]))

    async def final(self, landed: Iterable[str]) -> tuple[Evidence, ...]:
        await self._world.pause(0.5)
        self._process.before("final")
        return ()


class Model:
    """A language model that answers, is asked too fast, or is not there, as chance will have it."""

    def __init__(self, world: World, process: Process) -> None:
        self._world, self._process = world, process

    async def complete(self, request: LlmRequest) -> LlmReply:
        world = self._world
        self._process.living()
        await world.pause(2.0)
        if world.maybe(world.trouble):
            sort = world.chance.choice(["outage", "outage", "outage", "rate_limit", "transient"])
            raise BackendError("no answer", sort=sort, retry_after_s=world.chance.choice([None, 3.0, 50.0]))
        return LlmReply(text="so")


class Worker(BaseAgent):
    """Does what chance tells it to."""

    def __init__(self, world: World, process: Process) -> None:
        self._world, self._process = world, process

    async def setup(self) -> None:
        await self._world.pause(0.05)

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        world, process = self._world, self._process
        process.before("execute")
        key = (task.id, context.attempt)
        world.executions[key] += 1
        judge_start(world, process, task.id, context.attempt)
        process.bodies[key] = None
        try:
            return await self._work(task, context)
        finally:
            process.bodies.pop(key, None)

    async def _work(self, task: Task, context: AgentContext) -> AgentResult:
        world, process = self._world, self._process
        await world.pause(9.0)
        if world.maybe(0.3):
            process.before("publish")
            await context.bus.publish(f"interface.{task.id}", {"by": task.id}, durable=True)
        if world.maybe(0.2):
            context.progress(0.5, "half")
        if context.llm is not None and world.maybe(0.3):
            await context.llm.complete(LlmRequest.of("how", max_output_tokens=10))
            process.recorded("command.ran", task=task.id, attempt=context.attempt, data={"argv": ["try"], "code": 0})
            asked = {"what": "read", "subject": "a", "granted": True}
            process.recorded("access.asked", task=task.id, attempt=context.attempt, data=asked)
        if world.maybe(world.trouble):
            kinds = ["fail", "raise", "decline", "hang", "swallow", "lie", "die", "spend"]
            result = await self._trouble(world.chance.choice(kinds))
            if result is not None:
                return result
        patch = None
        if world.patches and world.made < 4 and world.maybe(0.2):
            patch = random_patch(world.chance, world.plan_now(), world.fresh())
        return AgentResult(status="done", summary="did it", patch=patch)

    async def _trouble(self, kind: str) -> AgentResult | None:
        world = self._world
        if kind == "fail":
            return AgentResult(status="failed", error="cannot", permanent=world.maybe(0.1))
        if kind == "raise":
            raise ValueError("agent broke")
        if kind == "die":
            raise AgentDied("its process ended")
        if kind == "spend":
            if world.maybe(0.7):
                return None
            self._process.quiet = True
            raise BudgetExceeded("nothing is left")
        if kind == "decline":
            return AgentResult(status="declined", summary="not mine")
        if kind == "lie":
            return "done"  # type: ignore[return-value]
        if kind == "hang":
            await asyncio.sleep(500)
        end = asyncio.get_running_loop().time() + 60
        while (now := asyncio.get_running_loop().time()) < end:
            try:
                await asyncio.sleep(end - now)
            except asyncio.CancelledError:
                continue
        return None


def judge_start(world: World, process: Process, name: str, attempt: int) -> None:
    """What must be recorded, and who must not be at work, when a body starts."""
    plan, found = world.plan_now(), world.violations
    for before, after in plan.binding_edges():
        if after == name and world.state.task(before).status != "completed":
            found.append(f"{name} starts before {before} is recorded as completed")
    known = world.state.task(name)
    if (known.phase, known.attempts) != ("running", attempt):
        found.append(f"attempt {attempt} of {name} starts, and the log says {known.phase} {known.attempts}")
    for exclusion in plan.exclusions:
        for other, number in process.bodies:
            if other == name or name not in exclusion.tasks or other not in exclusion.tasks:
                continue
            running = world.state.task(other)
            if running.phase == "running" and running.attempts == number:  # else it was given up, and cannot be ended
                found.append(f"{name} and {other} are at work at once")


def context_for(task: Task, attempt: int, opened: Opened, feedback: str, /, **own: Any) -> AgentContext:
    return AgentContext(
        run=RUN,
        attempt=attempt,
        task=task.id,
        specification=Specification(id="s", title="s"),
        workspace=None,  # type: ignore[arg-type]
        sandbox=None,  # type: ignore[arg-type]
        feedback=feedback,
        **own,
    )


def line(event: Event) -> str:
    """An event in one line, without what differs from process to process."""
    data = {key: value for key, value in event.data.items() if key not in ("patch", "owner", "plan", "took_s")}
    return f"{event.seq:4} {event.at:10.3f} {event.type} {event.task or ''} {event.attempt or ''} {data}"
