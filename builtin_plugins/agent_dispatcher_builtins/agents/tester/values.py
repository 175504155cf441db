"""Values worth trying for a field: just inside and just outside of what it allows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from attrs import frozen

from agent_dispatcher.behaviour import to_value
from agent_dispatcher.models import Field

from .patterns import matching, of_length

__all__ = ["Outside", "distinct", "inside", "outside", "wrong_types"]

_WORDS = ("amber", "birch", "cedar", "delta", "ember", "Fjord Grove", " heath ", "ISLE")
_DAY = date(2026, 1, 15)
_MOMENT = datetime(2026, 1, 15, 9, 30)
#: How many violations of one kind are enough.
_NEAREST = 6


@frozen
class Outside:
    """A value that violates exactly one thing a field declares.

    Attributes:
        kind: ``required``, ``choice``, ``pattern``, ``length`` or ``range``.
        value: the value.
    """

    kind: str
    value: Any


def inside(field: Field, hints: Iterable[Any] = ()) -> list[Any]:
    """Allowed values that are not null, realistic ones first, the bounds among them; none for a reference.

    Args:
        field: the field or input.
        hints: values seen elsewhere, in examples or expressions, that may fit.
    """
    if field.type == "reference":
        return []
    return list(dict.fromkeys(inside_only(field, (*hints, *_typical(field), *_bounds(field)))))


def inside_only(field: Field, values: Iterable[Any]) -> list[Any]:
    """Those of ``values`` that the field allows; none for a reference."""
    if field.type == "reference":
        return []
    return [value for value in values if _fits(field, value) and violation(field, value) is None]


def outside(field: Field) -> list[Outside]:
    """The nearest values that are not allowed, each for one reason only."""
    found: list[Outside] = []
    if field.required:
        found.append(Outside("required", None))
    for value in _beyond(field):
        kind = violation(field, value)
        if kind is None or violation(field, value, skip=kind) is not None or Outside(kind, value) in found:
            continue
        if sum(other.kind == kind for other in found) < _NEAREST:
            found.append(Outside(kind, value))
    return found


def violation(field: Field, value: Any, *, skip: str | None = None) -> str | None:
    """The kind of the first thing ``value`` (of the right type) violates, leaving out the kind ``skip``."""
    if value is None:
        return "required" if field.required and skip != "required" else None
    if field.type == "choice" and value not in field.choices and skip != "choice":
        return "choice"
    if field.pattern is not None and skip != "pattern" and not re.fullmatch(field.pattern, value):
        return "pattern"
    if skip != "length" and (
        (field.min_length is not None and len(value) < field.min_length)
        or (field.max_length is not None and len(value) > field.max_length)
    ):
        return "length"
    low, high = _limits(field)
    if skip != "range" and ((low is not None and value < low) or (high is not None and value > high)):
        return "range"
    return None


def wrong_types(field: Field) -> list[Any]:
    """Values of Python types that the field does not take."""
    values: dict[str, list[Any]] = {
        "text": [1, True],
        "choice": [1],
        "integer": ["1", True, Decimal("1.5")],
        "decimal": ["1.5", True, Decimal("NaN")],
        "boolean": [1, "true"],
        "date": ["2026-01-15", _MOMENT],
        "datetime": ["2026-01-15T09:30:00", _DAY],
        "reference": ["1", True],
    }
    return values[field.type]


def distinct(values: Iterable[Any]) -> list[Any]:
    """The values without repetition; ``1`` and ``True`` are different, and so are ``NaN`` and anything."""
    return list({(type(value), str(value)): value for value in values}.values())


def _fits(field: Field, value: Any) -> bool:
    """Whether a hint is of the field's type at all."""
    kind: dict[str, type] = {"text": str, "choice": str, "integer": int, "boolean": bool, "datetime": datetime}
    if field.type == "decimal":
        return isinstance(value, Decimal)
    if field.type == "date":
        return isinstance(value, date) and not isinstance(value, datetime)
    return type(value) is kind[field.type]


def _limits(field: Field) -> tuple[Any, Any]:
    return to_value(field, field.minimum), to_value(field, field.maximum)


def _step(field: Field) -> Any:
    """The smallest step the bounds of a field are probed with."""
    return {"integer": 1, "decimal": Decimal("0.01"), "date": timedelta(days=1), "datetime": timedelta(seconds=1)}[
        field.type
    ]


def _typical(field: Field) -> list[Any]:
    match field.type:
        case "text" if field.pattern is not None:
            return list(matching(field.pattern, 12 if field.unique else 6))
        case "text":
            return list(_WORDS)
        case "choice":
            return list(field.choices)
        case "integer":
            return [1, 2, 3, 0, 10]
        case "decimal":
            return [Decimal("1.00"), Decimal("2.50"), Decimal("0"), Decimal("10.00")]
        case "boolean":
            return [True, False]
        case "date":
            return [_DAY + timedelta(days=days) for days in (0, 1, -1, 30)]
        case _:
            return [_MOMENT + timedelta(hours=hours) for hours in (0, 1, -1, 24)]


def _bounds(field: Field) -> list[Any]:
    """The allowed values next to each bound."""
    found: list[Any] = []
    if field.type == "text":
        lengths = [length for length in (field.min_length, field.max_length) if length is not None]
        return [text for length in lengths for text in _texts(field, length)]
    low, high = _limits(field)
    if low is not None:
        found += [low, *_moved(low, _step(field))]
    if high is not None:
        found += [high, *_moved(high, -_step(field))]
    return found


def _beyond(field: Field) -> list[Any]:
    """Values just past each bound."""
    if field.type == "choice":
        return [f"not {field.choices[0]}" if field.choices else "none", ""]
    if field.type != "text":
        if field.type in ("boolean", "reference"):
            return []
        low, high = _limits(field)
        step = _step(field)
        return [
            *(_moved(low, -step) if low is not None else ()),
            *(_moved(high, step) if high is not None else ()),
        ]
    found: list[Any] = []
    if field.min_length is not None and field.min_length > 0:
        found += _texts(field, field.min_length - 1)
    if field.max_length is not None:
        found += _texts(field, field.max_length + 1)
    if field.pattern is not None:
        found += _mismatches(field)
    return found


def _moved(value: Any, step: Any) -> list[Any]:
    try:
        return [value + step]
    except OverflowError:
        return []


def _texts(field: Field, length: int) -> list[str]:
    """Texts of exactly ``length`` characters that match the pattern, if there is one."""
    if field.pattern is None:
        return ["a" * length]
    candidates = ["a" * length, "A" * length, "1" * length, of_length(field.pattern, length)]
    return [text for text in candidates if text is not None and re.fullmatch(field.pattern, text)][:1]


def _mismatches(field: Field) -> list[str]:
    """Texts that come close to the pattern without matching it."""
    assert field.pattern is not None
    found = []
    for sample in matching(field.pattern, 3):
        for changed in (sample[:-1], f"{sample}!", f" {sample}", f"{sample}\n", sample.swapcase(), f"!{sample[1:]}"):
            found.append(changed)
    return [*found, "?", "", "!!!"]
