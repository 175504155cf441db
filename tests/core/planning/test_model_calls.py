"""What planning asked a model stays with the plan, call by call, without keys; a run takes it over, and ``explain`` tells it of a task."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from click.testing import CliRunner

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.cli.main import cli
from agent_dispatcher.errors import StoreError
from agent_dispatcher.extension import AgentType, Component, Declined, Decomposition, LlmRequest, hookimpl
from agent_dispatcher.models import ExecutionPlan, Requirement, Specification, Task
from agent_dispatcher.planning.model_calls import calls_about
from agent_dispatcher.planning.packed_plan import pack, unpack
from agent_dispatcher.planning.plan_json import plan_as_written, plan_to_json
from agent_dispatcher.provenance import SECRET, Archive, Scrubber
from agent_dispatcher.provenance.archive import read_request, read_text
from agent_dispatcher.testing import ScriptedBackend
from agent_dispatcher_builtins import default_plugins

KEY = "value-of-a-key-17"
SPECIFICATION = Specification(
    id="shop", title="Shop", requirements=(Requirement(id="R1", text="A cart."), Requirement(id="R2", text="A till."))
)


class Asking:
    """Asks once, about one requirement or all, and makes a task of each, or none."""

    def __init__(self, word: str, about: tuple[str, ...], made: tuple[Task, ...]) -> None:
        self._word, self._about, self._made = word, about, made

    async def decompose(self, specification: Specification, context: Any) -> Decomposition | Declined:
        request = LlmRequest.of(f"{self._word} {KEY}?", purpose="decompose", about=self._about)
        await context.llm.complete(request)
        return Decomposition(tasks=self._made) if self._made else Declined("nothing came of it")


class AskingRule:
    async def find(self, tasks: Any, specification: Specification, context: Any) -> tuple[()]:
        await context.llm.complete(LlmRequest.of("Orders?", purpose="dependencies", about=[tasks[0].id]))
        return ()


class Idle(BaseAgent):
    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        return AgentResult(status="done", summary="did it")


class Plugin:
    """Two decomposers that ask, of which the first declines, a rule that asks about the first task, an agent."""

    @hookimpl
    def dispatcher_decomposers(self) -> Iterator[Component]:
        made = (
            Task(id="cart", title="Cart", type="odd_job", requirements=("R1",)),
            Task(id="till", title="Till", type="odd_job", requirements=("R2",)),
        )
        for rank, one in enumerate((Asking("Vain", ("R1", "R2"), ()), Asking("Good", ("R2",), made))):
            yield Component(f"asking-{rank}", "Asks.", lambda options, services, one=one: one, default_rank=rank)

    @hookimpl
    def dispatcher_dependency_rules(self) -> Iterator[Component]:
        yield Component("asking", "Asks.", lambda options, services: AskingRule(), default_rank=0)

    @hookimpl
    def dispatcher_agent_types(self) -> Iterator[AgentType]:
        yield AgentType(
            name="idle", summary="", factory=lambda options, services: Idle(), task_types=["odd_job"], default_rank=0
        )


def dispatcher(**config: Any) -> AgentDispatcher:
    """The model says the key back."""
    model = ScriptedBackend(lambda request: f"So: {request.messages[-1].content}")
    use = {"decomposers": ["asking-0", "asking-1"], "dependency_rules": ["asking"], "workspace": "none", "checks": []}
    own = {"llm_client": model, "use": use, "provenance": {"secrets": ["WORD"]}, **config}
    return AgentDispatcher(own, plugins=[*default_plugins(), ("own", Plugin())], discover=False)


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ExecutionPlan:
    monkeypatch.setenv("WORD", KEY)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return dispatcher().plan(SPECIFICATION)


def texts(plan: ExecutionPlan, place: Path | Mapping[str, str]) -> list[tuple[str, str]]:
    """Question and answer of each call."""
    return [
        (
            read_request(place, call.request or "")["messages"][-1]["content"],
            json.loads(read_text(place, call.reply or ""))["text"],
        )
        for call in plan.planning_calls
    ]


SAID = [(f"{word} {SECRET}?", f"So: {word} {SECRET}?") for word in ("Vain", "Good")] + [("Orders?", "So: Orders?")]


def test_every_call_stays_with_the_plan(plan: ExecutionPlan) -> None:
    """In order, with what it was about, whether anything came of it, and its texts without keys."""
    assert [(each.number, each.purpose, each.about, each.used) for each in plan.planning_calls] == [
        ("1", "decompose", ("R1", "R2"), False),
        ("2", "decompose", ("R2",), True),
        ("3", "dependencies", ("cart",), True),
    ]
    assert texts(plan, plan.said) == SAID
    assert sum(each.tokens for each in plan.planning_calls) == sum(each.counted_tokens for each in plan.planning_usage)


def test_a_task_is_led_to_its_calls(plan: ExecutionPlan) -> None:
    """To those about itself and about its requirements, and to no others."""
    found = {task.id: [call.number for call in calls_about(task, plan.planning_calls)] for task in plan.tasks}
    assert found == {"cart": ["1", "3"], "till": ["1", "2"]}


def test_a_plan_file_holds_the_texts(plan: ExecutionPlan) -> None:
    """Read again it is the same; one that was altered is not believed, and not taken into a run."""
    document = json.loads(json.dumps(plan_to_json(plan)))
    again = plan_as_written(document)
    assert again.planning_calls == plan.planning_calls
    assert texts(again, again.said) == SAID
    digest = plan.planning_calls[2].reply or ""
    document["said"][digest] = "something else"
    altered = plan_as_written(document)
    with pytest.raises(StoreError, match="was altered in the plan"):
        read_text(altered.said, digest)
    archive = Archive(None, Scrubber(), 10_000, print)
    archive.adopt(altered.said)
    assert archive.texts.keys() == plan.said.keys() - {digest}


def test_a_key_in_an_edited_plan_is_not_taken_over(plan: ExecutionPlan) -> None:
    """Though its digest is right."""
    held = Archive(None, Scrubber(), 10_000, print)
    held.output(f"use {KEY}")
    archive = Archive(None, Scrubber.of([KEY]), 10_000, print)
    archive.adopt(held.texts)
    assert held.texts and not archive.texts


def test_the_texts_are_not_in_the_record_of_the_plan(plan: ExecutionPlan) -> None:
    """A run reads its plan often, and its texts seldom: the calls are there, what was said stands beside."""
    stored = unpack(pack(plan), where="the plan")
    assert (stored.planning_calls, dict(stored.said)) == (plan.planning_calls, {})
    assert pack(plan) == pack(evolve(plan, said={}))


def test_nothing_is_kept_where_that_is_switched_off(plan: ExecutionPlan) -> None:
    """That a model was asked stands in the plan all the same."""
    made = dispatcher(provenance={"keep": False}).plan(SPECIFICATION)
    assert [(each.purpose, each.request, each.reply) for each in made.planning_calls] == [
        (each.purpose, None, None) for each in plan.planning_calls
    ]
    assert dict(made.said) == {}


def test_what_does_not_fit_is_left_out(plan: ExecutionPlan, caplog: pytest.LogCaptureFixture) -> None:
    """With one warning."""
    made = dispatcher(provenance={"max_bytes": 60}).plan(SPECIFICATION)
    assert [each.reply for each in made.planning_calls] == [None] * 3
    assert [text for text in caplog.messages if "not all that planning asked is kept" in text] == caplog.messages
    assert len(caplog.messages) == 1


def test_a_plan_without_a_model_has_no_trace_of_it(plan: ExecutionPlan) -> None:
    """Neither key stands in its file."""
    bare = plan_to_json(AgentDispatcher({}, discover=False).plan_tasks([{"id": "a"}]))
    assert not {"planning_calls", "said"} & bare.keys()
    assert {"planning_calls", "said"} <= plan_to_json(plan).keys()


def explained(*words: str) -> str:
    result = CliRunner().invoke(cli, ["explain", *words])
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_explain_tells_of_a_plan_and_of_its_run(plan: ExecutionPlan, tmp_path: Path) -> None:
    """The same calls, with their texts where these are asked for: the run has them in its own folder."""
    own = dispatcher()
    own.write_plan(plan, tmp_path / "plan.json")
    result = own.execute(plan, output=tmp_path / "output")
    assert result.status == "completed"
    asked = "Planning asked a model about it: 1. asked llm_client (decompose, about R1, R2): answered, which came to nothing"
    for place in (str(tmp_path / "plan.json"), result.run):
        told = explained(place, "till")
        assert asked in told and "2. asked llm_client (decompose, about R2): answered, " in told
        assert "So: Good" not in told and "--said shows" in told
        said = explained(place, "till", "--said")
        assert f"user: | Good {SECRET}?" in said and f"answer: | So: Good {SECRET}?" in said
        assert "Orders?" not in said and KEY not in said
        document = json.loads(CliRunner().invoke(cli, ["explain", place, "cart", "--said", "--json"]).output)
        assert [call["reply"]["text"] for call in document["planning"]] == [SAID[0][1], SAID[2][1]]
