"""Near misses: the declared behaviour with one small thing read wrongly.

A test that passes on the behaviour and on a near miss says nothing about the difference, so the tester looks for situations that tell
them apart (:mod:`.search`). Near misses are made from the specification alone; how an implementation looks does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from attrs import frozen

from agent_dispatcher.models import Behaviour, Entity, Operation

from .plain import Plain

__all__ = ["Miss", "entity_misses", "operation_misses"]

_SWAPS = {
    "<": ("<=", ">"),
    "<=": ("<", ">="),
    ">": (">=", "<"),
    ">=": (">", "<="),
    "==": ("!=",),
    "!=": ("==",),
    "+": ("-",),
    "-": ("+",),
    "*": ("/",),
    "/": ("*",),
}
_UNWRAPPED = ("lower", "upper", "trim", "abs", "round", "integer", "coalesce")
_BOUNDS = ("minimum", "maximum", "min_length", "max_length")


@frozen
class Miss:
    """A wrong reading.

    Attributes:
        what: what is read wrongly, with its place.
        behaviour: the whole behaviour as it would be then.
        part: what is misread, and what it stands beside: the place to look for a difference.
    """

    what: str
    behaviour: Mapping[str, Plain]
    part: Plain = None


def operation_misses(behaviour: Behaviour, plain: Mapping[str, Plain], operation: Operation) -> list[Miss]:
    """Wrong readings of one operation."""
    declared = plain["operations"][operation.name]
    readings = [
        *_inputs(operation, declared),
        *_guards(operation, declared),
        *_changes(operation, declared),
        *_returns(operation, declared),
    ]
    operations = plain["operations"]
    return [
        Miss(what, {**plain, "operations": {**operations, operation.name: {**declared, **changed}}}, part)
        for what, changed, part in readings
    ]


def entity_misses(plain: Mapping[str, Plain], entity: Entity) -> list[Miss]:
    """Wrong readings of an entity's constraints and of what must be unique."""
    declared = plain["entities"][entity.name]
    readings: list[_Reading] = []
    constraints = declared["constraints"]
    for index, constraint in enumerate(entity.constraints):
        where = f"constraint {constraint.name}{_at(constraint.source or constraint.check.source)}"
        constraint_part = constraints[index]
        readings.append((f"{where} left out", {"constraints": _without(constraints, index)}, constraint_part))
        for what, check in _altered(constraints[index]["check"]):
            changed = {**constraints[index], "check": check}
            found = {"constraints": _replaced(constraints, index, changed)}
            readings.append((f"{where}: {what}", found, constraint_part))
        if index and constraints[index]["error"] != constraints[index - 1]["error"]:
            swapped = {"constraints": _swapped(constraints, index)}
            readings.append((f"{where} before the one above it", swapped, constraints[index - 1 : index + 1]))
    for field in entity.fields:
        if field.unique:
            plain_field = {**declared["fields"][field.name], "unique": False}
            fields = {**declared["fields"], field.name: plain_field}
            readings.append((f"field {field.name}{_at(field.source)} not unique", {"fields": fields}, None))
    entities = plain["entities"]
    return [
        Miss(what, {**plain, "entities": {**entities, entity.name: {**declared, **changed}}}, part)
        for what, changed, part in readings
    ]


#: What is misread, what is different then, and where in the behaviour that is.
_Reading = tuple[str, dict[str, Plain], Plain]
_Readings = Iterator[_Reading]


def _at(source: str) -> str:
    return f" ({source})" if source else ""


def _without(items: Sequence[Plain], index: int) -> list[Plain]:
    return [*items[:index], *items[index + 1 :]]


def _replaced(items: Sequence[Plain], index: int, item: Plain) -> list[Plain]:
    return [*items[:index], item, *items[index + 1 :]]


def _swapped(items: Sequence[Plain], index: int) -> list[Plain]:
    return [*items[: index - 1], items[index], items[index - 1], *items[index + 1 :]]


def _inputs(operation: Operation, declared: Mapping[str, Plain]) -> _Readings:
    inputs = declared["inputs"]
    names = list(inputs)
    for position, given in enumerate(operation.inputs):
        where = f"input {given.name}{_at(given.source)}"
        plain = inputs[given.name]
        for key in ("required", "default", "choices", "pattern", *_BOUNDS):
            if key in plain:
                less = {name: value for name, value in plain.items() if name != key}
                yield f"{where}: {key} left out", {"inputs": {**inputs, given.name: less}}, None
            if key in _BOUNDS and key in plain:
                for what, moved in _moved(plain[key]):
                    yield f"{where}: {key} {what}", {"inputs": {**inputs, given.name: {**plain, key: moved}}}, None
        if position:
            order = [*names[: position - 1], names[position], names[position - 1], *names[position + 1 :]]
            yield f"{where} checked before the one above it", {"inputs": {name: inputs[name] for name in order}}, None


def _guards(operation: Operation, declared: Mapping[str, Plain]) -> _Readings:
    guards = declared["guards"]
    for index, guard in enumerate(operation.requires):
        where = f"guard {guard.error}{_at(guard.source or guard.that.source)}"
        yield f"{where} left out", {"guards": _without(guards, index)}, guards[index]
        for what, that in _altered(guards[index]["that"]):
            changed = {"guards": _replaced(guards, index, {**guards[index], "that": that})}
            yield f"{where}: {what}", changed, guards[index]
        if index and guards[index]["error"] != guards[index - 1]["error"]:
            yield f"{where} before the one above it", {"guards": _swapped(guards, index)}, guards[index - 1 : index + 1]


