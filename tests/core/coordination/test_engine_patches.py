"""A plan that changes while it runs: what the engine does with a patch, as plain function calls."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from agent_dispatcher.coordination import transitions as t
from agent_dispatcher.coordination.ageing import PATIENCE
from agent_dispatcher.coordination.engine import Engine
from agent_dispatcher.errors import Problem
from agent_dispatcher.models import (
    ArtifactRef,
    DeclaredDependency,
    Dependency,
    Event,
    Exclusion,
    ExecutionPlan,
    PlanPatch,
    Task,
    TaskPair,
    TaskSplit,
)
from agent_dispatcher.planning.planner import plan_tasks


def new(name: str, *before: str, **fields: Any) -> Task:
    """A task that waits for others."""
    depends_on = tuple(DeclaredDependency(task=each) for each in before)
    return Task(id=name, title=name, agent_type="w", depends_on=depends_on, **fields)


def plan(tasks: str, edges: str = "", verifies: str = "") -> ExecutionPlan:
    """A plan from names, ``before>after`` and ``test>subject`` pairs."""
    values = [new(name) for name in tasks.split()]
    for pair in verifies.split():
        test, subject = pair.split(">")
        values = [evolve(each, verifies=(*each.verifies, subject)) if each.id == test else each for each in values]
    return plan_tasks(values, [tuple(edge.split(">")) for edge in edges.split()])


def ask(patch: PlanPatch, **origin: Any) -> t.PatchAsked:
    return t.PatchAsked(patch=patch, by="somebody", **origin)


def started(out: list[t.Instruction]) -> list[str]:
    return [one.task for one in out if isinstance(one, t.Start)]


def refusals(out: list[t.Instruction]) -> list[str]:
    return [str(problem) for one in out if isinstance(one, t.PatchRefused) for problem in one.problems]


def through(engine: Engine, task: str, attempt: int = 1) -> list[t.Instruction]:
    return [*engine.handle(t.AttemptSealed(task, attempt)), *engine.handle(t.AttemptLanded(task, attempt))]


def fail(engine: Engine, task: str) -> list[t.Instruction]:
    return engine.handle(t.AttemptFailed(task, 1, "x", permanent=True))


def test_an_added_task_runs_before_what_was_made_to_wait_for_it() -> None:
    """A task added between two others holds the second back."""
    engine = Engine(plan("a b", "a>b"), concurrency=4)
    engine.handle()
    patch = PlanPatch(add=(new("x", "a"),), add_dependencies=(Dependency(before="x", after="b"),))
    (patched,) = engine.handle(ask(patch))
    assert isinstance(patched, t.PlanPatched) and patched.revision == 1
    assert started(through(engine, "a")) == ["x"]
    assert started(through(engine, "x")) == ["b"]
    assert through(engine, "b")[-1] == t.Finish("completed")


def test_a_patch_with_the_landing_comes_before_what_follows_the_landing() -> None:
    """What an agent adds with its landed work is in the plan before a dependent of that work starts."""
    engine = Engine(plan("a b", "a>b"), concurrency=4)
    engine.handle()
    engine.handle(t.AttemptSealed("a", 1))
    patch = PlanPatch(add=(new("x", "a"),), add_dependencies=(Dependency(before="x", after="b"),))
    out = engine.handle(t.AttemptLanded("a", 1), ask(patch, task="a", attempt=1))
    assert started(out) == ["x"]


def test_removing_a_task_keeps_the_order_through_it() -> None:
    """A → B → C without B is A → C."""
    engine = Engine(plan("a b c", "a>b b>c"), concurrency=4)
    engine.handle()
    assert started(engine.handle(ask(PlanPatch(remove=("b",))))) == []
    assert engine.statuses() == {"a": "in_progress", "c": "pending"}
    assert started(through(engine, "a")) == ["c"]
    assert engine.plan.critical_path == ("a", "c")


def test_a_split_task_completes_with_its_parts() -> None:
    """What it waited for the first part waits for, and what waited for it waits for all parts."""
    engine = Engine(plan("a b c", "a>b b>c"), concurrency=4)
    engine.handle()
    split = TaskSplit(task="b", into=(new("b1"), new("b2", "b1"), new("b3", "b1")))
    assert started(engine.handle(ask(PlanPatch(split=(split,))))) == []
    assert started(through(engine, "a")) == ["b1"]
    assert started(through(engine, "b1")) == ["b2", "b3"]
    assert started(through(engine, "b2")) == []
    assert through(engine, "b3") == [
        t.Land("b3", 1),
        t.TaskCompleted("b3"),
        t.TaskCompleted("b"),
        t.Start("c", 1, "w"),
    ]


def test_the_last_parts_can_be_named() -> None:
    """Then nobody waits for the others."""
    engine = Engine(plan("b c", "b>c"), concurrency=1)
    split = TaskSplit(task="b", into=(new("b1"), new("b2")), last=("b1",))
    assert started(engine.handle(ask(PlanPatch(split=(split,))))) == ["b1"]
    assert set(started(through(engine, "b1"))) <= {"b2", "c"}
    assert engine.plan.binding_edges() == (("b1", "c"),)


def test_a_removed_dependency_lets_its_task_go() -> None:
    """What waited for nothing else starts at once."""
    engine = Engine(plan("a b", "a>b"), concurrency=4)
    engine.handle()
    out = engine.handle(ask(PlanPatch(why="not needed", remove_dependencies=(TaskPair(before="a", after="b"),))))
    assert started(out) == ["b"]
    assert [(each.kind, each.why) for each in engine.plan.dropped] == [("patch", "not needed")]


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        (PlanPatch(remove=("a",)), "task a is in progress and cannot be removed"),
        (PlanPatch(reroute={"a": "other"}), "task a is in progress and cannot be re-routed"),
        (
            PlanPatch(split=(TaskSplit(task="a", into=(new("a1"), new("a2"))),)),
            "task a is in progress and cannot be split",
        ),
        (PlanPatch(add_dependencies=(Dependency(before="c", after="a"),)), "cannot be made to wait for c"),
        (PlanPatch(add_dependencies=(Dependency(before="c", after="b"),)), "b → c → b"),
        (PlanPatch(add=(new("x", "c"),), add_dependencies=(Dependency(before="x", after="b"),)), "→"),
        (PlanPatch(remove=("bb",)), "remove: there is no task 'bb'"),
        (PlanPatch(remove_dependencies=(TaskPair(before="a", after="c"),)), "c does not wait for a (it waits for b)"),
        (PlanPatch(add=(new("b"),)), "there is one of that name already"),
        (PlanPatch(add=(new("x", "x"),)), "would wait for itself"),
        (PlanPatch(add=(Task(id="x", title="x"),)), "no agent type accepts task x"),
        (PlanPatch(add=(new("x", "b"),), remove=("b",)), "removes b, and orders it against x"),
        (PlanPatch(reroute={"b": "w"}, remove=("b",)), "removes b, and splits or re-routes it too"),
        (PlanPatch(add=(new("x", status="completed"),)), "has a status or children"),
        (PlanPatch(why="just so"), "changes nothing"),
        (
            PlanPatch(split=(TaskSplit(task="b", into=(new("p"), new("q")), last=("c",)),)),
            "last names c, which is no part",
        ),
    ],
)
def test_what_is_refused(patch: PlanPatch, expected: str) -> None:
    """Nothing of a patch that does not fit is applied, and the reason says why."""
    engine = Engine(plan("a b c", "a>b b>c"), concurrency=4)
    engine.handle()
    before = engine.plan
    out = engine.handle(ask(patch))
    assert [type(one) for one in out] == [t.PatchRefused]
    assert expected in "\n".join(refusals(out))
    assert engine.plan is before


def test_all_problems_are_said_at_once() -> None:
    """One fault does not hide the next."""
    engine = Engine(plan("a b", "a>b"), concurrency=4)
    engine.handle()
    patch = PlanPatch(remove=("a",), add=(Task(id="x", title="x"),))
    assert len(refusals(engine.handle(ask(patch)))) == 2
    assert len(refusals(engine.handle(ask(PlanPatch(remove=("q", "r")))))) == 2


def test_finished_work_is_not_changed() -> None:
    """A completed task stays; new work may wait for it and test it."""
    engine = Engine(plan("a b", "a>b"), concurrency=4)
    engine.handle()
    through(engine, "a")
    assert refusals(engine.handle(ask(PlanPatch(remove=("a",)))))
    out = engine.handle(ask(PlanPatch(add=(new("x", "a"), new("t", verifies=("a",))))))
    assert started(out) == ["t", "x"]
    assert "cannot hold it back any more" in "".join(
        w for one in out if isinstance(one, t.PlanPatched) for w in one.warnings
    )


def test_a_removed_id_is_not_used_again() -> None:
    """What a task did stays in the record under its id."""
    engine = Engine(plan("a b"), concurrency=1)
    engine.handle()
    engine.handle(ask(PlanPatch(remove=("b",))))
    assert "was removed from this run" in refusals(engine.handle(ask(PlanPatch(add=(new("b"),)))))[0]


def test_what_plugins_have_against_it_refuses_it() -> None:
    """Problems that came with the request count like those found here."""
    engine = Engine(plan("a"))
    assert refusals(engine.handle(ask(PlanPatch(add=(new("x"),)), problems=(Problem("forbidden"),)))) == ["forbidden"]


def test_a_dependent_of_a_failed_task_is_blocked() -> None:
    """A task that is added behind one that failed does not start."""
    engine = Engine(plan("a b"), concurrency=2)
    engine.handle()
    fail(engine, "a")
    out = engine.handle(ask(PlanPatch(add=(new("x", "a"),))))
    assert t.TaskBlocked("x", ("a",)) in out
    assert engine.status("x") == "blocked"


def test_removing_what_failed_frees_what_was_blocked_by_it() -> None:
    """A blocked task is pending again, and starts if nothing else is before it; another reason to be blocked stays."""
    engine = Engine(plan("a b c d", "a>b a>c d>c"), concurrency=2)
    engine.handle()
    fail(engine, "a")
    assert engine.status("b") == "blocked"
    out = engine.handle(ask(PlanPatch(remove=("a",))))
    assert out[1:] == [t.TaskFreed("b"), t.TaskFreed("c"), t.Start("b", 1, "w")]
    assert engine.statuses() == {"b": "in_progress", "c": "pending", "d": "in_progress"}


def test_rerouting_a_failed_task_gives_it_another_beginning() -> None:
    """It starts again, in the hands of the other agent type, with all its attempts."""
    engine = Engine(plan("a b", "a>b"), max_attempts=2)
    engine.handle()
    fail(engine, "a")
    out = engine.handle(ask(PlanPatch(reroute={"a": "other"}), candidates={"a": ("other",)}))
    assert out[1:] == [t.TaskFreed("a"), t.TaskFreed("b"), t.Start("a", 2, "other")]
    assert engine.handle(t.AttemptFailed("a", 2, "x"))[-1] == t.Start("a", 3, "other")


def test_a_patch_of_a_blocked_task() -> None:
    """A blocked task can be split: its parts are blocked by the same."""
    engine = Engine(plan("a b c", "a>b"), concurrency=2)
    engine.handle()
    fail(engine, "a")
    out = engine.handle(ask(PlanPatch(split=(TaskSplit(task="b", into=(new("b1"), new("b2", "b1"))),))))
    assert {one.task for one in out if isinstance(one, t.TaskBlocked)} == {"b1", "b2"}
    assert engine.status("b") == "blocked"


def test_a_task_at_rest_that_gets_something_to_wait_for_waits_for_it() -> None:
    """The end of its rest does not start it, nor does the end of what it waits for end its rest."""
    engine = Engine(plan("a b"), concurrency=3)
    engine.handle()
    engine.handle(t.AttemptFailed("b", 1, "x", delay_s=5))
    engine.handle(ask(PlanPatch(add_dependencies=(Dependency(before="a", after="b"),))))
    assert started(engine.handle(t.RetryDue("b"))) == []
    assert started(through(engine, "a")) == ["b"]
    engine = Engine(plan("a b"), concurrency=3)
    engine.handle()
    engine.handle(t.AttemptFailed("b", 1, "x", delay_s=5))
    engine.handle(ask(PlanPatch(add_dependencies=(Dependency(before="a", after="b"),))))
    assert started(through(engine, "a")) == []
    assert started(engine.handle(t.RetryDue("b"))) == ["b"]


def test_a_timer_of_a_removed_task_does_nothing() -> None:
    """Its rest is over when nobody waits for it any more."""
    engine = Engine(plan("a b"), concurrency=3)
    engine.handle()
    engine.handle(t.AttemptFailed("b", 1, "x", delay_s=5))
    engine.handle(ask(PlanPatch(remove=("b",))))
    assert engine.handle(t.RetryDue("b"), t.AttemptSealed("b", 1)) == []
    assert through(engine, "a")[-1] == t.Finish("completed")


def test_a_new_test_holds_back_what_it_verifies() -> None:
    """A running subject lands after the test that was added meanwhile; one in line for landing steps back."""
    engine = Engine(plan("s q"), concurrency=3)
    engine.handle()
    engine.handle(t.AttemptSealed("q", 1))
    engine.handle(t.AttemptSealed("s", 1))
    out = engine.handle(ask(PlanPatch(add=(new("t", verifies=("s",)),))))
    assert started(out) == ["t"]
    assert engine.handle(t.AttemptLanded("q", 1)) == [t.TaskCompleted("q")]
    assert through(engine, "t") == [t.Land("t", 1), t.TaskCompleted("t"), t.Land("s", 1)]


def test_a_test_that_fails_while_its_subject_lands() -> None:
    """The subject that was landing when the test came has landed; one that is refused is blocked instead of tried again."""
    for answer, expected in (
        (t.AttemptLanded("s", 1), t.TaskCompleted("s")),
        (t.AttemptRejected("s", 1, "no"), t.TaskBlocked("s", ("t",))),
        (t.AttemptFailed("s", 1, "no", "cancelled"), t.TaskBlocked("s", ("t",))),
    ):
        engine = Engine(plan("s"), concurrency=3)
        engine.handle()
        engine.handle(t.AttemptSealed("s", 1))
        engine.handle(ask(PlanPatch(add=(new("t", verifies=("s",)),))))
        assert t.TaskFailed("t", "x") in fail(engine, "t")
        assert engine.handle(answer) == [expected, t.Finish("failed")]


def test_approved_work_waits_for_the_test_that_came_meanwhile() -> None:
    """A person's word does not open a gate."""
    engine = Engine(plan("s"), concurrency=3)
    engine.handle()
    engine.handle(t.AttemptSealed("s", 1))
    engine.handle(ask(PlanPatch(add=(new("t", verifies=("s",)),))))
    assert engine.handle(t.AttemptHeld("s", 1)) == []
    assert engine.handle(t.AttemptApproved("s", 1)) == []
    assert through(engine, "t")[-1] == t.Land("s", 1)


