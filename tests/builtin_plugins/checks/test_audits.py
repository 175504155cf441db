"""Quality, security and timing: tools look through what a change brings, and what they find is evidence; a tool that is missing is no pass."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.errors import Unavailable
from agent_dispatcher.extension import AgentType, CheckContext, Finding, Tree, hookimpl
from agent_dispatcher.extension.components import Auditing, Change, Check
from agent_dispatcher.models import Artifact, ArtifactRef, Evidence, ExecutionPlan, Specification, Task
from agent_dispatcher.reporting.result_json import result_to_json
from agent_dispatcher_builtins import default_plugins
from agent_dispatcher_builtins.checks.auditing import QualityCheck, SecurityCheck
from agent_dispatcher_builtins.checks.options import QualityOptions, SecurityOptions, TimingOptions
from agent_dispatcher_builtins.checks.timing import TimingCheck
from agent_dispatcher_builtins.languages.python import auditing
from agent_dispatcher_builtins.languages.python.language import Python
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap

CODE = Task(id="code", title="Code", produces=(ArtifactRef(type="path", name="src/a.py"),))
TESTS = Task(
    id="tests",
    title="Tests",
    type="testing",
    verifies=("code",),
    produces=(ArtifactRef(type="path", name="tests/test_a.py"),),
)
NOTES = Task(id="notes", title="Notes", type="research")
PLAN = ExecutionPlan(specification=Specification(id="s", title="S"), tasks=(CODE, TESTS, NOTES))

TANGLED = "def tangled(x):\n" + "".join(f"    if x == {n}:\n        return {n}\n" for n in range(11)) + "    return x\n"
SHELL = "import subprocess\n\n\ndef run(text):\n    subprocess.run(text, shell=True)  # nosec\n"


Judge = Callable[..., Evidence]


@pytest.fixture
def judged(tmp_path: Path, isolated: Bubblewrap) -> Judge:
    """What a check says of a tree with these files, of which ``changed`` are the task's; ``earlier``: as they were, where that can be told."""

    def judge(
        check: Check,
        task: Task,
        files: Mapping[str, str],
        changed: Sequence[str],
        earlier: Mapping[str, str] | None = None,
    ) -> Evidence:
        tree = tmp_path / "tree"

        async def before(path: str) -> bytes | None:
            return None if path not in (earlier or {}) else (earlier or {})[path].encode()

        for path, text in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
        change = Change(task=task.id, attempt=1, ref="r", commit="c", base="b", paths=tuple(changed))
        context = CheckContext(
            tree=Tree(tree="t", commit="c", tip="b", path=tree, changes=(change,)),
            sandbox=isolated,
            language=Python(),
            plan=PLAN,
            landed=frozenset({"code", "tests"}),
            log_dir=tmp_path / "run" / "logs",
            run_dir=tmp_path / "run",
            before=None if earlier is None else before,
        )
        return asyncio.run(check.check(task, context))

    return judge


@pytest.mark.sandbox
def test_quality_refuses_mistakes_and_complexity_of_the_change_alone(judged: Judge, tmp_path: Path) -> None:
    """Neither a comment nor configuration in the tree silences it; what other files have is nobody's fault now."""
    files = {
        "src/a.py": "import os  # noqa\n\n" + TANGLED,
        "src/old.py": "import os\n",
        "ruff.toml": 'lint.ignore = ["ALL"]\n',
    }
    found = judged(QualityCheck(), CODE, files, ["src/a.py", "ruff.toml", "src/gone.py"])
    assert not found.passed and not found.proof
    details: Any = found.details
    assert [(each["path"], each["line"], each["rule"]) for each in details["findings"]] == [
        ("src/a.py", 1, "F401"),
        ("src/a.py", 3, "C901"),
    ]
    assert "src/a.py:3: C901 `tangled` is too complex (12 > 10)" in found.summary
    assert (found.details["max_complexity"], found.details["refused"], found.details["files"]) == (10, 2, 1)
    assert "C901" in (tmp_path / "run" / found.log).read_text()
    lenient = QualityCheck(QualityOptions(max_complexity=12))
    sound = judged(lenient, CODE, {"src/a.py": TANGLED}, ["src/a.py"])
    assert (sound.passed, sound.summary) == (True, "1 file looked through, no finding")


