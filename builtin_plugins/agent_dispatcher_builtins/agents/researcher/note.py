"""The note: a Markdown page in which every claim is a quotation with its place, and nothing of what is quoted is Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agent_dispatcher.models import Task

from ...checks.citing import code_span, shown, source_text
from .facts import Fact, Finding

__all__ = ["render"]

_PREAMBLE = (
    "Facts that were looked up without a model and without a network: in the documents of the specification, in the repository, "
    "and in the metadata of packages installed here. Every line quotes its place. Nothing is judged, compared or recommended."
)


def render(task: Task, findings: Sequence[Finding], unknown: Sequence[str], looked_at: str) -> str:
    """The page.

    Args:
        task: what was asked.
        findings: one per name, in order; those without facts are listed as not found.
        unknown: names of the task that stand nowhere.
        looked_at: a phrase that says how much was read.
    """
    return "\n".join(_lines(task, findings, unknown, looked_at)) + "\n"


def _lines(task: Task, findings: Sequence[Finding], unknown: Sequence[str], looked_at: str) -> Iterator[str]:
    yield "# Gathered facts"
    yield ""
    yield f"> Task {code_span(shown(task.source_id or task.id))}: {code_span(shown(task.title))}"
    yield ">"
    yield f"> {_PREAMBLE}"
    yield f"> Looked at: {looked_at}."
    for finding in findings:
        if finding.facts:
            yield ""
            yield f"## {code_span(shown(finding.name))}"
            yield ""
            yield from dict.fromkeys(map(_claim, finding.facts))
    absent = [f"- {code_span(shown(each.name))}: {_listed(each.missing)}" for each in findings if each.missing]
    absent += [
        f"- {code_span(shown(name))}: nothing of that name is written anywhere that was looked at" for name in unknown
    ]
    if absent:
        yield ""
        yield "## Not found"
        yield ""
        yield from absent


def _claim(fact: Fact) -> str:
    return f"- {fact.what}: {code_span(shown(fact.quotation))} ({code_span(source_text(fact.source))})"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