def test_approved_work_of_an_earlier_process_holds_nothing_when_the_plan_changes() -> None:
    """What waited for a person when the process ended gave up what it excludes; another patch does not give it back."""
    excluding = evolve(plan("a b other"), exclusions=(Exclusion(tasks=("a", "b"), resource="x"),))
    log = [
        Event(run="r", type="run.started", at=0, seq=1),
        Event(run="r", type="attempt.started", at=0, seq=2, task="a", attempt=1, data={"agent_type": "w"}),
        Event(run="r", type="attempt.sealed", at=0, seq=3, task="a", attempt=1, data={"change": {}}),
        Event(run="r", type="approval.requested", at=0, seq=4, task="a", attempt=1, data={"what": "land"}),
        Event(run="r", type="attempt.started", at=0, seq=5, task="other", attempt=1, data={"agent_type": "w"}),
        Event(run="r", type="attempt.sealed", at=0, seq=6, task="other", attempt=1, data={"change": {}}),
        Event(run="r", type="run.resumed", at=0, seq=7),
    ]
    engine = Engine.restore(excluding, log, concurrency=1)
    assert engine.handle() == [t.Start("b", 1, "w"), t.Land("other", 1)]
    assert engine.handle(t.AttemptApproved("a", 1)) == []
    engine.handle(t.AttemptFailed("b", 1, "x", delay_s=1))
    assert engine.handle(ask(PlanPatch(reroute={"b": "v"})))
    assert started(engine.handle(t.RetryDue("b"))) == ["b"]


