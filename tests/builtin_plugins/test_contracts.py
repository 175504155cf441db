"""Every builtin keeps the promises of its kind: each passes the suite that authors of plugins use."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pytest

from agent_dispatcher.agents import BaseAgent, SyncAgent
from agent_dispatcher.coordination.message_bus import MessageBus
from agent_dispatcher.extension import AgentType
from agent_dispatcher.extension.components import (
    Check,
    Decomposer,
    DependencyRule,
    Executor,
    Language,
    Reporter,
    Sandbox,
    SpecificationFormat,
    Store,
    Workspace,
)
from agent_dispatcher.models import (
    ArtifactRef,
    DeclaredDependency,
    ExecutionPlan,
    PhaseOrder,
    Requirement,
    Specification,
    Task,
    TaskPhase,
)
from agent_dispatcher.planning.planner import plan_tasks
from agent_dispatcher.testing import (
    AgentContract,
    CheckCase,
    CheckContract,
    DecomposerContract,
    DependencyRuleContract,
    ExecutorContract,
    LanguageContract,
    MessageBusContract,
    ReporterContract,
    SandboxContract,
    SourceSample,
    SpecificationFormatContract,
    StoreContract,
    WorkspaceContract,
)
from agent_dispatcher_builtins.agents.code_writer.agent import CodeWriterAgent
from agent_dispatcher_builtins.agents.code_writer.hooks import code_writer
from agent_dispatcher_builtins.agents.researcher.agent import ResearcherAgent
from agent_dispatcher_builtins.agents.researcher.hooks import researcher
from agent_dispatcher_builtins.agents.tester.agent import TesterAgent
from agent_dispatcher_builtins.agents.tester.hooks import tester
from agent_dispatcher_builtins.checks.auditing import QualityCheck
from agent_dispatcher_builtins.checks.compiling import CompileCheck
from agent_dispatcher_builtins.checks.contract import ContractCheck
from agent_dispatcher_builtins.checks.testing import PytestCheck
from agent_dispatcher_builtins.decomposers.listed import ListedDecomposer
from agent_dispatcher_builtins.decomposers.pattern import PatternDecomposer
from agent_dispatcher_builtins.dependency_rules.artifacts import ArtifactsRule
from agent_dispatcher_builtins.dependency_rules.declared import DeclaredRule
from agent_dispatcher_builtins.dependency_rules.logical import LogicalRule
from agent_dispatcher_builtins.dependency_rules.phases import PhasesRule
from agent_dispatcher_builtins.dependency_rules.resources import ResourcesRule
from agent_dispatcher_builtins.executors.local import LocalExecutor
from agent_dispatcher_builtins.languages.python.language import Python
from agent_dispatcher_builtins.reporters.html.reporter import HtmlReporter
from agent_dispatcher_builtins.reporters.json_report import JsonReporter
from agent_dispatcher_builtins.reporters.markdown_report import MarkdownReporter
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap
from agent_dispatcher_builtins.sandboxes.reduced import Reduced
from agent_dispatcher_builtins.sandboxes.unprotected import Unprotected
from agent_dispatcher_builtins.specifications.finalized.reader import FinalizedFormat
from agent_dispatcher_builtins.specifications.native import NativeFormat
from agent_dispatcher_builtins.specifications.spec_kit.format import SpecKitFormat
from agent_dispatcher_builtins.specifications.task_master.reader import TaskMasterFormat
from agent_dispatcher_builtins.stores.sql import SqlStore
from agent_dispatcher_builtins.workspaces.folders import FolderWorkspace
from agent_dispatcher_builtins.workspaces.git import GitWorkspace

#: A specification small enough to be worked on many times, with behaviour to generate code and tests from.
BEHAVIOUR = """\
format: agent-dispatcher/specification
version: 1
title: Shelf
package: shelf
requirements:
  - id: R1
    text: Books can be added to the shelf.
tasks: []
entities:
  Book:
    fields:
      isbn: {type: text, unique: true}
      title: {type: text}
