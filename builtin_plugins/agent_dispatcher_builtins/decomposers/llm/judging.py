"""Decides whether a proposal can be used, and says what is wrong with it so that its author can mend it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from attrs import frozen

from agent_dispatcher.codec import StructureError, read, suggestion
from agent_dispatcher.errors import PathRefused
from agent_dispatcher.workspace.path_names import split_path

from ...prompting.asking import Readout
from ...prompting.reply import misfits
from .proposal import Named, Proposal, Proposed

__all__ = ["Bounds", "judge", "orders_its_subject"]


@frozen(kw_only=True)
class Bounds:
    """What a proposal may speak of.

    Attributes:
        types: task types.
        requirements: ids of the requirements that were asked about.
        earlier: tasks of earlier parts of the same specification, by key.
    """

    types: tuple[str, ...]
    requirements: tuple[str, ...]
    earlier: Mapping[str, Proposed]


def judge(data: dict[str, Any], bounds: Bounds) -> Readout[Proposal]:
    """The proposal in ``data``.

    A fault is whatever leaves open what a task is or whom it means: the shape, keys that are taken, names that nobody has, paths outside the repository. A flaw can be lived with:
    a requirement that no task serves, tasks that wait for each other, a test that waits for what it tests.
    """
    try:
        proposal = read(data, Proposal)
    except StructureError as error:
        return Readout(faults=misfits(error))
    faults = (
        *_taken_keys(proposal, bounds),
        *(fault for each in proposal.tasks for fault in _faults(each, proposal, bounds)),
    )
    if faults:
        return Readout(faults=faults)
    return Readout(value=proposal, flaws=(*_unserved(proposal, bounds), *_orders(proposal, bounds)))


def orders_its_subject(task: Proposed, other: str, everyone: Mapping[str, Proposed]) -> bool:
    """Whether ``task`` tests the task with the key ``other``, or is tested by it."""
    return other in task.verifies or task.key in everyone[other].verifies


def _taken_keys(proposal: Proposal, bounds: Bounds) -> Iterator[str]:
    for key, count in Counter(each.key for each in proposal.tasks).items():
        if count > 1:
            yield f"{count} tasks have the key {key!r}: give each its own"
        if key in bounds.earlier:
            yield f"the key {key!r} is that of an earlier task ({bounds.earlier[key].title}): do not repeat that task, and give others a key of their own"


def _faults(task: Proposed, proposal: Proposal, bounds: Bounds) -> Iterator[str]:
    who = f"task {task.key!r}"
    if not task.title.strip():
        yield f"{who} has no title"
    if task.type not in bounds.types:
        yield f"{who} is of type {task.type!r}, which does not exist; {suggestion(task.type, bounds.types)}"
    for name in _unknown(task.requirements, bounds.requirements):
        yield f"{who} serves the requirement {name!r}, which was not given; {suggestion(name, bounds.requirements)}"
    keys = {each.key for each in proposal.tasks} | bounds.earlier.keys()
    for name in _unknown([each.task for each in task.depends_on], keys):
        yield f"{who} depends on {name!r}, which is the key of no task; {suggestion(name, keys)}"
    for name in _unknown(task.verifies, keys):
        remedy = (
            suggestion(name, keys) if task.type == "testing" else f"a task of type {task.type} has an empty list there"
        )
        yield f"{who} verifies {name!r}, which is the key of no task; {remedy}"
    for artifact in (*task.produces, *task.consumes):
        why = _unsafe(artifact)
        if why:
            yield f"{who}: {why}"


def _unknown(names: Sequence[str], known: Collection[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name not in known]


def _unsafe(artifact: Named) -> str:
    if artifact.type != "path":
        return ""
    try:
        split_path(artifact.name.removesuffix("/"))
    except PathRefused as error:
        return str(error)
    return ""


def _unserved(proposal: Proposal, bounds: Bounds) -> Iterator[str]:
    served = {name for each in proposal.tasks for name in each.requirements}
    for name in bounds.requirements:
        if name not in served:
            yield f"no task serves the requirement {name!r}: add one, or name it in a task that does"


def _orders(proposal: Proposal, bounds: Bounds) -> Iterator[str]:
    everyone = {**bounds.earlier, **{each.key: each for each in proposal.tasks}}
    after: dict[str, set[str]] = {}
    for task in proposal.tasks:
        after[task.key] = set()
        for wanted in task.depends_on:
            if wanted.task == task.key:
                yield f"task {task.key!r} depends on itself"
            elif orders_its_subject(task, wanted.task, everyone):
                yield f"task {task.key!r} depends on {wanted.task!r}, of which one tests the other: both are done at the same time, so leave that out of depends_on"
            else:
                after[task.key].add(wanted.task)
    makers: dict[Named, list[Proposed]] = {}
    for task in proposal.tasks:
        for artifact in task.produces:
            makers.setdefault(artifact, []).append(task)
    for task in proposal.tasks:
        for artifact in set(task.consumes) - set(task.produces):
            after[task.key].update(
                maker.key
                for maker in makers.get(artifact, ())
                if maker is not task and not orders_its_subject(task, maker.key, everyone)
            )
    try:
        TopologicalSorter({key: sorted(befores) for key, befores in after.items()}).prepare()
    except CycleError as error:
        path = " before ".join(map(repr, error.args[1]))
        yield f"tasks wait for each other, by depends_on or by what they consume: {path}"