def test_sealed_work_that_was_blocked_lands_when_it_is_freed() -> None:
    """The test that blocked it is removed: what was sealed is not done again."""
    engine = Engine(plan("s t", verifies="t>s"), concurrency=3)
    engine.handle()
    engine.handle(t.AttemptSealed("s", 1))
    engine.handle(t.AttemptFailed("t", 1, "x", delay_s=1))
    engine.handle(ask(PlanPatch(add=(new("y"),))))
    engine.handle(t.RetryDue("t"))
    engine.handle(t.AttemptFailed("t", 2, "x", permanent=True))
    assert engine.status("s") == "blocked"
    assert refusals(engine.handle(ask(PlanPatch(remove=("s",)))))
    assert engine.handle(ask(PlanPatch(remove=("t",))))[1:] == [t.TaskFreed("s"), t.Land("s", 1)]


def test_new_tasks_exclude_who_writes_the_same_file() -> None:
    """A task that promises a file somebody is writing waits until that has landed; one that is ordered behind it needs no exclusion."""
    written = (ArtifactRef(type="path", name="x.py"),)
    engine = Engine(plan_tasks([new("a", produces=written), new("b")]), concurrency=4)
    engine.handle()
    assert started(engine.handle(ask(PlanPatch(add=(new("x", produces=written),))))) == []
    assert [(each.resource, each.tasks) for each in engine.plan.exclusions] == [("path:x.py", ("a", "x"))]
    assert started(through(engine, "a")) == ["x"]
    engine = Engine(plan_tasks([new("a", produces=written), new("b")]), concurrency=4)
    engine.handle(ask(PlanPatch(add=(new("x", "a", produces=written),))))
    assert engine.plan.exclusions == ()


