"""Checks at landing, end to end: what lands, what does not, and what the evidence says (DESIGN section 8)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent_dispatcher.models import ArtifactRef, Dependency, Evidence, ExecutionPlan, Specification, Task
from agent_dispatcher.workspace.integration import Integration, Verdict
from agent_dispatcher_builtins.checks.compiling import CompileCheck
from agent_dispatcher_builtins.checks.contract import ContractCheck
from agent_dispatcher_builtins.checks.testing import PytestCheck
from agent_dispatcher_builtins.languages.python.language import Python
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap
from agent_dispatcher_builtins.workspaces.git import GitWorkspace

pytestmark = pytest.mark.sandbox


def _task(name: str, path: str, *symbols: str, kind: str = "code_writing", verifies: tuple[str, ...] = ()) -> Task:
    produces = (ArtifactRef(type="path", name=path), *(ArtifactRef(type="symbol", name=symbol) for symbol in symbols))
    return Task(id=name, title=name, type=kind, produces=produces, verifies=verifies)


MODEL = _task("model", "src/lib/model.py", "lib.model:Book")
RULES = _task("rules", "src/lib/rules.py", "lib.rules:price")
TEST = _task("test", "tests/test_rules.py", kind="testing", verifies=("rules",))
NOTES = Task(id="notes", title="notes", type="research")
PLAN = ExecutionPlan(
    specification=Specification(id="lib", title="lib"),
    tasks=(MODEL, RULES, TEST, NOTES),
    dependencies=(Dependency(before="model", after="rules"),),
)
MODEL_TEXT = "class Book:\n    price = 3\n"
RULES_TEXT = "from lib.model import Book\n\ndef price():\n    return Book.price\n"
TEST_TEXT = "from lib.rules import price\n\ndef test_price():\n    assert price() == 3, 'spec.yaml:12 a book costs 3'\n"


class Run:
    """One run whose attempts are written by the test."""

    def __init__(self, output: Path, sandbox: Bubblewrap) -> None:
        self.output = output
        self.workspace = GitWorkspace()
        self.recorded: list[tuple[str, tuple[Evidence, ...]]] = []
        self.landed: set[str] = set()
        self.attempts: dict[str, int] = {}
        self.integration = Integration(
            workspace=self.workspace,
            checks=[("compile", CompileCheck()), ("contract", ContractCheck()), ("pytest", PytestCheck())],
            sandbox=sandbox,
            language=Python(),
            plan=PLAN,
            run_dir=output / ".dispatcher" / "runs" / "r",
        )

    async def attempt(self, task: Task, files: Mapping[str, str]) -> Verdict:
        """Write, seal, land."""
        number = self.attempts[task.id] = self.attempts.get(task.id, 0) + 1
        opened = await self.workspace.open(task, number)
        for path, text in files.items():
            (opened.path / path).parent.mkdir(parents=True, exist_ok=True)
            (opened.path / path).write_text(text)
        change = await self.workspace.seal(opened, task.title)
        verdict = await self.integration.land(task, change, frozenset(self.landed), number, self._record)
        if verdict.landed is not None:
            self.landed.add(task.id)
        return verdict

    async def _record(self, tree: str, evidence: tuple[Evidence, ...], whole: tuple[Evidence, ...] = ()) -> None:
        self.recorded.append((tree, evidence))


def _by_check(verdict: Verdict) -> dict[str, Evidence]:
    return {item.check: item for item in verdict.evidence}


@pytest.fixture
def run(output: Path, isolated: Bubblewrap) -> Run:
    """A run that has not begun."""
    return Run(output, isolated)


def test_a_test_lands_red_and_its_subject_turns_it_green(run: Run) -> None:
    """Expected red before, proof after, everything green at the end; evidence is recorded before the branch moves."""

    async def work() -> None:
        await run.workspace.start("r", run.output)
        test = await run.attempt(TEST, {"tests/test_rules.py": TEST_TEXT})
        red = _by_check(test)["pytest"]
        assert test.landed is not None and red.expected_red and not red.passed and not red.proof
        assert red.details["expected_red_reasons"] == ["module lib is not there yet"]

        model = await run.attempt(MODEL, {"src/lib/model.py": MODEL_TEXT})
        assert model.landed is not None and set(_by_check(model)) == {"compile", "contract"}
        assert not any(item.proof for item in model.evidence)

        rules = await run.attempt(RULES, {"src/lib/rules.py": RULES_TEXT})
        green = _by_check(rules)["pytest"]
        assert rules.landed is not None and green.passed and green.proof
        assert (green.id, green.summary, green.tree) == ("rules-1-pytest", "1 passed", rules.landed.tree)
        assert run.recorded[-1] == (rules.landed.tree, rules.evidence)

        (final,) = await run.integration.final(frozenset(run.landed))
        assert final.id == "final-pytest" and final.passed and final.proof
        assert final.details["coverage_percent"] == 100.0
        assert {"src/lib/model.py", "src/lib/rules.py"} <= final.details["coverage_by_file"].keys()
        log = run.output / ".dispatcher" / "runs" / "r" / final.log
        assert "1 passed" in log.read_text()
        assert not [*log.parent.rglob(".results-*")]
        await run.workspace.finish("completed")

    asyncio.run(work())
    assert sorted(path.name for path in run.output.iterdir()) == [".dispatcher", ".git", "src", "tests"]


def test_a_subject_that_fails_its_test_does_not_land(run: Run) -> None:
    """The reason carries the place in the specification; nothing is recorded and the next attempt may land."""

    async def work() -> None:
        await run.workspace.start("r", run.output)
        await run.attempt(MODEL, {"src/lib/model.py": MODEL_TEXT})
        await run.attempt(TEST, {"tests/test_rules.py": TEST_TEXT})
        count = len(run.recorded)
        bad = await run.attempt(RULES, {"src/lib/rules.py": RULES_TEXT.replace("Book.price", "4")})
        assert bad.landed is None and not bad.permanent and len(run.recorded) == count
        assert "spec.yaml:12 a book costs 3" in bad.why
        (failed,) = _by_check(bad)["pytest"].details["failed"]  # type: ignore[misc, attr-defined]
        assert failed["test"] == "tests/test_rules.py::test_price" and "spec.yaml:12" in failed["message"]
        good = await run.attempt(RULES, {"src/lib/rules.py": RULES_TEXT})
        assert good.landed is not None and good.evidence[-1].id == "rules-2-pytest"

    asyncio.run(work())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import requests_not_there\n\ndef test_x():\n    pass\n", "requests_not_there"),
        ("from lib.rules import price\n\ndef test_x(:\n", "SyntaxError"),
        ("def test_x():\n    assert False, 'red for no reason'\n", "red for no reason"),
        ("x = 1\n", "no test was found"),
        ("import pytest\n\n@pytest.mark.skip\ndef test_x():\n    pass\n", "1 skipped"),
    ],
)
def test_a_test_that_is_red_for_another_reason_does_not_land(run: Run, text: str, said: str) -> None:
    """Only the absence of what it tests excuses a red test; one that tests nothing is red, too."""

    async def work() -> Verdict:
        await run.workspace.start("r", run.output)
        return await run.attempt(TEST, {"tests/test_rules.py": text})

    verdict = asyncio.run(work())
    assert verdict.landed is None
    assert said in verdict.why


def test_a_test_written_after_its_subjects_must_be_green(run: Run) -> None:
    """With all subjects there, an import error is no excuse."""

    async def work() -> Verdict:
        await run.workspace.start("r", run.output)
        await run.attempt(MODEL, {"src/lib/model.py": MODEL_TEXT})
        await run.attempt(RULES, {"src/lib/rules.py": RULES_TEXT})
        return await run.attempt(
            TEST, {"tests/test_rules.py": "from lib.rules import cost\n\ndef test_x():\n    pass\n"}
        )

    verdict = asyncio.run(work())
    assert verdict.landed is None and "cannot import name 'cost'" in verdict.why
    assert not _by_check(verdict)["pytest"].expected_red


@pytest.mark.parametrize(
    ("files", "check", "said"),
    [
        ({"src/lib/model.py": "class Book(:\n"}, "compile", "src/lib/model.py:1: "),
        ({"src/lib/other.py": "x = 1\n"}, "contract", "promised file src/lib/model.py is missing"),
        ({"src/lib/model.py": "class Buch: ...\n"}, "contract", "promised lib.model:Book is not defined"),
        (
            {"src/lib/model.py": MODEL_TEXT, "tests/test_rules.py": "def test_x(): pass\n"},
            "contract",
            "tests/test_rules.py is a test of task test and was changed",
        ),
    ],
)
def test_work_that_breaks_its_promise_does_not_land(run: Run, files: dict[str, str], check: str, said: str) -> None:
    """Each fault is named by the check that found it."""

    async def work() -> Verdict:
        await run.workspace.start("r", run.output)
        return await run.attempt(MODEL, files)

    verdict = asyncio.run(work())
    assert verdict.landed is None
    assert not _by_check(verdict)[check].passed and said in _by_check(verdict)[check].summary


def test_work_with_nothing_to_check_lands_unchecked(run: Run) -> None:
    """A task no check applies to has no evidence, which is never proof."""

    async def work() -> Verdict:
        await run.workspace.start("r", run.output)
        return await run.attempt(NOTES, {"notes.md": "# Notes\n"})

    verdict = asyncio.run(work())
    assert verdict.landed is not None and verdict.evidence == ()


def test_tests_cannot_change_the_tree_or_leave_results_in_it(run: Run) -> None:
    """A test that writes into the tree fails; what lands is what was sealed."""
    spoiler = "from pathlib import Path\n\ndef test_x():\n    Path('src/lib/model.py').write_text('spoiled')\n"

    async def work() -> Verdict:
        await run.workspace.start("r", run.output)
        await run.attempt(MODEL, {"src/lib/model.py": MODEL_TEXT})
        await run.attempt(RULES, {"src/lib/rules.py": RULES_TEXT})
        return await run.attempt(TEST, {"tests/test_rules.py": spoiler})

    verdict = asyncio.run(work())
    assert verdict.landed is None and "Read-only file system" in verdict.why


def test_results_forged_as_a_link_are_not_read(run: Run) -> None:
    """A test that exchanges the result file for a link to a file of the host leaves no results."""
    forger = (
        "import atexit, os, sys\n\ndef test_x():\n    path = next(a for a in sys.argv if a.endswith('results.xml'))\n"
        "    atexit.register(lambda: (os.unlink(path), os.symlink('/etc/passwd', path)))\n"
    )

    async def work() -> Verdict:
        await run.workspace.start("r", run.output)
        await run.attempt(MODEL, {"src/lib/model.py": MODEL_TEXT})
        await run.attempt(RULES, {"src/lib/rules.py": RULES_TEXT})
        return await run.attempt(TEST, {"tests/test_rules.py": forger})

    verdict = asyncio.run(work())
    assert verdict.landed is None and "left no results" in verdict.why


def test_a_package_that_nobody_declared_or_allowed_does_not_land(run: Run) -> None:
    """Code that uses a package of the dispatcher's own is red; a manifest that asks for one is refused with its line, also by itself."""

    async def work() -> None:
        await run.workspace.start("r", run.output)
        assert (await run.attempt(MODEL, {"src/lib/model.py": "import networkx\n" + MODEL_TEXT})).landed is not None
        assert (await run.attempt(RULES, {"src/lib/rules.py": RULES_TEXT})).landed is not None
        test = await run.attempt(TEST, {"tests/test_rules.py": TEST_TEXT})
        assert test.landed is None and "No module named 'networkx'" in test.why

        manifest = Task(id="manifest", title="manifest", produces=(ArtifactRef(type="path", name="requirements.txt"),))
        asked = await run.attempt(manifest, {"requirements.txt": "\nnetworkx>=3\n"})
        assert asked.landed is None and set(_by_check(asked)) == {"compile", "contract"}
        assert "requirements.txt:2 asks for networkx, which is not allowed" in asked.why
        tools = await run.attempt(manifest, {"requirements.txt": "pytest\n"})
        assert tools.landed is not None and "can be had" in _by_check(tools)["compile"].summary
        await run.workspace.finish("completed")

    asyncio.run(work())
