"""What the model says about the order of tasks: the shape of its reply, what is wrong with one, and what one is worth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve, field, frozen
from attrs.validators import and_, gt, in_, le

from agent_dispatcher.codec import StructureError, read
from agent_dispatcher.extension import Requires
from agent_dispatcher.models import DEPENDENCY_KINDS, Task
from agent_dispatcher.planning.declared import kinship, parents

from ...prompting.asking import Readout
from ...prompting.quoting import believed, is_quoted, names_something_of
from ...prompting.reply import misfits
from ..pairs import one_tests_the_other

__all__ = ["Claim", "claims_schema", "judge", "weighed"]


@frozen(kw_only=True)
class Claim:
    """``after`` needs ``before``, tasks by the names they have in the question."""

    before: str
    after: str
    kind: str = field(validator=in_(DEPENDENCY_KINDS))
    confidence: float = field(validator=and_(gt(0), le(1)))
    why: str
    quote: str


@frozen(kw_only=True)
class _Reply:
    dependencies: tuple[Claim, ...]


def claims_schema(names: Iterable[str]) -> dict[str, Any]:
    """JSON schema of the reply to a question about tasks with these names."""
    name = {"type": "string", "enum": list(names)}
    text = {"type": "string"}
    properties = {
        "before": name,
        "after": name,
        "kind": {"type": "string", "enum": list(DEPENDENCY_KINDS)},
        "confidence": {"type": "number"},
        "why": text,
        "quote": text,
    }
    claim = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {
        "type": "object",
        "properties": {"dependencies": {"type": "array", "items": claim}},
        "required": ["dependencies"],
        "additionalProperties": False,
    }


def judge(data: dict[str, Any], tasks: Mapping[str, Task]) -> Readout[tuple[Claim, ...]]:
    """The claims in ``data``; a shape that does not fit and names that no task has are faults."""
    try:
        reply = read(data, _Reply)
    except StructureError as error:
        return Readout(faults=misfits(error))
    unknown = dict.fromkeys(
        name for each in reply.dependencies for name in (each.before, each.after) if name not in tasks
    )
    if unknown:
        return Readout(faults=tuple(f"{name!r} is no task: the tasks are named {_span(tasks)}" for name in unknown))
    return Readout(value=reply.dependencies)


def weighed(
    claims: Iterable[tuple[Claim, Task, Task]], tasks: Sequence[Task], *, model: str, trust: float
) -> list[Requires]:
    """Claims as answers of the rule, the surest for each pair, sorted.

    Left out: a task that waits for itself, tests and what they test, a whole and its parts. Claims that lead round in a circle contradict each other: none of them counts as
    quoted, so that a model's own circle never binds.

    Args:
        claims: each with the task that comes first and the one that waits.
        model: how the model is called in evidence.
        trust: what its word is worth.
    """
    parent_of = parents(tasks)
    best: dict[tuple[str, str], tuple[float, Claim, Task, Task]] = {}
    for claim, first, second in claims:
        if first.id == second.id or one_tests_the_other(first, second) or kinship(first.id, second.id, parent_of):
            continue
        worth = believed(claim.confidence, _quoted(claim.quote, first, second) is not None, trust)
        known = best.get((first.id, second.id))
        if known is None or worth > known[0]:
            best[first.id, second.id] = (worth, claim, first, second)
    circling = set(_circling(best))
    found = []
    for edge, (_, claim, first, second) in sorted(best.items()):
        if edge in circling:
            claim = evolve(claim, quote="")
        found.append(_requires(claim, first, second, model, trust, edge in circling))
    return found


def _requires(claim: Claim, first: Task, second: Task, model: str, trust: float, circling: bool) -> Requires:
    quoted = _quoted(claim.quote, first, second)
    why = " ".join(claim.why.split()) or "it gave no reason"
    if quoted is not None:
        evidence = f'{model} says: {why}; "{quoted.title}" says: "{" ".join(claim.quote.split())}"'
    elif circling:
        evidence = f"{model} says in its own words, and contradicts itself elsewhere: {why}"
    else:
        evidence = f"{model} says in its own words: {why}"
    return Requires(
        first.id,
        second.id,
        claim.kind,
        believed(claim.confidence, quoted is not None, trust),
        evidence,
        quoted.source if quoted is not None else "",
    )


def _quoted(quote: str, first: Task, second: Task) -> Task | None:
    """The one of the two tasks in whose text the quote stands, if it names something of the other."""
    for one, other in ((second, first), (first, second)):
        if is_quoted(quote, _texts(one)) and names_something_of(quote, (other.title, *_made(other))):
            return one
    return None


def _texts(task: Task) -> tuple[str, ...]:
    return (task.title, task.description, *(step.title for step in task.steps))


def _made(task: Task) -> Iterator[str]:
    return (each.name for each in task.produces)


def _circling(edges: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The edges from whose end their beginning can be reached."""
    edges = sorted(edges)
    after: dict[str, list[str]] = {}
    for first, second in edges:
        after.setdefault(first, []).append(second)
    for first, second in edges:
        seen, stack = {second}, [second]
        while stack:
            for each in after.get(stack.pop(), ()):
                if each not in seen:
                    seen.add(each)
                    stack.append(each)
        if first in seen:
            yield first, second


def _span(tasks: Mapping[str, Task]) -> str:
    names = list(tasks)
    return f"{names[0]} to {names[-1]}" if len(names) > 3 else ", ".join(names)