def test_parts_take_over_the_exclusions_of_the_whole() -> None:
    """Only the part that writes the file is kept apart from the other writer."""
    written = (ArtifactRef(type="path", name="x.py"),)
    made = plan_tasks([new("a", produces=written), new("b", produces=written)])
    made = evolve(made, exclusions=(Exclusion(tasks=("a", "b"), resource="path:x.py"),))
    engine = Engine(made, concurrency=4)
    engine.handle()
    split = TaskSplit(task="b", into=(new("b1"), new("b2", produces=written)))
    assert started(engine.handle(ask(PlanPatch(split=(split,))))) == ["b1"]
    assert started(through(engine, "a")) == ["b2"]


def test_patched_while_pausing() -> None:
    """A plan can be changed while the run comes to rest; nothing new starts."""
    engine = Engine(plan("a b", "a>b"), concurrency=4)
    engine.handle()
    engine.handle(t.Stop("drain", "enough"))
    out = engine.handle(ask(PlanPatch(add=(new("x"),))))
    assert [type(one) for one in out] == [t.PlanPatched]
    assert through(engine, "a")[-1] == t.Finish("paused", "enough")


def test_a_parent_without_children_left() -> None:
    """The last child is not removed without its parent; with the others done the parent completes."""
    made = plan_tasks([new("a"), new("b"), Task(id="p", title="p", children=("a", "b"))])
    engine = Engine(made, concurrency=1)
    engine.handle()
    assert "would have no children left" in " ".join(refusals(engine.handle(ask(PlanPatch(remove=("a", "b"))))))
    engine = Engine(made, concurrency=1)
    engine.handle()
    assert through(engine, "a")[-1] == t.TaskCompleted("a")
    engine = Engine(evolve(made, tasks=(evolve(made.tasks[0], status="completed"), *made.tasks[1:])), concurrency=1)
    assert t.TaskCompleted("p") in engine.handle(ask(PlanPatch(remove=("b",))))


