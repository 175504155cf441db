"""The engine as plain function calls: events in, instructions out."""

from __future__ import annotations

import ast
from itertools import pairwise
from pathlib import Path

import pytest

from agent_dispatcher.coordination import engine as engine_module
from agent_dispatcher.coordination import transitions as t
from agent_dispatcher.coordination.engine import Engine
from agent_dispatcher.errors import CycleError
from agent_dispatcher.models import Dependency, Exclusion, ExecutionPlan, Gate, Specification, Task


def plan_of(
    tasks: str | list[Task],
    edges: str = "",
    gates: str = "",
    exclusions: tuple[str, ...] = (),
    advisory: str = "",
) -> ExecutionPlan:
    """A plan from names and ``before>after`` pairs."""
    if isinstance(tasks, str):
        tasks = [Task(id=name, title=name, agent_type="worker") for name in tasks.split()]
    pairs = [edge.split(">") for edge in edges.split()]
    hints = [edge.split(">") for edge in advisory.split()]
    return ExecutionPlan(
        specification=Specification(id="s", title="s"),
        tasks=tuple(tasks),
        dependencies=tuple(Dependency(before=a, after=b) for a, b in pairs)
        + tuple(Dependency(before=a, after=b, strength="advisory") for a, b in hints),
        gates=tuple(Gate(test=a, subject=b) for a, b in (gate.split(">") for gate in gates.split())),
        exclusions=tuple(Exclusion(tasks=tuple(names.split()), resource=names) for names in exclusions),
    )


def seal(task: str, attempt: int = 1) -> t.AttemptSealed:
    return t.AttemptSealed(task, attempt)


def land(task: str, attempt: int = 1) -> t.AttemptLanded:
    return t.AttemptLanded(task, attempt)


def through(engine: Engine, task: str) -> list[t.Instruction]:
    """Seal and land the task's first attempt."""
    return [*engine.handle(seal(task)), *engine.handle(land(task))]


def started(out: list[t.Instruction]) -> list[str]:
    return [one.task for one in out if isinstance(one, t.Start)]


def test_roots_start_first() -> None:
    """Without events the engine starts what waits for nothing, up to the limit."""
    engine = Engine(plan_of("a b c d", "a>d"), concurrency=2)
    assert engine.handle() == [t.Start("a", 1, "worker"), t.Start("b", 1, "worker")]
    assert engine.statuses() == {"a": "in_progress", "b": "in_progress", "c": "ready", "d": "pending"}


def test_one_task_from_start_to_finish() -> None:
    """A task is started, landed, completed, and the run is completed with it."""
    engine = Engine(plan_of("a"))
    assert engine.handle() == [t.Start("a", 1, "worker")]
    assert engine.handle(seal("a")) == [t.Land("a", 1)]
    assert engine.handle(land("a")) == [t.TaskCompleted("a"), t.Finish("completed")]
    assert engine.finished


def test_dependent_waits_for_landing() -> None:
    """A dependent starts when everything before it has landed, not when it is sealed."""
    engine = Engine(plan_of("a b c", "a>c b>c"), concurrency=4)
    engine.handle()
    assert started(engine.handle(seal("a"), seal("b"))) == []
    assert started(engine.handle(land("a"))) == []
    assert started(engine.handle(land("b"))) == ["c"]


def test_redundant_edges_bind() -> None:
    """An edge that the reduced view leaves out holds all the same."""
    from agent_dispatcher.models import Dropped

    plan = ExecutionPlan(
        specification=Specification(id="s", title="s"),
        tasks=plan_of("a b").tasks,
        dropped=(Dropped(before="a", after="b", kind="redundant"),),
    )
    engine = Engine(plan, concurrency=2)
    assert started(engine.handle()) == ["a"]


def test_places_wait_for_what_lands_at_once() -> None:
    """Asked to hold, a call that gives the lane something fills no place: the next one starts what is most urgent by then, and once is enough."""

    def begun() -> Engine:
        tasks = [
            Task(id=name, title=name, agent_type="w", estimate_s=seconds)
            for name, seconds in (("a", 1), ("long", 9), ("short", 2))
        ]
        engine = Engine(plan_of(tasks, "a>long"))
        assert started(engine.handle(hold=True)) == ["a"]
        return engine

    landed = begun()
    assert landed.handle(seal("a"), hold=True) == [t.Land("a", 1)]
    assert landed.holding
    assert started(landed.handle(land("a"), hold=True)) == ["long"]
    assert not landed.holding
    slow = begun()
    slow.handle(seal("a"), hold=True)
    assert started(slow.handle(hold=True)) == ["short"]
    assert started(begun().handle(seal("a"))) == ["short"]


