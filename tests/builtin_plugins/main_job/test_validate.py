"""``validate`` and :meth:`AgentDispatcher.problems`: one fault does not hide the next."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher_builtins import default_plugins

WRONG = {
    "use": {"store": "sqll", "checks": ["...", "pytst"], "llm": "opnai"},
    "options": {"agent_type:code-writer": {"colour": "red"}},
    "prefer": {"store:sql": "nobody"},
    "task_types": {"security_review": {"agent_type": "reviwer", "checks": ["bandt"]}},
    "workflow": {"after": {"code_writng": ["security_review"]}},
}
TASKS = [
    {"id": "a", "title": "A", "type": "securty_review"},
    {"id": "b", "title": "B", "type": "testing", "agent_type": "tster"},
    {"id": "c", "title": "C", "type": "code_writing"},
    {"id": "d", "title": "D", "type": "security_review"},
    {"id": "e", "title": "E", "type": "deployment"},
]


def dispatcher_of(config: dict[str, Any]) -> AgentDispatcher:
    return AgentDispatcher(config, plugins=default_plugins(), discover=False)


def test_everything_that_is_wrong_is_said_in_one_call(tmp_path: Path) -> None:
    """Names of components, options, preferences, task types, workflow, the output, and each task; each fault once, with what was meant."""
    output = tmp_path / "taken"
    output.mkdir()
    (output / "file").write_text("x", encoding="utf-8")
    dispatcher = dispatcher_of(WRONG)
    plan = dispatcher.plan_tasks(TASKS)
    problems = dispatcher.problems(plan, output=output)
    expected = [
        "no model backend is called 'opnai'",
        "no store is called 'sqll': did you mean 'sql'?",
        "no check is called 'pytst': did you mean 'pytest'?",
        "unknown key 'colour'",
        "'nobody' offers no such component",
        "no agent type is called 'reviwer'",
        "no check is called 'bandt'",
        "no task type is called 'code_writng'",
        "holds files but is not a git repository",
        "task a (A) is of a type that nobody knows: 'securty_review'",
        "no agent can do task b (B): tster: is not active; did you mean 'tester'?",
        "no agent can do task c (C)",
        "no agent can do task e (E): no active agent type does deployment",
    ]
    for text in expected:
        assert len([each for each in problems if text in str(each)]) == 1, text
    assert len(problems) == len(expected), [str(each) for each in problems]
    assert not (output / ".dispatcher").exists()


def test_a_specification_that_cannot_be_planned_does_not_hide_the_configuration(tmp_path: Path) -> None:
    """Its faults, each with its line, beside those of the configuration and of the output."""
    source = tmp_path / "bad.yaml"
    source.write_text(
        "format: agent-dispatcher/specification\nversion: 1\ntitel: X\nrequirements: 7\n", encoding="utf-8"
    )
    output = tmp_path / "file"
    output.write_text("x", encoding="utf-8")
    texts = [str(each) for each in dispatcher_of({"use": {"store": "sqll"}}).problems(source, output=output)]
    assert any("no store is called 'sqll'" in text for text in texts)
    assert any("titel" in text and "bad.yaml:3" in text for text in texts)
    assert any("output" in text and "is a file" in text for text in texts)


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=folder, check=True, capture_output=True
    )


def _repository(folder: Path) -> Path:
    folder.mkdir()
    _git(folder, "init", "-q")
    (folder / "sub").mkdir()
    (folder / "sub" / "file").write_text("x", encoding="utf-8")
    _git(folder, "add", "-A")
    _git(folder, "commit", "-qm", "x")
    return folder


@pytest.mark.parametrize(
    ("prepare", "name", "said"),
    [
        (lambda root: None, "new/deep", ""),
        (lambda root: (root / "empty").mkdir(), "empty", ""),
        (lambda root: _repository(root / "r"), "r", ""),
        (lambda root: _repository(root / "r"), "r/sub", "is a subfolder of the repository"),
        (
            lambda root: (_repository(root / "r") / ".git" / "MERGE_HEAD").write_text("x"),
            "r",
            "in the middle of a merge",
        ),
        (lambda root: (root / "file").write_text("x"), "file", "is a file"),
        (lambda root: (root / "file").write_text("x"), "file/below", "file"),
    ],
)
def test_the_output_is_looked_at_and_left_alone(tmp_path: Path, prepare: Any, name: str, said: str) -> None:
    """What would refuse a run there is said before; nothing is made or changed."""
    prepare(tmp_path)
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    dispatcher = dispatcher_of({})
    plan = dispatcher.plan_tasks([{"id": "done", "status": "completed"}])
    problems = [str(each) for each in dispatcher.problems(plan, output=tmp_path / name, unsafe_no_sandbox=True)]
    assert (len(problems), all(said in text for text in problems)) == (1 if said else 0, True), problems
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before


def test_a_good_plan_has_no_problems(small: Path, tmp_path: Path, dispatch: Any) -> None:
    """On the command line with the output, too; a bad output is exit 3."""
    assert dispatch("validate", small, "--output", tmp_path / "out").stdout == "Shelf: ready to run, 11 tasks\n"
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("x", encoding="utf-8")
    refused = dispatch("validate", small, "--output", tmp_path / "taken", "--json")
    assert refused.code == 3
    assert [problem["what"].endswith("commit what is there)") for problem in refused.document["problems"]] == [True]


def test_what_a_repository_asks_for_and_cannot_have_is_said_before_the_run(tmp_path: Path) -> None:
    """Not by the first task that runs a command, when a model has been paid; with file, line and what to write."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1"\ndependencies = ["tomli-w"]\n')
    (tmp_path / ".gitignore").write_text(".dispatcher/\n")
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], cwd=tmp_path, check=True)
    dispatcher = dispatcher_of({"use": {"agent_types": ["code-writer"]}})
    plan = dispatcher.plan_tasks([{"id": "c", "title": "C", "type": "code_writing"}])
    found = [str(each) for each in dispatcher.problems(plan, output=tmp_path)]
    (told,) = [each for each in found if "tomli-w" in each]
    assert "pyproject.toml:4 asks for tomli-w, which is not allowed" in told and 'packages = ["tomli-w"]' in told
    allowed = {"options": {"language:python": {"packages": ["tomli-w"], "install_timeout_s": 0.01}}}
    again = [str(each) for each in dispatcher_of(allowed).problems(plan, output=tmp_path)]
    assert not any("not allowed" in each for each in again)
