"""Counting resources in the pure engine: nobody takes what is not there, nobody idles, nobody waits for ever."""

from __future__ import annotations

import random
from typing import Any

import pytest

from agent_dispatcher.coordination import transitions as t
from agent_dispatcher.coordination.demand import Demand
from agent_dispatcher.coordination.engine import Engine
from agent_dispatcher.coordination.named_resources import PATIENCE, NamedResources
from agent_dispatcher.models import Dependency, Exclusion, ExecutionPlan, ResourceNeed, Specification, Task


def task(name: str, agent_type: str = "worker", estimate_s: float = 1.0, **needs: int) -> Task:
    wanted = tuple(ResourceNeed(resource=key, amount=amount) for key, amount in needs.items())
    return Task(id=name, title=name, agent_type=agent_type, estimate_s=estimate_s, needs=wanted)


def plan_of(*tasks: Task, edges: str = "", exclusions: tuple[str, ...] = ()) -> ExecutionPlan:
    pairs = [edge.split(">") for edge in edges.split()]
    return ExecutionPlan(
        specification=Specification(id="s", title="s"),
        tasks=tasks,
        dependencies=tuple(Dependency(before=a, after=b) for a, b in pairs),
        exclusions=tuple(Exclusion(tasks=tuple(names.split()), resource=names) for names in exclusions),
    )


def started(out: list[t.Instruction]) -> list[str]:
    return [one.task for one in out if isinstance(one, t.Start)]


def test_only_as_many_at_once_as_there_is_of_a_resource() -> None:
    """Two graphics cards, three tasks that need one each, and a task that needs none goes past them; a seal gives the card to the next."""
    plan = plan_of(task("a", gpu=1), task("b", gpu=1), task("c", gpu=1), task("free"))
    engine = Engine(plan, concurrency=4, demand=Demand(resources={"gpu": 2}))
    assert started(engine.handle()) == ["a", "b", "free"]
    assert engine.look().short == {"c": "gpu"}
    assert engine.look().ready == ()
    assert started(engine.handle(t.AttemptSealed("a", 1))) == ["c"]


@pytest.mark.parametrize("reason", ["failed", "timeout", "declined", "cancelled", "lost"])
def test_a_failed_attempt_gives_back_what_it_took(reason: str) -> None:
    """However an attempt ends, the next task has its resource."""
    plan = plan_of(task("a", gpu=1), task("b", gpu=1))
    engine = Engine(plan, concurrency=2, max_attempts=1, demand=Demand(resources={"gpu": 1}))
    assert started(engine.handle()) == ["a"]
    assert "b" in started(engine.handle(t.AttemptFailed("a", 1, "no", reason, delay_s=9.0)))


def test_what_a_type_needs_and_what_a_task_says_itself() -> None:
    """A task's own word is stronger than that of its type, resource by resource."""
    demand = Demand(resources={"gpu": 4, "port": 1}, by_type={"code_writing": {"gpu": 3, "port": 1}})
    assert demand.own_needs(task("a", gpu=1)) == {"gpu": 1, "port": 1}
    assert demand.own_needs(task("a")) == {"gpu": 3, "port": 1}


def test_more_than_there_is_refuses_the_plan() -> None:
    """The engine does not begin what would wait for ever."""
    with pytest.raises(ValueError, match="task a needs 2 of gpu, and there is 1"):
        Engine(plan_of(task("a", gpu=2)), demand=Demand(resources={"gpu": 1}))
    with pytest.raises(ValueError, match="task a needs 1 of gpu, and there is 0"):
        Engine(plan_of(task("a", gpu=1)))


def test_a_large_task_is_passed_only_so_often() -> None:
    """Small tasks that together always hold a resource do not keep the one that needs all of it waiting for ever."""
    small = [task(f"s{number}", gpu=1) for number in range(4 * PATIENCE)]
    plan = plan_of(*small[:2], task("large", estimate_s=0.5, gpu=2), *small[2:])
    priorities = {"s0": 9.0, "s1": 8.0, "large": 7.0}
    tasks = tuple(each if each.id != "large" else task("large", gpu=2) for each in plan.tasks)
    engine = Engine(plan_of(*tasks), concurrency=8, priorities=priorities, demand=Demand(resources={"gpu": 2}))
    running, order = started(engine.handle()), []
    assert running == ["s0", "s1"]
    while running:
        one = running.pop(0)  # never two at once, so that the card of one is free while the other's is not
        order.append(one)
        out = engine.handle(t.AttemptSealed(one, 1))
        running += started(out)
        for land in [each for each in out if isinstance(each, t.Land)]:
            running += started(engine.handle(t.AttemptLanded(land.task, 1)))
    assert len(order) == len(tasks)
    assert 2 <= order.index("large") <= PATIENCE + 3


