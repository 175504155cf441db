"""Every builtin check and language passes the suite that authors of checks and languages use."""

from __future__ import annotations

from typing import ClassVar

import pytest

from agent_dispatcher.extension.components import Check, Language, Sandbox
from agent_dispatcher.models import ArtifactRef, ExecutionPlan, Specification, Task
from agent_dispatcher.planning.planner import plan_tasks
from agent_dispatcher.testing import CheckCase, CheckContract, LanguageContract, SourceSample
from agent_dispatcher_builtins.checks.auditing import QualityCheck
from agent_dispatcher_builtins.checks.compiling import CompileCheck
from agent_dispatcher_builtins.checks.contract import ContractCheck
from agent_dispatcher_builtins.checks.testing import PytestCheck
from agent_dispatcher_builtins.languages.python.language import Python
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap


def _path(name: str) -> ArtifactRef:
    return ArtifactRef(type="path", name=name)


GOOD = "class Book:\n    pass\n"
MODEL = Task(
    id="model", title="Model", produces=(_path("src/lib/model.py"), ArtifactRef(type="symbol", name="lib.model:Book"))
)
TEST = Task(id="test", title="Test", type="testing", produces=(_path("tests/test_model.py"),), verifies=("model",))
TEST_TEXT = "from lib.model import Book\n\n\ndef test_book():\n    assert Book().{} == 1\n"


@pytest.mark.sandbox
class CheckSuite(CheckContract):
    task: ClassVar[Task] = MODEL
    broken_text: ClassVar[str] = "class Book(\n"

    def plan(self) -> ExecutionPlan:
        return plan_tasks((MODEL, TEST))

    def good(self) -> CheckCase:
        return CheckCase(task=self.task, plan=self.plan(), files={"src/lib/model.py": GOOD})

    def bad(self) -> CheckCase:
        return CheckCase(task=self.task, plan=self.plan(), files={"src/lib/model.py": self.broken_text})

    def make_sandbox(self) -> Sandbox:
        return Bubblewrap()

    def make_language(self) -> Language:
        return Python()


class TestCompileCheck(CheckSuite):
    def make_check(self) -> Check:
        return CompileCheck()


class TestContractCheck(CheckSuite):
    broken_text: ClassVar[str] = "class Other:\n    pass\n"

    def make_check(self) -> Check:
        return ContractCheck()


class TestPytestCheck(CheckSuite):
    def make_check(self) -> Check:
        return PytestCheck()

    def good(self) -> CheckCase:
        files = {"src/lib/model.py": "class Book:\n    pages = 1\n", "tests/test_model.py": TEST_TEXT.format("pages")}
        return CheckCase(task=TEST, plan=self.plan(), files=files)

    def bad(self) -> CheckCase:
        files = {"src/lib/model.py": "class Book:\n    pages = 2\n", "tests/test_model.py": TEST_TEXT.format("pages")}
        return CheckCase(task=TEST, plan=self.plan(), files=files)


class TestQualityCheck(CheckSuite):
    def make_check(self) -> Check:
        return QualityCheck()


class TestPython(LanguageContract):
    read: ClassVar[Specification | None] = None

    @pytest.fixture(autouse=True)
    def _read(self, shelf: Specification) -> None:
        type(self).read = shelf

    def make_language(self) -> Language:
        return Python()

    def specification(self) -> Specification | None:
        return self.read

    def sample(self) -> SourceSample:
        return SourceSample(
            path="src/lib/model.py",
            text=GOOD,
            malformed="class Book(\n",
            symbol="lib.model:Book",
            absent="lib.model:Shelf",
            test_path="tests/test_model.py",
            passing="from lib.model import Book\n\n\ndef test_one():\n    assert Book()\n",
            failing="def test_one():\n    assert 1 == 2\n",
            with_side_effect=f"open('touched', 'w')\n{GOOD}",
        )