@pytest.mark.sandbox
def test_mistakes_that_stood_before_refuse_nobody(judged: Judge) -> None:
    """Moved, altered, or in a file that has another name now; they are counted. One that was not there is refused, and only that."""
    was = "import os\nimport re\n\n\n" + TANGLED + "\n\ndef old(a=[]):\n    return a\n"
    now = '"""New."""\nimport re\nimport os\n\n\n' + TANGLED.replace("(x)", "(x: int, more: int = 0) -> int")
    now += "\n\ndef old(a=[], b=1):\n    return a, b\n"
    earlier = {"src/gone.py": was}
    moved = judged(QualityCheck(), CODE, {"src/a.py": now}, ["src/a.py", "src/gone.py"], earlier)
    assert (moved.passed, moved.summary) == (True, "1 file looked through, no new finding (4 findings stood before)")
    details: Any = moved.details
    assert (details["stood_before"], details["findings"]) == (4, [])
    worse = judged(QualityCheck(), CODE, {"src/a.py": was + "import sys\n"}, ["src/a.py"], {"src/a.py": was})
    assert not worse.passed
    assert worse.summary == "src/a.py:33: F401 `sys` imported but unused (4 findings stood before)"
    again = judged(QualityCheck(), CODE, {"src/a.py": was}, ["src/a.py"], {})
    assert again.details["stood_before"] == 0 and not again.passed


@pytest.mark.sandbox
def test_the_settings_of_the_repository_count_where_the_work_leaves_them_alone(judged: Judge) -> None:
    """Its rules, and what it lets pass; not what the work has settled itself, nor settings that the tool cannot use: there the usual rules count."""
    settings = '[project]\nname = "a"\n[tool.ruff.lint]\nselect = ["I", "D100"]\n'
    work = '"""Docstring."""\n\nimport os\n\nfrom a import b\nimport re\n'
    changed = ["src/a.py", "pyproject.toml"]
    files = {"src/a.py": work, "pyproject.toml": settings.replace('"a"', '"c"')}

    def rules(found: Evidence) -> list[str]:
        return [each["rule"] for each in dict[str, Any](found.details)["findings"]]

    theirs = judged(QualityCheck(), CODE, files, changed, {"pyproject.toml": settings})
    assert rules(theirs) == ["I001"]
    stood = judged(QualityCheck(), CODE, files, changed, {"pyproject.toml": settings, "src/a.py": work})
    assert stood.passed and stood.details["stood_before"] == 1
    own = judged(QualityCheck(), CODE, files, changed, {"pyproject.toml": '[project]\nname = "a"\n'})
    assert rules(own) == ["F401", "F401", "F401"]
    newer = settings.replace("[tool.ruff.lint]", '[tool.ruff]\nrequired-version = ">=99"\n[tool.ruff.lint]')
    unusable = judged(QualityCheck(), CODE, {**files, "pyproject.toml": newer}, ["src/a.py"], {"pyproject.toml": newer})
    assert rules(unusable) == ["F401", "F401", "F401"]
    tangled = judged(QualityCheck(), CODE, {**files, "src/a.py": TANGLED}, changed, {"pyproject.toml": settings})
    assert rules(tangled) == ["D100", "C901"]


@pytest.mark.parametrize(
    ("path", "before", "after", "differs"),
    [
        ("pyproject.toml", "[project]\na = 1", "[project]\na = 2\n[tool.x]", False),
        ("pyproject.toml", "[tool.ruff]\na = 1", "[tool.ruff]\na = 2", True),
        ("pyproject.toml", "[tool.ruff]\na = 1", None, True),
        ("pyproject.toml", "tool = 1", "tool = 1\n", True),
        ("pyproject.toml", "[", "", True),
        ("lib/ruff.toml", None, "a = 1", True),
    ],
)
def test_who_touches_settings(path: str, before: str | None, after: str | None, differs: bool) -> None:
    """Whoever changes what they say to the tool; in doubt they are touched."""
    was, now = (None if text is None else text.encode() for text in (before, after))
    assert Python().may_settle(path) and Python().settles(path, was, now) is differs


@pytest.mark.sandbox
def test_security_refuses_what_is_severe_enough(judged: Judge) -> None:
    """``# nosec`` is no excuse; milder findings are recorded, tests are left out, and a file that cannot be read is no pass."""
    pytest.importorskip("bandit", reason="bandit (extra security) is not installed")
    files = {"src/a.py": SHELL, "tests/test_a.py": SHELL, "src/broken.py": "def f(:\n"}
    found = judged(SecurityCheck(), CODE, files, ["src/a.py", "tests/test_a.py"])
    assert not found.passed
    assert found.summary.startswith("src/a.py:5: B602 subprocess call with shell=True")
    details: Any = found.details
    assert details["by_severity"] == {"low": 1, "medium": 0, "high": 1}
    assert {each["path"] for each in details["findings"]} == {"src/a.py"}
    mild = {"src/b.py": "import subprocess\n"}
    assert judged(SecurityCheck(), CODE, mild, ["src/b.py"]).passed
    assert not judged(SecurityCheck(SecurityOptions(severity="low")), CODE, mild, ["src/b.py"]).passed
    assert "not read" in judged(SecurityCheck(), CODE, {}, ["src/broken.py"]).summary
    stood = judged(SecurityCheck(), CODE, {"src/a.py": "\n" + SHELL}, ["src/a.py"], {"src/a.py": SHELL})
    assert stood.passed and stood.summary == "1 file looked through, no new finding (2 findings stood before)"
    twice = {"src/a.py": SHELL + SHELL.replace("text", "other")}
    assert not judged(SecurityCheck(), CODE, twice, ["src/a.py"], {"src/a.py": SHELL}).passed


