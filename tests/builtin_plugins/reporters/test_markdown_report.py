"""The report shows outcome, proof and trouble, and a hostile title stays text."""

from __future__ import annotations

from pathlib import Path

from agent_dispatcher.models import (
    Artifact,
    Event,
    Evidence,
    ExecutionPlan,
    ExecutionResult,
    Requirement,
    RequirementResult,
    Specification,
    Task,
    TaskResult,
)
from agent_dispatcher_builtins.reporters.markdown_report import MarkdownReporter

TITLE = "Loans | <script>alert(1)</script>"


def report(folder: Path) -> str:
    specification = Specification(id="s", title="Library", requirements=(Requirement(id="R1", text=TITLE),))
    plan = ExecutionPlan(specification=specification, tasks=(Task(id="t", title=TITLE, requirements=("R1",)),))
    proof = Evidence(id="t-1-pytest", check="pytest", passed=True, summary="3 passed", proof=True)
    result = ExecutionResult(
        run="r1",
        status="failed",
        specification=specification,
        requirements=(RequirementResult(id="R1", verdict="met", tasks=("t",), evidence=("t-1-pytest",)),),
        task_results=(
            TaskResult(id="t", title=TITLE, status="completed", commit="0123456789abcdef", evidence=(proof,)),
            TaskResult(id="u", title="Other", status="failed", error="boom\n```\nspec.yaml:7"),
        ),
        final_artifacts=(
            Artifact(name="n", type="note", path="docs/n.md", task="t"),
            Artifact(name="a", type="code", path="src/a|b.py", task="t"),
            *(Artifact(name="t", type="test", path=f"tests/test_{n}.py", task="t") for n in range(21)),
        ),
        warnings=("look out",),
    )
    events = [
        Event(run="r1", type="run.started", at=10.0, seq=1),
        Event(run="r1", type="attempt.started", at=11.0, seq=2, task="t", attempt=1, data={"agent_type": "writer"}),
        Event(run="r1", type="attempt.sealed", at=12.5, seq=3, task="t", attempt=1),
        Event(run="r1", type="attempt.landed", at=13.0, seq=4, task="t", attempt=1),
    ]
    (path,) = MarkdownReporter().write(result, plan, events, folder)
    return path.read_text(encoding="utf-8")


def test_requirement_task_commit_and_check_stand_in_one_row(tmp_path: Path) -> None:
    """A reader can follow a requirement to the task, its commit and the check that passed."""
    text = report(tmp_path)
    (row,) = [line for line in text.splitlines() if line.startswith("| **R1**")]
    assert "| met |" in row
    assert "`0123456789`" in row
    assert row.rstrip(" |").endswith("pytest: 3 passed")


def test_what_refused_a_requirement_stands_beside_it(tmp_path: Path) -> None:
    """A check that did not pass is told as such, and how much of what was made for the requirement is covered."""
    found = Evidence(id="t-1-review", check="review", passed=False, summary="a.py:3: it is wrong")
    result = ExecutionResult(
        run="r1",
        status="failed",
        specification=Specification(id="s", title="L", requirements=(Requirement(id="R1", text="It works."),)),
        requirements=(RequirementResult(id="R1", verdict="not_met", tasks=("t",), coverage_percent=62.5),),
        task_results=(TaskResult(id="t", title="T", status="failed", evidence=(found,), error="no"),),
    )
    plan = ExecutionPlan(specification=result.specification, tasks=(Task(id="t", title="T"),))
    (path,) = MarkdownReporter().write(result, plan, [Event(run="r1", type="run.started", at=1.0, seq=1)], tmp_path)
    (row,) = [line for line in path.read_text().splitlines() if line.startswith("| **R1**")]
    assert "**not met**, 62.5 % covered" in row and "refused by review: a.py:3: it is wrong" in row


def test_markup_in_titles_is_inert(tmp_path: Path) -> None:
    """A title cannot end a table cell or become HTML."""
    text = report(tmp_path)
    outside_graph = text.split("## Graph")[0] + text.split("## Timeline")[1]
    assert "<script>" not in outside_graph.replace("\\<script\\>", "")
    assert "Loans \\| " in outside_graph


def test_failures_timeline_and_warnings_are_there(tmp_path: Path) -> None:
    """What went wrong is quoted whole without breaking its fence; times count from the start of the run."""
    text = report(tmp_path)
    assert "boom\n'''\nspec.yaml:7" in text
    assert "| 1.0 | 2.5 | writer |" in text
    assert "landed at 3.0" in text
    assert "- look out" in text


def test_what_was_made_is_told_by_type(tmp_path: Path) -> None:
    """Code before tests before notes; of a long list the begin and how much more there is."""
    lines = report(tmp_path).split("## What was made")[1].split("##")[0].strip().splitlines()
    assert lines[0] == "- Code (1): src/a\\|b.py"
    assert lines[1].startswith("- Tests (21): tests/test\\_0.py, ") and lines[1].endswith("test\\_19.py, and 1 more")
    assert lines[2] == "- Research and review notes (1): docs/n.md"


def test_what_is_no_text_does_not_keep_the_report_from_being_written(tmp_path: Path) -> None:
    """Half a character in a name that is shown as it is."""
    specification = Specification(id="s", title="Library")
    result = ExecutionResult(run="r\ud800", status="completed", specification=specification)
    (path,) = MarkdownReporter().write(result, ExecutionPlan(specification=specification, tasks=()), (), tmp_path)
    assert "- Run `r?`" in path.read_text(encoding="utf-8")
