"""The check ``examples``: what a requirement gives as an example of a call and its result is so, on the tree as it would land, whoever wrote the code.

A test may look at one of two examples, and code may be written for the test. What the text says word for word needs no test to be known, and nobody's opinion.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from agent_dispatcher.extension import CheckContext, Limits
from agent_dispatcher.extension.components import CodeTools, TriesExamples
from agent_dispatcher.models import Evidence, ExecutionPlan, Task
from agent_dispatcher.workspace.path_guard import read_untrusted

from .evidence import evidence
from .stated import CODE_TYPES, Asked, Found, Telling, found_in

__all__ = ["ExamplesCheck"]

_NAME = "examples"
_RESULTS = "examples.jsonl"
_LIMITS = Limits(timeout_s=600.0, output_bytes=1024**2)
_MAX_RESULT_BYTES = 1024**2
_MAX_TRIED = 60
_MAX_SHOWN = 5
_OUTCOMES = frozenset(("holds", "wrong", "untried"))


@frozen
class _Tried:
    """An example, ``holds``, ``wrong`` or ``untried``, and what came of the call or why it was not tried."""

    found: Found
    outcome: str
    said: str


class ExamplesCheck:
    """See :class:`agent_dispatcher.extension.Check`. That the examples hold proves no requirement: a text says more than its examples."""

    needs_files = True

    def __init__(self) -> None:
        self._asked: Asked | None = None

    def applies(self, task: Task | None, plan: ExecutionPlan) -> bool:
        """To tasks that make code for something that is said."""
        return task is not None and task.type in CODE_TYPES and bool(task.requirements or task.description)

    async def check(self, task: Task | None, context: CheckContext) -> Evidence:
        """Read the texts; where they hold examples, call the functions in the sandbox."""
        assert task is not None
        language = context.language
        found: list[Found] = []
        if isinstance(language, TriesExamples) and isinstance(language, CodeTools):
            telling: Telling = language
            if self._asked is None or self._asked.plan is not context.plan:
                self._asked = Asked(context.plan)
            found = await asyncio.to_thread(found_in, task, context, telling, self._asked)
        if not found:
            return evidence(task, context, _NAME, passed=True, summary="the text gives no example", nothing=True)
        asked = [each for each in found if each.module][:_MAX_TRIED]
        outcomes, why, log = await _run(context, telling, asked) if asked else ([], "", "")
        if why:
            summary = f"the examples of the text could not be tried: {why}"
            return evidence(task, context, _NAME, passed=False, summary=summary, log=log)
        by_example = dict(zip(asked, outcomes, strict=True))
        tried = [_Tried(each, *by_example.get(each, ("untried", each.why or "there are too many"))) for each in found]
        wrong = [each for each in tried if each.outcome == "wrong"]
        return evidence(
            task,
            context,
            _NAME,
            passed=not wrong,
            summary=_refusal(wrong) if wrong else _summary(tried),
            log="\n".join(f"{each.outcome:8} {each.found}: {each.said}" for each in tried),
            details={
                "found": len(tried),
                "held": sum(each.outcome == "holds" for each in tried),
                "examples": [
                    {
                        "example": str(each.found.example),
                        "of": each.found.of,
                        "place": each.found.place,
                        "outcome": each.outcome,
                        "said": each.said,
                    }
                    for each in tried
                ],
            },
        )


async def _run(
    context: CheckContext, language: Telling, asked: Sequence[Found]
) -> tuple[list[tuple[str, str]], str, str]:
    """What became of each; or why that is not known, and what was printed."""
    tree = context.tree.path
    environment = await language.environment(tree)
    context.log_dir.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".examples-", dir=context.log_dir))
    try:
        done = await context.sandbox.run(
            language.examples_command([(each.module, each.example) for each in asked], results=str(scratch / _RESULTS)),
            cwd=tree,
            writable=(scratch,),
            read_only=(tree, *environment.read_only),
            env=environment.env,
            limits=_LIMITS,
        )
        data = read_untrusted(scratch, _RESULTS, max_bytes=_MAX_RESULT_BYTES)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    printed = done.stdout + done.stderr
    if data is None and done.limit_hit:
        return [("untried", f"all together were stopped ({done.limit_hit})")] * len(asked), "", printed
    if data is None:
        return [], f"the command ended with code {done.code}", printed
    try:
        outcomes = [(str(each["outcome"]), str(each["said"])) for each in map(json.loads, data.splitlines())]
    except (ValueError, KeyError, TypeError) as error:
        return [], f"their results cannot be read: {error}", printed
    if len(outcomes) != len(asked) or not _OUTCOMES.issuperset(outcome for outcome, _ in outcomes):
        return [], "their results are not theirs", printed
    return outcomes, "", printed


def _refusal(wrong: Sequence[_Tried]) -> str:
    told = "; ".join(f"{each.found}: {each.said}" for each in wrong[:_MAX_SHOWN])
    rest = f"; and {len(wrong) - _MAX_SHOWN} more" if len(wrong) > _MAX_SHOWN else ""
    return f"the text says that {told}{rest}"


def _summary(tried: Sequence[_Tried]) -> str:
    held = sum(each.outcome == "holds" for each in tried)
    left = [each for each in tried if each.outcome == "untried"]
    parts = [
        f"{held} of {len(tried)} example{'s' if len(tried) != 1 else ''} of the text hold{'s' if len(tried) == 1 else ''}"
    ]
    if left:
        parts.append(f"{len(left)} not tried: {left[0].found.example}: {left[0].said}")
    return "; ".join(parts)
