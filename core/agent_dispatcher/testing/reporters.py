"""What a reporter must keep to: files in its folder, the truth about failures, and no harm from hostile text."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from attrs import evolve

from ..extension.components import PlanRenderer, Reporter
from ..models import ExecutionPlan, ExecutionResult
from .contract import Contract
from .samples import HOSTILE, hostile_plan, large_plan, result_of, sample_plan, story_of

__all__ = ["ReporterContract"]

_ERROR = "unmistakable-reason-of-a-failure at spec.md:12"


class ReporterContract(Contract):
    """Subclass it and override :meth:`make_reporter`.

    Attributes:
        tells_failures: whether the report is about what went wrong, too; ``False`` for one that only counts.
        markup: whether its files are HTML, in which text must not become tags.
    """

    tells_failures: ClassVar[bool] = True
    markup: ClassVar[bool] = False

    def make_reporter(self) -> Reporter:
        """A fresh instance."""
        self.to_override("make_reporter(self)")

    def test_it_writes_what_it_returns(self, tmp_path: Path) -> None:
        """The returned paths are files in the folder that hold something, and nothing else is written."""
        written = self._written(sample_plan(), tmp_path)
        self.promise(written, "it wrote and returned no file", "write returns the files it wrote")
        empty = sorted(path for path, data in written.items() if not data)
        self.promise(not empty, f"these files are empty: {empty}", "a report says something")

    def test_the_outcome_is_told(self, tmp_path: Path) -> None:
        """Completed and failed runs are told apart, and the reason of a failure stands in the report."""
        plan = sample_plan()
        good = self._written(plan, tmp_path / "good")
        bad = self._written(plan, tmp_path / "bad", result_of(plan, "failed", _ERROR))
        self.promise(
            good != bad, "a completed and a failed run have the same report", "the report says how the run ended"
        )
        if self.tells_failures:
            told = any(b"unmistakable-reason-of-a-failure" in data for data in bad.values())
            self.promise(
                told,
                "the reason of a task's failure is nowhere in the report",
                "what went wrong is told with its reason",
            )

    def test_every_task_is_there(self, tmp_path: Path) -> None:
        """Each task and each requirement of the run is in the report by its id or title."""
        if not self.tells_failures:
            self.skip("the suite says that the reporter only counts")
        plan = large_plan(40)
        text = b"\n".join(self._written(plan, tmp_path).values())
        missing = [task.id for task in plan.tasks if task.id.encode() not in text and task.title.encode() not in text]
        missing += [each.id for each in plan.specification.requirements if each.id.encode() not in text]
        self.promise(
            not missing, f"these are nowhere in the report: {missing[:5]}", "tasks and requirements are all told"
        )

    def test_a_run_without_tasks_is_reported(self, tmp_path: Path) -> None:
        """No tasks, no events and no metrics are no error."""
        plan = ExecutionPlan(specification=sample_plan().specification, tasks=())
        self._written(plan, tmp_path, result_of(plan), story=False)

    def test_hostile_text_stays_text(self, tmp_path: Path) -> None:
        """Titles, errors and warnings may hold anything: markup, terminal codes, other alphabets."""
        plan = evolve(hostile_plan(), warnings=(HOSTILE,))
        written = self._written(plan, tmp_path, result_of(plan, "failed", HOSTILE))
        for path, data in written.items():
            self.promise(
                b"\x1b[31m" not in data and b"\x07" not in data,
                f"{path} holds terminal codes",
                "control characters do not get through to a reader",
            )
            if self.markup:
                self.promise(
                    b"<script>alert(1)" not in data.lower(), f"{path} holds a script from a title", "text is escaped"
                )

    def test_reports_of_the_same_run_are_the_same(self, tmp_path: Path) -> None:
        """Writing again gives the same bytes, also over an earlier report."""
        plan = sample_plan()
        first = self._written(plan, tmp_path)
        second = self._written(plan, tmp_path)
        changed = sorted(path for path in first if first[path] != second.get(path))
        self.promise(
            first == second,
            f"the second report of the same run differs in {changed}",
            "a report depends on the run only, and replaces an earlier one",
        )

    def test_a_large_run_is_reported_soon(self, tmp_path: Path) -> None:
        """300 tasks take less than ten seconds."""
        begun = time.process_time()
        self._written(large_plan(300), tmp_path)
        took = time.process_time() - begun
        self.promise(
            took < 10.0, f"the report of 300 tasks took {took:.1f} seconds", "a report is written within seconds"
        )

    def test_a_plan_it_shows_is_whole_and_harmless(self, tmp_path: Path) -> None:
        """A reporter that also shows plans (:class:`PlanRenderer`) gives one text for one plan, with every task, and hostile text stays text."""
        reporter = self.make_reporter()
        if not isinstance(reporter, PlanRenderer):
            self.skip("the reporter shows no plans")
        suffix = reporter.plan_suffix
        self.promise(
            suffix == suffix.lower() and suffix.startswith(".") and suffix != ".json",
            f"its plan_suffix is {suffix!r}",
            "a suffix is in lower case, begins with a dot, and is not that of plan files",
        )
        plan = large_plan(40)
        text = reporter.render_plan(plan)
        self.promise(
            text == reporter.render_plan(plan),
            "it shows the same plan in two ways",
            "the same plan gives the same text",
        )
        missing = [task.id for task in plan.tasks if task.id not in text and task.title not in text]
        self.promise(not missing, f"these are nowhere in it: {missing[:5]}", "tasks are all shown")
        hostile = reporter.render_plan(evolve(hostile_plan(), warnings=(HOSTILE,)))
        self.promise(
            "\x1b[31m" not in hostile and "\x07" not in hostile,
            "it holds terminal codes",
            "control characters do not get through to a reader",
        )
        if self.markup:
            self.promise("<script>alert(1)" not in hostile.lower(), "it holds a script from a title", "text is escaped")
        reporter.render_plan(ExecutionPlan(specification=sample_plan().specification, tasks=()))

    # --- inside -------------------------------------------------------------------------------------------------------

    def _written(
        self, plan: ExecutionPlan, place: Path, result: ExecutionResult | None = None, *, story: bool = True
    ) -> Mapping[str, bytes]:
        folder = place / "report"
        folder.mkdir(parents=True, exist_ok=True)
        before = {path for path in place.rglob("*") if path.is_file()}
        result = result or result_of(plan)
        events = story_of(plan, result.status) if story else ()
        try:
            returned = [Path(path) for path in self.make_reporter().write(result, plan, events, folder)]
        except Exception as error:
            self.broken(f"write raised {type(error).__name__}: {error}", "every run can be reported")
        outside = [str(path) for path in returned if not path.resolve().is_relative_to(folder.resolve())]
        self.promise(not outside, f"it wrote outside its folder: {outside}", "files are written into the folder")
        absent = [path.name for path in returned if not path.is_file()]
        self.promise(not absent, f"it returned files that are not there: {absent}", "write returns the files it wrote")
        now = {path for path in place.rglob("*") if path.is_file()}
        silent = sorted(
            path.name for path in now - before - {path if path.is_absolute() else folder / path for path in returned}
        )
        self.promise(not silent, f"it wrote files that it did not return: {silent}", "write returns all files it wrote")
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(returned)}
