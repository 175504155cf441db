"""The suites for agents, checks, languages and reporters find planted faults."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.extension import AgentType, CheckContext, Environment, Layout
from agent_dispatcher.extension.components import Available, Check, Language, Reporter
from agent_dispatcher.models import (
    Artifact,
    ArtifactRef,
    Event,
    Evidence,
    ExecutionPlan,
    ExecutionResult,
    Specification,
    Task,
)
from agent_dispatcher.testing import (
    AgentContract,
    CheckCase,
    CheckContract,
    LanguageContract,
    ReporterContract,
    SourceSample,
)

Broken = Callable[..., dict[str, str]]
NOTE = Task(id="note", title="Write a note", type="documentation", produces=(ArtifactRef(type="path", name="note.md"),))


# --- agents ---------------------------------------------------------------------------------------------------------


class Writer(BaseAgent):
    """Writes what is promised: what the faulty ones are made from."""

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        if task.type != "documentation":
            return AgentResult(status="declined", error="this is no documentation")
        context.progress(0.5, "writing")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await self.work(context)
        return self.result()

    async def work(self, context: AgentContext) -> None:
        context.workspace.write_text("note.md", "a note")

    def result(self) -> Any:
        made = Artifact(name="note", type="doc", path="note.md", task="note")
        return AgentResult(status="done", summary="wrote a note", artifacts=(made,))


class SaysDone(Writer):
    async def work(self, context: AgentContext) -> None:
        return None

    def result(self) -> Any:
        return AgentResult(status="done")


class ReturnsText(Writer):
    def result(self) -> Any:
        return "done"


class TouchesMore(Writer):
    async def work(self, context: AgentContext) -> None:
        await super().work(context)
        context.workspace.write_text("README.md", "mine now")


class WritesBeside(Writer):
    async def work(self, context: AgentContext) -> None:
        await super().work(context)
        Path("stray.txt").write_text("x")


class UsesTemporaryFiles(Writer):
    async def work(self, context: AgentContext) -> None:
        await super().work(context)
        os.close(tempfile.mkstemp()[0])


class ChangesVariables(Writer):
    async def work(self, context: AgentContext) -> None:
        await super().work(context)
        os.environ["NOTE_WRITTEN"] = "1"


class OnlyOnce(Writer):
    used = False

    async def work(self, context: AgentContext) -> None:
        if not self.used:
            await super().work(context)
        self.used = True


class BlocksTheLoop(Writer):
    async def work(self, context: AgentContext) -> None:
        time.sleep(1.3)
        await super().work(context)


class ProgressInPercent(Writer):
    async def work(self, context: AgentContext) -> None:
        context.progress(80, "nearly there")
        await super().work(context)


class SwallowsCancelling(Writer):
    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        try:
            await asyncio.sleep(0.5)
        except asyncio.CancelledError:
            return AgentResult(status="failed", error="cancelled")
        return await super().execute(task, context)


class DoesAnything(Writer):
    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        await self.work(context)
        result: AgentResult = self.result()
        return result


class NamesNoFile(Writer):
    def result(self) -> Any:
        made = Artifact(name="note", type="doc", path="elsewhere.md", task="note")
        return AgentResult(status="done", artifacts=(made,))


class AgentSuite(AgentContract):
    component: ClassVar[type[Writer]] = Writer
    accepts: ClassVar[Any] = staticmethod(
        lambda task, available: None if task.type == "documentation" else "no documentation"
    )

    def make_agent(self) -> BaseAgent:
        return self.component()

    def task(self) -> Task:
        return NOTE

    def files(self) -> dict[str, str]:
        return {"README.md": "yours"}

    def foreign_task(self) -> Task:
        return Task(id="code", title="Write code", type="code_writing")

    def agent_type(self) -> AgentType:
        return AgentType(
            name="writer", summary="Writes.", factory=lambda o, s: Writer(), task_types={"*"}, accepts=self.accepts
        )


@pytest.mark.parametrize(
    ("agent", "promise"),
    [
        (SaysDone, "test_it_does_its_task"),
        (ReturnsText, "test_its_result_can_be_recorded"),
        (NamesNoFile, "test_its_result_can_be_recorded"),
        (TouchesMore, "test_it_writes_only_what_it_promised"),
        (WritesBeside, "test_it_stays_in_its_workspace"),
        (UsesTemporaryFiles, "test_it_stays_in_its_workspace"),
        (ChangesVariables, "test_it_stays_in_its_workspace"),
        (OnlyOnce, "test_it_can_be_used_again"),
        (BlocksTheLoop, "test_the_event_loop_goes_on"),
        (ProgressInPercent, "test_progress_is_a_fraction"),
        (SwallowsCancelling, "test_cancelling_ends_it"),
        (DoesAnything, "test_foreign_tasks_are_not_done"),
    ],
)
def test_faults_of_agents_are_found(
    broken_promises: Broken, agent: type, promise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The promise that the fault breaks is reported."""
    monkeypatch.delenv("NOTE_WRITTEN", raising=False)
    assert promise in broken_promises(type("Faulty", (AgentSuite,), {"component": agent}), promise)
    os.environ.pop("NOTE_WRITTEN", None)


