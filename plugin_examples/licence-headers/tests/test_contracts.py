"""Agent and check keep their contracts, and work together in a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agent_dispatcher import SyncAgent, Task
from agent_dispatcher.extension import AgentType
from agent_dispatcher.models import ArtifactRef, DeclaredDependency, Specification
from agent_dispatcher.testing import AgentContract, CheckCase, CheckContract, ScriptedAgent, dispatcher, run_agent
from agent_dispatcher_builtins import default_plugins
from attrs import evolve

from licence_headers import Header, LicenceHeadersAgent, LicenceHeadersCheck
from licence_headers.hooks import plugin

HEADED = "# SPDX-License-Identifier: MIT\nx = 1\n"
TASK = Task(id="headers", title="Licence headers", type="licence_headers")
PROMISING = Task(
    id="one", title="A header on a.py", type="licence_headers", produces=(ArtifactRef(type="path", name="a.py"),)
)


class TestAgent(AgentContract):
    """The agent, on a task that names a file."""

    def make_agent(self) -> SyncAgent:
        return LicenceHeadersAgent(Header())

    def task(self) -> Task:
        return PROMISING

    def agent_type(self) -> AgentType:
        (offered,) = plugin.dispatcher_agent_types()
        return offered

    def foreign_task(self) -> Task:
        return Task(id="essay", title="Write an essay", type="documentation")

    def files(self) -> Mapping[str, str]:
        return {"a.py": "x = 1\n", "b.py": "y = 1\n"}


class TestCheck(CheckContract):
    """The check, on the whole tree."""

    def make_check(self) -> LicenceHeadersCheck:
        return LicenceHeadersCheck(Header())

    def good(self) -> CheckCase:
        return CheckCase(task=TASK, files={"a.py": HEADED, "empty.py": "", "data.json": "{}", ".venv/x.py": "y\n"})

    def bad(self) -> CheckCase:
        return CheckCase(task=TASK, files={"a.py": HEADED, "deep/b.py": "y = 1\n"})


def test_without_promises_all_sources_are_done() -> None:
    """A task that names no file is about every source file, and about nothing else."""
    before = {"a.py": "x = 1\n", "b/c.js": "y\n", "d.json": "{}", "e.py": HEADED}
    ended = run_agent(LicenceHeadersAgent(Header()), TASK, before)
    assert ended.result.summary == "put a licence header on 2 of 3 source files"
    assert ended.files["b/c.js"] == "// SPDX-License-Identifier: MIT\ny\n"
    assert {path: ended.files[path] for path in ("d.json", "e.py")} == {"d.json": "{}", "e.py": HEADED}


def test_a_missing_file_is_a_failure() -> None:
    """A promised file that is not there is named."""
    ended = run_agent(LicenceHeadersAgent(Header()), PROMISING)
    assert (ended.result.status, ended.result.error) == ("failed", "there is no a.py to put a header on")


def test_a_file_that_cannot_carry_one_is_refused_before_the_run() -> None:
    """Planning says so, with the file."""
    picture = Task(id="p", title="P", type="licence_headers", produces=(ArtifactRef(type="path", name="a.png"),))
    found = dispatcher(plugins=[("licence-headers", plugin)]).problems(
        Specification(id="s", title="S", tasks=(TASK, picture))
    )
    assert ["a.png" in str(problem) for problem in found if "sandbox" not in str(problem)] == [True]


def test_a_run_ends_with_proof(tmp_path: Path) -> None:
    """In a run the plugin needs nothing but the task type: its agent is chosen, its check passes, the file is there."""
    after = evolve(TASK, depends_on=(DeclaredDependency(task="w"),))
    specification = Specification(id="s", title="S", tasks=(Task(id="w", title="W"), after))
    writer = AgentType(
        name="writer",
        summary="Writes a file.",
        factory=lambda options, services: ScriptedAgent(lambda task, context: {"a.py": "x = 1\n"}),
        task_types=["code_writing"],
        default_rank=10,
    )
    builtin = dict(default_plugins())
    ended = dispatcher(
        [writer],
        plugins=[("licence-headers", plugin), *((name, builtin[name]) for name in ("declared", "no-sandbox"))],
    ).dispatch(specification, output=tmp_path / "out", unsafe_no_sandbox=True)
    assert ended.status == "completed"
    (evidence,) = [each for result in ended.task_results if result.id == "headers" for each in result.evidence]
    assert (evidence.check, evidence.passed, evidence.proof) == ("licence-headers", True, True)
    assert (tmp_path / "out" / "a.py").read_text() == HEADED
