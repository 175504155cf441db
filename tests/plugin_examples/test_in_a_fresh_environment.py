"""What a user does: install the wheel, install packages beside it, use them, uninstall them. Nothing but the wheel is imported."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "plugin_examples"
PROJECTS = sorted(path.parent.name for path in EXAMPLES.glob("*/pyproject.toml"))

SPECIFICATION = """\
format: agent-dispatcher/specification
version: 1
title: Headers
requirements:
  - {id: R1, text: Every file of the lending service carries a licence header.}
tasks:
  - id: Q
    title: Headers on the queries
    description: The module with SELECT * FROM loans.
    type: licence_headers
    requirements: [R1]
    produces: [path: src/lending.py]
  - id: M
    title: Headers on the migrations
    type: licence_headers
    requirements: [R1]
    produces: [path: migrations/0001_create_loans.sql]
"""
SOURCES = {
    "src/lending.py": "LOANS = 'SELECT * FROM loans'\n",
    "migrations/0001_create_loans.sql": "CREATE TABLE loans;\n",
}


def git(folder: Path, *arguments: str) -> str:
    """Output of a git command."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with two source files that have no header, and the specification beside it."""
    (tmp_path / "spec.yaml").write_text(SPECIFICATION)
    root = tmp_path / "lending"
    for path, text in SOURCES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    git(tmp_path, "init", "-q", "lending")
    git(root, "add", ".")
    git(root, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-q", "-m", "Lending")
    return root


def test_installed_examples_are_listed(environment, dispatch) -> None:
    """``plugins list`` names what was installed with its distribution and version, and forgets what was uninstalled."""
    with environment.installed("licence-headers", "migrations-first"):
        rows = [line.split() for line in dispatch("plugins", "list").out.splitlines()]
        for name in ("licence-headers", "migrations-first"):
            assert [name, name, "1.0.0", "enabled"] in rows
    assert "licence-headers" not in dispatch("plugins", "list").out


def test_a_run_uses_them_without_configuration(environment, dispatch, repository: Path) -> None:
    """Naming the task type is all: the rule orders the tasks, the agent does them, the check proves them."""
    with environment.installed("licence-headers", "migrations-first"):
        plan = dispatch("plan", "spec.yaml", "--json").document()
        explained = dispatch("explain", "spec.yaml", "Q", "M").out
        result = dispatch("run", "spec.yaml", "--output", repository, "--json", "--unsafe-no-sandbox").document()
    own = {task["id"]: task["source_id"] for task in plan["tasks"]}
    (edge,) = plan["dependencies"]
    assert (own[edge["before"]], own[edge["after"]]) == ("M", "Q")
    (reason,) = edge["reasons"]
    assert (reason["rule"], reason["kind"]) == ("migrations-first", "data")
    assert '"FROM loans"' in reason["evidence"]
    assert reason["source"].endswith("spec.yaml:7")
    said = " ".join(explained.split())
    assert said.startswith("Q Headers on the queries waits for M Headers on the migrations binding")
    assert "rule migrations-first (data" in said
    assert '"FROM loans"' in said
    assert result["status"] == "completed"
    assert [(each["id"], each["verdict"]) for each in result["requirements"]] == [("R1", "met")]
    for task in result["tasks"]:
        assert task["agent"].startswith("licence-headers")
        assert ("licence-headers", True) in [(each["check"], each["passed"]) for each in task["evidence"]]
    assert git(repository, "show", f"{result['branch']}:src/lending.py") == (
        "# SPDX-License-Identifier: MIT\n" + SOURCES["src/lending.py"]
    )
    landed = git(repository, "log", "--format=%s", "--reverse", result["branch"]).splitlines()
    assert landed[1:3] == ["Headers on the migrations", "Headers on the queries"]


def test_uninstalling_one_leaves_a_clear_message(environment, dispatch, repository: Path) -> None:
    """Without the agent package the run is refused before it starts, and says where and what is missing; the other package still works."""
    with environment.installed("migrations-first"):
        plan = dispatch("plan", "spec.yaml", "--json").document()
        refused = dispatch("run", "spec.yaml", "--output", repository, "--unsafe-no-sandbox")
    assert [each["reasons"][0]["rule"] for each in plan["dependencies"]] == ["migrations-first"]
    assert refused.code == 3
    assert "is of a type that nobody knows: 'licence_headers'" in refused.err
    assert "spec.yaml:7" in refused.err
    assert "Traceback" not in refused.err
    assert not (repository / ".dispatcher").exists()


def test_a_broken_package_breaks_nothing(environment, dispatch, repository: Path, tmp_path: Path) -> None:
    """A third package that cannot be imported is named with the reason; the run completes, and other commands work."""
    broken = tmp_path / "broken-plugin"
    broken.mkdir()
    project = (EXAMPLES / "junit-report" / "pyproject.toml").read_text()
    (broken / "pyproject.toml").write_text(
        project.replace("junit-report", "broken-plugin")
        .replace("junit_report", "broken_plugin")
        .replace('readme = "README.md"\n', "")
    )
    (broken / "src" / "broken_plugin").mkdir(parents=True)
    (broken / "src" / "broken_plugin" / "__init__.py").touch()
    (broken / "src" / "broken_plugin" / "hooks.py").write_text("import a_package_nobody_has\n")
    with environment.installed("licence-headers", "migrations-first", broken):
        assert "broken-plugin" in dispatch("plugins", "list").out
        ended = dispatch("run", "spec.yaml", "--output", repository, "--json", "--unsafe-no-sandbox")
    result = ended.document()
    assert result["status"] == "completed"
    (warning,) = [text for text in result["warnings"] if "broken-plugin" in text]
    assert "No module named 'a_package_nobody_has'" in warning


@pytest.mark.parametrize("project", PROJECTS)
def test_its_own_tests_pass_against_the_wheel(environment, project: str, tmp_path: Path) -> None:
    """Each example, installed as its users install it, passes the tests it comes with; its sources are not on the path."""
    for name in ("pyproject.toml", "tests"):
        copy = shutil.copytree if (EXAMPLES / project / name).is_dir() else shutil.copyfile
        copy(EXAMPLES / project / name, tmp_path / name)
    with environment.installed(project):
        done = environment.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    assert " passed" in done.out


def test_the_curated_program_runs(environment, tmp_path: Path) -> None:
    """A program of at most 60 lines embeds a set of plugins of its own choice."""
    assert len((EXAMPLES / "curated" / "src" / "handbook.py").read_text().splitlines()) <= 60
    with environment.installed("curated"):
        done = environment.run("python", "-m", "handbook", tmp_path / "out", "Opening hours", cwd=tmp_path)
    assert (done.code, done.out) == (0, "completed\n"), done.err
    assert (tmp_path / "out" / "contents.md").read_text() == "# Handbook\n\n- Opening hours\n"