def test_agent_is_free_at_sealed() -> None:
    """The place of a sealed attempt goes to the next task before the work has landed."""
    engine = Engine(plan_of("a b"), concurrency=1)
    engine.handle()
    assert engine.handle(seal("a")) == [t.Start("b", 1, "worker"), t.Land("a", 1)]


def test_one_landing_at_a_time() -> None:
    """The second sealed task lands after the first, the most urgent first."""
    tasks = [Task(id=name, title=name, agent_type="w", estimate_s=s) for name, s in (("a", 1), ("b", 2), ("c", 9))]
    engine = Engine(plan_of(tasks), concurrency=3)
    engine.handle()
    assert engine.handle(seal("a")) == [t.Land("a", 1)]
    assert engine.handle(seal("b"), seal("c")) == []
    assert engine.handle(land("a")) == [t.TaskCompleted("a"), t.Land("c", 1)]


def test_order_by_upward_rank_then_priority() -> None:
    """The task with the longest way to the end goes first; among equals the higher priority, then the order of the plan."""
    tasks = [
        Task(id="short", title="", agent_type="w", estimate_s=1, priority=9),
        Task(id="head", title="", agent_type="w", estimate_s=1),
        Task(id="tail", title="", agent_type="w", estimate_s=5),
        Task(id="short2", title="", agent_type="w", estimate_s=1, priority=10),
    ]
    engine = Engine(plan_of(tasks, "head>tail"), concurrency=3)
    assert started(engine.handle()) == ["head", "short2", "short"]


def test_advisory_dependency_orders_but_does_not_hold() -> None:
    """An advisory dependency puts its first task in front, and both may run at once."""
    engine = Engine(plan_of("a b", advisory="b>a"), concurrency=1)
    assert started(engine.handle()) == ["b"]
    both = Engine(plan_of("a b", advisory="b>a"), concurrency=2)
    assert started(both.handle()) == ["b", "a"]
    circle = Engine(plan_of("a b c", "c>a", advisory="a>b b>a"), concurrency=3)
    assert started(circle.handle()) == ["c", "b"]


def test_gate_counts_in_the_rank() -> None:
    """A test whose subject holds up a long chain is urgent."""
    engine = Engine(plan_of("other test subject far far2", "subject>far far>far2", "test>subject"), concurrency=2)
    assert started(engine.handle()) == ["test", "subject"]


def test_subject_waits_for_its_gates() -> None:
    """A sealed subject lands after all its gating tests; the tests land as soon as they are sealed."""
    engine = Engine(plan_of("s t1 t2", gates="t1>s t2>s"), concurrency=3)
    engine.handle()
    assert engine.handle(seal("s")) == []
    assert engine.handle(seal("t1")) == [t.Land("t1", 1)]
    assert engine.handle(land("t1")) == [t.TaskCompleted("t1")]
    assert engine.handle(seal("t2")) == [t.Land("t2", 1)]
    assert engine.handle(land("t2")) == [t.TaskCompleted("t2"), t.Land("s", 1)]
    assert engine.handle(land("s"))[-1] == t.Finish("completed")


def test_subject_waiting_for_gates_holds_nothing() -> None:
    """A sealed subject that waits for its gates gives its exclusion back; one that waits for the lane does not."""
    engine = Engine(plan_of("s test x", gates="test>s", exclusions=("s x",)), concurrency=2)
    assert set(started(engine.handle())) == {"s", "test"}
    assert started(engine.handle(seal("s"))) == ["x"]
    held = Engine(plan_of("s x", exclusions=("s x",)), concurrency=2)
    assert started(held.handle()) == ["s"]
    assert started(held.handle(seal("s"))) == []
    assert started(held.handle(land("s"))) == ["x"]


def test_exclusion_wakes_the_next_also_over_two_resources() -> None:
    """A task parked on one resource does not keep another from a resource that is free."""
    engine = Engine(plan_of("a b c", exclusions=("a b", "b c")), concurrency=3)
    assert started(engine.handle()) == ["a", "c"]
    assert started(engine.handle(seal("a"), seal("c"))) == []
    assert started(engine.handle(land("a"))) == []
    assert started(engine.handle(land("c"))) == ["b"]