operations:
  add_book:
    requirements: [R1]
    inputs:
      isbn: text
      title: text
    changes:
      - create: Book
        with: {isbn: isbn, title: title}
"""
LISTED = """\
format: agent-dispatcher/specification
version: 1
title: Shelf
requirements:
  - id: R1
    text: Books can be added to the shelf.
  - id: R2
    text: Books can be taken from the shelf.
tasks:
  - id: T1
    title: Write the shelf
    requirements: [R1]
  - id: T2
    title: Write the taking
    depends_on: [T1]
"""
TASK_MASTER = {
    "master": {
        "tasks": [
            {
                "id": 1,
                "title": "Set up",
                "description": "Make the project.",
                "status": "done",
                "priority": "high",
                "dependencies": [],
                "subtasks": [{"id": 1, "title": "Make a folder", "status": "done", "dependencies": []}],
            },
            {"id": 2, "title": "Write the shelf", "status": "pending", "dependencies": [1], "subtasks": []},
            {"id": 3, "title": "Write the taking", "status": "pending", "dependencies": ["2"], "subtasks": []},
        ],
        "metadata": {"description": "Tasks for the shelf"},
    }
}
SPEC_MD = """\
# Feature Specification: Shelf

## User Scenarios & Testing

### User Story 1 - Add a book (Priority: P1)

**Acceptance Scenarios**:

1. **Given** an empty shelf, **When** a book is added, **Then** it is on the shelf

## Requirements

- **FR-001**: System MUST let a reader add a book.
- **FR-002**: System MUST let a reader take a book.

## Success Criteria

- **SC-001**: Adding takes less than a second.
"""
TASKS_MD = """\
# Tasks: Shelf

## Phase 1: Setup

- [x] T001 Create the project in `pyproject.toml`

## Phase 2: User Story 1 - Add a book (Priority: P1)

- [ ] T002 [P] [US1] Write the model in `src/shelf/book.py`
- [ ] T003 [US1] Write adding in `src/shelf/add.py` (depends on T002)

## Phase 3: Polish

- [ ] T004 [P] Document it in `README.md`
"""
FINALIZED = """\
requirements:
  - content: Books can be added to the shelf.
    priority: high
  - content: Books can be taken from the shelf.
