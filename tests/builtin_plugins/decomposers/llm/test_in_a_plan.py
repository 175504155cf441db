"""The whole way from requirements to a plan, with a model in it: what binds, what is explained, what is counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.errors import BackendError, ConfigError
from agent_dispatcher.models import Dependency, ExecutionPlan, Specification
from agent_dispatcher.planning.plan_json import plan_to_json
from agent_dispatcher.testing import ScriptedBackend
from agent_dispatcher_builtins import default_plugins

Write = Callable[..., dict[str, Any]]
Says = Callable[..., str]


def plan(specification: Specification, backend: Any, config: Mapping[str, Any] | None = None) -> ExecutionPlan:
    dispatcher = AgentDispatcher({**(config or {}), "llm_client": backend}, plugins=default_plugins(), discover=False)
    return dispatcher.plan(specification)


def between(made: ExecutionPlan, before: str, after: str) -> Dependency | None:
    ids = {task.title: task.id for task in made.tasks}
    wanted = (ids[before], ids[after])
    return next((each for each in made.dependencies if (each.before, each.after) == wanted), None)


def order(before: str, why: str = "So it is.", quote: str = "") -> list[dict[str, str]]:
    return [{"task": before, "why": why, "quote": quote}]


@pytest.fixture
def reply(task: Write, says: Says) -> str:
    """A cart; its payment, which needs what the cart makes; a receipt, which the model merely wants after the payment; a large shelf beside."""
    return says(
        task("cart", "R1", produces=[{"type": "table", "name": "cart"}]),
        task("cart tests", "R1", type="testing", verifies=["cart"]),
        task("payment", "R2", consumes=[{"type": "table", "name": "cart"}]),
        task("receipt", "R2", depends_on=order("payment")),
        task("shelf", "R1", complexity=9),
    )


def test_the_model_is_told_which_files_there_are_to_be(tmp_path: Path, task: Write, says: Says) -> None:
    """Those that a design document names, with what it says of them; not what is there and stays. Without any nothing is said of files."""
    reply = says(task("cart", "FR-001"))
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "spec.md").write_text("# Feature Specification: Shop\n\n## Requirements\n\n- **FR-001**: It sells.\n")
    plain, told = ScriptedBackend([reply]), ScriptedBackend([reply])
    AgentDispatcher({"llm_client": plain}, plugins=default_plugins(), discover=False).plan(folder)
    (folder / "plan.md").write_text(
        "# Plan\n\n## Project Structure\n\n- `src/shop/cart.py`: what is bought\n- `src/shop/old.py`: existing, unchanged\n"
    )
    AgentDispatcher({"llm_client": told}, plugins=default_plugins(), discover=False).plan(folder)
    asked = told.requests[0].messages[1].content
    assert "Files:\n- src/shop/cart.py: what is bought\n" in asked
    assert "old.py" not in asked
    assert "promise these very paths" in told.requests[0].messages[0].content
    assert "Files:" not in plain.requests[0].messages[1].content
    assert "very paths" not in plain.requests[0].messages[0].content


def test_what_can_be_checked_binds_and_the_rest_advises(shop: Specification, reply: str) -> None:
    """An artifact one task promises and another needs binds; the model's mere wish only orders the queue, and says whose it is."""
    made = plan(shop, ScriptedBackend([reply]))
    data = between(made, "Build cart", "Build payment")
    assert data is not None
    assert data.strength == "binding"
    wish = between(made, "Build payment", "Build receipt")
    assert wish is not None
    assert wish.strength == "advisory"
    assert [each.rule for each in wish.reasons] == ["suggested"]
    assert wish.reasons[0].evidence == "the model, which made both tasks, says in its own words: So it is."
    assert [(gate.test, gate.subject) for gate in made.gates] == [(made.tasks[1].id, made.tasks[0].id)]


def test_trust_makes_a_mere_wish_hold(shop: Specification, reply: str) -> None:
    """Whoever trusts the model says so, and its word binds like other evidence does."""
    made = plan(shop, ScriptedBackend([reply]), {"options": {"decomposer:llm": {"trust": 0.6}}})
    wish = between(made, "Build payment", "Build receipt")
    assert wish is not None
    assert wish.strength == "binding"


def test_what_was_asked_is_counted(shop: Specification, reply: str) -> None:
    """The plan says how often the model was asked and how many tokens that took, repairs included."""
    made = plan(shop, ScriptedBackend(["nonsense", reply]))
    (use,) = made.planning_usage
    assert (use.purpose, use.backend, use.calls, use.failed) == ("decompose", "llm_client", 2, 0)
    assert use.input_tokens > 1000
    assert use.output_tokens > 100


