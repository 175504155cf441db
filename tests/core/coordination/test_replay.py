"""Replay: what was recorded comes out again, in whatever way the run went; what was changed afterwards is found, and at its place."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve

from agent_dispatcher.agents import AgentContext, AgentResult
from agent_dispatcher.codec import structure
from agent_dispatcher.coordination.approvals import approval, refusal
from agent_dispatcher.coordination.patches import Advice, patch_request
from agent_dispatcher.coordination.replay import replay
from agent_dispatcher.coordination.replay_log import decision_in
from agent_dispatcher.coordination.run_state import fold
from agent_dispatcher.coordination.state_manager import request
from agent_dispatcher.errors import Problem, StoreError
from agent_dispatcher.extension import Fail, Reroute, Retry
from agent_dispatcher.models import (
    DeclaredDependency,
    Dependency,
    Event,
    Exclusion,
    ExecutionPlan,
    Gate,
    PlanPatch,
    Specification,
    Task,
)
from agent_dispatcher.planning.revising import revise_all

DONE = AgentResult(status="done")


def random_plan(rng: random.Random) -> ExecutionPlan:
    """Up to twelve tasks with edges, gates, exclusions, a parent, and tasks whose work a person approves."""
    names = [f"t{number}" for number in range(rng.randint(1, 12))]
    pairs = [(a, b) for number, b in enumerate(names) for a in names[:number] if rng.random() < 0.25]
    gates = {pair for pair in pairs if rng.random() < 0.25}
    children = tuple(name for name in names[:-1] if len(names) > 3 and rng.random() < 0.2)
    tasks = tuple(
        Task(
            id=name,
            title=name,
            type=rng.choice(("code_writing", "code_writing", "testing", "reviewed")),
            estimate_s=rng.randint(0, 5),
            status="skipped" if rng.random() < 0.05 else "pending",
            children=children if name == names[-1] else (),
            verifies=tuple(subject for test, subject in gates if test == name),
        )
        for name in names
    )
    groups = [rng.sample(names, 2) for _ in range(rng.randint(0, 2))] if len(names) > 1 else []
    return ExecutionPlan(
        specification=Specification(id="s", title="s"),
        tasks=tasks,
        dependencies=tuple(Dependency(before=a, after=b) for a, b in pairs if (a, b) not in gates),
        gates=tuple(Gate(test=test, subject=subject) for test, subject in sorted(gates)),
        exclusions=tuple(Exclusion(tasks=tuple(group), resource=str(n)) for n, group in enumerate(groups)),
    )


class Verdicts(dict[str, Any]):
    """Asked for a task's verdicts: whatever fate has for it."""

    def __init__(self, fate: Fate) -> None:
        super().__init__()
        self._fate = fate

    def get(self, key: str, default: Any = None) -> Any:
        return self._fate.judge()


