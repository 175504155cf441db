"""What must be true of a field or an input on its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import Problem
from ..models import Behaviour, Field, Scalar
from ._names import check_name
from .patterns import PatternProblem, portable
from .problems import hint
from .values import to_value

__all__ = ["check_field", "violated"]

_RANGED = ("integer", "decimal", "date", "datetime")


def check_field(behaviour: Behaviour, field: Field, what: str, *, is_input: bool) -> Iterator[Problem]:
    """Problems of one field; ``what`` names it in messages (``field 'title' of Book``)."""
    where = field.source
    yield from check_name(field.name, "an input" if is_input else "a field", where)
    if is_input and field.unique:
        yield Problem(f"{what}: an input cannot be unique", where, "make the field it is written to unique")
    yield from _check_kind(behaviour, field, what)
    bounds = [*_check_bounds(field, what), *_check_lengths(field, what), *_check_pattern(field, what)]
    yield from bounds
    if field.default is not None and not bounds:
        yield from _check_default(field, what)


def violated(field: Field, value: Any) -> str | None:
    """The kind of constraint that a value of the right type violates, if any, in the order in which they are checked."""
    if field.choices and value not in field.choices:
        return "choice"
    if field.pattern is not None:
        import re

        if not re.fullmatch(portable(field.pattern), value):
            return "pattern"
    if field.min_length is not None and len(value) < field.min_length:
        return "length"
    if field.max_length is not None and len(value) > field.max_length:
        return "length"
    low, high = to_value(field, field.minimum), to_value(field, field.maximum)
    if (low is not None and value < low) or (high is not None and value > high):
        return "range"
    return None


def _check_kind(behaviour: Behaviour, field: Field, what: str) -> Iterator[Problem]:
    where = field.source
    if field.type == "reference":
        known = [entity.name for entity in behaviour.entities]
        if field.entity not in known:
            yield Problem(f"{what}: there is no entity {field.entity!r}{hint(field.entity or '', known)}", where)
    elif field.entity is not None:
        yield Problem(f"{what}: only a reference has an 'entity', and this is a {field.type}", where)
    if field.type == "choice":
        if not field.choices:
            yield Problem(f"{what}: a choice needs 'choices'", where)
        if len(set(field.choices)) != len(field.choices):
            yield Problem(f"{what}: a choice stands twice in 'choices'", where)
    elif field.choices:
        yield Problem(f"{what}: only a choice has 'choices', and this is a {field.type}", where)


def _check_bounds(field: Field, what: str) -> Iterator[Problem]:
    values = []
    for name, bound in (("minimum", field.minimum), ("maximum", field.maximum)):
        if bound is None:
            continue
        if field.type not in _RANGED:
            yield Problem(f"{what}: a {field.type} has no {name!r}", field.source, f"that is for {', '.join(_RANGED)}")
            continue
        try:
            values.append(to_value(field, bound))
        except ValueError as error:
            yield Problem(f"{what}: {name}: {error}", field.source)
    low_high: list[Any] = values
    if len(low_high) == 2 and low_high[0] > low_high[1]:
        yield Problem(f"{what}: the minimum {field.minimum} is greater than the maximum {field.maximum}", field.source)


def _check_lengths(field: Field, what: str) -> Iterator[Problem]:
    for name, length in (("min_length", field.min_length), ("max_length", field.max_length)):
        if length is None:
            continue
        if field.type != "text":
            yield Problem(f"{what}: only a text has {name!r}, and this is a {field.type}", field.source)
        elif length < 0:
            yield Problem(f"{what}: {name} must not be negative", field.source)
    if field.min_length is not None and field.max_length is not None and field.min_length > field.max_length:
        yield Problem(
            f"{what}: min_length {field.min_length} is greater than max_length {field.max_length}", field.source
        )


def _check_pattern(field: Field, what: str) -> Iterator[Problem]:
    if field.pattern is None:
        return
    if field.type != "text":
        yield Problem(f"{what}: only a text has a 'pattern', and this is a {field.type}", field.source)
    try:
        portable(field.pattern)
    except PatternProblem as problem:
        yield Problem(f"{what}: pattern: {problem}", field.source)


def _check_default(field: Field, what: str) -> Iterator[Problem]:
    default: Scalar = field.default
    if field.type == "reference":
        yield Problem(f"{what}: a reference cannot have a default", field.source)
        return
    try:
        kind = violated(field, to_value(field, default))
    except ValueError as error:
        yield Problem(f"{what}: default: {error}", field.source)
        return
    if kind is not None:
        yield Problem(f"{what}: the default {default!r} violates its own {kind}", field.source)
