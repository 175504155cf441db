"""Values worth trying are what they claim to be: allowed ones allowed, refused ones refused for one reason."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal

import pytest

from agent_dispatcher.models import Field
from agent_dispatcher_builtins.agents.tester.interpreter import Model, Violation
from agent_dispatcher_builtins.agents.tester.patterns import matching, of_length
from agent_dispatcher_builtins.agents.tester.plain import plain_field
from agent_dispatcher_builtins.agents.tester.values import distinct, inside, outside, wrong_types

FIELDS = [
    Field(name="f", type="text", required=True, min_length=2, max_length=5),
    Field(name="f", type="text", pattern=r"[A-Z]{2}-\d{3}", max_length=6),
    Field(name="f", type="text", pattern=r"[a-z]+", min_length=3, max_length=4),
    Field(name="f", type="choice", choices=("red", "green"), required=True),
    Field(name="f", type="integer", minimum=-1, maximum=3),
    Field(name="f", type="decimal", minimum="0.10", maximum="0.20"),
    Field(name="f", type="boolean"),
    Field(name="f", type="date", minimum="2026-01-01", maximum="9999-12-31"),
    Field(name="f", type="datetime", maximum="2026-01-01T00:00:00"),
    Field(name="f", type="reference", entity="E", required=True),
]


def code_of(field: Field, value: object) -> str | None:
    """What the interpreter says of a value."""
    declared = {"E": {"slug": "e", "fields": {}, "relations": {}, "constraints": []}}
    declared["F"] = {"slug": "f", "fields": {"f": plain_field(field)}, "relations": {}, "constraints": []}
    model = Model({"entities": declared, "operations": {}}, lambda: datetime(2026, 1, 1))
    model.add("E", {})
    try:
        model.add("F", {"f": value})
    except Violation as violation:
        return violation.code
    return None


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.type)
def test_values_inside_are_allowed_and_outside_are_not(field: Field) -> None:
    """The interpreter, which reads the same page, agrees on every value and on the kind of violation."""
    assert [value for value in inside(field) if code_of(field, value) is not None] == []
    for found in outside(field):
        assert code_of(field, found.value) == f"f_f_{found.kind}"
    for value in wrong_types(field):
        assert code_of(field, value) == "f_f_type"


def test_bounds_are_among_the_values() -> None:
    """The last allowed value on each side, and the first that is not."""
    field = Field(name="f", type="integer", minimum=-1, maximum=3)
    assert {-1, 0, 2, 3} <= set(inside(field))
    assert [found.value for found in outside(field)] == [-2, 4]

    field = Field(name="f", type="date", minimum="2026-03-01")
    assert date(2026, 3, 1) in inside(field)
    assert [found.value for found in outside(field)] == [date(2026, 2, 28)]

    field = Field(name="f", type="text", min_length=2, max_length=5)
    assert {2, 5} <= {len(text) for text in inside(field)}
    assert [len(found.value) for found in outside(field)] == [1, 6]


def test_a_value_outside_violates_one_thing_only() -> None:
    """The empty text is too short and does not match either: it would prove nothing about the length."""
    field = Field(name="f", type="text", pattern=r"[a-z]+", min_length=3, max_length=4)
    found = outside(field)

    assert "" not in [other.value for other in found]
    assert {other.kind for other in found} == {"pattern", "length"}
    for other in found:
        assert (re.fullmatch("[a-z]+", other.value) is None) == (other.kind == "pattern")
        assert (3 <= len(other.value) <= 4) == (other.kind == "pattern")


def test_hints_come_first_if_they_fit() -> None:
    """A value that was seen in an example is preferred; one that is not allowed is dropped."""
    field = Field(name="f", type="decimal", maximum="5")
    assert inside(field, [Decimal("4.20"), Decimal("7"), "text"])[0] == Decimal("4.20")
    assert Decimal(7) not in inside(field, [Decimal(7)])


@pytest.mark.parametrize(
    "pattern",
    [
        r"97[89]-\d{10}",
        r"[A-Z]{2}-\d+",
        r"(a|bc)?x*",
        r"[^@\s]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}",
        r"\+?[0-9 ()-]{5,20}",
        r"(?:one|two)\.(three)",
        r"[\w.-]{3}",
        r"",
    ],
)
def test_samples_match_their_pattern(pattern: str) -> None:
    """Every sample matches, there are some, and they are the same each time."""
    samples = matching(pattern, 5)
    assert samples
    assert [text for text in samples if not re.fullmatch(pattern, text)] == []
    assert matching(pattern, 5) == samples


@pytest.mark.parametrize("pattern", [r"(?=a)a", r"(a)\1", r"[a", r"(a", r"a)", r"\b", r"a$b"])
def test_patterns_that_are_not_understood_have_no_samples(pattern: str) -> None:
    """Better none than a wrong one."""
    assert matching(pattern, 5) == []


@pytest.mark.parametrize(
    ("pattern", "length"),
    [(r"[^@\s]+@[a-z]+(\.[a-z]+)*\.[a-z]{2,}", 121), (r"(ab)?c+", 40), (r"[a-z]{2,}", 2), (r"\d{3}x*", 3)],
)
def test_texts_of_a_length_match(pattern: str, length: int) -> None:
    """A sample can be made as long as a bound wants it."""
    text = of_length(pattern, length)
    assert text is not None
    assert len(text) == length
    assert re.fullmatch(pattern, text)


def test_a_length_that_no_match_has() -> None:
    """Three digits are never four."""
    assert of_length(r"\d{3}", 4) is None


def test_distinct_tells_types_apart() -> None:
    """One and true are different values to try, two NaNs are not."""
    found = distinct([1, True, 1, Decimal("NaN"), Decimal("NaN"), "1"])
    assert [str(value) for value in found] == ["1", "True", "NaN", "1"]