# --- agents -----------------------------------------------------------------------------------------------------------


def test_agents_change_the_plan_only_so_often() -> None:
    """Beyond the configured number of patches and tasks an agent is refused; a person is not."""
    engine = Engine(plan("a b"), concurrency=1, max_patches=2, max_patched_tasks=3)
    engine.handle()
    agent = {"task": "a", "attempt": 1}
    assert refusals(engine.handle(ask(PlanPatch(add=tuple(new(f"x{n}") for n in range(4))), **agent))) == [
        "the patch brings 4 tasks, and agents may bring 3 more in this run (raise [coordinator] max_patched_tasks)"
    ]
    assert not refusals(engine.handle(ask(PlanPatch(add=(new("x"), new("y"))), **agent)))
    assert refusals(engine.handle(ask(PlanPatch(add=(new("p"), new("q"))), **agent)))
    assert not refusals(engine.handle(ask(PlanPatch(add=(new("z"),)), **agent)))
    assert "as often as they may" in refusals(engine.handle(ask(PlanPatch(reroute={"b": "o"}), **agent)))[0]
    assert not refusals(engine.handle(ask(PlanPatch(add=tuple(new(f"p{n}") for n in range(9))))))


def test_agents_take_nothing_away() -> None:
    """An agent removes no task, dependency or test that the plan had before, only what patches brought."""
    engine = Engine(plan("a b c t", "a>b", "t>b"), concurrency=1)
    engine.handle()
    agent = {"task": "a", "attempt": 1}
    for patch in (
        PlanPatch(remove=("b",)),
        PlanPatch(remove_dependencies=(TaskPair(before="a", after="b"),)),
        PlanPatch(reroute={"t": "careless"}),
        PlanPatch(split=(TaskSplit(task="t", into=(new("t1"), new("t2"))),)),
    ):
        assert "an agent may not" in refusals(engine.handle(ask(patch, **agent)))[0]
    assert not refusals(engine.handle(ask(PlanPatch(add=(new("x"),), reroute={"c": "o"}), **agent)))
    assert not refusals(engine.handle(ask(PlanPatch(remove=("x",)), **agent)))


