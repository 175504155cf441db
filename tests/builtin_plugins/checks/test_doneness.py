"""The check at landing: what a lying agent hands in is refused with the reason, whatever workspace it works in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent_dispatcher.extension.components import Remembering, Workspace
from agent_dispatcher.models import ArtifactRef, Evidence, ExecutionPlan, Specification, Task
from agent_dispatcher.testing.memory_workspace import MemoryWorkspace
from agent_dispatcher.workspace.integration import Integration, Verdict
from agent_dispatcher_builtins.checks.doneness import DonenessCheck
from agent_dispatcher_builtins.languages.python.language import Python
from agent_dispatcher_builtins.workspaces.folders import FolderWorkspace
from agent_dispatcher_builtins.workspaces.git import GitWorkspace

CODE = Task(id="code", title="Code", produces=(ArtifactRef(type="path", name="src/a.py"),))
TESTS = Task(id="tests", title="Tests", type="testing", verifies=("code",))
MEND = Task(id="mend", title="Mend", type="debugging", requirements=("R1",))
BY_HAND = Task(id="by-hand", title="By hand")
PLAN = ExecutionPlan(specification=Specification(id="s", title="S"), tasks=(CODE, TESTS, MEND, BY_HAND))

TEST_TEXT = "from a import f\n\n\ndef test_f():\n    assert f(1) == 2\n"


async def land(workspace: Workspace, output: Path, *attempts: tuple[Task, Mapping[str, str | None]]) -> list[Verdict]:
    """Land attempts one after the other; ``None`` deletes a file."""

    async def record(tree: str, evidence: tuple[Evidence, ...], whole: tuple[Evidence, ...] = ()) -> None:
        return None

    await workspace.start("r", output)
    run_dir = output / ".dispatcher" / "runs" / "r"
    integration = Integration(
        workspace=workspace,
        checks=[("doneness", DonenessCheck())],
        sandbox=None,  # type: ignore[arg-type]  # the check runs nothing
        language=Python(),
        plan=PLAN,
        run_dir=run_dir,
    )
    verdicts = []
    for number, (task, files) in enumerate(attempts, 1):
        opened = await workspace.open(task, number)
        for path, text in files.items():
            (opened.path / path).parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                (opened.path / path).unlink()
            else:
                (opened.path / path).write_text(text)
        change = await workspace.seal(opened, task.title)
        verdicts.append(await integration.land(task, change, frozenset(), number, record))
    return verdicts


@pytest.mark.parametrize("make", [GitWorkspace, FolderWorkspace, MemoryWorkspace])
def test_it_sees_files_as_they_were_in_every_workspace(make: type[Workspace], tmp_path: Path) -> None:
    """A test that is weakened, or deleted, by a later task does not land, and the log shows the difference."""
    workspace = make()
    assert isinstance(workspace, Remembering)
    weaker = TEST_TEXT.replace("f(1) == 2", "f(1)")
    first, second, third, fourth = asyncio.run(
        land(
            workspace,
            tmp_path / "out",
            (TESTS, {"tests/test_a.py": TEST_TEXT}),
            (MEND, {"tests/test_a.py": weaker, "src/a.py": "def f(x):\n    return 3\n"}),
            (MEND, {"tests/test_a.py": None, "src/a.py": "def f(x):\n    return 3\n"}),
            (MEND, {"tests/test_a.py": TEST_TEXT + "\n\ndef test_g():\n    assert f(2) == 3\n"}),
        )
    )
    assert first.landed is not None, first.why
    assert second.why == "doneness: tests/test_a.py:4: test_f asserts less: 'f(1) == 2'; instead: 'f(1)'"
    assert "the file was deleted with its tests (test_f)" in third.why
    assert fourth.landed is not None, fourth.why
    log = (tmp_path / "out/.dispatcher/runs/r" / second.evidence[0].log).read_text()
    assert "-    assert f(1) == 2" in log and "+    assert f(1)" in log


@pytest.mark.parametrize(
    ("task", "files", "why"),
    [
        (CODE, {}, "nothing was changed, and src/a.py is missing"),
        (MEND, {}, "no file was changed"),
        (CODE, {"src/a.py": "def f(x):\n    raise NotImplementedError\n"}, "src/a.py:1: f() is a stub"),
        (CODE, {"src/a.py": "def f(x):\n    return x  # TODO: more\n"}, "src/a.py:2: a comment says that something is"),
        (CODE, {"src/a.py": ""}, "src/a.py: the file is empty"),
        (TESTS, {"tests/test_a.py": "def test_f():\n    assert True\n"}, "test_f cannot fail"),
    ],
)
def test_a_lying_agent_is_refused_with_the_reason(
    task: Task, files: Mapping[str, str], why: str, tmp_path: Path
) -> None:
    """Nothing lands, and the reason is what the next attempt is told."""
    (verdict,) = asyncio.run(land(MemoryWorkspace(), tmp_path / "out", (task, files)))
    assert verdict.landed is None and not verdict.permanent
    assert why in verdict.why
    assert verdict.evidence[0].details["objections"]


def test_honest_work_lands_with_evidence(tmp_path: Path) -> None:
    """One sentence says what was looked at; a task that nothing was asked of is not asked about."""
    code, nothing = asyncio.run(
        land(MemoryWorkspace(), tmp_path / "out", (CODE, {"src/a.py": "def f(x):\n    return x + 1\n"}), (BY_HAND, {}))
    )
    assert code.landed is not None
    assert [each.summary for each in code.evidence] == ["1 changed file, no stub, no weaker test"]
    assert nothing.landed is not None and nothing.evidence == ()