class Fate:
    """Decides at random what happens to a run."""

    def __init__(self, world: Any, verdict: Any, seed: int) -> None:
        self.rng = random.Random(seed)
        self.world, self.verdict = world, verdict
        self.trouble = self.rng.randint(0, 12)
        self.fresh = 0
        self.plan = random_plan(self.rng)
        world.concurrency = self.rng.randint(1, 4)
        world.max_attempts = self.rng.randint(1, 3)
        world.approvals = frozenset({"reviewed"}) if self.rng.random() < 0.5 else frozenset()
        world.approve_plan = self.rng.random() < 0.2
        world.script, world.on_task_error, world.verdicts = self.script, self.policy, Verdicts(self)
        world.assignments = {
            task.id: ("worker", "other") for task in self.plan.tasks if not task.children and self.rng.random() < 0.3
        }
        if self.rng.random() < 0.5:
            world.advise = self.advise
        self.dies = False
        self.record, world.store.append = world.store.append, self.append

    def append(self, lease: Any, events: Sequence[Event]) -> int:
        """The store, from which on nothing is recorded any more when the process dies."""
        if self.dies:
            raise StoreError("the process is as good as dead")
        return int(self.record(lease, events))

    def strikes(self, chance: float) -> bool:
        if self.trouble > 0 and self.rng.random() < chance:
            self.trouble -= 1
            return True
        return False

    async def script(self, task: Task, context: AgentContext) -> AgentResult:
        await asyncio.sleep(self.rng.choice((0, 0, 0.001, 0.003)))
        if self.strikes(0.3):
            kind = self.rng.choice(("raise", "failed", "declined", "permanent"))
            if kind == "raise":
                raise RuntimeError("no")
            return AgentResult(
                status="declined" if kind == "declined" else "failed", error="no", permanent=kind == "permanent"
            )
        if self.strikes(0.06):
            self.rng.choice((self.world.coordinator.pause, self.world.coordinator.cancel))()
        if self.strikes(0.15):
            return evolve(DONE, patch=self.patch(task.id))
        return DONE

    def judge(self) -> list[Any]:
        """What the checks say about the next landing; nothing: it may land."""
        if not self.strikes(0.2):
            return []
        conflict = ("a.py",) if self.rng.random() < 0.5 else ()
        return [self.verdict(why="red", conflict=conflict, permanent=self.rng.random() < 0.2)]

    def policy(self, task: Task, attempt: int, error: str, sort: str) -> Any:
        return self.rng.choice((None, None, Retry(delay_s=0.0), Retry(delay_s=0.002), Reroute("other"), Fail()))

    def patch(self, after: str) -> PlanPatch:
        self.fresh += 1
        name = f"n{self.fresh}"
        before = (DeclaredDependency(task=self.rng.choice((after, "nobody"))),)
        new = Task(id=name, title=name, agent_type="worker", depends_on=before)
        some, kind = self.rng.choice(self.plan.tasks).id, self.rng.random()
        return PlanPatch(
            why="more",
            add=(new,) if kind < 0.7 else (),
            remove=(some,) if kind < 0.2 else (),
            reroute={some: "other"} if kind > 0.6 else {},
        )

    def advise(self, before: ExecutionPlan, after: ExecutionPlan, tasks: Sequence[Task]) -> Advice:
        problems = (Problem("not today", remedy="ask tomorrow"),) if self.rng.random() < 0.3 else ()
        return Advice(candidates={task.id: ("other", "worker") for task in tasks}, problems=problems)

    async def run(self) -> None:
        """Processes that end by themselves, are interrupted or lose their store, until the run is over."""
        world = self.world
        for _ in range(30):
            self.dies = False
            plan = revise_all(self.plan, [structure(data["patch"], PlanPatch) for data in self.log().patches])
            job = asyncio.create_task(world.run(plan))
            while not job.done():
                await asyncio.sleep(0.004)
                self.outside()
                if self.strikes(0.08):
                    job.cancel()
                if self.strikes(0.05):
                    self.dies = True
            ended = not job.cancelled() and job.exception() is None and self.log().finished
            if ended and self.log().status != "cancelled":
                return
            world.approve_plan = world.approve_plan and self.log().plan_approval != "given"

    def outside(self) -> None:
        """A person answers what is asked, and now and then wants a change."""
        state = self.log()
        if state.plan_approval == "requested":
            request(self.world.store, "r", approval(by="ada"))
        for name, task in state.tasks.items():
            if task.approval == "requested" and task.phase == "sealed":
                about = {"by": "ada", "task": name, "attempt": task.attempts, "commit": f"s-{name}"}
                refused = self.strikes(0.3)
                request(self.world.store, "r", refusal(why="no", **about) if refused else approval(**about))
        if self.strikes(0.1):
            patch = self.patch(self.rng.choice(self.plan.tasks).id)
            request(self.world.store, "r", patch_request(patch, by="ada", name=f"q{self.fresh}"))

    def log(self) -> Any:
        return fold(self.world.events())


