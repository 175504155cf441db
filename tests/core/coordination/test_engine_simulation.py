"""The engine under random plans and random interleavings: what must hold at every step holds at every step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_dispatcher.codec import structure, unstructure
from agent_dispatcher.coordination import transitions as t
from agent_dispatcher.coordination.engine import Engine
from agent_dispatcher.coordination.run_state import fold
from agent_dispatcher.models import (
    ArtifactRef,
    DeclaredDependency,
    Dependency,
    Event,
    Exclusion,
    ExecutionPlan,
    Gate,
    PlanPatch,
    Specification,
    Task,
    TaskPair,
    TaskSplit,
)
from agent_dispatcher.planning.revising import revise_all


@st.composite
def plans(draw: st.DrawFn) -> ExecutionPlan:
    """Up to nine tasks with edges, gates (never against an edge), exclusions, parents, and tasks done before."""
    count = draw(st.integers(1, 9))
    names = [f"t{n}" for n in range(count)]
    pairs = [(a, b) for b in range(count) for a in range(b)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=12)) if pairs else []
    kinds = [draw(st.sampled_from(["edge", "edge", "gate", "advisory"])) for _ in chosen]
    parent = draw(st.booleans()) and count >= 3
    children = [name for name in names[:-1] if draw(st.booleans())] if parent else []
    tasks = []
    for number, name in enumerate(names):
        done = draw(st.integers(0, 9)) == 0
        last = parent and number == count - 1
        tasks.append(
            Task(
                id=name,
                title=name,
                agent_type="w",
                estimate_s=draw(st.integers(0, 5)),
                status="completed" if done and not last else "pending",
                children=tuple(children) if last else (),
                verifies=tuple(
                    names[b] for (a, b), kind in zip(chosen, kinds, strict=True) if kind == "gate" and a == number
                ),
                produces=tuple(
                    ArtifactRef(type="path", name=each) for each in draw(st.sampled_from(["", "", "p", "q"]))
                ),
            )
        )
    groups = (
        draw(st.lists(st.lists(st.sampled_from(names), min_size=2, max_size=3, unique=True), max_size=3))
        if count > 2
        else []
    )
    return ExecutionPlan(
        specification=Specification(id="s", title="s"),
        tasks=tuple(tasks),
        dependencies=tuple(
            Dependency(before=names[a], after=names[b], strength="binding" if kind == "edge" else "advisory")
            for (a, b), kind in zip(chosen, kinds, strict=True)
            if kind != "gate"
        ),
        gates=tuple(
            Gate(test=names[a], subject=names[b]) for (a, b), kind in zip(chosen, kinds, strict=True) if kind == "gate"
        ),
        exclusions=tuple(Exclusion(tasks=tuple(group), resource=str(n)) for n, group in enumerate(groups)),
    )


class Simulation:
    """Plays the world to an engine, keeps a log as the coordinator does, and judges every instruction by a model of its own."""

    def __init__(
        self, plan: ExecutionPlan, concurrency: int, max_attempts: int, skipped: Sequence[str], max_batch: int
    ) -> None:
        self.begun = plan
        self.concurrency = concurrency
        self.options: dict[str, Any] = {
            "concurrency": concurrency,
            "max_attempts": max_attempts,
            "skipped": dict.fromkeys(skipped, "left out"),
            "max_batch": max_batch,
        }
        self.max_attempts = max_attempts
        self.max_batch = max_batch
        self.learn(plan)
        self.patches = 0
        self.kept: dict[str, int] = {}  # sealed, and blocked since
        self.running: dict[str, int] = {}
        self.sealed: dict[str, int] = {}
        self.released: set[str] = set()  # sealed while gated: holds nothing from then on
        self.uncertain: set[str] = set()  # sealed when a process died: holds what nobody else does
        self.landing: dict[str, int] = {}
        self.lane_is_free = True
        self.held: dict[str, int] = {}  # sealed and checked, waits for a person: holds nothing
        self.resting: set[str] = set()
        self.terminal: dict[str, str] = {}
        self.failures: dict[str, int] = {}
        self.attempts: dict[str, int] = {}
        self.finish: t.Finish | None = None
        self.stopped: str | None = None
        self.events: list[Event] = [Event(run="r", type="run.started", at=0, seq=1)]
        self.engine = Engine(plan, **self.options)
        self.absorb(self.engine.handle())

    def learn(self, plan: ExecutionPlan) -> None:
        """What the plan says about who waits for whom."""
        self.plan = plan
        self.before: dict[str, set[str]] = {task.id: set() for task in plan.tasks}
        for a, b in plan.binding_edges():
            self.before[b].add(a)
        for task in plan.tasks:
            self.before[task.id].update(task.children)
        self.tests: dict[str, set[str]] = {task.id: set() for task in plan.tasks}
        for gate in plan.gates:
            self.tests[gate.subject].add(gate.test)
        self.parents = {task.id for task in plan.tasks if task.children}

    def record(self, kind: str, task: str | None = None, attempt: int | None = None, **data: Any) -> None:
        self.events.append(
            Event(run="r", type=kind, at=0, seq=len(self.events) + 1, task=task, attempt=attempt, data=data)
        )

    def absorb(self, instructions: Sequence[t.Instruction]) -> None:
        self.lane_is_free = not self.landing
        for one in instructions:
            assert self.finish is None, "something was said after the end"
            getattr(self, "saw_" + type(one).__name__)(one)
        self.check_capacity()

    def end(self, task: str, status: str) -> None:
        assert self.terminal.get(task) in (None, "blocked"), f"{task} ended twice"
        assert self.terminal.get(task) is None or status == "blocked", f"{task} is blocked, and {status}"
        self.terminal[task] = status
        self.record("task." + status, task)

    def saw_Start(self, one: t.Start) -> None:
        assert self.stopped is None
        assert one.task not in self.running and one.task not in self.sealed and one.task not in self.terminal
        assert one.task not in self.parents
        assert all(self.terminal.get(name) == "completed" for name in self.before[one.task]), "started too early"
        assert one.attempt == self.attempts.get(one.task, 0) + 1
        self.attempts[one.task] = self.running[one.task] = one.attempt
        self.released.discard(one.task)
        self.uncertain.discard(one.task)
        self.record("attempt.started", one.task, one.attempt, agent_type=one.agent_type)
        for exclusion in self.plan.exclusions:
            if one.task in exclusion.tasks:
                holders = [name for name in exclusion.tasks if self.surely_holds(name)]
                assert holders == [one.task], f"{holders} are in progress at once"

    def surely_holds(self, task: str) -> bool:
        return self.may_hold(task) and task not in self.uncertain

    def may_hold(self, task: str) -> bool:
        return task in self.running or (task in self.sealed and task not in self.released)

    def gated(self, task: str) -> bool:
        return any(self.terminal.get(name) != "completed" for name in self.tests[task])

    def saw_Land(self, one: t.Land) -> None:
        assert self.lane_is_free, "a batch begins before the one before it is over"
        assert len(self.landing) < self.max_batch, "too large a batch"
        assert self.sealed.get(one.task) == one.attempt
        assert not self.gated(one.task), "landed before its tests"
        assert one.task not in self.held, "landed before it was approved"
        self.landing[one.task] = one.attempt

    def saw_RetryAt(self, one: t.RetryAt) -> None:
        self.record("attempt.retry", one.task, one.attempt, agent_type=one.agent_type)
        if one.delay_s > 0:
            self.resting.add(one.task)

    def saw_Cancel(self, one: t.Cancel) -> None:
        assert self.running.get(one.task) == one.attempt or self.landing.get(one.task) == one.attempt

    def saw_AttemptLost(self, one: t.AttemptLost) -> None:
        self.record("attempt.failed", one.task, one.attempt, reason="lost")

    def saw_TaskCompleted(self, one: t.TaskCompleted) -> None:
        assert all(self.terminal.get(name) == "completed" for name in self.before[one.task]) or self.was_done(one.task)
        self.end(one.task, "completed")

    def was_done(self, name: str) -> bool:
        return self.plan.task(name).status == "completed"

    def saw_TaskFailed(self, one: t.TaskFailed) -> None:
        assert self.failures.get(one.task, 0) >= self.max_attempts
        self.end(one.task, "failed")

    def saw_TaskBlocked(self, one: t.TaskBlocked) -> None:
        for name in one.by:
            assert self.terminal[name] in ("failed", "blocked", "skipped")
            assert name in self.before[one.task] | self.tests[one.task]
        if one.task in self.sealed:
            self.kept[one.task] = self.sealed.pop(one.task)
        self.resting.discard(one.task)
        self.end(one.task, "blocked")

    def saw_TaskFreed(self, one: t.TaskFreed) -> None:
        assert self.terminal[one.task] in ("blocked", "failed")
        if self.terminal.pop(one.task) == "failed":
            self.failures[one.task] = 0
        if one.task in self.kept:
            self.sealed[one.task] = self.kept.pop(one.task)
            self.released.add(one.task)
            self.uncertain.discard(one.task)
        self.record("task.freed", one.task)

    def saw_PatchRefused(self, one: t.PatchRefused) -> None:
        assert one.problems
        self.record("patch.refused", patch=unstructure(one.asked.patch), problems=[str(each) for each in one.problems])

    def saw_PlanPatched(self, one: t.PlanPatched) -> None:
        busy = {
            *self.running,
            *self.sealed,
            *self.kept,
            *(name for name, end in self.terminal.items() if end == "completed"),
        }
        changed = {*one.patch.remove, *(split.task for split in one.patch.split), *one.patch.reroute}
        assert not busy & changed, "work that was begun is changed"
        before, after = order(self.plan), order(one.plan)
        taken = {(pair.before, pair.after) for pair in one.patch.remove_dependencies}
        left = {task.id for task in one.plan.tasks}
        if not taken and not any(split.last for split in one.patch.split):
            lost = {(a, b) for a, b in before - after if a in left and b in left}
            assert not lost, f"an order came loose: {lost}"
        self.learn(one.plan)
        for name in one.patch.remove:
            for known in (self.terminal, self.attempts, self.failures):
                known.pop(name, None)
            self.resting.discard(name)
        self.resting -= {split.task for split in one.patch.split}
        self.released |= {name for name in self.sealed if name not in self.landing and self.gated(name)}
        data = {
            "revision": one.revision,
            "patch": unstructure(one.patch),
            "task": one.asked.task,
            "added": [task.id for task in one.patch.new_tasks],
            "removed": list(one.patch.remove),
            "split": [split.task for split in one.patch.split],
            "rerouted": list(one.patch.reroute),
        }
        self.events.append(Event(run="r", type="plan.patched", at=0, seq=len(self.events) + 1, data=data))

    def saw_TaskSkipped(self, one: t.TaskSkipped) -> None:
        self.end(one.task, "skipped")

    def saw_TaskCancelled(self, one: t.TaskCancelled) -> None:
        assert self.stopped == "cancel"
        self.end(one.task, "cancelled")

    def saw_Finish(self, one: t.Finish) -> None:
        assert not self.running and not self.landing, "finished while something is in progress"
        if one.status in ("completed", "partial", "failed"):
            assert set(self.terminal) == {task.id for task in self.plan.tasks}
            ends = set(self.terminal.values())
            expected = "failed" if "failed" in ends else "completed" if ends <= {"completed"} else "partial"
            assert one.status == expected
        if one.status == "paused" and self.stopped is None:
            assert self.held and not self.resting
            assert one.why == "waiting for approval of " + ", ".join(t.id for t in self.plan.tasks if t.id in self.held)
        self.finish = one

    def check_capacity(self) -> None:
        """No agent is idle while a runnable task is ready and there is room; the lane is not idle while something can land."""
        assert len(self.running) <= self.concurrency
        if self.stopped is not None or self.finish is not None:
            return
        if len(self.running) < self.concurrency:
            assert [name for name in self.before if self.is_runnable(name)] == []
        if not self.landing:
            assert [name for name in self.sealed if not self.gated(name) and name not in self.held] == []

    def is_runnable(self, name: str) -> bool:
        if (
            name in self.running
            or name in self.sealed
            or name in self.held
            or name in self.terminal
            or name in self.resting
        ):
            return False
        if name in self.parents or any(self.terminal.get(one) != "completed" for one in self.before[name]):
            return False
        return not any(
            self.may_hold(other)
            for exclusion in self.plan.exclusions
            if name in exclusion.tasks
            for other in exclusion.tasks
            if other != name
        )

    # --- what the world can do ------------------------------------------------------------------------------------

    def seal(self, task: str) -> None:
        attempt = self.sealed[task] = self.running.pop(task)
        if self.gated(task):
            self.released.add(task)
        self.record("attempt.sealed", task, attempt, change={})
        self.absorb(self.engine.handle(t.AttemptSealed(task, attempt)))

    def fail(self, task: str, reason: str, delay_s: float) -> None:
        attempt = self.running.pop(task)
        self.failures[task] = self.failures.get(task, 0) + (reason == "failed")
        self.record("attempt.failed", task, attempt, reason=reason)
        self.absorb(self.engine.handle(t.AttemptFailed(task, attempt, "x", reason, delay_s=delay_s)))

    def land(self, task: str) -> None:
        attempt = self.landing.pop(task)
        del self.sealed[task]
        self.record("attempt.landed", task, attempt, commit="c")
        self.absorb(self.engine.handle(t.AttemptLanded(task, attempt)))

    def hold(self, task: str) -> None:
        """The work passed its checks, a person is asked."""
        attempt = self.landing.pop(task)
        self.held[task] = attempt
        self.released.add(task)
        self.record("approval.requested", task, attempt, what="land")
        self.absorb(self.engine.handle(t.AttemptHeld(task, attempt)))

    def approve(self, task: str) -> None:
        """The person agrees; after the end of a process only the log takes note."""
        attempt = self.held.pop(task)
        self.record("approval.given", task, attempt)
        if self.finish is None:
            self.absorb(self.engine.handle(t.AttemptApproved(task, attempt)))

    def refuse(self, task: str) -> None:
        attempt = self.held.pop(task)
        del self.sealed[task]
        self.failures[task] = self.failures.get(task, 0) + 1
        self.record("approval.refused", task, attempt)
        self.record("attempt.rejected", task, attempt)
        self.absorb(self.engine.handle(t.AttemptRejected(task, attempt, "x")))

    def reject(self, task: str, delay_s: float) -> None:
        attempt = self.landing.pop(task)
        del self.sealed[task]
        self.failures[task] = self.failures.get(task, 0) + 1
        self.record("attempt.rejected", task, attempt)
        self.absorb(self.engine.handle(t.AttemptRejected(task, attempt, "x", delay_s=delay_s)))

    def wake(self, task: str) -> None:
        self.resting.remove(task)
        self.absorb(self.engine.handle(t.RetryDue(task)))

    def stop(self, how: str) -> None:
        self.stopped = how
        self.absorb(self.engine.handle(t.Stop(how)))

    def crash(self) -> None:
        """The process dies and another goes on from the log."""
        self.record("run.resumed")
        self.terminal = {name: status for name, status in self.terminal.items() if status != "cancelled"}
        self.running, self.resting, self.landing, self.stopped, self.finish = {}, set(), {}, None, None
        self.released = {name for name in self.sealed if self.gated(name) or name in self.held}
        self.uncertain = set(self.sealed) - self.released
        self.engine = Engine.restore(self.plan, self.events, **self.options)
        self.absorb(self.engine.handle())

    def patch(self, patch: PlanPatch, agent: str | None) -> None:
        """Somebody asks for a change; afterwards the log gives everything back."""
        asked = t.PatchAsked(patch=patch, by="x", task=agent, attempt=1 if agent else None)
        self.absorb(self.engine.handle(asked))
        self.patches += 1
        log = fold(self.events)
        assert revise_all(self.begun, [structure(data["patch"], PlanPatch) for data in log.patches]) == self.plan
        again = Engine.restore(self.plan, self.events, **self.options)
        again.handle()
        found = again.statuses()
        for name, status in self.terminal.items():
            assert status in (found[name], "cancelled")
        ended = {name for name, status in found.items() if status in ("completed", "failed", "blocked", "skipped")}
        if (
            not self.running and not self.sealed
        ):  # else what is blocked when that is over is blocked at once by the next process
            assert ended == {name for name, status in self.terminal.items() if status != "cancelled"}


def order(plan: ExecutionPlan) -> set[tuple[str, str]]:
    """Every pair of tasks of which the second waits for the first, directly or not, parents and children included."""
    after: dict[str, set[str]] = {task.id: set() for task in plan.tasks}
    for a, b in plan.binding_edges():
        after[a].add(b)
    for task in plan.tasks:
        for child in task.children:
            after[child].add(task.id)
    found = set()
    for start in after:
        stack = [start]
        while stack:
            for name in after[stack.pop()]:
                if (start, name) not in found:
                    found.add((start, name))
                    stack.append(name)
    return found


@st.composite
def patches(draw: st.DrawFn, plan: ExecutionPlan, number: int) -> PlanPatch:
    """Something of everything, much of which does not fit."""
    names = [task.id for task in plan.tasks]
    some = st.lists(st.sampled_from(names), max_size=2, unique=True)

    def task(name: str, before: list[str]) -> Task:
        return Task(
            id=name,
            title=name,
            agent_type="w",
            depends_on=tuple(DeclaredDependency(task=each) for each in before),
            produces=tuple(ArtifactRef(type="path", name=each) for each in draw(st.sampled_from(["", "p"]))),
        )

    kinds = draw(
        st.lists(st.sampled_from(["add", "test", "split", "remove", "tie", "untie", "reroute"]), min_size=1, max_size=3)
    )
    add: list[Task] = []
    ties: list[Dependency] = []
    fields: dict[str, Any] = {}
    for turn, kind in enumerate(kinds):
        fresh = f"n{number}{turn}"
        if kind == "add":
            add.append(task(fresh, draw(some)))
            ties += [Dependency(before=fresh, after=name) for name in draw(some)]
        elif kind == "test":
            subjects = draw(some)
            add.append(evolve(task(fresh, []), verifies=tuple(subjects)))
        elif kind == "split":
            name = draw(st.sampled_from(names))
            whole = plan.task(name)
            parts = [
                evolve(task(f"{fresh}a", []), produces=whole.produces),
                task(f"{fresh}b", draw(st.sampled_from([[], [f"{fresh}a"]]))),
            ]
            last = draw(st.sampled_from([(), (f"{fresh}b",)]))
            fields["split"] = (TaskSplit(task=name, into=tuple(parts), last=last),)
        elif kind == "remove":
            fields["remove"] = tuple(draw(some))
        elif kind == "tie":
            ties.append(Dependency(before=draw(st.sampled_from(names)), after=draw(st.sampled_from(names))))
        elif kind == "untie" and plan.binding_edges():
            before, after = draw(st.sampled_from(plan.binding_edges()))
            fields["remove_dependencies"] = (TaskPair(before=before, after=after),)
        elif kind == "reroute":
            fields["reroute"] = {draw(st.sampled_from(names)): "v"}
    return PlanPatch(add=tuple(add), add_dependencies=tuple(ties), **fields)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_interleaving_ends_well(data: st.DataObject) -> None:
    """Whatever succeeds, fails, rests, is rejected, stopped, killed or patched, in whatever order: every rule holds at every step, no order
    comes loose, the log gives everything back, and the run ends."""
    plan = data.draw(plans())
    skipped = [task.id for task in plan.tasks if task.status == "pending" and data.draw(st.integers(0, 9)) == 0]
    world = Simulation(
        plan, data.draw(st.integers(1, 4)), data.draw(st.integers(1, 2)), skipped, data.draw(st.integers(1, 3))
    )
    trouble = data.draw(st.integers(0, 25))
    most_patches = data.draw(st.integers(0, 4))
    for _ in range(400):
        if world.finish is not None:
            if world.finish.status in ("completed", "partial", "failed"):
                return
            if world.stopped is None:  # only approvals are waited for
                world.approve(data.draw(st.sampled_from(sorted(world.held))))
            world.crash()
            continue
        moves: list[tuple[str, str]] = [("seal", name) for name in world.running]
        moves += [("wake", name) for name in world.resting]
        moves += [("land", name) for name in world.landing]
        moves += [("approve", name) for name in world.held]
        if world.patches < most_patches:
            moves += [("patch", "")] * 2
        if trouble > 0:
            moves += [("fail", name) for name in world.running]
            moves += [(how, name) for name in world.landing for how in ("reject", "hold")]
            moves += [("refuse", name) for name in world.held]
            moves += [("crash", ""), ("stop", "")] if world.stopped is None else [("crash", "")]
        assert moves, f"nothing can happen, and the run is not over: {world.engine.statuses()}"
        move, task = data.draw(st.sampled_from(moves))
        if move in ("fail", "reject", "crash", "stop", "hold", "refuse"):
            trouble -= 1
        delay_s = data.draw(st.sampled_from([0.0, 1.0])) if move in ("fail", "reject") else 0.0
        if move == "seal":
            world.seal(task)
        elif move == "wake":
            world.wake(task)
        elif move == "land":
            world.land(task)
        elif move == "fail":
            world.fail(task, data.draw(st.sampled_from(["failed", "lost"])), delay_s)
        elif move == "reject":
            world.reject(task, delay_s)
        elif move == "hold":
            world.hold(task)
        elif move == "approve":
            world.approve(task)
        elif move == "refuse":
            world.refuse(task)
        elif move == "patch":
            agent = data.draw(st.sampled_from([None, None, world.plan.tasks[0].id]))
            world.patch(data.draw(patches(world.plan, world.patches)), agent)
        elif move == "stop":
            world.stop(data.draw(st.sampled_from(["drain", "interrupt", "cancel"])))
        else:
            world.crash()
    raise AssertionError("the run does not end")
