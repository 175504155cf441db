"""The nodes of a parsed expression.

The language is small, closed, typed and total: evaluating a checked expression never raises. Its grammar::

    expression  = or
    or          = and { "or" and }
    and         = not { "and" not }
    not         = "not" not | comparison
    comparison  = sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=") sum
                      | ["not"] "in" "[" expression { "," expression } "]"
                      | "is" ["not"] "null" ]
    sum         = product { ("+" | "-") product }
    product     = unary { ("*" | "/" | "%") unary }
    unary       = "-" unary | postfix
    postfix     = primary { "." NAME }
    primary     = NUMBER | STRING | "true" | "false" | "null" | NAME | call | aggregate | "(" expression ")"
    call        = FUNCTION "(" [ expression { "," expression } ] ")"
    aggregate   = ("count" | "exists" | "select") "(" selection ")"
                | "sum" "(" selection ":" expression ")"
    selection   = postfix "as" NAME [ "where" expression ]      (postfix: an entity's name, or a relation such as book.loans)

STRING is in double or single quotes with ``\\\\``, ``\\"``, ``\\'``, ``\\n`` and ``\\t``; NUMBER is ``12`` (integer) or ``12.50`` (decimal).

Meaning of what could be unclear (an interpreter and a generator must agree on all of it):

* **null** spreads: a field of null, arithmetic with null, a function of null are null (but ``coalesce``). ``==`` and ``!=`` compare
  null like a value; ``<``, ``<=``, ``>``, ``>=`` and ``in`` with null on the left are false. A null where a condition is expected counts as false,
  so ``not`` of it is true.
* **and, or** evaluate from left to right and stop early; both sides are boolean.
* **integer** is unbounded; ``+ - *`` of integers is an integer; with a decimal it is a decimal. ``/`` is always a decimal. ``%`` is for integers only and
  has the sign of the divisor. Division or remainder by zero is null.
* **decimal** has 28 significant digits and rounds half to even; equal decimals compare equal whatever their digits (``1.0 == 1.00``).
* **text** compares by code points; ``+`` joins two texts. A choice is a text.
* **dates**: ``date - date`` is an integer of days; ``datetime - datetime`` is a duration; ``date + days(n)``, ``datetime + hours(n)`` and so on;
  durations compare and add. ``date(dt)`` is the day of a datetime. ``datetime`` has seconds and no zone. A date beyond year 1 to 9999 is null.
* **references** compare by identity: ``loan.book == book``. A reference followed by ``.`` reads the referenced row as it is now.
* **not in** is the negation of ``in``: true for null on the left. ``and``, ``or`` and ``not`` always give true or false, never null; ``is null`` of a condition
  that is null is the only way to see it.
* **no result** (decimal overflow, a date or duration out of range, digits that do not fit) is null. ``round`` of a value that has no more digits than asked for is the value itself.
* **text functions** are those of Python's ``str``: ``lower``, ``upper``, ``strip``, ``in`` (``contains(text, part)``), ``startswith``, ``endswith``, ``len``.
* **aggregates** run over rows in order of id. ``count`` and ``exists`` of nothing are 0 and false; ``sum`` of nothing is 0; a null value adds nothing.

Functions: ``today() now() days(n) hours(n) minutes(n) date("2026-01-31") date(datetime) datetime("2026-01-31T12:00:00") year(d) month(d) day(d)
length(text) lower(text) upper(text) trim(text) contains(text, text) starts_with(text, text) ends_with(text, text) abs(n) min(a, b) max(a, b)
round(decimal, digits) integer(decimal) coalesce(a, b) if(condition, a, b)``. ``round`` rounds half to even and gives a decimal; ``integer`` cuts toward zero.
``date("...")`` and ``datetime("...")`` of a literal are folded into a :class:`Literal` by the parser.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from attrs import frozen

__all__ = [
    "Aggregate",
    "Attribute",
    "Binary",
    "Call",
    "In",
    "IsNull",
    "Literal",
    "Name",
    "Node",
    "Selection",
    "Unary",
    "Value",
]

#: What a literal can be.
Value = None | bool | int | Decimal | str | date | datetime


@frozen
class Literal:
    """A constant. ``position`` is the 0-based offset in the expression's text, as for every node."""

    value: Value
    position: int = 0


@frozen
class Name:
    """An input, a created row, a bound row, or (in a constraint) a field or relation of the row itself."""

    name: str
    position: int = 0


@frozen
class Attribute:
    """``target.name``: a field (or ``id``) or a relation of a row."""

    target: Node
    name: str
    position: int = 0


@frozen
class Unary:
    """``operator`` is ``not`` or ``-``."""

    operator: str
    operand: Node
    position: int = 0


@frozen
class Binary:
    """``operator`` is one of ``or and == != < <= > >= + - * / %``."""

    operator: str
    left: Node
    right: Node
    position: int = 0


@frozen
class In:
    """``value in [options]``; ``negated`` for ``not in``."""

    value: Node
    options: tuple[Node, ...]
    negated: bool = False
    position: int = 0


@frozen
class IsNull:
    """``operand is null``; ``negated`` for ``is not null``."""

    operand: Node
    negated: bool = False
    position: int = 0


@frozen
class Call:
    """A function with its arguments."""

    function: str
    arguments: tuple[Node, ...]
    position: int = 0


@frozen
class Selection:
    """``collection as variable where condition``: rows in order of id.

    ``collection`` is a :class:`Name` that is an entity's name (all its rows), or an expression whose type is a relation.
    """

    collection: Node
    variable: str
    condition: Node | None = None
    position: int = 0


@frozen
class Aggregate:
    """``kind`` is ``count``, ``exists``, ``sum`` (of ``value``) or ``select`` (the rows themselves; only as a whole ``returns``)."""

    kind: str
    selection: Selection
    value: Node | None = None
    position: int = 0


Node = Literal | Name | Attribute | Unary | Binary | In | IsNull | Call | Aggregate
