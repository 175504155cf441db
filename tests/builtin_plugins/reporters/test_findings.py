"""What reviews and checks found at places in files stands in every report, the worst first, whoever found it."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.models import (
    Artifact,
    Evidence,
    ExecutionPlan,
    ExecutionResult,
    Finding,
    Specification,
    Task,
    TaskResult,
)
from agent_dispatcher.reporting import result_to_json
from agent_dispatcher_builtins.reporters.findings import found_by, found_in
from agent_dispatcher_builtins.reporters.html.reporter import HtmlReporter
from agent_dispatcher_builtins.reporters.markdown_report import MarkdownReporter

LEAK = Finding(
    path="src/db.py", line=7, rule="security", severity="medium", what="It trusts | the name", quote="run(x)"
)
NAME = Finding(path="src/a.py", line=2, rule="clarity", severity="low", what="A reader is misled")
LONG = {"path": "src/a.py", "line": 0, "rule": "C901", "severity": "high", "what": "too complex"}


def check(*found: object) -> Evidence:
    return Evidence(id="code-1-quality", check="quality", passed=False, details={"findings": list(found)})


@pytest.fixture
def reviewed() -> ExecutionResult:
    """A review that let two findings pass, and a check that refused one."""
    return ExecutionResult(
        run="r1",
        status="failed",
        specification=Specification(id="s", title="Loans"),
        task_results=(
            TaskResult(id="look", title="Look at it", status="completed"),
            TaskResult(id="code", title="Write it", status="failed", evidence=(check(LONG),)),
        ),
        final_artifacts=(Artifact(name="n", type="note", path="n.md", task="look", findings=(NAME, LEAK)),),
    )


def plan_of(result: ExecutionResult) -> ExecutionPlan:
    tasks = tuple(Task(id=task.id, title=task.title) for task in result.task_results)
    return ExecutionPlan(specification=result.specification, tasks=tasks)


def test_the_worst_comes_first_with_who_found_it(reviewed: ExecutionResult) -> None:
    """Findings of notes and of checks in one list, each once."""
    assert [(each.finding.severity, each.task, each.by) for each in found_in(reviewed)] == [
        ("high", "code", "quality"),
        ("medium", "look", "n.md"),
        ("low", "look", "n.md"),
    ]


@pytest.mark.parametrize("odd", ["text", 7, {"path": "a.py"}, {"path": 1, "line": 1, "what": "w"}, None])
def test_what_is_no_finding_is_left_out(odd: Any) -> None:
    """Details are whatever a check of a stranger puts there; what is listed beside it still counts."""
    assert [each.rule for each in found_by(check(odd, LONG))] == ["C901"]
    assert found_by(Evidence(id="e", check="c", passed=False, details={"findings": odd})) == ()


def test_result_json_has_them_at_the_artifact(reviewed: ExecutionResult) -> None:
    """With file, line and severity, for programs."""
    (artifact,) = result_to_json(reviewed)["artifacts"]
    assert [(each["path"], each["line"], each["severity"]) for each in artifact["findings"]] == [
        ("src/a.py", 2, "low"),
        ("src/db.py", 7, "medium"),
    ]


def test_both_pages_show_them(reviewed: ExecutionResult, tmp_path: Path) -> None:
    """With file, line and severity, and no cell is broken by what somebody wrote; a run without any has no such part."""
    (page,) = HtmlReporter().write(reviewed, plan_of(reviewed), (), tmp_path)
    (section,) = re.findall(r'<section id="findings".*?</section>', page.read_text(encoding="utf-8"), re.DOTALL)
    text = " ".join(html.unescape(re.sub("<[^>]*>", " ", section)).split())
    assert "✗ high src/a.py too complex C901 Write it quality" in text
    assert "▲ medium src/db.py:7 It trusts | the name security run(x) Look at it n.md ○ low src/a.py:2" in text
    (page,) = MarkdownReporter().write(reviewed, plan_of(reviewed), (), tmp_path)
    assert "| medium | src/db.py:7 | security | It trusts \\| the name | Look at it (n.md) |" in page.read_text()
    bare = ExecutionResult(run="r1", status="completed", specification=reviewed.specification)
    (page,) = HtmlReporter().write(bare, plan_of(bare), (), tmp_path)
    assert "findings" not in page.read_text(encoding="utf-8").partition("</style>")[2]
