"""Tests that a model writes from the specification, without the code they are about: asked, tried against hollow code, told what is wrong, asked again.

The model sees the specification, what the subjects promise, and files of the repository that are not the subjects'. No test is ever run against the code under
test here, so that nothing of it can find its way into a test; whether the tests are green with their subject is decided at landing.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from attrs import evolve

from agent_dispatcher.agents.base_agent import AgentContext, AgentResult
from agent_dispatcher.extension.components import CodeTools, HollowTesting, Language, ToolsForTests
from agent_dispatcher.models import Artifact, ArtifactRef, Task

from ...doneness.hollow import modules_of, unmoved
from ..by_model.briefing import Briefing, brief
from ..by_model.fitting import tools_for_tests
from ..by_model.folder import Files
from ..by_model.named import symbols_of
from ..by_model.options import ModelOptions
from ..by_model.playing import in_rounds, not_good, nothing_to_try_with, play_rounds, without_room
from ..by_model.rounds import Best
from ..by_model.trying import Tried, Trying
from .acceptance import promised_paths

__all__ = ["write_tests"]

_RESULTS = ".dispatcher-results.xml"


async def write_tests(task: Task, context: AgentContext, options: ModelOptions) -> AgentResult:
    """Write the test files of ``task`` with ``context.llm``, in at most ``options.rounds`` rounds."""
    language = context.language
    if language is None:
        return nothing_to_try_with()
    subjects = tuple(
        ref for name in task.verifies for ref in context.promised.get(name, ()) if ref.type in ("path", "symbol")
    )
    briefing, best = await _play(
        _with_a_path(task, language, context.workspace.exists), context, language, options, subjects
    )
    if not best.good:
        return not_good(best)
    red = (
        f"{best.tried.failed} tests, each red without its subject"
        if best.tried.failed
        else "not tried without their subject, which promises no module"
    )
    return AgentResult(
        status="done",
        summary="; ".join((in_rounds(best), red, *without_room(briefing))),
        artifacts=tuple(
            Artifact(name=path, type="test", path=path, task=task.id)
            for path, text in best.files.items()
            if text is not None
        ),
    )


def _with_a_path(task: Task, language: Language, there: Callable[[str], bool]) -> Task:
    """A task that names no file gets one of its own, that is not there yet: what is there is not its own."""
    if promised_paths(task) or not isinstance(language, ToolsForTests):
        return task
    plain = name = "".join(letter if letter.isalnum() else "_" for letter in task.id.lower())
    numbers = count(2)
    while there(language.test_path(name)):
        name = f"{plain}_{next(numbers)}"
    return evolve(task, produces=(*task.produces, ArtifactRef(type="path", name=language.test_path(name))))


async def _play(
    task: Task, context: AgentContext, language: Language, options: ModelOptions, subjects: tuple[ArtifactRef, ...]
) -> tuple[Briefing, Best]:
    modules = modules_of(subjects, language)
    said = f"{task.description}\n{context.task_context(task).to_text()}"
    symbols = symbols_of(subjects, said, language)
    briefing = brief(
        task,
        context,
        "tests.jinja",
        own=options.template,
        max_input_tokens=options.max_input_tokens,
        needed={ref.name.partition(":")[0] for ref in task.consumes},
        hidden=_hiding(subjects, modules, language),
        subjects=_names(symbols, subjects, modules, tools_for_tests(language, context.workspace, promised_paths(task))),
        examples=language.example_tests(said, symbols) if isinstance(language, CodeTools) and symbols else "",
    )
    trying = Trying(task=task, context=context, language=language, refuse=_refusing(task, language))

    async def attempt(files: Files, before: Files) -> Tried:
        tried = await trying.attempt(files, before)
        return tried if tried.faults else await _without_subject(trying, task, modules, tried)

    return briefing, await play_rounds(task, context, options, briefing, trying, attempt=attempt)


def _names(
    symbols: tuple[str, ...], subjects: tuple[ArtifactRef, ...], modules: tuple[str, ...], tools: ToolsForTests | None
) -> tuple[str, ...]:
    """How the code under test is imported."""
    if tools is None:
        return (*symbols, *(each for each in modules if each not in symbols))
    taken = (each.partition(":") for each in symbols)
    paths = [ref.name for ref in subjects if ref.type == "path"]
    lines = [tools.import_line(module, name, paths) for module, _, name in taken if name]
    named = {each.partition(":")[0] for each in symbols}
    return (*lines, *(tools.import_line(module, "", paths) for module in modules if module not in named))


def _hiding(subjects: tuple[ArtifactRef, ...], modules: tuple[str, ...], language: Language) -> Callable[[str], bool]:
    """The files that hold the code under test."""
    paths = {ref.name for ref in subjects if ref.type == "path"}

    def hidden(path: str) -> bool:
        return path in paths or (isinstance(language, CodeTools) and language.module(path) in modules)

    return hidden


def _refusing(task: Task, language: Language) -> Callable[[str], str | None]:
    own = frozenset(promised_paths(task))

    def refuse(path: str) -> str | None:
        return None if path in own else f"only {', '.join(sorted(own))} is asked for"

    return refuse


async def _without_subject(trying: Trying, task: Task, modules: tuple[str, ...], tried: Tried) -> Tried:
    """Run the tests with their subject made hollow: each has to notice."""
    language: Any = trying.language
    files = [path for path in promised_paths(task) if language.is_test(path)]
    if not isinstance(language, HollowTesting) or not modules or not files:
        return tried
    done, results = await trying.run(files, language.hollow_test_command(files, modules, results=_RESULTS))
    if results is None:
        return evolve(
            tried, stage=3, faults=(f"the tests could not be run: {(done.stdout + done.stderr).strip()[:800]}",)
        )
    faults = tuple(map(str, unmoved(results, files)))
    return evolve(tried, stage=4 if faults else 5, faults=faults, failed=len(results.red()))
