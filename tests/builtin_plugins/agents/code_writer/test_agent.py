"""The agent type: what it takes, what it declines and why, and that it writes only what a task promises."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from agent_dispatcher.agents.base_agent import AgentContext, AgentResult, AgentWorkspace
from agent_dispatcher.extension.components import Available
from agent_dispatcher.models import ArtifactRef, Requirement, Specification, Task
from agent_dispatcher_builtins.agents.code_writer.acceptance import CodeWriterOptions, accepts, wishes
from agent_dispatcher_builtins.agents.code_writer.agent import CodeWriterAgent
from agent_dispatcher_builtins.agents.code_writer.generator import generate
from agent_dispatcher_builtins.agents.code_writer.hooks import code_writer
from agent_dispatcher_builtins.languages.python.layout import layout


class Folder:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}

    def write_text(self, path: str, text: str) -> None:
        self.files[path] = text


def execute(task: Task, context: AgentContext) -> AgentResult:
    return asyncio.run(CodeWriterAgent().execute(task, context))


def _tasks(source: Specification) -> list[Task]:
    found = layout(source)
    assert found is not None
    return [
        Task(
            id=module.name,
            title=module.title,
            type=module.type,
            requirements=module.requirements,
            produces=tuple(ArtifactRef(type="path", name=path) for path in module.paths) + module.produces,
        )
        for module in found.modules
    ]


def _context(source: Specification, task: Task, folder: Folder, **more: Any) -> AgentContext:
    return AgentContext(
        run="run",
        attempt=1,
        task=task.id,
        specification=source,
        workspace=cast(AgentWorkspace, folder),
        sandbox=cast(Any, None),
        **more,
    )


def test_it_takes_exactly_what_follows_from_behaviour(library: Specification) -> None:
    """All code and documentation of the layout; no test; each task writes its promised files and no others."""
    available = Available(specification=library, language="python")
    promised = {task.id: task.produces for task in _tasks(library)}
    written: dict[str, str] = {}
    for task in _tasks(library):
        reason = accepts(task, available)
        assert (reason is None) == (task.type != "testing"), task.id
        if reason is None:
            folder = Folder()
            result = execute(task, _context(library, task, folder, promised=promised))
            assert (result.status, result.error) == ("done", None)
            assert set(folder.files) == {ref.name for ref in task.produces if ref.type == "path"}
            assert [artifact.path for artifact in result.artifacts] == list(folder.files)
            written |= folder.files
    assert written == generate(library)


def test_prose_is_declined_with_its_place(library: Specification) -> None:
    """A requirement that nothing is declared for is named with file and line, and what can be done."""
    source = Specification(
        id="x",
        title="x",
        behaviour=library.behaviour,
        requirements=(Requirement(id="R9", text="It is fast.", source="spec.yaml:12"),),
    )
    task = Task(id="r9", title="It is fast", requirements=("R9",))
    reason = accepts(task, Available(specification=source))
    assert reason == (
        "requirement R9 (spec.yaml:12) is prose only: nothing is declared to derive code from; "
        "declare entities and operations for it, configure a model, or use --allow-partial"
    )
    assert accepts(task, Available(specification=source, language="python", llm="some-model")) is None


def test_foreign_files_and_languages_are_declined(library: Specification) -> None:
    """A promised file that does not follow from the behaviour is named; another language is."""
    task = Task(id="t", title="t", produces=(ArtifactRef(type="path", name="src/other.py"),))
    assert accepts(task, Available(specification=library)) == (
        "src/other.py does not follow from the declared entities and operations"
    )
    assert "Python only" in str(accepts(task, Available(specification=library, language="rust")))
    result = execute(task, _context(library, task, Folder()))
    assert result.status == "declined"


def test_feedback_ends_the_task_for_good(library: Specification) -> None:
    """What is determined by the specification would come out the same: failed, permanent, with what the checks said."""
    task = _tasks(library)[0]
    folder = Folder()
    result = execute(task, _context(library, task, folder, feedback="test_x failed: 1 != 2\n" * 99))
    assert (result.status, result.permanent, folder.files) == ("failed", True, {})
    assert "test_x failed: 1 != 2" in str(result.error)
    assert len(str(result.error)) < 1000


def test_specification_without_behaviour_fails_for_good() -> None:
    """There is no stub."""
    source = Specification(id="x", title="x", path="spec.md")
    task = Task(id="t", title="t", produces=(ArtifactRef(type="path", name="README.md"),))
    folder = Folder()
    result = execute(task, _context(source, task, folder))
    assert (result.status, result.permanent, folder.files) == ("failed", True, {})


@pytest.mark.parametrize(
    ("options", "left_out"),
    [
        (CodeWriterOptions(), set()),
        (CodeWriterOptions(include_tests=False), {"testing"}),
        (CodeWriterOptions(include_docs=False), {"documentation"}),
        (CodeWriterOptions(include_tests=False, include_docs=False), {"testing", "documentation"}),
    ],
)
def test_options_are_wishes_for_planning(options: CodeWriterOptions, left_out: set[str]) -> None:
    """Tests and documents that are not wanted are not planned."""
    assert wishes(options).leave_out == left_out
    assert wishes(CodeWriterOptions(default_language="rust")).language == "rust"


def test_offer_needs_no_templates() -> None:
    """The plugin offers one agent type that works without a model; jinja2 is not imported for it."""
    (offered,) = code_writer.dispatcher_agent_types()
    assert (offered.name, offered.needs) == ("code-writer", frozenset())
    assert offered.task_types == {"code_writing", "debugging", "documentation", "refactoring"}
    assert offered.options is CodeWriterOptions
    assert isinstance(offered.factory(CodeWriterOptions(), cast(Any, None)), CodeWriterAgent)
    hooks = Path(str(__import__(code_writer.__class__.__module__, fromlist=["x"]).__file__)).read_text()
    assert "jinja" not in hooks
