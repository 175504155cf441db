"""The note of an answered question: claims with their places, what they were compared by, what follows, and what was removed."""

from __future__ import annotations

from collections.abc import Iterator

from agent_dispatcher.models import Task

from ...checks.citing import code_span, shown
from .answering.answerer import Outcome
from .answering.claims import Proven, Researched, names
from .installed import is_metadata

__all__ = ["render_answer"]

_PREAMBLE = (
    "A model answered from the sources below. Each claim was kept because the words quoted stand at the place it names; that the claim follows from "
    "those words, and what is concluded, is the model's reading."
)


def render_answer(task: Task, outcome: Outcome) -> str:
    """The page. Its lines that claim something are what the check ``citations`` looks up."""
    return "\n".join(_lines(task, outcome)) + "\n"


def _lines(task: Task, outcome: Outcome) -> Iterator[str]:
    answer = outcome.answer
    yield "# Answer"
    yield ""
    yield f"> Task {code_span(shown(task.source_id or task.id))}: {code_span(shown(task.title))}"
    yield ">"
    yield f"> {_PREAMBLE}"
    yield f"> Read: {', '.join(map(code_span, outcome.read)) or 'nothing'}."
    if outcome.left_out:
        yield f"> Had something too and did not fit: {', '.join(map(code_span, outcome.left_out))}."
    if answer.conclusion:
        yield ">"
        numbers = ", ".join(map(str, answer.because))
        yield f"> Concluded from {numbers}: {_quoted(answer.conclusion)}"
    yield from _table(answer)
    for option in names([each.option for each in answer.claims]) or ("",):
        yield ""
        yield f"## {code_span(shown(option))}" if option else "## Claims"
        yield ""
        yield from (_claim(number, each) for number, each in enumerate(answer.claims, 1) if each.option == option)
    loose = [(number, each) for number, each in enumerate(answer.claims, 1) if not each.option]
    if loose and names([each.option for each in answer.claims]):
        yield from ("", "## Besides", "", *(_claim(number, each) for number, each in loose))
    missing = [f"- {code_span(shown(text))}" for text in answer.open]
    missing += [f"- removed, {code_span(shown(each.why))}: {code_span(shown(each.claim))}" for each in answer.removed]
    if missing:
        yield from ("", "## Not found", "", *missing)


def _claim(number: int, claim: Proven) -> str:
    place = claim.source if is_metadata(claim.source) else f"{claim.source}:{claim.place.line}"
    return f"- {number}. {_quoted(claim.claim)}: {code_span(shown(claim.place.quotation))} ({code_span(place)})"


def _table(answer: Researched) -> Iterator[str]:
    """Options against criteria, with the numbers of the claims; where something was compared."""
    options = names([each.option for each in answer.claims])
    criteria = names([each.criterion for each in answer.claims if each.option])
    if len(options) < 2 or not criteria:
        return
    yield ">"
    yield "> | | " + " | ".join(_cell(option) for option in options) + " |"
    yield "> |" + "---|" * (len(options) + 1)
    for criterion in criteria:
        cells = []
        for option in options:
            found = [
                str(number)
                for number, each in enumerate(answer.claims, 1)
                if (each.option, each.criterion) == (option, criterion)
            ]
            cells.append(", ".join(found) or "not found")
        yield f"> | {_cell(criterion)} | " + " | ".join(cells) + " |"


def _cell(text: str) -> str:
    return _quoted(text).replace("|", "\\|")


def _quoted(text: str) -> str:
    """A model's sentence as plain text of a Markdown line: nothing in it is markup."""
    line = shown(text).replace("`", "'")
    for mark in "\\*_[]<>#":
        line = line.replace(mark, f"\\{mark}")
    return line
