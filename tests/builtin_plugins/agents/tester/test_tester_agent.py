"""The agent type: what it accepts, what it writes, and how it refuses examples that cannot be true."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from attrs import evolve

from agent_dispatcher.agents.base_agent import AgentContext, AgentResult
from agent_dispatcher.extension import AgentType
from agent_dispatcher.extension.components import Available, Services
from agent_dispatcher.models import ArtifactRef, Behaviour, Specification, Task
from agent_dispatcher.workspace.agent_workspace import GuardedWorkspace, TaskSandbox
from agent_dispatcher_builtins.agents.code_writer import generator
from agent_dispatcher_builtins.agents.tester.acceptance import writable_paths
from agent_dispatcher_builtins.agents.tester.agent import TesterAgent
from agent_dispatcher_builtins.agents.tester.hooks import tester
from agent_dispatcher_builtins.languages.python.language import Python
from agent_dispatcher_builtins.languages.python.layout import layout
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap


def of(behaviour: Behaviour | None) -> Specification:
    """A specification with that behaviour."""
    return Specification(id="jars", title="Jars", behaviour=behaviour)


def task_for(*paths: str) -> Task:
    """A task that promises test files."""
    return Task(
        id="t", title="Test it", type="testing", produces=tuple(ArtifactRef(type="path", name=path) for path in paths)
    )


async def execute(task: Task, specification: Specification, folder: Path, feedback: str = "") -> AgentResult:
    """Run the agent in a folder, with the real guard, language and sandbox."""
    sandbox, language = Bubblewrap(), Python()
    await sandbox.probe()
    context = AgentContext(
        run="r",
        attempt=1,
        task=task.id,
        specification=specification,
        workspace=GuardedWorkspace(folder),
        sandbox=TaskSandbox(sandbox, folder, language),
        language=language,
        feedback=feedback,
    )
    return await TesterAgent().execute(task, context)


def test_offers_one_agent_type() -> None:
    """For tests and reviews, with a sandbox; a model is no need of it."""
    (offered,) = tester.dispatcher_agent_types()
    assert isinstance(offered, AgentType)
    assert (offered.name, offered.task_types, offered.needs) == ("tester", {"review", "testing"}, {"sandbox"})
    agent = offered.factory(None, Services(log=None, data_dir=Path(), config=None))  # type: ignore[arg-type]
    assert isinstance(agent, TesterAgent)


def test_accepts_exactly_what_it_can_derive(jars: Behaviour) -> None:
    """Files that follow from declared behaviour; for everything else it says why not."""
    (offered,) = tester.dispatcher_agent_types()
    available = Available(specification=of(jars), language="python")

    assert offered.accepts(task_for("tests/test_cli.py", "tests/test_storage.py"), available) is None
    assert "tests/test_else.py does not follow" in str(offered.accepts(task_for("tests/test_else.py"), available))
    assert "names no test files" in str(offered.accepts(task_for(), available))
    prose = Available(specification=of(None), language="python")
    assert "nothing is declared" in str(offered.accepts(task_for("tests/test_cli.py"), prose))
    other = evolve(available, language="cobol")
    assert "cobol" in str(offered.accepts(task_for("tests/test_cli.py"), other))


def test_accepts_every_test_of_the_layout(specification: Specification) -> None:
    """What the Python layout plans as tests is what the tester can write, all of it."""
    (offered,) = tester.dispatcher_agent_types()
    found = layout(specification)
    assert found is not None
    available = Available(specification=specification, language="python")
    planned = [module for module in found.modules if module.type == "testing"]

    assert len(planned) > 8
    assert [m.name for m in planned if offered.accepts(task_for(*m.paths), available) is not None] == []
    assert specification.behaviour is not None
    promised = {path for module in planned for path in module.paths}
    assert set(writable_paths(specification.behaviour)) - promised <= {"tests/reference_model.py"}


@pytest.mark.sandbox
def test_writes_what_was_promised_before_its_subject_is_there(jars: Behaviour, tmp_path: Path) -> None:
    """The tests are complete although nothing they import exists yet."""
    task = task_for("tests/test_state_machine.py")
    result = asyncio.run(execute(task, of(jars), tmp_path))

    assert result.status == "done", result.error
    assert {artifact.path for artifact in result.artifacts} == {
        "tests/test_state_machine.py",
        "tests/reference_model.py",
    }
    assert "what they test is not there yet" in result.summary
    assert {path.name for path in (tmp_path / "tests").iterdir()} == {"test_state_machine.py", "reference_model.py"}


@pytest.mark.sandbox
def test_runs_the_tests_where_their_subject_is_there(jars: Behaviour, tmp_path: Path) -> None:
    """With the package in place, results and coverage are read from files and told; the files are gone afterwards."""
    specification = of(jars)
    for path, text in generator.generate(specification).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}

    result = asyncio.run(execute(task_for("tests/test_operations_jar.py"), specification, tmp_path))

    assert result.status == "done", result.error
    assert " passed, 0 failed, " in result.summary
    assert " % covered" in result.summary
    after = {path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert after - before == {tmp_path / "tests/test_operations_jar.py"}


@pytest.mark.sandbox
def test_a_wrong_example_ends_the_task_for_good_with_its_line(jars: Behaviour, tmp_path: Path) -> None:
    """No code could satisfy both the example and the operation, so nothing is written and nothing is tried again."""
    wrong = evolve(jars.examples[0], result=4)
    task = task_for("tests/test_operations_jar.py")

    result = asyncio.run(execute(task, of(evolve(jars, examples=(wrong,))), tmp_path))

    assert (result.status, result.permanent) == ("failed", True)
    assert result.error is not None
    assert "jars.yaml:42: example 'Two of five leave three': expects the result 4, and gets 3" in result.error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.sandbox
def test_only_the_tests_made_from_an_example_fail_with_it(jars: Behaviour, tmp_path: Path) -> None:
    """A wrong example is the business of its operation's tests, not of every task."""
    wrong = evolve(jars.examples[0], result=4)
    result = asyncio.run(execute(task_for("tests/test_storage.py"), of(evolve(jars, examples=(wrong,))), tmp_path))
    assert result.status == "done", result.error


@pytest.mark.sandbox
def test_a_rejected_attempt_is_not_repeated(jars: Behaviour, tmp_path: Path) -> None:
    """The same specification gives the same tests, so a second attempt could only end like the first."""
    result = asyncio.run(execute(task_for("tests/test_cli.py"), of(jars), tmp_path, feedback="1 failed: test_x"))
    assert (result.status, result.permanent) == ("failed", True)
    assert "1 failed: test_x" in str(result.error)


@pytest.mark.sandbox
def test_declines_what_is_not_declared(tmp_path: Path) -> None:
    """Without behaviour the next agent type is asked."""
    result = asyncio.run(execute(task_for("tests/test_cli.py"), of(None), tmp_path))
    assert result.status == "declined"
