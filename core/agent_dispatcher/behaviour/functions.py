"""The functions of the language: what each takes, and the type of what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .expression import Call, Literal
from .types import (
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    DURATION,
    INTEGER,
    NULL,
    NUMBERS,
    ORDERED,
    TEXT,
    Type,
    refuse,
    shown,
)

__all__ = ["FUNCTIONS"]

_Signature = Callable[[Call, tuple[Type, ...]], Type]


def _fixed(result: Type, *wanted: tuple[Type, ...]) -> _Signature:
    """A function with a fixed result; each argument is of one of the given types."""

    def check(node: Call, found: tuple[Type, ...]) -> Type:
        _arity(node, found, len(wanted))
        for index, (type_, options) in enumerate(zip(found, wanted, strict=True)):
            if type_ not in options:
                names = " or ".join(shown(option) for option in options)
                refuse(f"{node.function} wants {names} here, and this is {shown(type_)}", node.arguments[index])
        return result

    return check


def _arity(node: Call, found: tuple[Type, ...], wanted: int) -> None:
    if len(found) != wanted:
        noun = "argument" if wanted == 1 else "arguments"
        refuse(f"{node.function} has {wanted} {noun}, not {len(found)}", node)


def _unified(node: Call, left: Type, right: Type) -> Type:
    """The common type of two alternatives."""
    if left == right or right == NULL:
        return left
    if left == NULL:
        return right
    if left in NUMBERS and right in NUMBERS:
        return DECIMAL
    refuse(f"{node.function} wants two values of one type, and has {shown(left)} and {shown(right)}", node)


def _coalesce(node: Call, found: tuple[Type, ...]) -> Type:
    _arity(node, found, 2)
    return _unified(node, *found)


def _if(node: Call, found: tuple[Type, ...]) -> Type:
    _arity(node, found, 3)
    if found[0] not in (BOOLEAN, NULL):
        refuse(f"a condition is true or false, and this is {shown(found[0])}", node.arguments[0])
    return _unified(node, *found[1:])


def _extreme(node: Call, found: tuple[Type, ...]) -> Type:
    _arity(node, found, 2)
    for argument, type_ in zip(node.arguments, found, strict=True):
        if type_ not in ORDERED:
            refuse(f"{node.function} wants values that have an order, and this is {shown(type_)}", argument)
    return _unified(node, *found)


def _abs(node: Call, found: tuple[Type, ...]) -> Type:
    _fixed(DECIMAL, NUMBERS)(node, found)
    return found[0]


def _round(node: Call, found: tuple[Type, ...]) -> Type:
    _fixed(DECIMAL, NUMBERS, (INTEGER,))(node, found)
    digits = node.arguments[1]
    if not isinstance(digits, Literal) or not isinstance(digits.value, int) or not 0 <= digits.value <= 12:
        refuse("the digits of round are a number from 0 to 12", digits)
    return DECIMAL


_MOMENTS = (DATE, DATETIME)

#: Signature of each function by name.
FUNCTIONS: Mapping[str, _Signature] = {
    "today": _fixed(DATE),
    "now": _fixed(DATETIME),
    "days": _fixed(DURATION, (INTEGER,)),
    "hours": _fixed(DURATION, (INTEGER,)),
    "minutes": _fixed(DURATION, (INTEGER,)),
    "date": _fixed(DATE, (DATETIME,)),
    "year": _fixed(INTEGER, _MOMENTS),
    "month": _fixed(INTEGER, _MOMENTS),
    "day": _fixed(INTEGER, _MOMENTS),
    "length": _fixed(INTEGER, (TEXT,)),
    "lower": _fixed(TEXT, (TEXT,)),
    "upper": _fixed(TEXT, (TEXT,)),
    "trim": _fixed(TEXT, (TEXT,)),
    "contains": _fixed(BOOLEAN, (TEXT,), (TEXT,)),
    "starts_with": _fixed(BOOLEAN, (TEXT,), (TEXT,)),
    "ends_with": _fixed(BOOLEAN, (TEXT,), (TEXT,)),
    "abs": _abs,
    "min": _extreme,
    "max": _extreme,
    "round": _round,
    "integer": _fixed(INTEGER, NUMBERS),
    "coalesce": _coalesce,
    "if": _if,
}
