"""Which backend is asked, and how the plan says what it was asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher import AgentDispatcher, AgentResult, BaseAgent
from agent_dispatcher.agents import AgentContext
from agent_dispatcher.errors import BudgetExceeded, PlanError, PluginError, Unavailable
from agent_dispatcher.extension import AgentType, Component, Decomposition, LlmRequest, PlanningContext, hookimpl
from agent_dispatcher.models import ExecutionPlan, ModelUse, Specification, Task, used_in_words
from agent_dispatcher.planning.plan_json import plan_to_json
from agent_dispatcher.testing import ScriptedBackend, dispatcher

SPECIFICATION = Specification(id="s", title="S", tasks=(Task(id="t", title="T"),))


class Asks:
    """A decomposer that asks the model for the title of its one task."""

    async def decompose(self, specification: Specification, context: PlanningContext) -> Decomposition:
        if context.llm is None:
            return Decomposition(tasks=(Task(id="t", title="no model"),))
        reply = await context.llm.complete(LlmRequest.of("title?", purpose="decompose"))
        return Decomposition(tasks=(Task(id="t", title=reply.text),))


def ready(config: dict[str, Any], *backends: Any) -> AgentDispatcher:
    return dispatcher(config=config, decomposers=[Asks()], llm_backends=backends)


def by_name(name: str, says: str) -> Component[Any]:
    return Component(name, "Under test.", lambda options, services: ScriptedBackend(lambda request: says))


def test_the_named_backend_is_asked() -> None:
    """``[use] llm`` chooses; the plan says how often it was asked, for what, and what it took."""
    made = ready({"use": {"llm": "b"}}, by_name("a", "from a"), by_name("b", "from b")).plan(SPECIFICATION)
    assert made.tasks[0].title == "from b"
    (use,) = made.planning_usage
    assert (use.purpose, use.backend, use.calls, use.input_tokens > 0) == ("decompose", "b", 1, True)
    assert json.loads(json.dumps(plan_to_json(made)))["planning_usage"][0]["backend"] == "b"


def test_no_backend_is_chosen_unasked() -> None:
    """A backend without a rank is installed and offered, and nothing is asked of it."""
    made = ready({}, by_name("a", "from a")).plan(SPECIFICATION)
    assert (made.tasks[0].title, made.planning_usage) == ("no model", ())


def test_what_a_program_passes_in_wins() -> None:
    """``llm_client`` is asked even where a name is configured; a plain function too, once it is allowed."""
    client = ScriptedBackend(lambda request: "from the client")
    made = ready({"llm_client": client, "use": {"llm": "a"}}, by_name("a", "from a")).plan(SPECIFICATION)
    assert (made.tasks[0].title, made.planning_usage[0].backend) == ("from the client", "llm_client")
    plain = ready({"llm_client": str.upper, "budget": {"allow_unmetered": True}}).plan(SPECIFICATION)
    assert (plain.tasks[0].title, plain.planning_usage[0].estimated) == ("TITLE?", True)


def test_each_plan_has_its_own_count() -> None:
    """Planning twice does not add up."""
    twice = ready({"use": {"llm": "a"}}, by_name("a", "from a"))
    first, second = (twice.plan(SPECIFICATION).planning_usage for _ in range(2))
    assert first == second and first[0].calls == 1


def test_a_backend_that_cannot_work_is_said_at_once() -> None:
    """Chosen by name and not usable: refused with its reason, and one of the problems of ``validate``; never passed over in silence."""

    def cannot(options: Any, services: Any) -> Any:
        raise Unavailable("backend 'a' needs a package", "pip install it")

    broken = ready({"use": {"llm": "a"}}, Component("a", "Under test.", cannot))
    with pytest.raises(Unavailable, match="needs a package"):
        broken.plan(SPECIFICATION)
    assert any("needs a package" in str(problem) for problem in broken.problems(SPECIFICATION))
    with pytest.raises(PluginError, match="no model backend is called 'c'"):
        ready({"use": {"llm": "c"}}, by_name("a", "")).plan(SPECIFICATION)


class _Writes(BaseAgent):
    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        assert context.llm is not None
        reply = await context.llm.complete(LlmRequest.of(task.title))
        context.workspace.write_text("said.txt", reply.text)
        return AgentResult(status="done", tokens=reply.usage.tokens)


def test_agents_are_given_the_same_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent type that needs a model does its task with the one that is named; without one the plan is refused and says so."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    writer = AgentType(
        name="writer", summary="Asks.", factory=lambda o, s: _Writes(), task_types={"*"}, needs={"llm"}, default_rank=1
    )
    named = dispatcher(
        [writer], config={"use": {"llm": "a"}}, decomposers=[_Listed()], llm_backends=[by_name("a", "from a")]
    )
    assert named.dispatch(SPECIFICATION, output=tmp_path / "out").status == "completed"
    assert (tmp_path / "out" / "said.txt").read_text() == "from a"
    unnamed = dispatcher([writer], decomposers=[_Listed()], llm_backends=[by_name("a", "from a")])
    with pytest.raises(PlanError, match=r"needs a model \(llm\)"):
        unnamed.dispatch(SPECIFICATION, output=tmp_path / "other")


def test_the_token_budget_holds_while_planning() -> None:
    """A call that does not fit is not made, and there is no plan: one that another decomposer makes instead is not the one that was wanted."""
    backend = ScriptedBackend(lambda request: "never")
    limited = dispatcher(config={"llm_client": backend, "budget": {"max_tokens": 10}}, decomposers=[Asks(), _Listed()])
    with pytest.raises(BudgetExceeded, match=r"budget\.max_tokens.* leave '\S+' out of \[use\] decomposers") as caught:
        limited.plan(SPECIFICATION)
    assert (caught.value.exit_code, backend.requests) == (4, [])


class _Listed:
    async def decompose(self, specification: Specification, context: PlanningContext) -> Decomposition:
        return Decomposition(tasks=specification.tasks)


def test_a_component_may_stand_before_another() -> None:
    """A factory can ask for another component of its lifetime by name, and both are of the same lifetime."""

    class Plugin:
        @hookimpl
        def dispatcher_llm_backends(self) -> list[Component[Any]]:
            outer = Component("outer", "Stands before.", lambda options, services: services.component("llm", "inner"))
            return [outer, by_name("inner", "from inner")]

    made = dispatcher(config={"use": {"llm": "outer"}}, decomposers=[Asks()], plugins=[("p", Plugin())])
    assert made.plan(SPECIFICATION).tasks[0].title == "from inner"


def test_nobody_else_gets_the_backend_itself() -> None:
    """A factory of another kind that asks for a model backend is refused: what it asked there nobody would count, unless that is allowed."""

    class Plugin:
        @hookimpl
        def dispatcher_decomposers(self) -> list[Component[Any]]:
            return [Component("greedy", "Asks by itself.", greedy, default_rank=1)]

    def greedy(options: Any, services: Any) -> Any:
        services.component("llm", "a")
        return _Listed()

    def plan(**budget: Any) -> ExecutionPlan:
        config = {"use": {"llm": "a"}, "budget": budget}
        made = dispatcher(config=config, llm_backends=[by_name("a", "")], plugins=[("p", Plugin())])
        return made.plan(SPECIFICATION)

    with pytest.raises(PluginError, match="decomposer 'greedy' wants the model backend 'a' for itself"):
        plan()
    assert plan(allow_unmetered=True).tasks[0].title == "T"


@pytest.mark.parametrize(
    ("uses", "words"),
    [
        ([], ""),
        ([ModelUse(reused=1)], "planning did not ask the model: 1 answer of an earlier plan reused, at no cost (--fresh asks again)"),
        (
            [ModelUse(calls=1, input_tokens=5, output_tokens=6, reused=2)],
            "planning asked the model once: 5 tokens read, 6 written; 2 answers of an earlier plan reused, at no cost",
        ),
        ([ModelUse(calls=1, input_tokens=1200, output_tokens=34)], "planning asked the model once: 1,200 tokens read, 34 written"),
        (
            [ModelUse(calls=2, failed=1, input_tokens=10, estimated=True), ModelUse(calls=1, output_tokens=5)],
            "planning asked the model 3 times (1 without an answer): at most 10 tokens read, 5 written",
        ),
    ],
)  # fmt: skip
def test_the_use_is_said_in_one_line(uses: list[ModelUse], words: str) -> None:
    """The line under the plan's table says how often and how much, and that a number is a bound where it is one."""
    assert used_in_words(uses) == words