def test_an_open_circuit_holds_only_those_who_need_the_backend() -> None:
    """Open: nobody who needs it begins, others do; half open: one at a time; closed: all."""
    plan = plan_of(task("a", "asker"), task("b", "asker"), task("c", "asker"), task("d"))
    engine = Engine(plan, concurrency=4, demand=Demand(backends={"asker": "m"}))
    engine.handle(t.CircuitChanged("m", "open"))
    engine = Engine(plan, concurrency=4, demand=Demand(backends={"asker": "m"}))
    assert started(engine.handle(t.CircuitChanged("m", "open"))) == ["d"]
    assert engine.look().short == dict.fromkeys("abc", "backend m")
    assert started(engine.handle(t.CircuitChanged("m", "half_open"))) == ["a"]
    failed = t.AttemptFailed("a", 1, "gone", "raised", delay_s=5.0, sort="outage")
    assert started(engine.handle(failed, t.CircuitChanged("m", "open"))) == []
    assert started(engine.handle(t.CircuitChanged("m", "closed"))) == ["b", "c"]
    assert started(engine.handle(t.RetryDue("a"))) == ["a"]


def test_a_circuit_stays_open_through_a_patch() -> None:
    """A changed plan does not begin what waits for a backend."""
    from agent_dispatcher.models import PlanPatch

    engine = Engine(plan_of(task("a", "asker")), concurrency=4, demand=Demand(backends={"asker": "m"}))
    engine.handle(t.CircuitChanged("m", "open"))
    engine = Engine(plan_of(task("a", "asker"), task("d")), concurrency=4, demand=Demand(backends={"asker": "m"}))
    assert started(engine.handle(t.CircuitChanged("m", "open"))) == ["d"]
    out = engine.handle(t.PatchAsked(patch=PlanPatch(why="more", add=(task("e", "asker"),)), by="somebody"))
    assert any(isinstance(one, t.PlanPatched) for one in out) and started(out) == []
    assert sorted(started(engine.handle(t.CircuitChanged("m", "closed")))) == ["a", "e"]


def test_a_patch_that_asks_for_more_than_there_is_is_refused() -> None:
    """The plan stays as it is, and the reason is said; one that fits is taken, also where no task needed anything before."""
    from agent_dispatcher.models import PlanPatch

    engine = Engine(plan_of(task("a")), concurrency=4, demand=Demand(resources={"gpu": 1}))
    engine.handle()
    too_much = t.PatchAsked(patch=PlanPatch(why="more", add=(task("b", gpu=2),)), by="somebody")
    (refused,) = engine.handle(too_much)
    assert isinstance(refused, t.PatchRefused)
    assert "needs 2 of 'gpu', and there are only 1" in str(refused.problems[0])
    assert isinstance(engine.handle(refused.asked)[0], t.PatchRefused)
    fits = t.PatchAsked(patch=PlanPatch(why="more", add=(task("c", gpu=1), task("d", gpu=1))), by="somebody")
    assert started(engine.handle(fits)) == ["c"]


def random_case(chance: random.Random) -> tuple[ExecutionPlan, Demand, int]:
    capacity = {"gpu": chance.randint(1, 3), "port": chance.randint(1, 4)}
    tasks = []
    for number in range(chance.randint(2, 12)):
        needs = {name: chance.randint(1, most) for name, most in capacity.items() if chance.random() < 0.5}
        tasks.append(task(f"t{number}", chance.choice(["worker", "asker"]), float(chance.randint(1, 5)), **needs))
    names = [each.id for each in tasks]
    edges = " ".join(
        f"{a}>{b}" for at, a in enumerate(names) for b in names[at + 1 :] if chance.random() < 1.2 / len(names)
    )
    exclusions = tuple(" ".join(chance.sample(names, 2)) for _ in range(chance.randint(0, 2)))
    plan = plan_of(*tasks, edges=edges, exclusions=exclusions)
    return plan, Demand(resources=capacity, backends={"asker": "m"}), chance.randint(1, 5)