def test_what_a_task_was_to_do_its_parts_do() -> None:
    """Parts that leave out a requirement, a promise or a subject of the whole are refused; what they do not say they inherit."""
    whole = new("b", requirements=("R1", "R2"), produces=(ArtifactRef(type="path", name="x"),), verifies=("a",))
    engine = Engine(plan_tasks([new("a"), whole, new("c")]), concurrency=1)
    engine.handle()
    parts = (new("b1", requirements=("R1",)), new("b2", requirements=("R1",), verifies=("c",)))
    said = refusals(engine.handle(ask(PlanPatch(split=(TaskSplit(task="b", into=parts),)))))
    assert [text.partition(",")[0] for text in said] == [
        "no part of b serves requirement R2",
        "no part of b verifies a",
        "no part of b promises x",
    ]
    parts = (evolve(new("b1"), type=""), new("b2", type="", produces=whole.produces))
    assert not refusals(engine.handle(ask(PlanPatch(split=(TaskSplit(task="b", into=parts),)))))
    made = [engine.plan.task(name) for name in ("b1", "b2")]
    assert [(each.requirements, each.verifies, each.type) for each in made] == [
        (("R1", "R2"), ("a",), "code_writing")
    ] * 2


def test_rerouting_a_task_that_others_declined() -> None:
    """Who is asked next is counted anew: the new agent type is the only one."""
    engine = Engine(plan("a"), candidates={"a": ("p", "q")})
    assert engine.handle() == [t.Start("a", 1, "p")]
    engine.handle(t.AttemptFailed("a", 1, "not mine", "declined"))
    engine.handle(t.AttemptFailed("a", 2, "x", delay_s=5))
    engine.handle(ask(PlanPatch(reroute={"a": "third"}), candidates={"a": ("third",)}))
    assert engine.handle(t.RetryDue("a")) == [t.Start("a", 3, "third")]