def test_faults_of_agent_types_are_found(broken_promises: Broken) -> None:
    """An ``accepts`` that takes everything is reported."""

    def everything(task: Task, available: Available) -> str | None:
        return None

    suite = type("Faulty", (AgentSuite,), {"accepts": staticmethod(everything)})
    assert "test_its_type_says_what_it_does" in broken_promises(suite)


def test_a_sound_agent_passes(broken_promises: Broken) -> None:
    """What the faulty ones are made from breaks nothing."""
    assert broken_promises(AgentSuite) == {}


# --- checks ---------------------------------------------------------------------------------------------------------


class NoteIsThere:
    """The note is not empty: what the faulty ones are made from."""

    def applies(self, task: Task | None, plan: ExecutionPlan) -> bool:
        return True

    async def check(self, task: Task | None, context: CheckContext) -> Any:
        text = (context.tree.path / "note.md").read_text()
        context.log_dir.mkdir(parents=True, exist_ok=True)
        (context.log_dir / "note.log").write_text(text)
        return self.evidence(context, bool(text.strip()))

    def evidence(self, context: CheckContext, passed: bool, **more: Any) -> Evidence:
        fields: dict[str, Any] = {
            "id": "note",
            "check": "note",
            "passed": passed,
            "tree": context.tree.tree,
            "summary": "there" if passed else "the note is empty",
            "log": "evidence/note.log",
        }
        return Evidence(**{**fields, **more})


class PassesAll(NoteIsThere):
    def evidence(self, context: CheckContext, passed: bool, **more: Any) -> Evidence:
        return super().evidence(context, True)


class RefusesAll(NoteIsThere):
    def evidence(self, context: CheckContext, passed: bool, **more: Any) -> Evidence:
        return super().evidence(context, False)


class ForgetsTheTree(NoteIsThere):
    def evidence(self, context: CheckContext, passed: bool, **more: Any) -> Evidence:
        return super().evidence(context, passed, tree="")


class LogsElsewhere(NoteIsThere):
    def evidence(self, context: CheckContext, passed: bool, **more: Any) -> Evidence:
        return super().evidence(context, passed, log=str(context.log_dir / "note.log"))


class CleansUp(NoteIsThere):
    def evidence(self, context: CheckContext, passed: bool, **more: Any) -> Evidence:
        (context.tree.path / "note.md").unlink()
        return super().evidence(context, passed)


class RunsOutside(NoteIsThere):
    def evidence(self, context: CheckContext, passed: bool, **more: Any) -> Evidence:
        subprocess.run(["true"], check=True)
        return super().evidence(context, passed)


class SaysNothing(NoteIsThere):
    def evidence(self, context: CheckContext, passed: bool, **more: Any) -> Evidence:
        return super().evidence(context, passed, summary="")


class SecondTimeLucky(NoteIsThere):
    looks = 0

    def evidence(self, context: CheckContext, passed: bool, **more: Any) -> Evidence:
        self.looks += 1
        return super().evidence(context, passed or self.looks > 1)


class PassesWhenKilled(NoteIsThere):
    async def check(self, task: Task | None, context: CheckContext) -> Any:
        done = await context.sandbox.run(["grep", "-q", ".", "note.md"], cwd=context.tree.path)
        return self.evidence(context, done.code != 1, log="")


class RecordsObjects(NoteIsThere):
    def evidence(self, context: CheckContext, passed: bool, **more: Any) -> Evidence:
        return super().evidence(context, passed, details={"tree": context.tree.path})


class CheckSuite(CheckContract):
    component: ClassVar[type[NoteIsThere]] = NoteIsThere

    def make_check(self) -> Check:
        return self.component()

    def good(self) -> CheckCase:
        return CheckCase(task=NOTE, files={"note.md": "a note"})

    def bad(self) -> CheckCase:
        return CheckCase(task=NOTE, files={"note.md": " \n"})


