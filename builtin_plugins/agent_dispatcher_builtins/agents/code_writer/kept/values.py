"""What values may be, and how they combine when some are missing."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol, TypeVar

from .errors import DomainError

T = TypeVar("T")
S = TypeVar("S")
U = TypeVar("U")
N = TypeVar("N", int, Decimal, str, timedelta)
M = TypeVar("M", int, Decimal, timedelta)
P = TypeVar("P", int, Decimal)
D = TypeVar("D", bound=date)


class Row(Protocol):
    """A row of any kind: it has an id once it was added to the storage."""

    @property
    def id(self) -> int | None:
        """1 for the first row of its kind."""


def id_of(row: Row) -> int:
    """The id of a row that was added to the storage."""
    if row.id is None:
        raise ValueError("the row was not added to the storage")
    return row.id


def to_decimal(value: Any) -> Any:
    """An integer as a decimal, anything else as it is."""
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


def check_text(
    name: str,
    value: object,
    *,
    required: bool = False,
    choices: tuple[str, ...] | None = None,
    pattern: str | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
) -> None:
    """Refuse a text with the first rule that it breaks: ``<name>_<rule>``."""
    if value is None:
        _check_missing(name, required)
        return
    if not isinstance(value, str) or _has_surrogates(value):
        raise DomainError(f"{name}_type", "This must be a text.")
    if choices is not None and value not in choices:
        raise DomainError(f"{name}_choice", f"This must be one of: {', '.join(choices)}.")
    if pattern is not None and re.fullmatch(pattern, value) is None:
        raise DomainError(f"{name}_pattern", "This does not have the right form.")
    if min_length is not None and len(value) < min_length:
        raise DomainError(f"{name}_length", f"At least {min_length} characters are needed.")
    if max_length is not None and len(value) > max_length:
        raise DomainError(f"{name}_length", f"At most {max_length} characters are allowed.")


def check_integer(
    name: str,
    value: object,
    *,
    required: bool = False,
    minimum: int | None = None,
    maximum: int | None = None,
) -> None:
    """Refuse an integer with the first rule that it breaks: ``<name>_<rule>``."""
    if value is None:
        _check_missing(name, required)
        return
    if not isinstance(value, int) or isinstance(value, bool):
        raise DomainError(f"{name}_type", "This must be a whole number.")
    _check_range(name, value, minimum, maximum)


def check_decimal(
    name: str,
    value: object,
    *,
    required: bool = False,
    minimum: Decimal | None = None,
    maximum: Decimal | None = None,
) -> None:
    """Refuse a decimal with the first rule that it breaks: ``<name>_<rule>``."""
    if value is None:
        _check_missing(name, required)
        return
    if not isinstance(value, Decimal) or not value.is_finite() or value.adjusted() > 99:
        raise DomainError(f"{name}_type", "This must be a decimal.")
    _check_range(name, value, minimum, maximum)


def check_boolean(name: str, value: object, *, required: bool = False) -> None:
    """Refuse what is neither true nor false."""
    if value is None:
        _check_missing(name, required)
        return
    if not isinstance(value, bool):
        raise DomainError(f"{name}_type", "This must be true or false.")


def check_date(
    name: str,
    value: object,
    *,
    required: bool = False,
    minimum: date | None = None,
    maximum: date | None = None,
) -> None:
    """Refuse a date with the first rule that it breaks: ``<name>_<rule>``."""
    if value is None:
        _check_missing(name, required)
        return
    if not isinstance(value, date) or isinstance(value, datetime):
        raise DomainError(f"{name}_type", "This must be a date.")
    _check_range(name, value, minimum, maximum)


def check_datetime(
    name: str,
    value: object,
    *,
    required: bool = False,
    minimum: datetime | None = None,
    maximum: datetime | None = None,
) -> None:
    """Refuse a moment with the first rule that it breaks: ``<name>_<rule>``."""
    if value is None:
        _check_missing(name, required)
        return
    if not isinstance(value, datetime) or value.tzinfo is not None or value.microsecond:
        raise DomainError(f"{name}_type", "This must be a moment in whole seconds, without a zone.")
    _check_range(name, value, minimum, maximum)


def check_reference(name: str, value: object, *, required: bool = False) -> None:
    """Refuse what cannot be the id of a row; whether there is such a row, the storage knows."""
    if value is None:
        _check_missing(name, required)
        return
    if not isinstance(value, int) or isinstance(value, bool):
        raise DomainError(f"{name}_type", "This must be the id of a row.")


def _check_missing(name: str, required: bool) -> None:
    if required:
        raise DomainError(f"{name}_required", "This must be given.")


def _check_range(name: str, value: Any, minimum: Any, maximum: Any) -> None:
    if minimum is not None and value < minimum:
        raise DomainError(f"{name}_range", f"This must be {minimum} or more.")
    if maximum is not None and value > maximum:
        raise DomainError(f"{name}_range", f"This must be {maximum} or less.")


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def apply(function: Callable[[S], T], value: S | None) -> T | None:
    """A function of a value, or nothing of nothing."""
    return None if value is None else function(value)


def combine(function: Callable[[S, U], T], left: S | None, right: U | None) -> T | None:
    """A function of two values, or nothing when one is missing."""
    return None if left is None or right is None else function(left, right)


def coalesce(value: S | None, otherwise: T) -> S | T:
    """The value, or another when it is missing."""
    return otherwise if value is None else value


def add(left: N | None, right: N | None) -> N | None:
    """The sum (of texts: both together); nothing when one is missing or the sum is out of range."""
    if left is None or right is None:
        return None
    try:
        return left + right
    except OverflowError:
        return None


def subtract(left: M | None, right: M | None) -> M | None:
    """The difference; nothing when one is missing or it is out of range."""
    if left is None or right is None:
        return None
    try:
        return left - right
    except OverflowError:
        return None


def multiply(left: P | None, right: P | None) -> P | None:
    """The product; nothing when one is missing."""
    return None if left is None or right is None else left * right


def divide(left: Decimal | None, right: Decimal | None) -> Decimal | None:
    """The quotient; nothing when one is missing or the divisor is zero."""
    return None if left is None or not right else left / right


def remainder(left: int | None, right: int | None) -> int | None:
    """What is left over, with the divisor's sign; nothing when one is missing or it is zero."""
    return None if left is None or not right else left % right


