"""The tester: writes the test files of one task, from what the specification declares, or with a model from what it says; with a model it reviews."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

from attrs import evolve

from agent_dispatcher.agents.base_agent import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.behaviour import ExpressionProblem
from agent_dispatcher.errors import SpecificationError
from agent_dispatcher.extension.components import Language, Limits
from agent_dispatcher.models import Artifact, Behaviour, Task

from ...languages.python.interface import package_name, source_path
from ..by_model.options import ModelOptions
from .acceptance import follows_from_behaviour, promised_paths
from .evidence import TestRun, read_results
from .examples import contradictions
from .generation import concerned, generate

__all__ = ["TesterAgent"]

_FEEDBACK = 600
_RESULTS, _COVERAGE = ".tester-results.xml", ".tester-coverage.json"
_LONGEST_RUN_S = 120.0


class TesterAgent(BaseAgent):
    """Derives tests from entities, operations and examples, with no model and no guess; where nothing is declared, a model writes them.

    It never sees the code it tests: what it shares with whoever writes that is the specification and
    :mod:`agent_dispatcher_builtins.languages.python.interface`. Examples that contradict the operations of their own specification
    end the task for good, since no code could satisfy both.

    Args:
        options: how it uses a model.
        review_template: a file to use instead of the packaged prompt for reviews.
    """

    __test__ = False
    commands_write = False

    def __init__(self, options: ModelOptions | None = None, *, review_template: Path | None = None) -> None:
        self._options = options or ModelOptions()
        self._review_template = review_template

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        """Write the files of ``task``, or the note of a review; see :meth:`agent_dispatcher.agents.BaseAgent.execute`."""
        if task.type == "review":
            return await self._review(task, context)
        behaviour = context.specification.behaviour
        paths = promised_paths(task)
        if context.llm is not None and not follows_from_behaviour(task, context.specification):
            from .writing import write_tests

            return await write_tests(task, context, self._options)
        if behaviour is None or not paths:
            return AgentResult(status="declined", error="nothing is declared to derive tests from")
        if context.feedback:
            return _final(
                "the tests follow from the specification alone and would be the same again; "
                f"the checks said: {context.feedback.strip()[:_FEEDBACK]}"
            )
        try:
            wrong = contradictions(behaviour, concerned(behaviour, paths))
            if wrong:
                return _final("\n".join(str(problem) for problem in wrong))
            context.progress(0.1, "looking for situations that matter")
            files = await asyncio.to_thread(generate, behaviour, paths)
        except (SpecificationError, ExpressionProblem) as error:
            return _final(str(error))
        except KeyError as error:
            return AgentResult(status="declined", error=f"{error.args[0]} does not follow from the declared behaviour")
        for path, text in files.items():
            context.workspace.write_text(path, text)
        context.progress(0.8, "compiling")
        problem = await _malformed(context, tuple(files))
        if problem:
            return _final(problem)
        run = await _run_where_possible(behaviour, files, context)
        told = f"; {run.summary}" if run is not None else "; what they test is not there yet"
        return AgentResult(
            status="done",
            summary=f"derived {', '.join(files)}{told}",
            artifacts=tuple(Artifact(name=path, type="test", path=path, task=task.id) for path in files),
        )

    async def _review(self, task: Task, context: AgentContext) -> AgentResult:
        if context.llm is None:
            return AgentResult(
                status="declined", error="a review takes judgement, and no model is there to read the work"
            )
        from .reviewing.reviewer import review

        return await review(task, context, evolve(self._options, template=self._review_template))


def _final(error: str) -> AgentResult:
    return AgentResult(status="failed", permanent=True, error=error)


async def _malformed(context: AgentContext, paths: tuple[str, ...]) -> str | None:
    """What the compiler says against the files, if anything."""
    if context.language is None:
        return None
    done = await context.sandbox.run(context.language.compile_command(paths), Limits(timeout_s=60.0))
    if done.code == 0:
        return None
    return f"the derived tests do not compile: {(done.stdout + done.stderr).strip()[:_FEEDBACK]}"


async def _run_where_possible(behaviour: Behaviour, files: dict[str, str], context: AgentContext) -> TestRun | None:
    """Run the tests with coverage, if all that they import is there already; ``None`` otherwise.

    What comes of it is told, not judged: checks decide on the tree that lands.
    """
    language = context.language
    if language is None or not _subjects_are_there(behaviour, files, context):
        return None
    context.progress(0.9, "running the tests")
    return await _run(language, tuple(files), context)


async def _run(language: Language, paths: tuple[str, ...], context: AgentContext) -> TestRun | None:
    tests = [path for path in paths if language.is_test(path)]
    left_s = context.deadline - time.monotonic()
    limits = Limits(timeout_s=max(1.0, min(_LONGEST_RUN_S, left_s - 5.0)))
    done = await context.sandbox.run(language.test_command(tests, results=_RESULTS, coverage=_COVERAGE), limits)
    try:
        return read_results(context.workspace, _RESULTS, _COVERAGE, done)
    finally:
        for path in (_RESULTS, _COVERAGE):
            if context.workspace.exists(path):
                context.workspace.delete(path)


def _subjects_are_there(behaviour: Behaviour, files: dict[str, str], context: AgentContext) -> bool:
    """Whether every module of the package that the tests import has been written."""
    package = package_name(behaviour)
    imported = re.compile(rf"^from ({re.escape(package)}\.[\w.]+) import ", re.MULTILINE)
    modules = {module for text in files.values() for module in imported.findall(text)}
    return all(context.workspace.exists(source_path(module)) for module in modules)
