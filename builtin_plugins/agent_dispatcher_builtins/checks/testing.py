"""The check ``pytest``: the tests that concern a task, and of a whole all of them; of the finished whole with coverage.

For a subject those test tasks count whose subjects are all in the tree, this one included. A test task is judged by its own files: with a subject
still missing it may fail only because of that (*expected red*), with all there it must be green. Results are read from the files the tools write for
machines, never from what they print.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from agent_dispatcher.errors import PathRefused
from agent_dispatcher.extension import CheckContext
from agent_dispatcher.extension.components import Language
from agent_dispatcher.models import Evidence, ExecutionPlan, Task
from agent_dispatcher.workspace.path_guard import GuardedFolder

from ..doneness.run import left_out
from .absent import AbsentNames, tasks_behind
from .evidence import WORK_TYPES, evidence
from .junit import Case, Results, coverage_by_file, coverage_percent
from .running import ALL_PASSED, hear, hear_in_parts

__all__ = ["PytestCheck", "test_files_of"]

_NAME = "pytest"
_MAX_FAILED = 50
#: Of a whole all that failed is named, so that it can be told from what failed before (the dispatcher keeps the first); of more than that only how
#: many there are, and a digest of their names.
_MOST_NAMED = 5000
_LONGEST_MESSAGE = 300
_MAX_SHOWN = 3


class PytestCheck:
    """See :class:`agent_dispatcher.extension.Check`."""

    needs_files = True

    def __init__(self) -> None:
        self._index: tuple[ExecutionPlan, dict[str, list[Task]]] | None = None

    def applies(self, task: Task | None, plan: ExecutionPlan) -> bool:
        """To test tasks, to what they verify, and to the whole of a plan that writes code."""
        if task is None:
            return any(other.type in WORK_TYPES for other in plan.tasks)
        return task.type == "testing" or bool(task.verifies) or task.id in self._tests_by_subject(plan)

    async def check(self, task: Task | None, context: CheckContext) -> Evidence:
        """Run the tests in the sandbox, on the tree as it would land."""
        language = context.language
        if language is None:
            return evidence(task, context, _NAME, passed=True, summary="no language is active", nothing=True)
        if task is None:
            return await self._whole(context, language)
        files, subjects = self.concerning(task, context, language)
        if not files:
            return evidence(task, context, _NAME, passed=True, summary="no tests concern it yet", nothing=True)
        missing = tasks_behind(context.plan, subjects, context.landed)
        return await self._judge(task, context, language, files, missing, coverage=False)

    def concerning(self, task: Task, context: CheckContext, language: Language) -> tuple[list[str], tuple[str, ...]]:
        """The test files that a task is judged by, and the tasks that have to be there for them to be green."""
        if task.verifies or task.type == "testing":
            return test_files_of(task, context, language), task.verifies
        complete = [
            other
            for other in self._tests_by_subject(context.plan).get(task.id, ())
            if context.landed.issuperset((other.id, *other.verifies))
        ]
        return sorted({file for other in complete for file in test_files_of(other, context, language)}), ()

    def _tests_by_subject(self, plan: ExecutionPlan) -> dict[str, list[Task]]:
        """Subject to the test tasks that verify it, in order of the plan; built once per plan."""
        if self._index is None or self._index[0] is not plan:
            tests: dict[str, list[Task]] = {}
            for task in plan.tasks:
                for subject in task.verifies:
                    tests.setdefault(subject, []).append(task)
            self._index = (plan, tests)
        return self._index[1]

    async def _whole(self, context: CheckContext, language: Language) -> Evidence:
        promised = any(other.type == "testing" and other.id in context.landed for other in context.plan.tasks)
        tests = [path for path in GuardedFolder(context.tree.path).files() if language.is_test(path)]
        if not promised and not tests:
            return evidence(None, context, _NAME, passed=True, summary="there are no tests", nothing=True)
        files: list[str] = []
        if context.only:
            # Whole files: tests of one file may need each other, and not every framework can run one by its name.
            named = {name.partition("::")[0] for name in context.only}
            files = [path for path in tests if path in named]
            if not files:
                summary = "what failed is not there"
                return evidence(None, context, _NAME, passed=True, summary=summary, nothing=True)
        subjects = {subject for other in context.plan.tasks if other.id in context.landed for subject in other.verifies}
        missing = tasks_behind(context.plan, subjects, context.landed)
        coverage = (context.complete or not context.on_the_way) and not context.only
        return await self._judge(None, context, language, files, missing, coverage=coverage, every=files or tests)

    async def _judge(
        self,
        task: Task | None,
        context: CheckContext,
        language: Language,
        files: Sequence[str],
        missing: frozenset[str],
        *,
        coverage: bool,
        every: Sequence[str] = (),
    ) -> Evidence:
        """Run ``files`` (all where there are none), which are ``every`` one, if it is about the whole."""
        heard = await hear(context, language, files, coverage=coverage)
        if heard.results is None and every and not heard.timed_out:
            heard = await hear_in_parts(context, language, every, heard)
        results, log = heard.results, heard.log
        if results is None:
            details: dict[str, object] = {"could_not_run": True} if task is None else {}
            if task is None and heard.timed_out:
                details["timed_out"] = True
            return evidence(task, context, _NAME, passed=False, summary=heard.why, log=log, details=details)
        absent = AbsentNames(
            (ref for other in context.plan.tasks if other.id in missing for ref in other.produces), language
        )
        explained = {case.name: why for case in results.red() if (why := absent.explain(case)) is not None}
        truly_red = [case for case in results.red() if case.name not in explained]
        unseen = left_out(results, files, context.tree.path, language)
        unnoticed = [Case(name=each, outcome="error") for each in unseen]
        percent, by_file = coverage_percent(heard.measured), coverage_by_file(heard.measured)
        ran = results.count("passed")
        expected_red = bool(explained) and not truly_red and not unseen
        if task is None:
            passed = not truly_red and not unseen and ran > 0
            expected_red = expected_red and not passed
        else:
            passed = heard.done.code == ALL_PASSED and not results.red() and not unseen and ran > 0
        return evidence(
            task,
            context,
            _NAME,
            passed=passed,
            expected_red=expected_red,
            proof=passed,
            summary=_summary(results, truly_red, sorted(set(explained.values())), percent, unseen),
            log=log,
            details={
                "tests": len(results.cases),
                "passed": ran,
                "failures": results.count("failed"),
                "errors": results.count("error"),
                "skipped": results.count("skipped"),
                "failed": _failed(truly_red, _MAX_FAILED)
                if task is not None
                else _failed([*truly_red, *unnoticed], _MOST_NAMED),
                **({"as_finished": True} if task is None and coverage else {}),
                **({"silent": list(heard.silent)} if heard.silent else {}),
                "coverage_percent": percent,
                **({"coverage_by_file": by_file} if by_file else {}),
                "expected_red_reasons": sorted(set(explained.values())),
                "files": list(files),
                **({"left_out": list(unseen)} if unseen else {}),
            },
        )


def test_files_of(task: Task, context: CheckContext, language: Language) -> list[str]:
    """The test files a test task promised, and for the one that is being landed those it changed."""
    folder = GuardedFolder(context.tree.path)
    named = {ref.name for ref in task.produces if ref.type == "path"}
    named |= {path for change in context.tree.changes if change.task == task.id for path in change.paths}
    found = []
    for path in sorted(named):
        if language.is_test(path):
            try:
                if folder.exists(path):
                    found.append(path)
            except PathRefused:
                continue
    return found


def _failed(red: Sequence[Case], most: int) -> list[dict[str, str]]:
    """The failures as evidence names them; the first of them say why at length."""
    named = [
        {"test": case.name, "message": case.message if place < _MAX_FAILED else case.message[:_LONGEST_MESSAGE]}
        for place, case in enumerate(red[:most])
    ]
    rest = sorted(case.name for case in red[most:])
    if rest and most == _MOST_NAMED:
        digest = hashlib.sha256("\0".join(rest).encode("utf-8", "surrogatepass")).hexdigest()
        named.append({"test": f"and {len(rest)} more (sha256:{digest[:16]})", "message": ""})
    return named


def _summary(
    results: Results, truly_red: Sequence[Case], absent: Sequence[str], percent: float | None, unseen: Sequence[str]
) -> str:
    parts = [f"{results.count('passed')} passed" if results.cases else "no test was found"]
    if truly_red:
        parts.append(f"{len(truly_red)} failed")
    if absent:
        parts.append(f"expected red: {', '.join(absent[:_MAX_SHOWN])}")
    if results.count("skipped"):
        parts.append(f"{results.count('skipped')} skipped")
    if percent is not None:
        parts.append(f"{percent:g} % of lines and branches")
    text = ", ".join(parts)
    if unseen:
        text += ": " + "; ".join(unseen[:_MAX_SHOWN])
    if truly_red:
        text += ": " + "; ".join(f"{case.name}: {case.message}" for case in truly_red[:_MAX_SHOWN])
    return text
