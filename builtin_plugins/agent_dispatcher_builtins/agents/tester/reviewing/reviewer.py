"""Reviews the work that a task depends on, with a model: what it changed since the run began, in as many portions as it takes; what is found goes into a note.

A finding of high severity refuses the work: the task fails for good, and its reason is the findings. Nobody asks again until the model relents. Nothing is
written but the note.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from attrs import asdict

from agent_dispatcher.agents.base_agent import AgentContext, AgentResult
from agent_dispatcher.errors import PathRefused
from agent_dispatcher.models import Artifact, Evidence, Finding, Task

from ....checks.citing import code_span, shown
from ....prompting.asking import Answer, Asking, Question, Readout, Unusable, ask, tokens
from ....prompting.packaged import packaged
from ....prompting.templates import Prompt
from ...by_model.options import ModelOptions
from ..acceptance import note_path
from .diffs import Diff, diff
from .findings import REVIEW_SCHEMA, RULES, SEVERITIES, Dropped, Reviewed, in_words, judge
from .portions import Part, portions

__all__ = ["SAMPLE", "review"]

_MOST_PORTIONS = 20
_LEAST_ROOM = 200
#: Room for a reply and what was wrong with it, as a share of everything.
_FOR_REPAIR = 0.25
_LONGEST_ERROR = 4000
_MOST_IN_EVIDENCE = 50
#: The note has them all.
_MOST_IN_ARTIFACT = 200
_MOST_IN_SUMMARY = 3

#: Something in every place that a template may show.
SAMPLE: Mapping[str, Any] = {
    "title": "T",
    "description": "D",
    "requirements": "R",
    "ids": ("FR-1",),
    "rules": (("r", "m"),),
    "parts": (Part("a.py", "    1| A = 1"),),
    "errors": ("e",),
}


async def review(task: Task, context: AgentContext, options: ModelOptions) -> AgentResult:
    """Review what has landed of the tasks that ``task`` depends on."""
    path = note_path(task)
    if path is None:
        return AgentResult(status="declined", error="a review is one Markdown note, and the task promises other files")
    diffs, unread = await _work(context, path)
    if not diffs:
        return AgentResult(
            status="failed",
            permanent=True,
            error="there is nothing to review: no task that this one depends on has changed a text; let it depend on the work it is about",
        )
    prompt = packaged("review.jinja").load(options.template) if options.template is not None else _packaged()
    values = _values(task, context)
    room = int(options.max_input_tokens * (1 - _FOR_REPAIR))
    room -= tokens(prompt.render("system", values)) + tokens(prompt.render("request", values))
    shares = list(portions(diffs, max(room, _LEAST_ROOM)))
    if len(shares) > _MOST_PORTIONS:
        return AgentResult(
            status="failed",
            permanent=True,
            error=f"the work takes {len(shares)} portions of {options.max_input_tokens} tokens, and a review has at most {_MOST_PORTIONS}: "
            'raise max_input_tokens in [options."agent_type:tester"], or review less at once',
        )
    found: list[Finding] = []
    dropped: list[Dropped] = []
    for number, parts in enumerate(shares, 1):
        context.progress(number / (len(shares) + 1), f"reading portion {number} of {len(shares)}")
        answer = await _ask(context, options, prompt, {**values, "parts": parts}, diffs)
        if isinstance(answer, Unusable):
            return AgentResult(status="failed", error=f"the work was not reviewed: {answer.reason}")
        found += answer.value.findings
        dropped += answer.value.dropped
    outcome = Reviewed(findings=tuple(dict.fromkeys(found)), dropped=tuple(dropped))
    return _result(task, context, path, tuple(diffs), unread, outcome)


async def _work(context: AgentContext, note: str) -> tuple[dict[str, Diff], tuple[str, ...]]:
    """Path to what the tasks before this one have changed, and the paths of what is no text or not there. A file of which it is not known how it was counts as new."""
    diffs: dict[str, Diff] = {}
    unread: list[str] = []
    for path in sorted({each.path for each in context.inputs} - {note}):
        try:
            now = context.workspace.read_text(path)
            earlier = None if context.earlier is None else await context.earlier(path)
            changed = diff(None if earlier is None else earlier.decode("utf-8", "replace"), now)
        except (FileNotFoundError, PathRefused, UnicodeDecodeError):
            unread.append(path)
            continue
        if changed.lines:
            diffs[path] = changed
    return diffs, tuple(unread)


def _values(task: Task, context: AgentContext) -> dict[str, Any]:
    requirements = context.task_context(task).to_text()
    return {
        "title": task.title,
        "description": "" if task.description.strip() in requirements else task.description,
        "requirements": requirements,
        "ids": task.requirements,
        "rules": tuple(RULES.items()),
        "parts": (),
        "errors": (),
    }


@cache
def _packaged() -> Prompt:
    return packaged("review.jinja").load()


async def _ask(
    context: AgentContext,
    options: ModelOptions,
    prompt: Prompt,
    values: Mapping[str, Any],
    diffs: Mapping[str, Diff],
) -> Answer[Reviewed] | Unusable:
    shown_now = {part.path: diffs[part.path] for part in values["parts"]}

    def read(data: dict[str, Any]) -> Readout[Reviewed]:
        return judge(data, shown_now, values["ids"])

    question: Question[Reviewed] = Question(
        prompt=prompt, values=values, purpose="review", schema=REVIEW_SCHEMA, schema_name="review", read=read
    )
    asking = Asking(
        model=options.model,
        max_output_tokens=options.max_output_tokens,
        repairs=min(2, options.rounds - 1),
        timeout_s=options.timeout_s,
    )
    return await ask(context.llm, question, asking)


def _result(
    task: Task, context: AgentContext, path: str, read: tuple[str, ...], unread: tuple[str, ...], outcome: Reviewed
) -> AgentResult:
    note = "\n".join(_note(task, read, unread, outcome)) + "\n"
    high = [each for each in outcome.findings if each.severity == "high"]
    if high:
        others = len(outcome.findings) - len(high)
        told = "\n".join(map(in_words, high))
        more = f"\nand {others} of lower severity" if others else ""
        return AgentResult(
            status="failed",
            permanent=True,
            error=f"the review refuses the work:\n{told}{more}"[:_LONGEST_ERROR],
            evidence=(_evidence(outcome, f"{len(high)} of {len(outcome.findings)} findings of high severity"),),
        )
    context.workspace.write_text(path, note)
    not_read = f", {len(unread)} more could not be read" if unread else ""
    dropped = f", {len(outcome.dropped)} dropped because they do not hold" if outcome.dropped else ""
    return AgentResult(
        status="done",
        summary=f"{len(outcome.findings)} findings in {len(read)} files, none of high severity{not_read}{dropped}, in {path}",
        artifacts=(
            Artifact(
                name=path, type="note", path=path, task=task.id, findings=_worst_first(outcome)[:_MOST_IN_ARTIFACT]
            ),
        ),
    )


def _worst_first(outcome: Reviewed) -> tuple[Finding, ...]:
    return tuple(sorted(outcome.findings, key=lambda each: SEVERITIES.index(each.severity), reverse=True))


def _evidence(outcome: Reviewed, summary: str) -> Evidence:
    worst_first = _worst_first(outcome)
    found = [asdict(each) for each in worst_first[:_MOST_IN_EVIDENCE]]
    shown_first = "; ".join(f"{each.path}:{each.line}: {each.what}" for each in worst_first[:_MOST_IN_SUMMARY])
    return Evidence(
        id="review",
        check="review",
        passed=False,
        summary=f"{summary}: {shown_first}",
        details={"findings": found, "dropped": len(outcome.dropped)},
    )


def _note(task: Task, read: tuple[str, ...], unread: tuple[str, ...], outcome: Reviewed) -> Iterator[str]:
    yield "# Review"
    yield ""
    yield f"> Task {code_span(shown(task.source_id or task.id))}: {code_span(shown(task.title))}"
    yield ">"
    yield "> A model read what was changed. A finding was kept because the words quoted stand at the place it names; what it says of them is the model's reading."
    yield f"> Read: {', '.join(map(code_span, read))}."
    if unread:
        yield f"> Could not be read: {', '.join(map(code_span, unread))}."
    yield ""
    yield "## Findings"
    yield ""
    if not outcome.findings:
        yield "None."
    for each in outcome.findings:
        where = code_span(f"{each.path}:{each.line}")
        rule = code_span(shown(each.rule))
        yield f"- {each.severity}, {rule}, {code_span(shown(each.what))}: {code_span(shown(each.quote))} ({where})"
    if outcome.dropped:
        yield from ("", "## Dropped", "")
        for gone in outcome.dropped:
            yield f"- {code_span(shown(gone.what))}: {code_span(shown(gone.why))}"
