"""Choosing agent types and finding every reason not to run a plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import frozen

from agent_dispatcher.extension import AgentType, Available
from agent_dispatcher.models import DeclaredDependency, Dropped, ExecutionPlan, Specification, Task
from agent_dispatcher.planning.planner import plan_tasks
from agent_dispatcher.planning.validation import PlanLimits, Validation, problems


@frozen
class Offered:
    """An offer as the registry makes it."""

    component: AgentType


def agent(name: str, *types: str, **values: Any) -> Offered:
    return Offered(
        AgentType(name=name, summary="", factory=lambda options, services: None, task_types=frozenset(types), **values)
    )


def available(**values: Any) -> Available:
    return Available(specification=Specification(id="s", title="S"), **values)


def validate(
    tasks: Sequence[Task], agents: Sequence[Offered], have: Available | None = None, **options: Any
) -> Validation:
    return problems(plan_tasks(tasks), agents, have or available(), **options)


def no_prose(task: Task, available: Available) -> str | None:
    return None if task.produces else "it is prose only"


CODE = Task(id="code", title="Write it", requirements=("R1",), source="spec.md:4")


def test_a_task_gets_the_first_agent_type_in_rank_that_accepts_it() -> None:
    """Task type, needs and `accepts` all count; the plan carries the choice."""
    result = validate(
        [CODE],
        [
            agent("tester", "testing"),
            agent("clever", "code_writing", needs=frozenset({"llm"})),
            agent("picky", "code_writing", accepts=no_prose),
            agent("good", "code_writing"),
            agent("any", "*"),
        ],
    )
    assert result.problems == ()
    assert result.assignments == {"code": "good"}
    assert result.candidates == {"code": ("good", "any")}
    assert result.plan.tasks[0].agent_type == "good"


def test_needs_are_looked_up() -> None:
    """A model for `llm`, a capability for everything else."""
    agents = [agent("a", "*", needs=frozenset({"llm", "sandbox"}))]
    assert validate([CODE], agents, available(llm="m", capabilities=frozenset({"sandbox"}))).problems == ()
    assert validate([CODE], agents, available(llm="m")).refused[0].reasons == (("a", "needs sandbox"),)
    assert validate([CODE], agents).refused[0].reasons == (("a", "needs a model (llm), sandbox"),)


def test_every_task_nobody_can_do_is_named_with_each_reason() -> None:
    """All at once, with places; agent types for other sorts of work are left out of the message."""
    result = validate(
        [CODE, Task(id="ship", title="Ship it", type="deployment")],
        [agent("tester", "testing"), agent("writer", "code_writing", accepts=no_prose)],
    )
    remedy = "declare its behaviour, configure a model or an agent that does it, or leave it out with --allow-partial"
    assert [str(each) for each in result.problems] == [
        f"spec.md:4: no agent can do task code (Write it) for R1: writer: it is prose only ({remedy})",
        f"no agent can do task ship (Ship it): no active agent type does deployment ({remedy})",
    ]
    assert [each.task.id for each in result.refused] == ["code", "ship"]
    assert result.refused[0].reasons == (("tester", "does testing, not code_writing"), ("writer", "it is prose only"))


def test_without_agent_types_the_problem_says_so() -> None:
    """As when all their plugins are disabled."""
    assert "no agent type is active" in str(validate([CODE], []).problems[0])


def test_refused_tasks_are_skipped_where_that_is_allowed() -> None:
    """They are named, and are no problem."""
    doc = Task(id="doc", title="Doc", type="documentation")
    result = validate([CODE, doc], [agent("writer", "documentation")], allow_partial=True)
    assert result.problems == ()
    assert [(task.id, task.status) for task in result.plan.tasks] == [("code", "skipped"), ("doc", "pending")]
    assert [each.task.id for each in result.refused] == ["code"]


def test_parents_and_finished_tasks_need_nobody() -> None:
    """Nobody works on them."""
    tasks = [
        Task(id="epic", title="E", children=("done",)),
        Task(id="done", title="D", status="completed"),
        Task(id="out", title="O", status="skipped"),
    ]
    result = validate(tasks, [])
    assert (result.problems, result.candidates, result.refused) == ((), {}, ())


def test_a_task_can_insist_on_an_agent_type() -> None:
    """Only that one is asked; a name nobody has is told with close matches."""
    agents = [agent("first", "*"), agent("second", "*")]
    wanted = Task(id="a", title="A", agent_type="second")
    assert validate([wanted], agents).candidates == {"a": ("second",)}
    unknown = Task(id="a", title="A", agent_type="secnd")
    assert validate([unknown], agents).refused[0].reasons == (("secnd", "is not active; did you mean 'second'?"),)
    assert "secnd: is not active" in str(validate([unknown], agents).problems[0])


def test_an_agent_type_that_misbehaves_is_one_that_does_not_accept() -> None:
    """Raising, or answering something else than None or a reason."""

    def raises(task: Task, available: Available) -> str | None:
        raise RuntimeError("boom")

    def odd(task: Task, available: Available) -> Any:
        return False

    result = validate([CODE], [agent("raises", "*", accepts=raises), agent("odd", "*", accepts=odd)])
    assert result.refused[0].reasons == (
        ("raises", "failed when asked: RuntimeError: boom"),
        ("odd", "gave False when asked, neither None nor a reason"),
    )


def test_a_plugin_can_route_among_those_that_accept() -> None:
    """Anything else it says is ignored with a warning; no opinion changes nothing."""
    agents = [agent("first", "*"), agent("second", "*"), agent("other", "testing")]
    asked: list[tuple[str, tuple[str, ...]]] = []

    def route(task: Task, candidates: Sequence[str]) -> str | None:
        asked.append((task.id, tuple(candidates)))
        return "second"

    assert validate([CODE], agents, route=route).candidates == {"code": ("second", "first")}
    assert asked == [("code", ("first", "second"))]
    wrong = validate([CODE], agents, route=lambda task, candidates: "other")
    assert wrong.assignments == {"code": "first"}
    assert wrong.warnings == ("a plugin routes task code to 'other', which is none of first, second: ignored",)
    assert validate([CODE], agents, route=lambda task, candidates: None).assignments == {"code": "first"}


def test_a_declared_order_that_no_rule_reported_is_a_problem() -> None:
    """Nothing the author said is lost in silence; what was dropped with a reason is not lost."""
    after = Task(id="b", title="B", depends_on=(DeclaredDependency(task="code", source="spec.md:9"),))
    plan = ExecutionPlan(specification=Specification(id="s", title="S"), tasks=(CODE, after))
    agents = [agent("a", "*")]
    found = problems(plan, agents, available()).problems
    assert [(each.where, each.what) for each in found] == [
        ("spec.md:9", "task b is declared to wait for code, but no active dependency rule says so")
    ]
    vetoed = ExecutionPlan(
        specification=plan.specification,
        tasks=plan.tasks,
        dropped=(Dropped(before="code", after="b", kind="veto", why="no"),),
    )
    assert problems(vetoed, agents, available()).problems == ()
    assert problems(plan_tasks(plan.tasks), agents, available()).problems == ()


def test_limits_are_looked_at_before_anything_runs() -> None:
    """What cannot work is a problem; what will probably be stopped is a warning."""
    agents = [agent("a", "*")]
    refused = validate([CODE, Task(id="x", title="X")], agents, limits=PlanLimits(workers=0, max_tasks=1))
    assert [each.what for each in refused.problems] == [
        "no task can run: the limits allow no worker",
        "the plan has 2 tasks, 1 are allowed",
    ]
    slow = validate([CODE], agents, limits=PlanLimits(workers=1, agent_timeout_s=10, max_execution_s=30))
    assert slow.problems == ()
    assert slow.warnings == (
        "the critical path alone is estimated at 60 s, the run is stopped after 30 s",
        "task code is estimated at 60 s, an attempt is stopped after 10 s",
    )


def test_validators_have_a_say_and_a_broken_one_stops_the_run() -> None:
    """Each problem names its validator."""

    class Says:
        def problems(self, plan: ExecutionPlan) -> Iterable[str]:
            return [f"{len(plan.tasks)} is too many"]

    class Raises:
        def problems(self, plan: ExecutionPlan) -> Iterable[str]:
            raise RuntimeError("boom")

    result = validate([CODE], [agent("a", "*")], validators=[("counts", Says()), ("broken", Raises())])
    assert [str(each) for each in result.problems] == [
        "1 is too many (validator counts)",
        "validator broken failed: RuntimeError: boom (mend or disable its plugin: a plan it did not see is not run)",
    ]