def _changes(operation: Operation, declared: Mapping[str, Plain]) -> _Readings:
    changes = declared["changes"]
    for index, change in enumerate(operation.changes):
        plain = changes[index]
        where = f"{change.kind} {plain['entity']}{_at(change.source)}"
        if change.name is None:
            yield f"{where} left out", {"changes": _without(changes, index)}, plain
        for name, node in plain["values"].items():
            others = {key: value for key, value in plain["values"].items() if key != name}
            for what, values in (
                (f"{name} is not assigned", others),
                (f"{name} is null", {**plain["values"], name: ("literal", None)}),
                *((f"{what} in {name}", {**plain["values"], name: changed}) for what, changed in _altered(node)),
            ):
                yield f"{where}: {what}", {"changes": _replaced(changes, index, {**plain, "values": values})}, plain
        if "each" in plain:
            for what, each in _altered_selection(plain["each"]):
                yield f"{where}: {what} in each", {"changes": _replaced(changes, index, {**plain, "each": each})}, plain


def _returns(operation: Operation, declared: Mapping[str, Plain]) -> _Readings:
    if operation.returns is None:
        return
    where = f"returns{_at(operation.returns.source)}"
    yield f"{where}: nothing", {"returns": None}, declared["returns"]
    for what, node in _altered(declared["returns"]):
        yield f"{where}: {what}", {"returns": node}, declared["returns"]


# --- expressions


def _altered(node: Plain) -> Iterator[tuple[str, Plain]]:
    """Every expression that differs from ``node`` in one place."""
    operator = node[0]
    if operator == "literal":
        for what, value in _moved(node[1]):
            yield what, ("literal", value)
    elif operator == "name":
        return
    elif operator == "field":
        yield from _inner(node, 1)
    elif operator in ("not", "negate"):
        yield f"{operator!r} left out", node[1]
        yield from _inner(node, 1)
    elif operator in ("and", "or"):
        other = "or" if operator == "and" else "and"
        yield f"{operator!r} read as {other!r}", (other, node[1], node[2])
        yield f"what follows {operator!r} left out", node[1]
        yield f"what precedes {operator!r} left out", node[2]
        yield from _inner(node, 1, 2)
    elif operator == "null":
        yield "'is null' turned round", ("not", node)
        yield from _inner(node, 1)
    elif operator == "in":
        for index in range(len(node[2])):
            yield f"option {index + 1} left out", ("in", node[1], (*node[2][:index], *node[2][index + 1 :]))
        yield from _inner(node, 1)
    elif operator == "call":
        yield from _altered_call(node)
    elif operator in ("count", "exists", "select", "sum"):
        for what, selection in _altered_selection(node[1]):
            yield what, (operator, selection, *node[2:])
        if len(node) > 2:
            yield from _inner(node, 2)
    else:
        for other in _SWAPS.get(operator, ()):
            yield f"{operator!r} read as {other!r}", (other, node[1], node[2])
        yield from _inner(node, 1, 2)


def _inner(node: Plain, *positions: int) -> Iterator[tuple[str, Plain]]:
    for position in positions:
        for what, changed in _altered(node[position]):
            yield what, (*node[:position], changed, *node[position + 1 :])


def _altered_call(node: Plain) -> Iterator[tuple[str, Plain]]:
    _, function, arguments = node
    if function in _UNWRAPPED:
        yield f"{function}() left out", arguments[0]
    if function in ("min", "max"):
        other = "max" if function == "min" else "min"
        yield f"{function}() read as {other}()", ("call", other, arguments)
    if function == "if":
        yield "the branches of if() changed over", ("call", "if", (arguments[0], arguments[2], arguments[1]))
    for index, argument in enumerate(arguments):
        for what, changed in _altered(argument):
            yield what, ("call", function, (*arguments[:index], changed, *arguments[index + 1 :]))


def _altered_selection(selection: Plain) -> Iterator[tuple[str, Plain]]:
    kind, collection, variable, condition = selection
    if collection[0] == "related" and collection[3] is not None:
        yield f"all rows of {collection[3]} for {collection[2]}", (kind, ("all", collection[3]), variable, condition)
    if condition is not None:
        yield "the condition of the selection left out", (kind, collection, variable, None)
        for what, changed in _altered(condition):
            yield what, (kind, collection, variable, changed)


def _moved(value: Any) -> Iterator[tuple[str, Any]]:
    """Constants next to ``value``."""
    if isinstance(value, bool):
        yield f"{value!r} read as {not value!r}".lower(), not value
    elif isinstance(value, int | Decimal):
        step = 1 if isinstance(value, int) else Decimal("0.01")
        yield f"{value} read as {value + step}", value + step
        yield f"{value} read as {value - step}", value - step
    elif isinstance(value, str):
        yield f"{value!r} read as another text", f"{value}?"
    elif value is not None:
        step_s = timedelta(seconds=1) if isinstance(value, datetime) else timedelta(days=1)
        for what, move in _either_way(step_s):
            try:
                yield f"{value} read as {what}", move(value)
            except OverflowError:
                continue


def _either_way(step: timedelta) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    yield "a little later", lambda value: value + step
    yield "a little earlier", lambda value: value - step
