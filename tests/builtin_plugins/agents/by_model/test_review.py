"""Reviews: what is said against work counts when it quotes what stands there; without a model there is none."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.extension import AgentType, hookimpl
from agent_dispatcher.extension.components import Available
from agent_dispatcher.models import Artifact, ArtifactRef, Finding, Specification, Task
from agent_dispatcher_builtins import default_plugins
from agent_dispatcher_builtins.agents.by_model.options import ModelOptions
from agent_dispatcher_builtins.agents.tester.acceptance import accepts
from agent_dispatcher_builtins.agents.tester.agent import TesterAgent
from agent_dispatcher_builtins.agents.tester.reviewing.diffs import diff
from agent_dispatcher_builtins.agents.tester.reviewing.portions import portions

pytestmark = pytest.mark.sandbox

PATH = "src/slugs/text.py"
CODE = 'def slugify(title):\n    """A slug."""\n    return title.lower()\n'
TASK = Task(id="look", title="Review slugify", type="review", requirements=("FR-1",))
NOTE = "docs/reviews/look.md"


def finding(**said: Any) -> dict[str, Any]:
    """One that holds, but for what is said otherwise."""
    sound = {
        "path": PATH,
        "line": 3,
        "quote": "return title.lower()",
        "rule": "FR-1",
        "severity": "medium",
        "what": "Words are not joined by hyphens.",
    }
    return {**sound, **said}


def reply(*findings: dict[str, Any]) -> str:
    """What the model says."""
    return json.dumps({"findings": findings})


@pytest.fixture
def look(play: Any) -> Any:
    """Run the review of one file."""

    def run(replies: list[str], task: Task = TASK, files: dict[str, str] | None = None, **options: Any) -> Any:
        files = {PATH: CODE} if files is None else files
        inputs = tuple(Artifact(name=path, type="code", path=path, task="slugify") for path in files)
        return play(TesterAgent(ModelOptions(**options)), task, replies, files, inputs=inputs)

    return run


def test_a_finding_with_its_place_goes_into_the_note(look: Any) -> None:
    """The line is the one at which the quotation stands; nothing but the note is written."""
    done, llm = look([reply(finding(line=2))])
    result: AgentResult = done.result
    assert (result.status, result.error) == ("done", None)
    assert set(done.files) == {PATH, NOTE} and done.files[PATH] == CODE
    assert f"`return title.lower()` (`{PATH}:3`)" in done.files[NOTE]
    noted = Finding(**finding(line=3))
    assert result.artifacts == (Artifact(name=NOTE, type="note", path=NOTE, task="look", findings=(noted,)),)
    asked = llm.requests[0].messages[-1].content
    assert "    3|     return title.lower()" in asked and "A title becomes a slug" in asked


def test_high_severity_refuses_the_work_for_good(look: Any) -> None:
    """The task fails with the findings as its reason, and is not asked again."""
    done, llm = look([reply(finding(severity="high"), finding(line=1, quote="def slugify(title):", severity="low"))])
    assert (done.result.status, done.result.permanent, len(llm.requests)) == ("failed", True, 1)
    assert f"{PATH}:3: high, FR-1: Words are not joined by hyphens." in done.result.error
    assert "and 1 of lower severity" in done.result.error
    (evidence,) = done.result.evidence
    assert (evidence.check, evidence.passed) == ("review", False)
    assert [(each["line"], each["severity"], each["quote"]) for each in evidence.details["findings"]] == [
        (3, "high", "return title.lower()"),
        (1, "low", "def slugify(title):"),
    ]
    assert NOTE not in done.files


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"quote": "return title.upper()"}, "does not stand in"),
        ({"line": 30}, "stands at line 3 of"),
        ({"path": "src/slugs/other.py"}, "was not shown"),
        ({"rule": "FR-9"}, "is neither a requirement nor one of"),
        ({"quote": "()"}, "could stand anywhere"),
    ],
)
def test_what_does_not_hold_is_told_and_dropped(look: Any, wrong: dict[str, Any], why: str) -> None:
    """However severe it is; the model may mend it first, and what is dropped stands in the note with the reason."""
    bad = finding(severity="high", what="It is made up.", **wrong)
    done, llm = look([reply(bad), reply(bad, finding()), reply(bad)], rounds=3)
    assert done.result.status == "done"
    assert why in llm.requests[1].messages[-1].content
    findings, _, dropped = done.files[NOTE].partition("## Dropped")
    assert "It is made up." in dropped and why in dropped
    assert "It is made up." not in findings
    assert "dropped because they do not hold" in done.result.summary


def test_without_a_finding_the_note_says_so(look: Any) -> None:
    """An empty list is an answer; what is no answer is not taken for one."""
    done, _ = look([reply()])
    assert "None." in done.files[NOTE]
    done, _ = look(["Looks good to me."], rounds=1)
    assert done.result.status == "failed" and "the work was not reviewed" in done.result.error


def test_all_of_the_work_is_read(look: Any) -> None:
    """In portions that fit, every line once, and a finding counts only for what its portion showed; what cannot be shown is said."""
    long = "".join(f"value_{number} = {number}\n" for number in range(400))
    done, llm = look([reply()] * 20, files={PATH: CODE, "src/slugs/long.py": long}, max_input_tokens=3000)
    assert done.result.status == "done" and 1 < len(llm.requests) < 20
    told = "\n".join(request.messages[-1].content for request in llm.requests)
    assert all(told.count(f"| value_{number} = {number}\n") == 1 for number in range(400))
    assert done.result.status == "done"
    done, llm = look([], files={})
    assert done.result.permanent and "there is nothing to review" in done.result.error and not llm.requests


def test_a_line_longer_than_a_portion_is_still_shown() -> None:
    """It stands alone."""
    shown = list(portions({"a": diff(None, "x\n" + "y" * 900 + "\nz")}, 20))
    assert [[part.text[5:9] for part in each] for each in shown] == [["1| x"], ["2| y"], ["3| z"]]


def test_only_the_change_is_shown_and_counts(play: Any) -> None:
    """Of a file that was there before: the changed lines with what is around them, and nothing further away. A finding on a line that nobody changed is dropped."""
    old = [f"value_{number} = {number}" for number in range(100)]
    new = [*old[:50], "value_50 = input()", *old[51:]]

    async def earlier(path: str) -> bytes | None:
        return "\n".join(old).encode()

    inputs = (Artifact(name=PATH, type="code", path=PATH, task="slugify"),)
    around = finding(line=49, quote="value_48 = 48", what="Not of this work.")
    changed = finding(line=51, quote="value_50 = input()", severity="low")
    gone = finding(line=51, quote="value_50 = 50", severity="low", what="It was right.")
    files = {PATH: "\n".join(new)}
    done, llm = play(TesterAgent(), TASK, [reply(around, changed, gone)] * 3, files, inputs=inputs, earlier=earlier)
    assert done.result.status == "done", done.result.error
    asked = llm.requests[0].messages[-1].content
    assert "+   51| value_50 = input()\n" in asked and "-     | value_50 = 50\n" in asked
    assert "    39| value_38 = 38\n" in asked and "value_37 = 37" not in asked
    assert "was not changed: say only what is wrong with the change" in llm.requests[1].messages[-1].content
    findings, _, dropped = done.files[NOTE].partition("## Dropped")
    assert f"`{PATH}:51`" in findings and "It was right." in findings
    assert "Not of this work." in dropped and "Not of this work." not in findings


def test_it_is_taken_only_with_a_model_and_after_the_work(slugs: Specification) -> None:
    """Without a model the reason says so; a review that gates what it reads could never begin."""
    without = Available(specification=slugs, language="python")
    with_model = evolve(without, llm="some")
    assert "choose a backend" in str(accepts(TASK, without))
    assert accepts(TASK, with_model) is None
    assert "let it depend on its subjects" in str(accepts(evolve(TASK, verifies=("slugify",)), with_model))
    code = evolve(TASK, produces=(ArtifactRef(type="path", name="src/a.py"),))
    assert "one Markdown note" in str(accepts(code, with_model))


class Writer(BaseAgent):
    """Writes the code."""

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        context.workspace.write_text(PATH, CODE)
        return AgentResult(status="done", artifacts=(Artifact(name="c", type="code", path=PATH, task=task.id),))


class Plugin:
    """Offers it."""

    @hookimpl
    def dispatcher_agent_types(self) -> Iterable[AgentType]:
        """One agent type."""
        yield AgentType(
            name="writer", summary="Writes.", factory=lambda options, services: Writer(), task_types={"code_writing"}
        )


@pytest.mark.parametrize("severity", ["medium", "high"])
def test_in_a_run_it_reads_what_has_landed(severity: str, tmp_path: Path) -> None:
    """The note lands with the work and is in the result as a note, checked, so that being reviewed leaves no requirement unchecked; refused work fails the
    review and blocks what waits for it."""
    replies = tmp_path / "replies.jsonl"
    said = reply(finding(severity=severity, rule="correctness"))
    replies.write_text(json.dumps({"reply": said, "times": None}) + "\n")
    dispatcher = AgentDispatcher(
        {
            "use": {"agent_types": ["writer", "tester"], "llm": "scripted"},
            "options": {"llm:scripted": {"file": str(replies)}},
        },
        plugins=[*default_plugins(), ("writer", Plugin())],
        discover=False,
    )
    tasks = [{"id": "code"}, {"id": "look", "type": "review"}, {"id": "next"}]
    plan = dispatcher.plan_tasks(tasks, [("code", "look"), ("look", "next")])
    result = dispatcher.execute(plan, tmp_path / "out")
    by_id = {task.id: task for task in result.task_results}
    if severity == "high":
        assert [by_id[name].status for name in ("code", "look", "next")] == ["completed", "failed", "blocked"]
        assert "the review refuses the work" in str(by_id["look"].error)
        assert by_id["look"].attempts == 1
        (evidence,) = by_id["look"].evidence
        assert f"{PATH}:3: Words are not joined by hyphens." in evidence.summary
        for report in ("report.md", "report.html", "result.json"):
            (text,) = [path.read_text() for path in (tmp_path / "out").glob(f".dispatcher/runs/*/{report}")]
            assert "1 of 1 findings of high severity" in text, report
    else:
        assert {task.status for task in result.task_results} == {"completed"}
        assert [(each.check, each.passed) for each in by_id["look"].evidence] == [("contract", True)]
        assert ("note", NOTE, "look") in {(each.type, each.path, each.task) for each in result.final_artifacts}
        assert f"(`{PATH}:3`)" in (tmp_path / "out" / NOTE).read_text()