@pytest.mark.parametrize(
    "replies",
    [["no", "no", "no"], [BackendError("HTTP 503", sort="outage")]],
    ids=["useless", "unreachable"],
)
def test_without_a_usable_reply_the_next_decomposer_plans(shop: Specification, replies: list[Any]) -> None:
    """The plan is then the one without a model; what was spent is told, and so is a model that could not be reached."""
    made = plan(shop, ScriptedBackend(replies))
    offline = plan(shop, None)
    assert [task.id for task in made.tasks] == [task.id for task in offline.tasks]
    assert made.planning_usage[0].calls == len(replies)
    unreachable = isinstance(replies[0], BackendError)
    assert [text for text in made.warnings if "HTTP 503" in text] == (
        ["decomposer llm failed: BackendError: HTTP 503"] if unreachable else []
    )


def test_a_circle_of_wishes_never_reaches_the_plan(shop: Specification, task: Write, says: Says) -> None:
    """The resolver drops the weakest edge and records the path; every task is in a phase."""
    text = says(
        task("a", "R1", depends_on=order("c")), task("b", "R2", depends_on=order("a")), task("c", depends_on=order("b"))
    )
    made = plan(shop, ScriptedBackend([text, text, text]))
    (dropped,) = (each for each in made.dropped if each.kind == "cycle")
    assert [each.rule for each in dropped.reasons] == ["suggested"]
    assert sorted(name for phase in made.phases for name in phase) == sorted(task.id for task in made.tasks)


def test_the_rule_asks_only_by_name(shop: Specification, reply: str) -> None:
    """Not active unless it is named; then what it says stands beside what the others say, and its calls are counted."""
    assert {each.purpose for each in plan(shop, ScriptedBackend([reply])).planning_usage} == {"decompose"}

    def answer(request: Any) -> str:
        if request.purpose == "decompose":
            return reply
        lines = request.messages[1].content.splitlines()
        names = {line.partition(": ")[2]: line.partition(": ")[0] for line in lines if line.startswith("t")}
        claim = {
            "before": names["Build payment (code_writing)"], "after": names["Build receipt (code_writing)"],
            "kind": "logical", "confidence": 1.0, "why": "There is nothing to print.", "quote": "",
        }  # fmt: skip
        return json.dumps({"dependencies": [claim]})

    config = {"use": {"dependency_rules": ["...", "llm"]}}
    made = plan(shop, ScriptedBackend(answer), config)
    edge = between(made, "Build payment", "Build receipt")
    assert edge is not None
    assert {each.rule for each in edge.reasons} == {"suggested", "llm"}
    assert edge.strength == "advisory"
    assert [(each.purpose, each.calls) for each in made.planning_usage] == [("decompose", 1), ("dependencies", 1)]


def test_a_failing_rule_does_not_stop_the_plan(shop: Specification, reply: str) -> None:
    """Its failure is a warning that names it."""
    backend = ScriptedBackend([reply, BackendError("HTTP 500", sort="outage")])
    made = plan(shop, backend, {"use": {"dependency_rules": ["...", "llm"]}})
    assert "dependency rule llm: the question failed: HTTP 500" in made.warnings
    assert len(made.tasks) == 5


def test_a_wrong_template_of_the_configuration_stops_the_plan(shop: Specification, reply: str, tmp_path: Any) -> None:
    """With the file and line, before the component it belongs to asks anything."""
    path = tmp_path / "mine.jinja"
    path.write_text("\n{{ oops }}")
    for kind, use in (("decomposer", {}), ("dependency_rule", {"use": {"dependency_rules": ["llm"]}})):
        backend = ScriptedBackend([reply])
        with pytest.raises(ConfigError, match=r"mine\.jinja:2: the prompt template is wrong"):
            plan(shop, backend, {"options": {f"{kind}:llm": {"template": str(path)}}, **use})
        assert len(backend.requests) <= (kind == "dependency_rule")


def test_plans_without_a_model_do_not_change(shop: Specification) -> None:
    """With both decomposer and rule installed, no model means no trace of them."""
    without = tuple(pair for pair in default_plugins() if pair[0] not in ("llm-decomposer", "llm-rule", "suggested"))
    bare = AgentDispatcher({}, plugins=without, discover=False).plan(shop)
    full = AgentDispatcher({}, plugins=default_plugins(), discover=False).plan(shop)
    assert plan_to_json(full) == plan_to_json(bare)