@pytest.mark.parametrize("seed", range(40))
def test_a_random_run_is_replayed_exactly(world: Any, verdict: Any, seed: int) -> None:
    """Failures, policies, retries, gates, exclusions, approvals, patches, pauses, cancellations, interruptions and resumes: the log gives every
    decision again, whole, and cut off behind any event."""
    fate = Fate(world, verdict, seed)
    asyncio.run(fate.run())
    events = world.events()
    found = replay(fate.plan, events)
    assert (found.difference, found.unchecked) == (None, ())
    adopted = sum(event.type == "attempt.landed" and event.data.get("found", False) for event in events)
    assert found.decisions == sum(decision_in(event) is not None for event in events) - adopted
    for length in range(1, len(events), 1 + len(events) // 40):
        assert replay(fate.plan, events[:length]).difference is None, length


@pytest.fixture
def recorded(world: Any, plan_of: Any, verdict: Any) -> tuple[ExecutionPlan, list[Event]]:
    """A run with everything in it: a gate, an exclusion, a declined and a failed attempt, a rejection, an approval, two patches, a pause, a resume."""
    plan = plan_of("a b c d e f g", "a>b b>d d>e e>f", exclusions=("b c", "a g"))
    typed = (evolve(task, type="reviewed") if task.id == "d" else task for task in plan.tasks)
    plan = evolve(plan, tasks=tuple(typed))
    world.approvals = frozenset({"reviewed"})
    world.verdicts["b"] = [verdict(why="red")]
    world.assignments = {"c": ("worker", "other")}

    async def script(task: Task, context: AgentContext) -> AgentResult:
        if task.id == "a" and context.attempt == 1:
            return AgentResult(status="failed", error="not yet")
        if task.id == "c" and context.attempt == 1:
            return AgentResult(status="declined", error="not mine")
        if task.id == "f":
            return AgentResult(status="failed", error="never", permanent=True)
        if task.id in "ab":
            add = Task(id=f"n-{task.id}", title="n", agent_type="worker")
            return evolve(
                DONE, patch=PlanPatch(add=(add,) if task.id == "a" else (), remove=("zzz",) * (task.id == "b"))
            )
        return DONE

    world.script = script
    assert asyncio.run(world.run(plan)) == "paused"
    request(world.store, "r", approval(by="ada", task="d", attempt=1, commit="s-d"))
    patched = revise_all(plan, [structure(data["patch"], PlanPatch) for data in fold(world.events()).patches])
    assert asyncio.run(world.run(patched)) == "failed"
    return plan, world.events()


def renumbered(events: Sequence[Event]) -> list[Event]:
    return [evolve(event, seq=number) for number, event in enumerate(events, 1)]


def test_a_changed_decision_is_found_at_its_place(recorded: tuple[ExecutionPlan, list[Event]]) -> None:
    """Whichever decision of a log is given to another task, the replay names that event."""
    plan, events = recorded
    changed = [place for place, event in enumerate(events) if decision_in(event) is not None and event.task]
    assert {events[place].type for place in changed} == {
        "attempt.started",
        "attempt.retry",
        "task.completed",
        "task.failed",
    }
    for place in changed:
        other = next(task.id for task in plan.tasks if task.id != events[place].task)
        altered = [*events[:place], evolve(events[place], task=other), *events[place + 1 :]]
        difference = replay(plan, altered).difference
        assert difference is not None and difference.seq == events[place].seq
        assert str(events[place].task) in difference.expected and other in difference.found


def test_a_decision_that_is_gone_is_found(recorded: tuple[ExecutionPlan, list[Event]]) -> None:
    """Whichever decision is taken out of a log, the replay says which one, and where it stood."""
    plan, events = recorded
    for place, event in enumerate(events):
        decision = decision_in(event)
        if decision is None or event.type == "patch.refused":  # of that nothing follows
            continue
        difference = replay(plan, renumbered([*events[:place], *events[place + 1 :]])).difference
        assert difference is not None, event
        if event.type == "plan.patched":  # nobody asked for it now: what follows from it is the difference
            assert (difference.seq, difference.found.partition(" (")[0]) == (
                event.seq + 1,
                "attempt.started n-a attempt 1",
            )
            continue
        assert (difference.seq, difference.expected) == (event.seq, str(decision))


def test_a_decision_too_many_is_found(recorded: tuple[ExecutionPlan, list[Event]]) -> None:
    """A task that is declared completed by hand is one the engine knows nothing of."""
    plan, events = recorded
    for place in range(2, len(events)):
        forged = Event(run="r", type="task.completed", at=0.0, task="f", data={"commit": "x"})
        difference = replay(plan, renumbered([*events[:place], forged, *events[place:]])).difference
        if events[place].type != "run.prepared":  # what stands there was found in the workspace
            assert difference is not None and place <= difference.seq <= place + 2


def test_a_changed_outcome_is_found_by_what_follows(recorded: tuple[ExecutionPlan, list[Event]]) -> None:
    """A rejection that is turned into a landing has not the consequences of one."""
    plan, events = recorded
    (place,) = (place for place, event in enumerate(events) if event.type == "attempt.rejected")
    altered = list(events)
    altered[place] = evolve(events[place], type="attempt.landed")
    difference = replay(plan, altered).difference
    assert difference is not None
    assert (difference.seq, difference.expected) == (events[place].seq + 1, "task.completed b")


def test_another_end_is_found(recorded: tuple[ExecutionPlan, list[Event]]) -> None:
    """A run that failed cannot be made to look completed."""
    plan, events = recorded
    altered = [*events[:-1], evolve(events[-1], data={**events[-1].data, "status": "completed"})]
    difference = replay(plan, altered).difference
    assert difference is not None
    assert (difference.seq, difference.expected, difference.found) == (
        len(events),
        "the end, failed",
        "the end, completed",
    )


def test_other_settings_decide_otherwise(recorded: tuple[ExecutionPlan, list[Event]]) -> None:
    """What the engine was given is part of the log: with one place instead of four the second start does not come."""
    plan, events = recorded
    altered = [
        evolve(event, data={**event.data, "concurrency": 1}) if event.type == "run.prepared" else event
        for event in events
    ]
    difference = replay(plan, altered).difference
    assert difference is not None
    assert (difference.expected, difference.found.split(" (")[0]) == ("nothing", "attempt.started c attempt 1")


def test_a_log_of_an_older_version_is_not_called_the_same(recorded: tuple[ExecutionPlan, list[Event]]) -> None:
    """Without what the engine was given nothing can be compared, and that is said; the state is shown all the same."""
    plan, events = recorded
    found = replay(plan, renumbered([event for event in events if event.type != "run.prepared"]))
    assert (found.processes, found.decisions, found.difference, found.snapshot) == (0, 0, None, None)
    assert [text.partition(":")[0] for text in found.unchecked] == [
        "the process that began with event 1",
        f"the process that began with event {[event.type for event in events].index('run.resumed')}",
    ]
    assert found.state.status == "failed"


def test_every_moment_can_be_shown(recorded: tuple[ExecutionPlan, list[Event]]) -> None:
    """Behind every event who runs is who was started and has not ended, the lane holds what is sealed, and nobody is in two places."""
    plan, events = recorded
    seen = set()
    for until in range(2, len(events) + 1):
        found = replay(plan, events, until=until)
        assert found.difference is None and until <= found.last_seq
        if found.snapshot is None:
            continue
        tasks, shown = found.state.tasks, found.snapshot
        assert set(shown.running) == {name for name, task in tasks.items() if task.phase == "running"}
        places = [*shown.running, *shown.ready, *shown.excluded, *shown.resting, *shown.gated, *shown.lane, *shown.held]
        places += shown.landing
        assert len(places) == len(set(places))
        sealed = {name for name, task in tasks.items() if (task.status, task.phase) == ("in_progress", "sealed")}
        assert sealed == {*shown.gated, *shown.lane, *shown.held, *shown.landing}
        assert {name for name, status in shown.statuses.items() if status == "ready"} == {*shown.ready, *shown.excluded}
        seen |= {
            name for name in ("running", "excluded", "resting", "landing", "held", "holders") if getattr(shown, name)
        }
    assert seen == {"running", "excluded", "resting", "landing", "held", "holders"}
