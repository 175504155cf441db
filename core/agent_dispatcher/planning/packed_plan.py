"""The plan of a run as the store keeps it: small, and quick to write and to read, so that a run of 100,000 tasks is begun and resumed in no time.

It is JSON, and it is for the dispatcher alone; other tools read :mod:`~agent_dispatcher.planning.plan_json`. Most of a large plan are edges between
tasks, and most edges were found for the same reasons. So a dependency is kept as three numbers, its two tasks and its *sort*::

    {"packed": 1,
     "plan":   {...},                                      everything else, as the codec writes it
     "tasks":  [{"id": "a"}, {"id": "b", "priority": 2}],  fields that differ from their default
     "phases": [["a"], ["b"]],
     "sorts":  [{"strength": "binding", "reasons": [...]}],
     "before": [0], "after": [1], "sort": [0]}

Blobs of versions that did not pack, which hold the plan as the codec writes it, are read as well. A store gives back only what has the digest under
which it was kept, so what is read here is what was written here: values that need no conversion are not examined again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from attrs import NOTHING, Factory, evolve, fields

from ..codec import StructureError, read, to_json, unstructure
from ..errors import StoreError
from ..making import maker
from ..models import Dependency, ExecutionPlan, Reason, Task

__all__ = ["pack", "unpack"]

_VERSION = 1

_make_task: Callable[..., Task] = maker(Task)
_make_dependency: Callable[..., Dependency] = maker(Dependency)


def _default(field: Any) -> Any:
    default = field.default
    return default.factory() if isinstance(default, Factory) else None if default is NOTHING else default  # type: ignore[arg-type]


#: Name to default (``None`` for those without one), in the order of the class.
_DEFAULTS: Mapping[str, Any] = {field.name: _default(field) for field in fields(Task)}
_values_of = attrgetter(*_DEFAULTS)
#: What most tasks of a large plan differ in, and the rest.
_OWN = ("id", "title", "type", "agent_type")
_rest_of = attrgetter(*(name for name in _DEFAULTS if name not in _OWN))
_REST = tuple(value for name, value in _DEFAULTS.items() if name not in _OWN)
#: Fields that hold tuples, and fields of numbers that JSON may give as integers.
_NESTED = frozenset(name for name, value in _DEFAULTS.items() if isinstance(value, tuple))
_FLOATS = tuple(name for name, value in _DEFAULTS.items() if isinstance(value, float))


def pack(plan: ExecutionPlan) -> bytes:
    """The plan as :func:`unpack` reads it, without the texts of planning; the same plan always gives the same bytes."""
    place = {task.id: index for index, task in enumerate(plan.tasks)}
    sorts: dict[tuple[str, tuple[Reason, ...]], int] = {}
    before, after, sort = [], [], []
    strength, reasons, number = "", None, -1
    try:
        for edge in plan.dependencies:
            if edge.reasons is not reasons or edge.strength != strength:
                strength, reasons = edge.strength, edge.reasons
                number = sorts.setdefault((strength, edge.reasons), len(sorts))
            before.append(place[edge.before])
            after.append(place[edge.after])
            sort.append(number)
    except KeyError:  # a task that is not there: for whoever reads the plan to complain about
        return to_json(evolve(plan, said={}), sparse=True).encode()
    document = {
        "packed": _VERSION,
        "plan": unstructure(evolve(plan, tasks=(), dependencies=(), phases=(), said={}), sparse=True),
        "tasks": [_task_data(task) for task in plan.tasks],
        "phases": plan.phases,
        "sorts": [unstructure(Dependency(before="", after="", strength=each[0], reasons=each[1])) for each in sorts],
        "before": before,
        "after": after,
        "sort": sort,
    }
    return json.dumps(document, separators=(",", ":"), allow_nan=False, check_circular=False).encode()


def _task_data(task: Task) -> dict[str, Any]:
    """Its fields that differ from their default, and those that mostly do."""
    if task.agent_type is not None and _rest_of(task) == _REST:
        return {"id": task.id, "title": task.title, "type": task.type, "agent_type": task.agent_type}
    data = {
        name: value
        for (name, default), value in zip(_DEFAULTS.items(), _values_of(task), strict=True)
        if value is not default and (value != default or default is None)
    }
    return data if data.keys().isdisjoint(_NESTED) else unstructure(task, sparse=True)


def unpack(data: bytes, *, where: str) -> ExecutionPlan:
    """The plan that was packed.

    Args:
        where: what it is, for the message.

    Raises:
        StoreError: it is no plan of a version that is known here.
    """
    try:
        document = json.loads(data)
        if not isinstance(document, dict) or "packed" not in document:
            return read(document, ExecutionPlan)
        if document["packed"] != _VERSION:
            raise StoreError(f"{where} was written by a newer version of the dispatcher: resume the run with that one")
        tasks = tuple(_task(each) for each in document["tasks"])
        return evolve(
            read(document["plan"], ExecutionPlan),
            tasks=tasks,
            phases=tuple(tuple(phase) for phase in document["phases"]),
            dependencies=tuple(_dependencies([task.id for task in tasks], document)),
        )
    except StructureError as error:
        raise StoreError(f"{where} cannot be read as a plan: {error}") from error
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise StoreError(f"{where} is damaged: {type(error).__name__}: {error}") from error


def _task(data: Mapping[str, Any]) -> Task:
    if not data.keys().isdisjoint(_NESTED):
        return read(data, Task)
    values = {**_DEFAULTS, **data}
    if len(values) != len(_DEFAULTS):
        return read(data, Task)  # says what is wrong
    for name in _FLOATS:
        values[name] = float(values[name])
    return _make_task(*values.values())


def _dependencies(names: Sequence[str], document: Mapping[str, Any]) -> Iterable[Dependency]:
    sorts = [(each.strength, each.reasons) for each in (read(each, Dependency) for each in document["sorts"])]
    for before, after, number in zip(document["before"], document["after"], document["sort"], strict=True):
        strength, reasons = sorts[number]
        yield _make_dependency(names[before], names[after], strength, reasons)