def test_sealed_work_that_waits_for_its_test_keeps_nobody_off() -> None:
    """A new task may write the file of a subject that is sealed and gated: that holds nothing."""
    written = (ArtifactRef(type="path", name="x.py"),)
    made = plan_tasks([new("s", produces=written), new("t", verifies=("s",))])
    engine = Engine(made, concurrency=3)
    engine.handle()
    engine.handle(t.AttemptSealed("s", 1))
    assert started(engine.handle(ask(PlanPatch(add=(new("x", produces=written),))))) == ["x"]
    engine = Engine(made, concurrency=3)
    engine.handle()
    engine.handle(t.AttemptSealed("s", 1))
    assert through(engine, "t")[-1] == t.Land("s", 1)
    assert started(engine.handle(ask(PlanPatch(add=(new("x", produces=written),))))) == ["x"]


def test_an_order_can_be_taken_away_and_given_back() -> None:
    """What a patch dropped and a later one adds is in the plan, and nowhere else."""
    engine = Engine(plan("a b", "a>b"), concurrency=1)
    engine.handle()
    engine.handle(ask(PlanPatch(remove_dependencies=(TaskPair(before="a", after="b"),))))
    engine.handle(ask(PlanPatch(add_dependencies=(Dependency(before="a", after="b"),))))
    assert (engine.plan.binding_edges(), engine.plan.dropped) == ((("a", "b"),), ())
    assert started(through(engine, "a")) == ["b"]


def test_sealed_work_whose_gate_is_taken_away_lands() -> None:
    """Work that is sealed and waits for a test lands when a patch removes the test: nothing else would ever wake it."""
    engine = Engine(plan("b t a", "b>t", verifies="t>a"), concurrency=2)
    assert started(engine.handle()) == ["b", "a"]
    engine.handle(t.AttemptSealed("a", 1))
    out = engine.handle(ask(PlanPatch(remove=("t",))))
    assert t.Land("a", 1) in out


def test_a_ready_task_is_not_passed_for_ever_by_what_patches_bring() -> None:
    """Every task that ends brings one that is more urgent: after ten of them the one that has waited comes first, and the order is as it was after it."""
    engine = Engine(plan("a old"), concurrency=1, priorities={"a": 5})
    order = started(engine.handle())
    for number in range(30):
        urgent = new(f"u{number}", priority=9)
        engine.handle(ask(PlanPatch(add=(urgent,))))
        order += started(through(engine, order[-1]))
    assert order.index("old") == PATIENCE + 1
    assert [name for name in order if name != "old"] == ["a", *(f"u{number}" for number in range(len(order) - 2))]


def test_a_task_that_nobody_went_past_does_not_age() -> None:
    """Patches alone change no order: what they bring is more urgent, and goes first."""
    engine = Engine(plan("a old"), concurrency=1, priorities={"a": 5})
    engine.handle()
    for number in range(3 * PATIENCE):
        engine.handle(ask(PlanPatch(add=(new(f"u{number}", priority=9),))))
    assert started(through(engine, "a")) == ["u0"]