def test_task_woken_in_vain_lets_the_next_in() -> None:
    """A task that is woken for one resource and then waits for another passes the first one on."""
    engine = Engine(plan_of("a b x y", exclusions=("a x y", "b x")), concurrency=4)
    assert started(engine.handle()) == ["a", "b"]
    engine.handle(seal("a"))
    assert started(engine.handle(land("a"))) == ["y"]
    engine.handle(seal("y"), seal("b"))
    assert started(engine.handle(land("b"))) == []
    assert started(engine.handle(land("y"))) == ["x"]


def test_bad_gating_test_blocks_its_subject() -> None:
    """A subject whose gating test failed is blocked: at once when sealed, after its attempt when running."""
    for sealed_first in (True, False):
        engine = Engine(plan_of("s t x", "s>x", gates="t>s"), concurrency=2, max_attempts=1)
        engine.handle()
        if sealed_first:
            engine.handle(seal("s"))
        out = engine.handle(t.AttemptFailed("t", 1, "no"))
        if not sealed_first:
            assert engine.status("s") == "in_progress"
            out += engine.handle(seal("s"))
        assert t.TaskBlocked("s", ("t",)) in out
        assert t.TaskBlocked("x", ("s",)) in out
        assert out[-1] == t.Finish("failed")


def test_retry_until_the_limit() -> None:
    """A failed attempt rests and is tried again; the last one fails the task and blocks what depends on it."""
    engine = Engine(plan_of("a b c", "a>b"), concurrency=2, max_attempts=2)
    engine.handle()
    through(engine, "c")
    assert engine.handle(t.AttemptFailed("a", 1, "no", delay_s=3.0)) == [t.RetryAt("a", 2, 3.0, "worker")]
    assert engine.status("a") == "pending"
    assert engine.handle(t.RetryDue("a")) == [t.Start("a", 2, "worker")]
    assert engine.handle(t.AttemptFailed("a", 2, "no again")) == [
        t.TaskFailed("a", "attempt 2 of 2: no again"),
        t.TaskBlocked("b", ("a",)),
        t.Finish("failed"),
    ]


def test_rejection_is_a_failed_attempt() -> None:
    """Work that the checks refuse is tried again, and the lane is free for the next."""
    engine = Engine(plan_of("a b"), concurrency=2, max_attempts=2)
    engine.handle()
    engine.handle(seal("a"), seal("b"))
    out = engine.handle(t.AttemptRejected("a", 1, "red"))
    assert out == [t.RetryAt("a", 2, 0.0, "worker"), t.Start("a", 2, "worker"), t.Land("b", 1)]


def test_permanent_failure_is_not_tried_again() -> None:
    """What would end the same way is not repeated, unless a policy says so."""
    engine = Engine(plan_of("a"))
    engine.handle()
    assert engine.handle(t.AttemptFailed("a", 1, "never", permanent=True))[0] == t.TaskFailed("a", "never")
    stubborn = Engine(plan_of("a"))
    stubborn.handle()
    out = stubborn.handle(t.AttemptFailed("a", 1, "never", permanent=True, verdict="retry"))
    assert started(out) == ["a"]


def test_policy_reroutes_and_fails() -> None:
    """A policy's answer decides who goes on, or that nobody does."""
    engine = Engine(plan_of("a"))
    engine.handle()
    out = engine.handle(t.AttemptFailed("a", 1, "no", verdict="reroute", agent_type="expert"))
    assert out == [t.RetryAt("a", 2, 0.0, "expert"), t.Start("a", 2, "expert")]
    assert engine.handle(t.AttemptFailed("a", 2, "no", verdict="fail"))[0] == t.TaskFailed("a", "no")


def test_lost_and_cancelled_attempts_do_not_count() -> None:
    """Only failures of the task's own count against its attempts."""
    engine = Engine(plan_of("a"), max_attempts=1)
    engine.handle()
    for attempt in range(1, 6):
        out = engine.handle(t.AttemptFailed("a", attempt, "outage", reason="lost"))
        assert started(out) == ["a"]


def test_declined_goes_to_the_next_agent_type() -> None:
    """Each candidate is asked once; when all declined the task has failed."""
    engine = Engine(plan_of("a"), candidates={"a": ("first", "second")}, max_attempts=1)
    assert engine.handle() == [t.Start("a", 1, "first")]
    out = engine.handle(t.AttemptFailed("a", 1, "not mine", reason="declined"))
    assert out == [t.RetryAt("a", 2, 0.0, "second"), t.Start("a", 2, "second")]
    out = engine.handle(t.AttemptFailed("a", 2, "nor mine", reason="declined"))
    assert out[0] == t.TaskFailed("a", "no agent type takes the task: nor mine")