def negate(value: M | None) -> M | None:
    """The value with the opposite sign; nothing when it is missing or out of range."""
    try:
        return None if value is None else -value
    except OverflowError:
        return None


def rounded(value: Decimal | None, digits: int) -> Decimal | None:
    """At most so many digits after the point, half to even; nothing when they are too many in all."""
    if value is None or -int(value.as_tuple().exponent) <= digits:
        return value
    try:
        return round(value, digits)
    except InvalidOperation:
        return None


def smaller(left: T | None, right: T | None) -> T | None:
    """The smaller one, the first of equals; nothing when one is missing."""
    return right if less(right, left) else left if right is not None else None


def larger(left: T | None, right: T | None) -> T | None:
    """The larger one, the first of equals; nothing when one is missing."""
    return right if less(left, right) else left if right is not None else None


def less(left: Any, right: Any) -> bool:
    """Whether the left one is smaller; no when one is missing."""
    return left is not None and right is not None and bool(left < right)


def at_most(left: Any, right: Any) -> bool:
    """Whether the left one is not larger; no when one is missing."""
    return left is not None and right is not None and bool(left <= right)


def among(value: object, options: tuple[object, ...]) -> bool:
    """Whether the value is there and equal to one of the options."""
    return value is not None and value in options


def days(number: int | None) -> timedelta | None:
    """So many days; nothing when the number is missing or too large."""
    return _duration("days", number)


def hours(number: int | None) -> timedelta | None:
    """So many hours; nothing when the number is missing or too large."""
    return _duration("hours", number)


def minutes(number: int | None) -> timedelta | None:
    """So many minutes; nothing when the number is missing or too large."""
    return _duration("minutes", number)


def _duration(unit: str, number: int | None) -> timedelta | None:
    if number is None:
        return None
    try:
        return timedelta(**{unit: number})
    except OverflowError:
        return None


def shift(moment: D | None, duration: timedelta | None) -> D | None:
    """The day or moment so much later; nothing when one is missing or the calendar ends before."""
    if moment is None or duration is None:
        return None
    try:
        return moment + duration
    except OverflowError:
        return None


def days_between(later: date | None, earlier: date | None) -> int | None:
    """How many days the one is after the other; nothing when one is missing."""
    return None if later is None or earlier is None else (later - earlier).days


def time_between(later: datetime | None, earlier: datetime | None) -> timedelta | None:
    """How long the one is after the other; nothing when one is missing."""
    return None if later is None or earlier is None else later - earlier