@pytest.mark.sandbox
@pytest.mark.parametrize("task", [TESTS, CODE])
def test_timing_refuses_a_test_that_takes_too_long(judged: Judge, task: Task) -> None:
    """For the task of the tests as for that of their subject; the slowest are recorded."""
    tests = "import time\n\n\ndef test_slow():\n    time.sleep(0.3)\n\n\ndef test_quick():\n    assert 1 < 2\n"
    files = {"src/a.py": "A = 1\n", "tests/test_a.py": tests}
    changed = ["tests/test_a.py"] if task is TESTS else ["src/a.py"]
    found = judged(TimingCheck(TimingOptions(limit_s=0.2, slowest=1)), task, files, changed)
    assert not found.passed
    assert "test_slow takes 0." in found.summary and "more than the 0.2 s" in found.summary
    details: Any = found.details
    assert (details["tests"], details["over"], len(details["slowest"])) == (2, 1, 1)
    if task is TESTS:
        assert judged(TimingCheck(), task, files, changed).passed
        broken = {"tests/test_a.py": "import nowhere\n"}
        assert judged(TimingCheck(), task, broken, changed).details["vacuous"]


@pytest.mark.parametrize("kind", ["quality", "security"])
def test_a_missing_tool_is_told(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to install."""
    monkeypatch.setattr(auditing, "ruff", lambda: None)
    monkeypatch.setattr(auditing, "_has_bandit", lambda: False)
    with pytest.raises(Unavailable, match="is not installed") as told:
        Python().audit_command(kind, ["a.py"], results="r")
    assert f"agent-dispatcher[{kind}]" in str(told.value)


@pytest.mark.parametrize("kind", ["quality", "security"])
@pytest.mark.parametrize("data", [b"", b"[1]", b'{"results": 3, "errors": []}', b'[{"code": "X"}]', b"[" * 100_000])
def test_results_that_are_none_are_an_error(kind: str, data: bytes) -> None:
    """What a tool left is read with suspicion."""
    with pytest.raises(ValueError, match="not what the tool writes"):
        Python().findings(kind, data)


def test_findings_are_read() -> None:
    """A file that ruff cannot parse is severe."""
    found = [{"filename": "a.py", "code": None, "location": {"row": 1}, "message": "bad\n syntax"}]
    (said,) = Python().findings("quality", json.dumps(found).encode())
    assert said == Finding(path="a.py", line=1, rule="invalid-syntax", severity="high", what="bad syntax")
    assert isinstance(Python(), Auditing)


def test_they_are_asked_about_source_and_its_tests() -> None:
    """Not about notes, nor again about the whole."""
    for check in (QualityCheck(), SecurityCheck(), TimingCheck()):
        assert check.applies(CODE, PLAN) and check.applies(TESTS, PLAN)
        assert not check.applies(NOTES, PLAN) and not check.applies(None, PLAN)


class Tangler(BaseAgent):
    """Writes a function that is too complex."""

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        context.workspace.write_text("src/a.py", TANGLED)
        return AgentResult(status="done", artifacts=(Artifact(name="a", type="code", path="src/a.py", task=task.id),))


class Plugin:
    """Offers it."""

    @hookimpl
    def dispatcher_agent_types(self) -> Iterable[AgentType]:
        """One agent type."""
        yield AgentType(
            name="tangler", summary="Tangles.", factory=lambda options, services: Tangler(), task_types={"code_writing"}
        )


@pytest.mark.sandbox
@pytest.mark.parametrize("limit", [10, 12])
def test_they_are_active_where_configuration_names_them(limit: int, tmp_path: Path) -> None:
    """For one task type, with options; in a real run the finding is the reason why the work did not land, and stands in the result."""
    dispatcher = AgentDispatcher(
        {
            "use": {"agent_types": ["tangler"], "reporters": ["json"]},
            "task_types": {"code_writing": {"checks": ["quality", "timing"], "retries": 0}},
            "options": {"check:quality": {"max_complexity": limit}},
        },
        plugins=[*default_plugins(), ("tangler", Plugin())],
        discover=False,
    )
    task = {"id": "code", "title": "Code", "type": "code_writing", "produces": [{"type": "path", "name": "src/a.py"}]}
    result = dispatcher.execute(dispatcher.plan_tasks([task]), tmp_path / "out")
    (done,) = result.task_results
    if limit == 10:
        assert done.status == "failed"
        assert "quality: src/a.py:1: C901 `tangled` is too complex (12 > 10)" in str(done.error)
    else:
        assert done.status == "completed"
        (data,) = [each for each in result_to_json(result)["tasks"][0]["evidence"] if each["check"] == "quality"]
        assert data["passed"] and (data["details"]["files"], data["details"]["max_complexity"]) == (1, 12)