class Model:
    """Who holds what, counted by rules of its own from what the engine says and is told."""

    def __init__(self, plan: ExecutionPlan, demand: Demand, concurrency: int) -> None:
        self.plan, self.demand, self.concurrency = plan, demand, concurrency
        self.tasks = {each.id: each for each in plan.tasks}
        self.running: dict[str, int] = {}
        self.excluding: set[str] = set()
        self.landing: dict[str, int] = {}
        self.resting: set[str] = set()
        self.circuit = "closed"

    def obey(self, out: list[t.Instruction]) -> None:
        for one in out:
            if isinstance(one, t.Start):
                self.running[one.task] = one.attempt
                self.excluding.add(one.task)
            elif isinstance(one, t.Land):
                self.landing[one.task] = one.attempt
            elif isinstance(one, t.RetryAt) and one.delay_s:
                self.resting.add(one.task)

    def used(self) -> dict[str, int]:
        used = dict.fromkeys((*self.demand.resources, "m"), 0)
        for name in self.running:
            for resource, amount in self.demand.own_needs(self.tasks[name]).items():
                used[resource] += amount
            used["m"] += self.tasks[name].agent_type == "asker"
        return used

    def could_run(self, name: str) -> bool:
        """Whether it fits beside those that are at work, as far as an outsider can tell."""
        used, needs = self.used(), self.demand.own_needs(self.tasks[name])
        if any(used[key] + amount > self.demand.resources[key] for key, amount in needs.items()):
            return False
        most = {"closed": 99, "half_open": 1, "open": 0}[self.circuit]
        if self.tasks[name].agent_type == "asker" and used["m"] >= most:
            return False
        return not any(name in each.tasks and self.excluding & set(each.tasks) for each in self.plan.exclusions)


@pytest.mark.parametrize("block", range(4))
def test_no_agent_idles_while_a_task_it_could_run_is_ready(block: int) -> None:
    """At every step of 250 random runs: never more at work than there is of anything, no free place while a ready task fits (unless a task that
    was passed too often is being let go first), and every run comes to its end."""
    for seed in range(block * 250, block * 250 + 250):
        chance = random.Random(seed)
        plan, demand, concurrency = random_case(chance)
        engine, model = Engine(plan, concurrency=concurrency, demand=demand), Model(plan, demand, concurrency)
        model.obey(engine.handle())
        for _ in range(2000):
            check(engine, model, seed)
            event = next_event(chance, model)
            if event is None:
                break
            model.obey(engine.handle(event))
        assert engine.finished, (seed, engine.statuses())


def check(engine: Engine, model: Model, seed: int) -> None:
    used = model.used()
    assert len(model.running) <= model.concurrency, seed
    assert all(used[key] <= most for key, most in model.demand.resources.items()), (seed, used)
    resources: Any = engine._resources
    if len(model.running) < model.concurrency and (resources is None or resources._first < 0):
        idle = [name for name, status in engine.statuses().items() if status == "ready" and model.could_run(name)]
        assert not idle, (seed, idle, model.running, used)


def next_event(chance: random.Random, model: Model) -> t.EngineEvent | None:
    choices: list[t.EngineEvent] = [t.AttemptSealed(name, number) for name, number in model.running.items()]
    choices += [
        t.AttemptFailed(name, number, "no", "raised", delay_s=1.0, sort="outage")
        for name, number in model.running.items()
        if chance.random() < 0.2
    ]
    choices += [t.AttemptLanded(name, number) for name, number in model.landing.items()]
    choices += [t.RetryDue(name) for name in model.resting]
    if not choices and model.circuit == "closed":
        return None
    if not choices or chance.random() < 0.15:
        state = chance.choice(["open", "half_open", "closed", "closed"])
        model.circuit = state
        return t.CircuitChanged("m", state)
    event = chance.choice(choices)
    if isinstance(event, t.AttemptSealed | t.AttemptFailed):
        del model.running[event.task]
        if isinstance(event, t.AttemptFailed):
            model.excluding.discard(event.task)
    elif isinstance(event, t.AttemptLanded):
        del model.landing[event.task]
        model.excluding.discard(event.task)
    elif isinstance(event, t.RetryDue):
        model.resting.discard(event.task)
    return event


def test_nothing_is_set_aside_for_a_task_that_waits_for_its_backend() -> None:
    """A task that was passed too often gets what is freed, but not while its backend does not answer: others go on."""
    lined: list[int] = []
    places = [0, 1, 2]
    resources = NamedResources({"gpu": 2, "m": None}, places, places, lambda place: bool(lined.append(place)) or True)
    large, small = {"gpu": 2, "m": 1}, {"gpu": 1}
    resources.take(1, small)
    resources.park(0, large)
    for _ in range(PATIENCE + 1):
        resources.take(2, small)
        resources.release(2)
    assert resources.short_of(2, small) == "gpu"
    resources.resize("m", 0)
    assert resources.short_of(2, small) == ""
    resources.resize("m", None)
    resources.forget(0)
    assert resources.short_of(2, small) == ""