def test_ten_thousand_dependants_are_blocked_without_recursion() -> None:
    """One failure blocks a chain and a fan of ten thousand, and siblings go on."""
    names = [f"t{n}" for n in range(10_000)]
    chain = " ".join(f"{a}>{b}" for a, b in pairwise(names[:5000]))
    fan = " ".join(f"t0>{name}" for name in names[5000:])
    engine = Engine(plan_of(" ".join([*names, "sibling"]), f"{chain} {fan}"), concurrency=2, max_attempts=1)
    engine.handle()
    out = engine.handle(t.AttemptFailed("t0", 1, "no"))
    assert sum(isinstance(one, t.TaskBlocked) for one in out) == 9_999
    assert through(engine, "sibling")[-2:] == [t.TaskCompleted("sibling"), t.Finish("failed")]


def test_skipped_blocks_dependants_and_the_run_is_partial() -> None:
    """A task left out by decision blocks what needs it; the rest is done and the run ends partial."""
    engine = Engine(plan_of("a b c", "a>b"), skipped={"a": "prose only"})
    out = engine.handle()
    assert out[:2] == [t.TaskSkipped("a", "prose only"), t.TaskBlocked("b", ("a",))]
    assert through(engine, "c")[-1] == t.Finish("partial")
    by_plan = Engine(plan_of([Task(id="a", title="", status="skipped")]))
    assert [type(one) for one in by_plan.handle()] == [t.TaskSkipped, t.Finish]


def test_parents_complete_with_their_children() -> None:
    """A parent has no work: it completes with its children, nested ones too, and frees what depends on it."""
    tasks = [
        Task(id="epic", title="", children=("story",)),
        Task(id="story", title="", children=("a", "b")),
        Task(id="a", title="", agent_type="w"),
        Task(id="b", title="", agent_type="w"),
        Task(id="after", title="", agent_type="w"),
    ]
    engine = Engine(plan_of(tasks, "epic>after"), concurrency=4)
    assert started(engine.handle()) == ["a", "b"]
    through(engine, "a")
    out = through(engine, "b")
    assert [one.task for one in out if isinstance(one, t.TaskCompleted)] == ["b", "story", "epic"]
    assert started(out) == ["after"]


def test_parent_of_a_failed_child_is_blocked() -> None:
    """A parent never completes without all its children."""
    tasks = [Task(id="p", title="", children=("a",)), Task(id="a", title="", agent_type="w")]
    engine = Engine(plan_of(tasks), max_attempts=1)
    engine.handle()
    assert t.TaskBlocked("p", ("a",)) in engine.handle(t.AttemptFailed("a", 1, "no"))


def test_completed_in_the_plan_stays_completed() -> None:
    """A task that the plan says is completed is not done again, and frees what depends on it."""
    tasks = [Task(id="a", title="", status="completed"), Task(id="b", title="", agent_type="w")]
    out = Engine(plan_of(tasks, "a>b")).handle()
    assert out == [t.TaskCompleted("a"), t.Start("b", 1, "w")]


def test_late_and_repeated_events_do_no_harm() -> None:
    """An event of an attempt that is not the current one changes nothing."""
    engine = Engine(plan_of("a"), max_attempts=3)
    engine.handle()
    engine.handle(t.AttemptFailed("a", 1, "timed out", reason="timeout"))
    assert engine.handle(seal("a", 1)) == []
    assert engine.handle(seal("a", 2)) == [t.Land("a", 2)]
    assert engine.handle(seal("a", 2)) == []
    engine.handle(land("a", 2))
    assert engine.handle(land("a", 2), t.RetryDue("a")) == []


def test_drain_lets_the_running_land_and_starts_nothing() -> None:
    """A pause ends when what was in progress has landed; nothing new begins."""
    engine = Engine(plan_of("a b c"), concurrency=2)
    engine.handle()
    assert engine.handle(t.Stop("drain", "because")) == []
    assert engine.handle(seal("a")) == [t.Land("a", 1)]
    assert engine.handle(seal("b")) == []
    assert engine.handle(land("a")) == [t.TaskCompleted("a"), t.Land("b", 1)]
    assert engine.handle(land("b")) == [t.TaskCompleted("b"), t.Finish("paused", "because")]
    assert engine.status("c") == "ready"


