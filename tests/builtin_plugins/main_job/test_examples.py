"""The examples of the documentation become working, tested packages, and the report says what was proven."""

from __future__ import annotations

import json
import subprocess
import venv
from pathlib import Path

import pytest

from agent_dispatcher.models import Specification
from agent_dispatcher_builtins.specifications.native import NativeFormat

pytestmark = [pytest.mark.slow, pytest.mark.sandbox, pytest.mark.main_job]


def git(output: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(output), *arguments], capture_output=True, text=True, check=True).stdout


def specification(path: Path) -> Specification:
    return NativeFormat().load(path)


def test_it_ends_completed_with_every_requirement_proven(job) -> None:
    """Every task completed, every requirement met by a check that passed on the landed tree, in at most a minute."""
    result = job.result
    assert (job.ended.code, result["status"]) == (0, "completed"), job.ended.stderr
    assert {task["status"] for task in result["tasks"]} == {"completed"}
    evidence = {e["id"]: e for task in result["tasks"] for e in task["evidence"]}
    evidence.update((e["id"], e) for e in result["final_evidence"])
    assert result["requirements"]
    for requirement in result["requirements"]:
        assert requirement["verdict"] == "met", requirement
        proof = [evidence[name] for name in requirement["evidence"]]
        assert any(e["passed"] and e["proof"] and e["details"].get("tests", 0) > 0 for e in proof), requirement
    assert result["metrics"]["wall_s"] <= 60


def test_each_landed_task_is_one_commit(job) -> None:
    """The history has one commit per task, with the task, attempt, agent, run and requirements in trailers."""
    format = "%(trailers:key=Dispatcher-Task,valueonly,separator=%x2C)|%(trailers:key=Dispatcher-Run,valueonly,separator=%x2C)"
    lines = git(job.output, "log", f"--format={format}").split("\n")
    landed = [line.split("|") for line in lines if line and not line.startswith("|")]
    assert sorted(task for task, _ in landed) == sorted(task["id"] for task in job.result["tasks"])
    assert {run for _, run in landed} == {job.result["run"]}
    assert {task["commit"] for task in job.result["tasks"]} <= set(git(job.output, "log", "--format=%H").split())


def test_the_new_repository_shows_the_result(job) -> None:
    """``main`` is checked out at the run's branch, clean, and the run's own files are not part of it."""
    assert git(job.output, "rev-parse", "HEAD").strip() == job.result["commit"]
    assert git(job.output, "rev-parse", job.result["branch"]).strip() == job.result["commit"]
    assert git(job.output, "symbolic-ref", "--short", "HEAD").strip() == "main"
    assert git(job.output, "status", "--porcelain") == ""
    assert not [line for line in git(job.output, "ls-files").splitlines() if line.startswith(".dispatcher")]


def test_the_final_suite_ran_with_coverage(job) -> None:
    """The whole suite ran once more on the last tree, and its results were parsed, not believed."""
    (final,) = [e for e in job.result["final_evidence"] if e["details"].get("tests")]
    assert final["passed"]
    assert final["details"]["failures"] == final["details"]["errors"] == 0
    assert final["details"]["coverage_percent"] >= 85
    assert final["tree"] == git(job.output, "rev-parse", "HEAD^{tree}").strip()
    assert (job.output / ".dispatcher" / "runs" / job.result["run"] / final["log"]).is_file()


def test_report_and_result_are_written(job) -> None:
    """``report.md`` leads with the outcome and traces every requirement; ``result.json`` is what ``--json`` printed."""
    folder = job.output / ".dispatcher" / "runs" / job.result["run"]
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert text.splitlines()[0].endswith(": completed")
    for requirement in job.result["requirements"]:
        assert f"**{requirement['id']}**" in text
    assert "```mermaid" in text
    assert json.loads((folder / "result.json").read_text(encoding="utf-8")) == job.result


def test_no_expected_red_is_left(job) -> None:
    """Every test that was red for want of its subjects has been run green."""
    for task in job.result["tasks"]:
        assert any(e["passed"] for e in task["evidence"]) or all(e["expected_red"] for e in task["evidence"])
    (final,) = [e for e in job.result["final_evidence"] if e["details"].get("tests")]
    red = {e["id"] for task in job.result["tasks"] for e in task["evidence"] if e["expected_red"]}
    assert red, "tests and code were not written at the same time"
    assert not final["expected_red"]


def test_it_installs_and_its_own_tests_pass_by_hand(job, tmp_path: Path) -> None:
    """In a fresh virtual environment the package installs, its command line works, and its tests pass without the dispatcher."""
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    source = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(job.output), str(source))
    for arguments in (["-m", "pip", "install", "-q", ".[test]"], ["-m", "pytest", "-q"]):
        done = subprocess.run([str(python), *arguments], cwd=source, capture_output=True, text=True, timeout=280)
        assert done.returncode == 0, done.stdout + done.stderr
    package = specification(job.specification).behaviour.package
    script = environment / "bin" / package.replace("_", "-")
    done = subprocess.run([str(script), "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for operation in specification(job.specification).behaviour.operations:
        assert operation.name.replace("_", "-") in done.stdout
    assert not list((environment / "lib").glob("*/site-packages/agent_dispatcher*"))


def test_the_library_is_as_large_as_promised() -> None:
    """The showcase exercises the language: entities with relations, kinds of constraint, guarded operations, examples."""
    library = specification(Path(__file__).parents[3] / "docs/examples/lending-library").behaviour
    related = [e for e in library.entities if e.relations or any(each.entity for each in e.fields)]
    assert len(related) >= 4
    assert sum(bool(operation.requires) for operation in library.operations) >= 8
    assert len(library.examples) >= 20
    kinds = set()
    for entity in library.entities:
        kinds |= {"cross-field"} if entity.constraints else set()
        for each in entity.fields:
            kinds |= {
                name
                for name, there in {
                    "required": each.required,
                    "unique": each.unique,
                    "range": each.minimum is not None or each.maximum is not None,
                    "length": each.min_length is not None or each.max_length is not None,
                    "pattern": each.pattern is not None,
                    "choice": each.choices,
                    "reference": each.entity is not None,
                }.items()
                if there
            }
    assert len(kinds) >= 6


def test_the_library_plan_is_wide(dispatch) -> None:
    """The plan has at least twelve tasks, and at least four can be in progress at one time."""
    ended = dispatch("plan", Path(__file__).parents[3] / "docs/examples/lending-library", "--json")
    plan = ended.document
    assert len(plan["tasks"]) >= 12
    assert max(map(len, plan["phases"])) >= 4
    assert plan["gates"]
    tested = {(gate["test"], gate["subject"]) for gate in plan["gates"]}
    assert not tested & {(edge["before"], edge["after"]) for edge in plan["dependencies"]}
