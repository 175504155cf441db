"""Code that a model writes from prose: asked, tried, told what is wrong, asked again; handed in only when nothing is known to be wrong with it."""

from __future__ import annotations

from collections.abc import Callable

from agent_dispatcher.agents.base_agent import AgentContext, AgentResult
from agent_dispatcher.extension.components import CodeTools, Language
from agent_dispatcher.models import Artifact, Dispute, Task

from ...prompting.disputing import objection_in
from ..by_model.announced import announced
from ..by_model.briefing import Briefing, brief, provided_by
from ..by_model.named import symbols_of
from ..by_model.options import ModelOptions
from ..by_model.playing import in_rounds, not_good, nothing_to_try_with, play_rounds, without_room
from ..by_model.rounds import Best
from ..by_model.settled import by_chance
from ..by_model.trying import EXAMPLES, Tried, Trying
from .acceptance import promised_paths
from .generating import kind

__all__ = ["play", "write_task"]

#: Task types that change what is there.
_CHANGES = frozenset(("debugging", "refactoring"))


async def write_task(task: Task, context: AgentContext, options: ModelOptions) -> AgentResult:
    """Write the files of ``task`` with ``context.llm``, in at most ``options.rounds`` rounds."""
    if context.language is None:
        return nothing_to_try_with()
    briefing, best = await play(task, context, context.language, options)
    if best.dispute is not None:
        told = f"disputes {best.dispute.test}: the specification says “{best.dispute.quote}”"
        return AgentResult(status="failed", error=told, dispute=best.dispute)
    if not best.good:
        return not_good(best)
    return AgentResult(
        status="done",
        summary=_summary(best, briefing),
        artifacts=tuple(
            Artifact(name=path, type=kind(path), path=path, task=task.id)
            for path, text in best.files.items()
            if text is not None
        ),
    )


async def play(task: Task, context: AgentContext, language: Language, options: ModelOptions) -> tuple[Briefing, Best]:
    """The rounds alone: what the model was told, and the best it gave, which is in the attempt's folder whether it is good or not."""
    needed = {ref.name.partition(":")[0] for ref in task.consumes if ref.type in ("path", "symbol")}
    needed |= {made.path for made in context.inputs}
    tests = _tests_of(task, context, language)
    briefing = brief(
        task,
        context,
        "code.jinja",
        own=options.template,
        max_input_tokens=options.max_input_tokens,
        needed=needed,
        provided=provided_by(task, context.promised),
        messages=announced(context),
        disputes=bool(
            tests or context.feedback
        ),  # a small model disputes what it is told of, and examples cannot be disputed
    )
    symbols = symbols_of(task.produces, briefing.said, language)
    examples = language.example_tests(briefing.said, symbols) if isinstance(language, CodeTools) and symbols else ""
    trying = Trying(
        task=task,
        context=context,
        language=language,
        tests=tests,
        examples=examples,
        test_timeout_s=options.test_timeout_s,
        refuse=_refusing(task, context, language),
        refuse_removal=_refusing(task, context, language, removing=True),
    )
    disputed = _disputing(briefing.said, feedback=context.feedback)
    return briefing, await play_rounds(task, context, options, briefing, trying, disputed=disputed)


def _refusing(
    task: Task, context: AgentContext, language: Language, *, removing: bool = False
) -> Callable[[str], str | None]:
    """What this task may not write: tests, and what others promise. Nor may it remove such files, and others only where it changes what is there."""
    own = frozenset(promised_paths(task))
    others = {
        ref.name: name
        for name, refs in context.promised.items()
        if name != task.id
        for ref in refs
        if ref.type == "path"
    }

    def refuse(path: str) -> str | None:
        if removing and task.type not in _CHANGES:
            return f"a task of type {task.type} removes and renames no files"
        if path in own:
            return None
        if path in others:
            return f"task {others[path]} writes it"
        if language.is_test(path):
            return "tests are written by others, from the specification"
        return None

    return refuse


def _tests_of(task: Task, context: AgentContext, language: Language) -> tuple[str, ...]:
    """Test files that are there for certain and import what the task makes; for a repair or a rebuilding without promises, all."""
    unsettled = by_chance(task, context)
    tests = [path for path in context.workspace.files() if language.is_test(path) and not unsettled(path)]
    if not isinstance(language, CodeTools):
        return ()
    own = {ref.name.partition(":")[0] for ref in task.produces if ref.type == "symbol"}
    own |= {language.module(ref.name) for ref in task.produces if ref.type == "path"} - {""}
    if not own:
        return tuple(tests) if task.type in _CHANGES else ()
    return tuple(path for path in tests if language.imports(context.workspace.read_text(path)) & own)


def _disputing(said: str, *, feedback: str) -> Callable[[str, Tried], Dispute | str | None]:
    """Reads an objection to a test. It is handed in when the test did fail, and the words that are quoted are there; what follows is decided elsewhere."""

    def disputed(text: str, tried: Tried) -> Dispute | str | None:
        objection = objection_in(text)
        if objection is None:
            return None
        test = objection.test
        if test.startswith(EXAMPLES):
            return f"{test} is an example of the specification itself, which it cannot contradict: reply with the files"
        failures = "\n".join((*tried.faults, feedback))
        if test not in failures:
            return f"no test {test} has failed, so there is nothing to dispute: reply with the files"
        quote = objection.quote_of(said)
        if not quote:
            return "a dispute has to quote the specification word for word, and this does not: reply with the files"
        return Dispute(test=test, quote=quote)

    return disputed


def _summary(best: Best, briefing: Briefing) -> str:
    tried = best.tried
    tests = f"{tried.passed} tests passed" if tried.passed else "there were no tests to run"
    return "; ".join((in_rounds(best), tests, *tried.missing, *without_room(briefing)))