resolved_edge_cases: []
resolved_contradictions: []
complete_requirement_set: true
confidence_score: 0.9
refinement_session_id: session-1
ready_for_dispatch: true
"""


# --- formats --------------------------------------------------------------------------------------------------------


class TestNativeFormat(SpecificationFormatContract):
    mutations: ClassVar[int] = 64

    def make_format(self) -> SpecificationFormat:
        return NativeFormat()

    def write_sample(self, folder: Path) -> Path:
        (folder / "specification.yaml").write_text(LISTED)
        return folder / "specification.yaml"


class TestNativeFormatWithBehaviour(TestNativeFormat):
    def write_sample(self, folder: Path) -> Path:
        (folder / "shelf.yaml").write_text(BEHAVIOUR)
        return folder


class TestTaskMasterFormat(SpecificationFormatContract):
    def make_format(self) -> SpecificationFormat:
        return TaskMasterFormat()

    def write_sample(self, folder: Path) -> Path:
        (folder / ".taskmaster" / "tasks").mkdir(parents=True)
        (folder / ".taskmaster" / "tasks" / "tasks.json").write_text(json.dumps(TASK_MASTER, indent=2) + "\n")
        return folder


class TestSpecKitFormat(SpecificationFormatContract):
    def make_format(self) -> SpecificationFormat:
        return SpecKitFormat()

    def write_sample(self, folder: Path) -> Path:
        (folder / "spec.md").write_text(SPEC_MD)
        (folder / "tasks.md").write_text(TASKS_MD)
        return folder


class TestFinalizedFormat(SpecificationFormatContract):
    mutations: ClassVar[int] = 64

    def make_format(self) -> SpecificationFormat:
        return FinalizedFormat()

    def write_sample(self, folder: Path) -> Path:
        (folder / "finalized.yaml").write_text(FINALIZED)
        return folder / "finalized.yaml"


# --- planning -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Specification:
    """The small specification with behaviour."""
    return read_shelf(tmp_path_factory.mktemp("shelf"))


def read_shelf(folder: Path) -> Specification:
    (folder / "shelf.yaml").write_text(BEHAVIOUR)
    return NativeFormat().load(folder / "shelf.yaml")


class WithShelf:
    """Suites whose specification is the small one."""

    read: Specification

    @pytest.fixture(autouse=True)
    def _read(self, shelf: Specification) -> None:
        type(self).read = shelf

    def specification(self) -> Specification:
        return self.read

    def language(self) -> Language | None:
        return Python()


def _path(name: str) -> ArtifactRef:
    return ArtifactRef(type="path", name=name)


TASKS = (
    Task(id="setup", title="Set up the project", group="Setup", produces=(_path("pyproject.toml"),)),
    Task(id="model", title="Write the model", produces=(_path("src/a.py"),), consumes=(_path("pyproject.toml"),)),
    Task(
        id="api",
        title="Write the API",
        consumes=(_path("src/a.py"),),
        produces=(_path("src/b.py"), _path("src/shared.py")),
        depends_on=(DeclaredDependency(task="model", source="t.md:3"),),
    ),
    Task(id="ui", title="Write the interface", produces=(_path("src/c.py"), _path("src/shared.py"))),
    Task(id="docs", title="Document everything", type="documentation", consumes=(_path("src/b.py"),)),
)


class RuleSuite(DependencyRuleContract):
    def sample(self) -> tuple[Sequence[Task], Specification]:
        return TASKS, Specification(id="s", title="s", tasks=TASKS)


class TestDeclaredRule(RuleSuite):
    def make_rule(self) -> DependencyRule:
        return DeclaredRule()

    def expected(self) -> frozenset[tuple[str, str]]:
        return frozenset({("model", "api")})


class TestArtifactsRule(RuleSuite):
    def make_rule(self) -> DependencyRule:
        return ArtifactsRule()


class TestLogicalRule(DependencyRuleContract):
    def make_rule(self) -> DependencyRule:
        return LogicalRule()

    def sample(self) -> tuple[Sequence[Task], Specification]:
        tasks = (
            Task(id="api", title="Write the API", requirements=("R1",)),
            Task(id="setup", title="Set up the project"),
            Task(id="docs", title="Document the API", type="documentation", requirements=("R1",)),
        )
        return tasks, Specification(id="s", title="s", tasks=tasks)


class TestResourcesRule(RuleSuite):
    def make_rule(self) -> DependencyRule:
        return ResourcesRule()


class TestPhasesRule(DependencyRuleContract):
    def make_rule(self) -> DependencyRule:
        return PhasesRule()

    def sample(self) -> tuple[Sequence[Task], Specification]:
        phases = (
            TaskPhase(name="Setup", tasks=("setup",)),
            TaskPhase(
                name="Work", tasks=("model", "api"), after=(PhaseOrder(phase="Setup", why="set-up comes first"),)
            ),
        )
        return TASKS[:3], Specification(id="s", title="s", tasks=TASKS[:3], phases=phases)


class TestListedDecomposer(DecomposerContract):
    def make_decomposer(self) -> Decomposer:
        return ListedDecomposer()

    def specification(self) -> Specification:
        requirement = Requirement(id="R1", text="It works")
        tasks = (Task(id="a", title="A", requirements=("R1",)), Task(id="b", title="B", verifies=("a",)))
        return Specification(id="s", title="s", requirements=(requirement,), tasks=tasks)


class TestPatternDecomposer(WithShelf, DecomposerContract):
    def make_decomposer(self) -> Decomposer:
        return PatternDecomposer()


# --- agents ---------------------------------------------------------------------------------------------------------


class AgentSuite(WithShelf, AgentContract):
    kind: ClassVar[str] = "code_writing"

    def tasks(self) -> list[Task]:
        layout = Python().layout(self.read)
        assert layout is not None
        return [
            Task(
                id=module.name,
                title=module.title,
                type=module.type,
                requirements=module.requirements,
                produces=tuple(_path(path) for path in module.paths) + module.produces,
                verifies=module.verifies,
            )
            for module in layout.modules
        ]

    def task(self) -> Task:
        return next(task for task in self.tasks() if task.type == self.kind)

    def context(self) -> Mapping[str, Any]:
        return {"language": Python(), "promised": {task.id: task.produces for task in self.tasks()}}


class TestCodeWriter(AgentSuite):
    def make_agent(self) -> BaseAgent | SyncAgent:
        return CodeWriterAgent()

    def agent_type(self) -> AgentType:
        return next(iter(code_writer.dispatcher_agent_types()))


@pytest.mark.sandbox
class TestTester(AgentSuite):
    kind: ClassVar[str] = "testing"

    def make_agent(self) -> BaseAgent | SyncAgent:
        return TesterAgent()

    def make_sandbox(self) -> Sandbox:
        return Bubblewrap()

    def agent_type(self) -> AgentType:
        return next(iter(tester.dispatcher_agent_types()))


class TestResearcher(AgentContract):
    def make_agent(self) -> BaseAgent | SyncAgent:
        return ResearcherAgent()

    def agent_type(self) -> AgentType:
        return next(iter(researcher.dispatcher_agent_types()))

    def files(self) -> Mapping[str, str]:
        return {"pyproject.toml": '[project]\nname = "shelf"\ndependencies = ["attrs>=25"]\n'}

    def task(self) -> Task:
        return Task(id="facts", title="Research attrs", type="research", produces=(_path("docs/facts.md"),))

    def foreign_task(self) -> Task:
        return Task(id="code", title="Be kind", type="research", produces=(_path("src/kind.py"),))


# --- where runs live ------------------------------------------------------------------------------------------------


class TestSqlStore(StoreContract):
    def make_store(self, data_dir: Path) -> Store:
        return SqlStore(data_dir)

    def make_newer(self, data_dir: Path) -> bool:
        with closing(sqlite3.connect(data_dir / "state.db")) as connection:
            connection.execute("PRAGMA user_version = 99")
        return True


class TestGitWorkspace(WorkspaceContract):
    def make_workspace(self) -> Workspace:
        return GitWorkspace()


class TestFolderWorkspace(WorkspaceContract):
    keeps_history: ClassVar[bool] = False

    def make_workspace(self) -> Workspace:
        return FolderWorkspace()


class TestLocalExecutor(ExecutorContract):
    def make_executor(self) -> Executor:
        return LocalExecutor()


class TestLocalBus(MessageBusContract):
    def make_bus(self) -> MessageBus:
        return MessageBus()


# --- sandboxes ------------------------------------------------------------------------------------------------------


@pytest.mark.sandbox
class TestBubblewrap(SandboxContract):
    def make_sandbox(self) -> Sandbox:
        return Bubblewrap()


@pytest.mark.sandbox
class TestReduced(SandboxContract):
    def make_sandbox(self) -> Sandbox:
        return Reduced()


class TestUnprotected(SandboxContract):
    def make_sandbox(self) -> Sandbox:
        return Unprotected()


# --- checks and language --------------------------------------------------------------------------------------------

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


# --- reporters ------------------------------------------------------------------------------------------------------


class TestJsonReporter(ReporterContract):
    def make_reporter(self) -> Reporter:
        return JsonReporter()


class TestMarkdownReporter(ReporterContract):
    def make_reporter(self) -> Reporter:
        return MarkdownReporter()


class TestHtmlReporter(ReporterContract):
    markup: ClassVar[bool] = True

    def make_reporter(self) -> Reporter:
        return HtmlReporter()
