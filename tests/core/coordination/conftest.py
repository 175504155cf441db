"""A small world for the coordinator: components that keep everything in memory, and agents that do as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve, field, frozen

from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.config.values import AgentFactorySettings
from agent_dispatcher.coordination.agent_factory import AgentFactory
from agent_dispatcher.coordination.coordinator import Coordinator, CoordinatorSettings
from agent_dispatcher.coordination.memory_store import MemoryStore
from agent_dispatcher.coordination.message_bus import Message, MessageBus, Subscription
from agent_dispatcher.coordination.replay import replay
from agent_dispatcher.coordination.retry import RetryPolicy
from agent_dispatcher.coordination.state_manager import StateManager
from agent_dispatcher.extension import Change, Landed, Opened, Reconciled, Started, Tree
from agent_dispatcher.models import Dependency as Edge
from agent_dispatcher.models import Event, Evidence, Exclusion, ExecutionPlan, Gate, Specification, Task
from agent_dispatcher_builtins.executors.local import LocalExecutor

Script = Callable[[Task, AgentContext], Awaitable[AgentResult]]
DONE = AgentResult(status="done", summary="did it")


def make_plan(tasks: str, edges: str = "", gates: str = "", exclusions: tuple[str, ...] = ()) -> ExecutionPlan:
    """A plan from names and ``before>after`` pairs."""
    return ExecutionPlan(
        specification=Specification(id="s", title="s"),
        tasks=tuple(Task(id=name, title=f"Task {name}", requirements=("R1",)) for name in tasks.split()),
        dependencies=tuple(Edge(before=a, after=b) for a, b in (edge.split(">") for edge in edges.split())),
        gates=tuple(Gate(test=a, subject=b) for a, b in (gate.split(">") for gate in gates.split())),
        exclusions=tuple(Exclusion(tasks=tuple(names.split()), resource=names) for names in exclusions),
    )


class MemoryWorkspace:
    """Counts folders, keeps what is sealed and landed; survives the coordinator like a repository does."""

    def __init__(self) -> None:
        self.sealed: dict[tuple[str, int], Change] = {}
        self.landed: dict[str, Landed] = {}
        self.messages: list[tuple[str, list[tuple[str, str]]]] = []
        self.open_folders: set[tuple[str, int]] = set()
        self.finished: list[str] = []
        self.seal_s = 0.0

    async def start(self, run: str, output: Path, *, title: str = "") -> Started:
        return Started(base="c0")

    async def open(self, task: Task, attempt: int, base: str | None = None) -> Opened:
        self.open_folders.add((task.id, attempt))
        return Opened(task=task.id, attempt=attempt, path=Path("nowhere"), base=base or "")

    async def seal(self, opened: Opened, message: str, *, trailers: Sequence[tuple[str, str]] = ()) -> Change:
        if self.seal_s:
            await asyncio.sleep(self.seal_s)
        self.open_folders.remove((opened.task, opened.attempt))
        self.messages.append((message, list(trailers)))
        change = Change(task=opened.task, attempt=opened.attempt, ref="r", commit=f"s-{opened.task}", base=opened.base)
        self.sealed[opened.task, opened.attempt] = change
        return change

    async def discard(self, opened: Opened) -> None:
        self.open_folders.remove((opened.task, opened.attempt))

    async def stage(self, changes: Sequence[Change]) -> Tree:
        raise AssertionError("the integration of this world does not stage")

    async def land(self, tree: Tree, expected_tip: str) -> Landed:
        raise AssertionError("the integration of this world does not land")

    async def reconcile(self, run: str) -> Reconciled:
        tip = list(self.landed.values())[-1].commit if self.landed else "c0"
        return Reconciled(landed=dict(self.landed), sealed=dict(self.sealed), tip=tip)

    async def checkout_tip(self) -> Tree:
        raise AssertionError("the integration of this world does not check out")

    async def finish(self, status: str) -> str:
        self.finished.append(status)
        return list(self.landed.values())[-1].commit if self.landed else "c0"


@frozen(kw_only=True)
class Verdict:
    landed: Landed | None = None
    evidence: tuple[Evidence, ...] = ()
    why: str = ""
    conflict: tuple[str, ...] = ()
    sides: tuple[Any, ...] = ()
    permanent: bool = False
    tip: str = ""
    tree: str = ""


@define
class World:
    """Everything a coordinator needs; ``run`` carries a plan out in it."""

    workspace: MemoryWorkspace = field(factory=MemoryWorkspace)
    store: Any = field(factory=MemoryStore)
    script: Script | None = None
    concurrency: int = 4
    max_attempts: int = 3
    timeout_s: float = 30.0
    grace_s: float = 0.2
    max_execution_time_s: float | None = None
    pool: AgentFactorySettings = field(factory=AgentFactorySettings)
    verdicts: dict[str, list[Verdict]] = field(factory=dict)
    final_evidence: tuple[Evidence, ...] = ()
    on_land: Callable[[Task], Awaitable[None]] | None = None
    on_task_error: Any = None
    assignments: dict[str, tuple[str, ...]] = field(factory=dict)
    contexts: list[AgentContext] = field(factory=list)
    agents: list[BaseAgent] = field(factory=list)
    make_agent: Callable[[str], BaseAgent] | None = None
    run_dir: Path | None = None
    coordinator: Coordinator | None = None
    bus: MessageBus = field(factory=MessageBus)
    calls: list[str] = field(factory=list)
    final_calls: list[frozenset[str]] = field(factory=list)
    approvals: frozenset[str] = frozenset()
    approve_plan: bool = False
    passed_on: dict[str, tuple[str, str] | None] = field(factory=dict)
    on_plan: Callable[[ExecutionPlan], None] | None = None
    advise: Any = None
    models: Any = None
    begun: ExecutionPlan | None = None
    max_batch: int = 1
    batches: list[list[str]] = field(factory=list)

    async def inspect(self, task: Task, change: Change, landed: frozenset[str], attempt: int, record: Any) -> Verdict:
        queue = self.verdicts.get(task.id, [])
        verdict = queue.pop(0) if queue else Verdict()
        if not verdict.why:
            await record(f"tree-{task.id}", verdict.evidence)
        return evolve(verdict, tip=f"tip-{len(self.workspace.landed)}", tree=f"tree-{task.id}")

    async def land(
        self,
        task: Task,
        change: Change,
        landed: frozenset[str],
        attempt: int,
        record: Any,
        passed_on: tuple[str, str] | None = None,
    ) -> Verdict:
        self.passed_on[task.id] = passed_on
        queue = self.verdicts.get(task.id, [])
        verdict = queue.pop(0) if queue else Verdict()
        if self.on_land is not None:
            await self.on_land(task)
        if verdict.why:
            return verdict
        await record(f"tree-{task.id}", verdict.evidence)
        made = Landed(commit=f"c-{task.id}", tree=f"tree-{task.id}")
        self.workspace.landed[task.id] = made
        self.workspace.sealed.pop((task.id, attempt), None)
        return Verdict(landed=made, evidence=verdict.evidence)

    async def land_together(self, entries: Sequence[Any], landed: frozenset[str], record: Any, tell: Any) -> None:
        """One after the other."""
        self.batches.append([entry.task.id for entry in entries])
        for entry in entries:

            async def alone(tree: str, evidence: Any, entry: Any = entry) -> None:
                await record(tree, [(entry, evidence)], ())

            tell(entry, await self.land(entry.task, entry.change, landed, entry.attempt, alone))

    async def final(self, landed: frozenset[str]) -> tuple[Evidence, ...]:
        self.final_calls.append(landed)
        return self.final_evidence

    def create(self, agent_type: str) -> BaseAgent:
        if self.make_agent is not None:
            return self.make_agent(agent_type)
        world = self

        class Scripted(BaseAgent):
            async def execute(self, task: Task, context: AgentContext) -> AgentResult:
                world.calls.append(task.id)
                return DONE if world.script is None else await world.script(task, context)

        agent = Scripted()
        self.agents.append(agent)
        return agent

    def context_for(self, task: Task, attempt: int, opened: Opened, feedback: str, /, **own: Any) -> AgentContext:
        context = AgentContext(
            run="r",
            attempt=attempt,
            task=task.id,
            specification=Specification(id="s", title="s"),
            workspace=None,  # type: ignore[arg-type]
            sandbox=None,  # type: ignore[arg-type]
            feedback=feedback,
            **own,
        )
        self.contexts.append(context)
        return context

    def open_state(self) -> StateManager:
        state = StateManager(self.store, "r").open()
        begun = any(True for _ in self.store.read("r"))
        state.append("run.resumed" if begun else "run.started", data={"base": "c0"})
        try:
            state.flush()
        except BaseException:
            state.close()
            raise
        return state

    async def run(self, plan: ExecutionPlan) -> str:
        self.begun = self.begun or plan
        state = self.open_state()
        factory = AgentFactory(self.create, self.pool)
        self.coordinator = Coordinator(
            plan=plan,
            run="r",
            state=state,
            workspace=self.workspace,
            integration=self,
            executor=LocalExecutor(),
            factory=factory,
            bus=self.bus,
            settings=CoordinatorSettings(
                concurrency=self.concurrency,
                max_attempts=self.max_attempts,
                agent_timeout_s=self.timeout_s,
                grace_s=self.grace_s,
                max_execution_time_s=self.max_execution_time_s,
                retry=RetryPolicy(base_s=0.01, max_s=0.02),
                poll_s=0.02,
                approvals=self.approvals,
                approve_plan=self.approve_plan,
                max_batch=self.max_batch,
            ),
            assignments={task.id: self.assignments.get(task.id, ("worker",)) for task in plan.tasks},
            context_for=self.context_for,
            on_task_error=self.on_task_error,
            run_dir=self.run_dir,
            on_plan=self.on_plan,
            advise=self.advise,
            models=self.models() if self.models is not None else None,
            rng=lambda: 1.0,
        )
        try:
            return await self.coordinator.run()
        finally:
            await factory.aclose()
            state.close()

    def events(self) -> list[Event]:
        return list(self.store.read("r"))

    def log(self, *kinds: str) -> list[tuple[str, str | None]]:
        """(type, task) of the events of these kinds, of all without any."""
        return [(one.type, one.task) for one in self.events() if not kinds or one.type in kinds]


@pytest.fixture
def world() -> Iterator[World]:
    """A world whose log, whatever a test does in it, can be replayed and gives the same decisions."""
    world = World()
    yield world
    if world.begun is not None:
        found = replay(world.begun, world.events())
        assert (found.difference, found.unchecked) == (None, ())


@pytest.fixture
def plan_of() -> Callable[..., ExecutionPlan]:
    return make_plan


@pytest.fixture
def verdict() -> type[Verdict]:
    return Verdict


class BusLog:
    """Where durable messages of a bus without a run go."""

    def __init__(self, *recorded: tuple[int, str, Any]) -> None:
        self.recorded = list(recorded)

    async def record(self, topic: str, payload: Any) -> int:
        seq = self.recorded[-1][0] + 3 if self.recorded else 3
        self.recorded.append((seq, topic, payload))
        return seq

    def replay(self, after: int) -> Iterable[tuple[int, str, Any]]:
        return [entry for entry in self.recorded if entry[0] > after]


def attached_bus(log: BusLog, capacity: int = 1000) -> MessageBus:
    bus = MessageBus(capacity)
    bus.attach(log.record, log.replay, log.recorded[-1][0] if log.recorded else 0)
    return bus


async def take_messages(subscription: Subscription, count: int) -> list[Message]:
    async with asyncio.timeout(20):
        return [await anext(subscription) for _ in range(count)]


@pytest.fixture
def bus_log() -> type[BusLog]:
    """``bus_log(*recorded)``: a log that holds these (number, topic, payload)."""
    return BusLog


@pytest.fixture
def attached() -> Callable[..., MessageBus]:
    """``attached(log)``: a bus that is attached to a log, as to that of a run."""
    return attached_bus


@pytest.fixture
def take() -> Callable[..., Any]:
    """``await take(subscription, count)``: the next messages."""
    return take_messages
