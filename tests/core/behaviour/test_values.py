"""Values between their JSON form and Python."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest

from agent_dispatcher.behaviour import Value, from_value, to_value
from agent_dispatcher.models import Field, Scalar


@pytest.mark.parametrize(
    ("kind", "scalar", "value"),
    [
        ("text", "12", "12"),
        ("choice", "a", "a"),
        ("integer", -3, -3),
        ("decimal", "12.50", Decimal("12.50")),
        ("decimal", 3, Decimal(3)),
        ("boolean", False, False),
        ("date", "2024-02-29", date(2024, 2, 29)),
        ("datetime", "2026-01-31T12:00:00", datetime(2026, 1, 31, 12)),
        ("reference", "ada", "ada"),
        ("date", None, None),
    ],
)
def test_values(kind: str, scalar: Scalar, value: Value) -> None:
    """A scalar becomes a value of the field's type."""
    found = to_value(Field(name="x", type=kind, entity="E"), scalar)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("kind", "scalar", "message"),
    [
        ("text", 12, "expected a text, found 12"),
        ("integer", "12", 'expected an integer like 12, found "12"'),
        ("integer", True, "found true"),
        ("decimal", "1e5", "expected a decimal"),
        ("decimal", "NaN", "expected a decimal"),
        ("decimal", "1" * 29, "expected a decimal"),
        ("decimal", True, "found true"),
        ("boolean", 1, "expected true or false, found 1"),
        ("date", "2026-02-30", "expected a day"),
        ("date", "20260230", "expected a day"),
        ("datetime", "2026-01-31", "expected a moment"),
        ("datetime", "2026-01-31T12:00:00Z", "without a zone"),
    ],
)
def test_other_forms_are_refused(kind: str, scalar: Scalar, message: str) -> None:
    """A scalar of another form is refused with what was expected."""
    with pytest.raises(ValueError, match=message):
        to_value(kind, scalar)


@pytest.mark.parametrize(
    ("value", "scalar"),
    [
        (Decimal("0.00000001"), "0.00000001"),
        (Decimal("1E+3"), "1000"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
        (True, True),
        (None, None),
    ],
)
def test_back_to_json(value: Value, scalar: Scalar) -> None:
    """A value has a JSON form that reads back as the same value."""
    assert from_value(value) == scalar