def test_interrupt_ends_attempts_and_gives_nothing_up() -> None:
    """An interrupt cancels what runs; sealed work is not landed any more; no task is given up."""
    engine = Engine(plan_of("a b c"), concurrency=3)
    engine.handle()
    engine.handle(seal("a"))
    engine.handle(seal("b"))
    assert engine.handle(t.Stop("interrupt")) == [t.Cancel("a", 1), t.Cancel("c", 1)]
    engine.handle(t.AttemptFailed("c", 1, "", reason="cancelled"))
    assert engine.handle(land("a")) == [t.TaskCompleted("a"), t.Finish("paused")]
    assert engine.statuses() == {"a": "completed", "b": "in_progress", "c": "pending"}


def test_broken_off_landing_stays_sealed() -> None:
    """A landing that is broken off costs no attempt: the work is still there."""
    engine = Engine(plan_of("a"))
    engine.handle()
    engine.handle(seal("a"))
    engine.handle(t.Stop("interrupt"))
    assert engine.handle(t.AttemptFailed("a", 1, "", reason="cancelled")) == [t.Finish("paused")]


def test_cancel_gives_up_what_is_not_completed() -> None:
    """A cancelled run says so of every task that is not completed; a run that was done already is not cancelled."""
    engine = Engine(plan_of("a b c", "a>c"), concurrency=2)
    engine.handle()
    engine.handle(t.Stop("cancel", "enough"))
    assert engine.handle(t.AttemptFailed("a", 1, "", reason="cancelled")) == []
    out = engine.handle(seal("b"))
    assert out == [
        t.TaskCancelled("a", "enough"),
        t.TaskCancelled("b", "enough"),
        t.TaskCancelled("c", "enough"),
        t.Finish("cancelled", "enough"),
    ]
    done = Engine(plan_of("a"))
    done.handle()
    done.handle(seal("a"))
    assert done.handle(t.Stop("cancel"), land("a"))[-1] == t.Finish("completed")


def test_cycles_over_dependencies_and_gates_are_refused() -> None:
    """Tasks that wait for each other are named with the path, gates and children counted."""
    with pytest.raises(CycleError, match=r"tasks wait for each other: (a → b → a|b → a → b);"):
        Engine(plan_of("a b", "a>b b>a"))
    with pytest.raises(CycleError) as caught:
        Engine(plan_of("subject test", "subject>test", gates="test>subject"))
    assert set(caught.value.cycle) == {"subject", "test"}
    assert caught.value.cycle[0] == caught.value.cycle[-1]


def test_task_without_agent_type_is_refused() -> None:
    """A task that needs an agent and has none is an error at once, not a run that hangs."""
    with pytest.raises(ValueError, match="task a"):
        Engine(plan_of([Task(id="a", title="")]))


def test_engine_is_pure() -> None:
    """Engine, structure, ranks, transitions and the fold import nothing that could make them impure."""
    allowed = {"__future__", "attrs", "collections.abc", "heapq", "typing"}
    own = {
        "models",
        "planning.ranks",
        "run_state",
        "structure",
        "transitions",
        "errors",
        "ageing",
        "board",
        "exclusions",
        "revisions",
        "planning.patching",
        "planning.needs",
        "snapshot",
        "ended",
        "demand",
        "failures",
        "named_resources",
        "spending",
    }
    folder = Path(engine_module.__file__).parent
    for name in (
        "engine",
        "../planning/ranks",
        "structure",
        "transitions",
        "run_state",
        "ageing",
        "board",
        "exclusions",
        "revisions",
        "snapshot",
        "demand",
        "failures",
        "named_resources",
        "spending",
    ):
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text())):
            if isinstance(node, ast.Import):
                assert {alias.name for alias in node.names} <= allowed, name
            elif isinstance(node, ast.ImportFrom):
                assert node.module in (own if node.level else allowed), (name, node.module)


def test_what_waits_lands_together() -> None:
    """The lane takes all that is sealed, the most urgent first and at most ``max_batch``; the next batch comes when every outcome is known."""
    engine = Engine(plan_of("a b c d"), concurrency=4, max_batch=2)
    engine.handle()
    assert engine.handle(seal("d")) == [t.Land("d", 1)]
    assert engine.handle(seal("c"), seal("b"), seal("a")) == []
    assert engine.handle(land("d")) == [t.TaskCompleted("d"), t.Land("a", 1), t.Land("b", 1)]
    assert engine.handle(land("b")) == [t.TaskCompleted("b")]
    out = engine.handle(t.AttemptRejected("a", 1, "red"))
    assert out == [t.RetryAt("a", 2, 0.0, "worker"), t.Start("a", 2, "worker"), t.Land("c", 1)]
