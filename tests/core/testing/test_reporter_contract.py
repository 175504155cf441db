"""The suite for reporters finds planted faults."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from agent_dispatcher.extension.components import Reporter
from agent_dispatcher.models import Event, ExecutionPlan, ExecutionResult
from agent_dispatcher.testing import ReporterContract

Broken = Callable[..., dict[str, str]]


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
