"""The check ``timing``: no test that concerns a task takes longer than is allowed; the slowest are recorded.

It times tests, and leaves it to ``pytest`` whether they are green: a test that could not run for want of its subject takes no time yet, and is timed when
that lands.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent_dispatcher.extension import CheckContext
from agent_dispatcher.models import Evidence, ExecutionPlan, Task

from .evidence import evidence
from .junit import Case, parse_junit
from .options import TimingOptions
from .running import run_tests
from .testing import PytestCheck

__all__ = ["TimingCheck"]

_NAME = "timing"
_MAX_SHOWN = 5


class TimingCheck:
    """See :class:`agent_dispatcher.extension.Check`."""

    needs_files = True

    def __init__(self, options: TimingOptions | None = None) -> None:
        self._options = options or TimingOptions()
        self._tests = PytestCheck()

    def applies(self, task: Task | None, plan: ExecutionPlan) -> bool:
        """To test tasks, and to what they verify: a test may be slow for either's sake."""
        return task is not None and self._tests.applies(task, plan)

    async def check(self, task: Task | None, context: CheckContext) -> Evidence:
        """Run the tests that concern the task in the sandbox, and read how long each took."""
        assert task is not None
        language = context.language
        files = self._tests.concerning(task, context, language)[0] if language is not None else []
        if language is None or not files:
            return evidence(task, context, _NAME, passed=True, summary="no tests concern it yet", nothing=True)
        done, data, _ = await run_tests(context, language, files, coverage=False)
        try:
            if data is None:
                raise ValueError(f"the tests left no results ({done.limit_hit or f'code {done.code}'})")
            cases = parse_junit(data).cases
        except ValueError as error:
            log = done.stdout + done.stderr
            return evidence(task, context, _NAME, passed=False, summary=f"nothing was timed: {error}", log=log)
        timed = sorted((case for case in cases if case.outcome in ("passed", "failed")), key=lambda case: -case.seconds)
        if not timed and not done.limit_hit:
            return evidence(task, context, _NAME, passed=True, summary="no test could run yet", nothing=True)
        return self._judged(task, context, timed, done.limit_hit or "")

    def _judged(self, task: Task, context: CheckContext, timed: Sequence[Case], stopped: str) -> Evidence:
        limit_s, slowest = self._options.limit_s, timed[: self._options.slowest]
        over = [case for case in timed if case.seconds > limit_s]
        rest = f"; and {len(over) - _MAX_SHOWN} more" if len(over) > _MAX_SHOWN else ""
        if stopped:
            summary = f"the tests were stopped ({stopped})"
        elif over:
            told = "; ".join(f"{case.name} takes {case.seconds:.2f} s" for case in over[:_MAX_SHOWN])
            summary = f"{told}{rest}: more than the {limit_s:g} s that a test may take"
        else:
            first = slowest[0]
            summary = f"{len(timed)} tests within {limit_s:g} s, the slowest {first.name} in {first.seconds:.2f} s"
        return evidence(
            task,
            context,
            _NAME,
            passed=not over and not stopped,
            summary=summary,
            log="\n".join(f"{case.seconds:9.3f} s  {case.name}" for case in timed),
            details={
                "limit_s": limit_s,
                "tests": len(timed),
                "over": len(over),
                "total_s": round(sum(case.seconds for case in timed), 3),
                "slowest": [{"test": case.name, "seconds": round(case.seconds, 3)} for case in slowest],
            },
        )