@pytest.mark.parametrize(
    ("check", "promise"),
    [
        (PassesAll, "test_bad_work_is_refused"),
        (RefusesAll, "test_good_work_passes"),
        (ForgetsTheTree, "test_evidence_can_be_recorded"),
        (RecordsObjects, "test_evidence_can_be_recorded"),
        (LogsElsewhere, "test_logs_are_where_the_evidence_says"),
        (CleansUp, "test_the_tree_stays_as_it_is"),
        (RunsOutside, "test_everything_runs_in_the_sandbox"),
        (SaysNothing, "test_bad_work_is_refused"),
        (SecondTimeLucky, "test_it_is_repeatable"),
        (PassesWhenKilled, "test_a_command_that_is_cut_off_proves_nothing"),
    ],
)
def test_faults_of_checks_are_found(broken_promises: Broken, check: type, promise: str) -> None:
    """The promise that the fault breaks is reported."""
    assert promise in broken_promises(type("Faulty", (CheckSuite,), {"component": check}), promise)


def test_a_sound_check_passes(broken_promises: Broken) -> None:
    """What the faulty ones are made from breaks nothing."""
    assert broken_promises(CheckSuite) == {}


# --- languages ------------------------------------------------------------------------------------------------------

_TESTS = """
import pathlib, sys
red = any("bad" in pathlib.Path(path).read_text() for path in sys.argv[3:] or ["t.test"])
pathlib.Path(sys.argv[1]).write_text("<testsuites><testsuite><testcase name='t'>" + "<failure/>" * red + "</testcase></testsuite></testsuites>")
if sys.argv[2]: pathlib.Path(sys.argv[2]).write_text("{}")
sys.exit(red)
"""
_COMPILE = "import sys; bad = [p for p in sys.argv[1:] if '(' in open(p).read()]; print(bad); sys.exit(bool(bad))"


class Words:
    """Every line of a ``.words`` file defines a symbol: what the faulty ones are made from."""

    name = "words"

    def layout(self, specification: Specification) -> Layout | None:
        return None

    def compile_command(self, paths: Sequence[str]) -> tuple[str, ...]:
        return (sys.executable, "-I", "-S", "-c", _COMPILE, *paths)

    def test_command(self, paths: Sequence[str], *, results: str, coverage: str | None = None) -> tuple[str, ...]:
        return (sys.executable, "-I", "-S", "-c", _TESTS, results, coverage or "", *paths)

    def is_test(self, path: str) -> bool:
        return path.endswith(".test")

    def is_source(self, path: str) -> bool:
        return path.endswith(".words")

    def missing_symbols(self, tree: Path, promised: Sequence[ArtifactRef]) -> tuple[str, ...]:
        known = {line for file in tree.glob("*.words") for line in file.read_text().splitlines()}
        return tuple(ref.name for ref in promised if ref.type == "symbol" and ref.name not in known)

    async def environment(self, tree: Path) -> Environment:
        return Environment(digest="1")


class AllMissing(Words):
    def missing_symbols(self, tree: Path, promised: Sequence[ArtifactRef]) -> tuple[str, ...]:
        return tuple(ref.name for ref in promised)


class TestsAreSources(Words):
    __test__ = False

    def is_test(self, path: str) -> bool:
        return True


class CompilesAnything(Words):
    def compile_command(self, paths: Sequence[str]) -> tuple[str, ...]:
        return ("true",)


class LeavesObjects(Words):
    def compile_command(self, paths: Sequence[str]) -> tuple[str, ...]:
        return (*super().compile_command(paths)[:4], _COMPILE.replace(";", "; open('a.o', 'w');", 1), *paths)


class AlwaysGreen(Words):
    def test_command(self, paths: Sequence[str], *, results: str, coverage: str | None = None) -> tuple[str, ...]:
        command = super().test_command(paths, results=results, coverage=coverage)
        return (*command[:4], command[4].replace("sys.exit(red)", "sys.exit(0)"), *command[5:])


class NoResults(Words):
    def test_command(self, paths: Sequence[str], *, results: str, coverage: str | None = None) -> tuple[str, ...]:
        return super().test_command(paths, results=results + ".old", coverage=coverage)


class NoCoverage(Words):
    def test_command(self, paths: Sequence[str], *, results: str, coverage: str | None = None) -> tuple[str, ...]:
        return super().test_command(paths, results=results)


class RunsFiles(Words):
    def missing_symbols(self, tree: Path, promised: Sequence[ArtifactRef]) -> tuple[str, ...]:
        for file in tree.glob("*.words"):
            if "touch" in file.read_text():
                (tree / "touched").write_text("")
        return super().missing_symbols(tree, promised)


class EnvironmentsDiffer(Words):
    async def environment(self, tree: Path) -> Environment:
        return Environment(digest=str(time.monotonic()))


