"""What a run of tests came to, read from the files the tools write for machines."""

from __future__ import annotations

from attrs import frozen

from agent_dispatcher.agents.base_agent import AgentWorkspace
from agent_dispatcher.extension.components import Completed

from ...checks.junit import coverage_percent, parse_junit

__all__ = ["TestRun", "read_results"]


@frozen(kw_only=True)
class TestRun:
    """Numbers of one run.

    Attributes:
        passed, failed: tests that ended so; one that could not be collected counts as failed.
        coverage_percent: lines and branches of the package, ``None`` where nothing was measured.
        problem: why there are no numbers.
    """

    __test__ = False

    passed: int = 0
    failed: int = 0
    coverage_percent: float | None = None
    problem: str = ""

    @property
    def summary(self) -> str:
        """One phrase: ``18 passed, 0 failed, 92 % covered``."""
        if self.problem:
            return self.problem
        covered = "" if self.coverage_percent is None else f", {self.coverage_percent:g} % covered"
        return f"{self.passed} passed, {self.failed} failed{covered}"


def read_results(workspace: AgentWorkspace, results: str, coverage: str, done: Completed) -> TestRun:
    """The numbers of a run that wrote ``results`` (JUnit XML) and ``coverage`` (JSON); nothing that it printed counts."""
    try:
        found = parse_junit(workspace.read_bytes(results))
    except (FileNotFoundError, ValueError) as error:
        reason = done.limit_hit or str(error)
        return TestRun(problem=f"the tests could not be run to their end ({reason})")
    measured = workspace.read_bytes(coverage) if workspace.exists(coverage) else None
    return TestRun(
        passed=found.count("passed"),
        failed=len(found.red()),
        coverage_percent=coverage_percent(measured),
    )
