"""Proposals to tasks: ids that stay, requirements of the specification, and orders as suggestions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import evolve

from agent_dispatcher.extension import Decomposition, Requires
from agent_dispatcher.models import ArtifactRef, Requirement, Specification, Task

from ...prompting.quoting import believed, is_quoted, names_something_of
from ..identity import Identities
from ..prose import priority
from .judging import orders_its_subject
from .proposal import Named, Proposed, Wanted

__all__ = ["CERTAINTY", "decomposition", "merged"]

#: How certain the model is taken to be of an order that it gave as such.
CERTAINTY = 0.9

#: Expected seconds per unit of complexity for work that an agent does from prose.
_UNIT_S = 60.0


def merged(earlier: Mapping[str, Proposed], found: Iterable[Proposed]) -> dict[str, Proposed]:
    """All tasks by key. One with the title and type of an earlier one is the same task: it is joined to that, and its own key forgotten."""
    everyone = dict(earlier)
    same = {_content(each): each.key for each in earlier.values()}
    renamed: dict[str, str] = {}
    new: list[Proposed] = []
    for each in found:
        known = same.setdefault(_content(each), each.key)
        if known != each.key:
            renamed[each.key] = known
        new.append(each)
    for each in new:
        task = evolve(
            each,
            key=renamed.get(each.key, each.key),
            depends_on=tuple(evolve(wanted, task=renamed.get(wanted.task, wanted.task)) for wanted in each.depends_on),
            verifies=_once(renamed.get(name, name) for name in each.verifies),
        )
        everyone[task.key] = _joined(everyone[task.key], task) if task.key in everyone else task
    return everyone


def decomposition(
    everyone: Mapping[str, Proposed], specification: Specification, warnings: Sequence[str], *, model: str, trust: float
) -> Decomposition:
    """The tasks in the model's order.

    What the model wants to come first is no declaration of the source: it is suggested to the dependency rules, with a quote where the specification has it.

    Args:
        model: how the model is called in evidence.
        trust: what its word is worth.
    """
    identities = Identities()
    requirements = {each.id: each for each in specification.requirements}
    ids = {
        key: identities.take(each.title, "\n".join((each.type, each.description, *each.requirements)))
        for key, each in everyone.items()
    }
    tasks = tuple(_task(each, ids, [requirements[name] for name in each.requirements]) for each in everyone.values())
    suggestions = tuple(
        _suggestion(each, wanted, everyone, ids, requirements, model, trust)
        for each in everyone.values()
        for wanted in each.depends_on
        if wanted.task != each.key and not orders_its_subject(each, wanted.task, everyone)
    )
    return Decomposition(tasks=tasks, warnings=warnings, suggestions=suggestions)


def _content(task: Proposed) -> tuple[str, str]:
    return " ".join(task.title.casefold().split()), task.type


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _joined(first: Proposed, second: Proposed) -> Proposed:
    return evolve(
        first,
        requirements=_once((*first.requirements, *second.requirements)),
        produces=tuple(dict.fromkeys((*first.produces, *second.produces))),
        consumes=tuple(dict.fromkeys((*first.consumes, *second.consumes))),
        depends_on=tuple(dict.fromkeys((*first.depends_on, *second.depends_on))),
        verifies=_once((*first.verifies, *second.verifies)),
        complexity=max(first.complexity, second.complexity),
    )


def _task(proposed: Proposed, ids: Mapping[str, str], serves: Sequence[Requirement]) -> Task:
    return Task(
        id=ids[proposed.key],
        title=" ".join(proposed.title.split()),
        description=proposed.description.strip(),
        type=proposed.type,
        requirements=_once(each.id for each in serves),
        verifies=_once(ids[name] for name in proposed.verifies if name != proposed.key),
        produces=_artifacts(proposed.produces),
        consumes=_artifacts(proposed.consumes),
        group=" ".join(proposed.component.split()),
        complexity=proposed.complexity,
        priority=max((priority(each) for each in serves), default=0),
        estimate_s=_UNIT_S * proposed.complexity,
    )


def _artifacts(named: Iterable[Named]) -> tuple[ArtifactRef, ...]:
    return tuple(dict.fromkeys(ArtifactRef(type=each.type, name=each.name) for each in named))


def _suggestion(
    task: Proposed,
    wanted: Wanted,
    everyone: Mapping[str, Proposed],
    ids: Mapping[str, str],
    requirements: Mapping[str, Requirement],
    model: str,
    trust: float,
) -> Requires:
    first = everyone[wanted.task]
    why = " ".join(wanted.why.split()) or "it gave no reason"
    place = next(_quoted(wanted.quote, task, first, requirements), None)
    if place is None:
        evidence = f"{model}, which made both tasks, says in its own words: {why}"
    else:
        quote = " ".join(wanted.quote.split())
        evidence = f'{model}, which made both tasks, says: {why}; {place.id}: "{quote}"'
    return Requires(
        ids[wanted.task],
        ids[task.key],
        "data" if set(first.produces) & set(task.consumes) else "logical",
        believed(CERTAINTY, place is not None, trust),
        evidence,
        place.source if place is not None else "",
    )


def _quoted(
    quote: str, task: Proposed, first: Proposed, requirements: Mapping[str, Requirement]
) -> Iterator[Requirement]:
    """Requirements of the two tasks in which the quote stands, if it names something of the one that is to come first."""
    about = (first.title, *(each.name for each in first.produces))
    if not names_something_of(quote, about):
        return
    for name in _once((*task.requirements, *first.requirements)):
        if is_quoted(quote, _texts(requirements[name])):
            yield requirements[name]


def _texts(requirement: Requirement) -> Iterator[str]:
    yield requirement.text
    yield from requirement.edge_cases
    yield from requirement.constraints
    for scenario in requirement.scenarios:
        yield from (scenario.title, *scenario.given, *scenario.when, *scenario.then)