class LanguageSuite(LanguageContract):
    component: ClassVar[type[Words]] = Words

    def make_language(self) -> Language:
        return self.component()

    def sample(self) -> SourceSample:
        return SourceSample(
            path="a.words",
            text="one\n",
            malformed="one (\n",
            symbol="one",
            absent="two",
            test_path="t.test",
            passing="good",
            failing="bad",
            with_side_effect="one\ntouch\n",
        )


@pytest.mark.parametrize(
    ("language", "promise"),
    [
        (AllMissing, "test_missing_symbols_are_named"),
        (TestsAreSources, "test_sources_and_tests_are_told_by_name"),
        (CompilesAnything, "test_the_compiler_tells_good_from_bad"),
        (LeavesObjects, "test_the_compiler_tells_good_from_bad"),
        (AlwaysGreen, "test_the_test_command_tells_good_from_bad"),
        (NoResults, "test_the_test_command_tells_good_from_bad"),
        (NoCoverage, "test_coverage_is_written_when_wanted"),
        (RunsFiles, "test_files_are_read_and_never_run"),
        (EnvironmentsDiffer, "test_the_environment_is_named"),
    ],
)
def test_faults_of_languages_are_found(broken_promises: Broken, language: type, promise: str) -> None:
    """The promise that the fault breaks is reported."""
    assert promise in broken_promises(type("Faulty", (LanguageSuite,), {"component": language}), promise)


def test_a_sound_language_passes(broken_promises: Broken) -> None:
    """What the faulty ones are made from breaks nothing."""
    assert broken_promises(LanguageSuite) == {}


# --- reporters ------------------------------------------------------------------------------------------------------


class Lines:
    """One line per task: what the faulty ones are made from."""

    def write(
        self, result: ExecutionResult, plan: ExecutionPlan, events: Sequence[Event], folder: Path
    ) -> Sequence[Path]:
        path = folder / "report.txt"
        lines = [f"{result.run} {result.status}", *(each.id for each in plan.specification.requirements)]
        lines += [f"{task.id} {task.status} {task.title} {task.error or ''}" for task in result.task_results]
        path.write_text("\n".join(self.clean(line) for line in lines), encoding="utf-8")
        return [path]

    def clean(self, line: str) -> str:
        return "".join(character for character in line if character.isprintable())


class WritesBesides(Lines):
    def write(self, result: Any, plan: Any, events: Any, folder: Path) -> Sequence[Path]:
        (folder.parent / "index.txt").write_text(result.run)
        return super().write(result, plan, events, folder)


class ReturnsNothing(Lines):
    def write(self, result: Any, plan: Any, events: Any, folder: Path) -> Sequence[Path]:
        super().write(result, plan, events, folder)
        return []


class AlwaysCheerful(Lines):
    def write(self, result: Any, plan: Any, events: Any, folder: Path) -> Sequence[Path]:
        (folder / "report.txt").write_text("all is well")
        return [folder / "report.txt"]


class NeedsEvents(Lines):
    def write(self, result: Any, plan: Any, events: Any, folder: Path) -> Sequence[Path]:
        assert events[0].type == "run.started"
        return super().write(result, plan, events, folder)


class StampsTheTime(Lines):
    def clean(self, line: str) -> str:
        return super().clean(line) + f" {time.monotonic_ns()}"


class RawText(Lines):
    def clean(self, line: str) -> str:
        return line


class FirstTenOnly(Lines):
    def write(self, result: Any, plan: Any, events: Any, folder: Path) -> Sequence[Path]:
        (path,) = super().write(result, plan, events, folder)
        path.write_text("\n".join(path.read_text().splitlines()[:10]))
        return [path]


class ReporterSuite(ReporterContract):
    component: ClassVar[type[Lines]] = Lines

    def make_reporter(self) -> Reporter:
        return self.component()


@pytest.mark.parametrize(
    ("reporter", "promise"),
    [
        (WritesBesides, "test_it_writes_what_it_returns"),
        (ReturnsNothing, "test_it_writes_what_it_returns"),
        (AlwaysCheerful, "test_the_outcome_is_told"),
        (NeedsEvents, "test_a_run_without_tasks_is_reported"),
        (StampsTheTime, "test_reports_of_the_same_run_are_the_same"),
        (RawText, "test_hostile_text_stays_text"),
        (FirstTenOnly, "test_every_task_is_there"),
    ],
)
def test_faults_of_reporters_are_found(broken_promises: Broken, reporter: type, promise: str) -> None:
    """The promise that the fault breaks is reported."""
    assert promise in broken_promises(type("Faulty", (ReporterSuite,), {"component": reporter}), promise)


def test_a_sound_reporter_passes(broken_promises: Broken) -> None:
    """What the faulty ones are made from breaks nothing."""
    assert broken_promises(ReporterSuite) == {}
