"""Tests that land have been red without the code they are about, whoever wrote them and whether that code is there or not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent_dispatcher.extension import CheckContext, Tree
from agent_dispatcher.extension.components import Change
from agent_dispatcher.models import ArtifactRef, Evidence, ExecutionPlan, Specification, Task
from agent_dispatcher_builtins.checks.red_first import RedFirstCheck
from agent_dispatcher_builtins.languages.python.language import Python
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap

CODE = Task(
    id="code",
    title="Code",
    produces=(ArtifactRef(type="path", name="src/lib/a.py"), ArtifactRef(type="symbol", name="lib.a:double")),
)
TESTS = Task(
    id="tests",
    title="Tests",
    type="testing",
    verifies=("code",),
    produces=(ArtifactRef(type="path", name="tests/test_a.py"),),
)
PLAN = ExecutionPlan(specification=Specification(id="s", title="S"), tasks=(CODE, TESTS))

SOUND = """
import lib
from lib.a import LIMIT, double

def test_double():
    assert double(2) == 4

def test_limit():
    with __import__("pytest").raises(ValueError):
        double(LIMIT + 1)

class TestIt:
    def test_through_a_fixture(self, four):
        assert four == 4

import pytest

@pytest.fixture
def four():
    return double(2)
"""


def judged(files: Mapping[str, str], folder: Path, sandbox: Bubblewrap) -> Evidence:
    """The evidence on a tree with these files."""
    tree = folder / "tree"
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    change = Change(task="tests", attempt=1, ref="r", commit="c", base="b", paths=("tests/test_a.py",))
    context = CheckContext(
        tree=Tree(tree="t", commit="c", tip="b", path=tree, changes=(change,)),
        sandbox=sandbox,
        language=Python(),
        plan=PLAN,
        landed=frozenset({"tests"}),
        log_dir=folder / "run" / "logs",
        run_dir=folder / "run",
    )
    return asyncio.run(RedFirstCheck().check(TESTS, context))


@pytest.mark.sandbox
@pytest.mark.parametrize(
    "there", [{}, {"src/lib/__init__.py": "", "src/lib/a.py": "LIMIT = 9\ndef double(n): return 2 * n\n"}]
)
def test_sound_tests_are_red_with_and_without_code(
    there: Mapping[str, str], tmp_path: Path, isolated: Bubblewrap
) -> None:
    """The same whether the subject has landed already or not even its package is there; the tree is left as it was."""
    found = judged({"tests/test_a.py": SOUND, **there}, tmp_path, isolated)
    assert (found.passed, found.summary) == (True, "3 tests, each red without lib.a")
    assert found.details["without"] == ["lib.a"]
    assert {path.name for path in (tmp_path / "tree").rglob("*.py")} == {"test_a.py"} | {
        Path(each).name for each in there
    }


@pytest.mark.sandbox
def test_what_proves_nothing_is_named(tmp_path: Path, isolated: Bubblewrap) -> None:
    """Each with its reason: it passes without its subject, or fails for a fault of its own; the sound ones are not named."""
    text = SOUND + (
        "\n\ndef test_of_something_else():\n    assert 'a'.upper() == 'A'\n"
        "\n\ndef test_any_exception():\n    with pytest.raises(Exception):\n        double(0)\n"
        "\n\ndef test_drops_it():\n    try:\n        double(0)\n    except BaseException:\n        return\n"
        "\n\ndef test_misspelt():\n    assert doubel(2) == 4\n"
        "\n\ndef test_no_such_fixture(five):\n    assert double(five)\n"
    )
    found = judged({"tests/test_a.py": text}, tmp_path, isolated)
    assert not found.passed
    for name in ("test_of_something_else", "test_any_exception", "test_drops_it"):
        assert f"{name} passes although the code under test fails" in found.summary
    assert "test_misspelt fails for a reason of its own: NameError" in found.summary
    assert "test_no_such_fixture fails for a reason of its own" in found.summary
    assert found.details["unmoved"] == 5


def test_it_is_asked_about_tests_of_other_tasks() -> None:
    """Code, and tests that verify nothing, are none of its business."""
    check = RedFirstCheck()
    assert check.applies(TESTS, PLAN)
    assert not check.applies(CODE, PLAN)
    assert not check.applies(None, PLAN)
    assert not check.applies(Task(id="t", title="t", type="testing"), PLAN)
