"""Values in their JSON form (:data:`agent_dispatcher.models.Scalar`) and as Python values."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal

from ..models import Field, Scalar
from .expression import Value

__all__ = ["DATE", "DATETIME", "DECIMAL", "from_value", "to_value"]

DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
DATETIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")
DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")

_EXPECTED = {
    "text": "a text",
    "choice": "a text",
    "integer": "an integer like 12",
    "decimal": 'a decimal like "12.50"',
    "boolean": "true or false",
    "date": 'a day like "2026-01-31"',
    "datetime": 'a moment like "2026-01-31T12:00:00", without a zone',
    "reference": "the alias of a record",
}


def to_value(type_: Field | str, scalar: Scalar) -> Value:
    """The Python value of a scalar.

    Args:
        type_: a field, or one of :data:`agent_dispatcher.models.FIELD_TYPES`.
        scalar: the JSON form; ``None`` is null in every type.

    Returns:
        ``str``, ``int``, :class:`~decimal.Decimal`, ``bool``, ``date`` or ``datetime``; a reference stays the alias it is.

    Raises:
        ValueError: the scalar is not of that type; the message says what was expected and what was found.
    """
    kind = type_ if isinstance(type_, str) else type_.type
    if scalar is None:
        return None
    try:
        value = _convert(kind, scalar)
    except (ValueError, ArithmeticError):
        value = None
    if value is None:
        raise ValueError(f"expected {_EXPECTED[kind]}, found {_shown(scalar)}")
    return value


def from_value(value: Value) -> Scalar:
    """The JSON form of a Python value: the reverse of :func:`to_value`."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def _convert(kind: str, scalar: bool | int | str) -> Value:
    is_integer = isinstance(scalar, int) and not isinstance(scalar, bool)
    match kind:
        case "boolean":
            return scalar if isinstance(scalar, bool) else None
        case "integer":
            return scalar if is_integer else None
        case "decimal":
            if is_integer:
                return _decimal(str(scalar))
            return _decimal(scalar) if isinstance(scalar, str) and DECIMAL.fullmatch(scalar) else None
        case "date":
            return date.fromisoformat(scalar) if isinstance(scalar, str) and DATE.fullmatch(scalar) else None
        case "datetime":
            return datetime.fromisoformat(scalar) if isinstance(scalar, str) and DATETIME.fullmatch(scalar) else None
        case _:
            return scalar if isinstance(scalar, str) else None


def _decimal(text: str) -> Decimal | None:
    value = Decimal(text)
    return value if len(value.as_tuple().digits) <= 28 else None


def _shown(scalar: bool | int | str) -> str:
    if isinstance(scalar, bool):
        return "true" if scalar else "false"
    text = repr(scalar) if isinstance(scalar, int) else f'"{scalar}"'
    return text if len(text) <= 60 else f"{text[:57]}..."
