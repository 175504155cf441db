"""The suite for checks finds planted faults."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from agent_dispatcher.extension import CheckContext
from agent_dispatcher.extension.components import Check
from agent_dispatcher.models import ArtifactRef, Evidence, ExecutionPlan, Task
from agent_dispatcher.testing import CheckCase, CheckContract

Broken = Callable[..., dict[str, str]]
NOTE = Task(id="note", title="Write a note", type="documentation", produces=(ArtifactRef(type="path", name="note.md"),))


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
