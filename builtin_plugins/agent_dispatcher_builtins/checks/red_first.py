"""The check ``red-first``: tests fail without the code they are about.

It is asked about tasks that verify others, and runs their tests once more with that code made hollow. With this, a test that lands has been red for
the right reason; that it is green with its subject is for the check ``pytest`` to see.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from agent_dispatcher.extension import CheckContext, Completed, Limits
from agent_dispatcher.extension.components import HollowTesting
from agent_dispatcher.models import Evidence, ExecutionPlan, Task
from agent_dispatcher.workspace.path_guard import read_untrusted

from ..doneness.hollow import modules_of, unmoved
from .evidence import evidence
from .junit import parse_junit
from .testing import test_files_of

__all__ = ["RedFirstCheck"]

_NAME = "red-first"
_RESULTS = "hollow.xml"
_LIMITS = Limits(timeout_s=300.0, output_bytes=1024**2)
_MAX_RESULT_BYTES = 64 * 1024**2
_MAX_SHOWN = 5


class RedFirstCheck:
    """See :class:`agent_dispatcher.extension.Check`."""

    needs_files = True

    def applies(self, task: Task | None, plan: ExecutionPlan) -> bool:
        """To tasks that write tests of other tasks' work."""
        return task is not None and task.type == "testing" and bool(task.verifies)

    async def check(self, task: Task | None, context: CheckContext) -> Evidence:
        """Run the tests in the sandbox, without their subjects."""
        assert task is not None
        language = context.language
        if not isinstance(language, HollowTesting):
            return evidence(
                task,
                context,
                _NAME,
                passed=True,
                summary="the language cannot run tests without their subject",
                nothing=True,
            )
        subjects = {each.id: each for each in context.plan.tasks if each.id in task.verifies}
        modules = modules_of(
            (ref for name in task.verifies if name in subjects for ref in subjects[name].produces), language
        )
        files = test_files_of(task, context, language)
        if not modules or not files:
            summary = "the subjects promise no module" if files else "no tests were written"
            return evidence(task, context, _NAME, passed=True, summary=summary, nothing=True)
        done, data = await _run(context, language, files, modules)
        try:
            results = parse_junit(data) if data is not None else None
        except ValueError:
            results = None
        if results is None or done.limit_hit:
            why = f"the tests were stopped ({done.limit_hit})" if done.limit_hit else "the tests left no results"
            return evidence(task, context, _NAME, passed=False, summary=why, log=done.stdout + done.stderr)
        found = unmoved(results, files)
        told = "; ".join(map(str, found[:_MAX_SHOWN])) + (
            f"; and {len(found) - _MAX_SHOWN} more" if len(found) > _MAX_SHOWN else ""
        )
        return evidence(
            task,
            context,
            _NAME,
            passed=not found,
            summary=told
            or f"{len(results.red())} tests, each red without {', '.join(modules[:3])}{'…' if len(modules) > 3 else ''}",
            log="\n".join(map(str, found)),
            details={"tests": len(results.cases), "without": list(modules), "unmoved": len(found)},
        )


async def _run(
    context: CheckContext, language: HollowTesting, files: list[str], modules: tuple[str, ...]
) -> tuple[Completed, bytes | None]:
    assert context.language is not None
    tree = context.tree.path
    environment = await context.language.environment(tree)
    context.log_dir.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".hollow-", dir=context.log_dir))
    try:
        done = await context.sandbox.run(
            language.hollow_test_command([f"./{each}" for each in files], modules, results=str(scratch / _RESULTS)),
            cwd=tree,
            writable=(scratch,),
            read_only=(tree, *environment.read_only),
            env=environment.env,
            limits=_LIMITS,
        )
        return done, read_untrusted(scratch, _RESULTS, max_bytes=_MAX_RESULT_BYTES)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
