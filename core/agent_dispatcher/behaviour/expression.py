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

Types (:func:`agent_dispatcher.behaviour.infer` refuses everything else; kinds are ``text integer decimal boolean date datetime duration row rows null``):

* ``and or not``, ``where`` and the condition of ``if`` take booleans (or ``null``). ``== !=`` take two values of one type, integer with decimal, or null with anything;
  two rows only of one entity. ``< <= > >=`` take text, numbers, dates, datetimes or durations, both of one type (integer with decimal is fine). ``in`` compares like ``==``;
  it is true when one of the options is equal and the value is not null. Comparisons do not chain.
* ``+ -`` take numbers; two durations; date or datetime on the left of a duration; ``+`` two texts; ``-`` two dates or two datetimes. To a date only whole days can be
  added: ``days(n)``, its negation, or sums and differences of such. ``* /`` take numbers, ``%`` integers. Unary ``-`` takes a number or a duration.
* ``min max`` take two values with an order, ``coalesce`` and ``if`` two values of one type; integer and decimal together give a decimal, null takes the other's type.
  With equal values ``min`` and ``max`` give the first. ``if`` evaluates only the chosen side, ``coalesce`` the second only when the first is null; a null condition chooses the last.
* ``abs`` keeps the type of its number. The digits of ``round`` are a literal from 0 to 12. ``sum`` adds numbers and has their type; it starts at 0 and adds in order of id.
* An integer becomes a decimal without rounding; every arithmetic operation on decimals (unary ``-``, ``abs`` and each step of ``sum`` too) rounds its result to 28 digits.
* ``.`` follows a row: ``id``, a field or a relation. A relation (``rows``) can only be run over by an aggregate or a selection. ``exists`` and ``count`` take no value after ``:``.
* The variable of a selection must not have the name of anything else that can be seen there. A selection over a relation of null (or of a deleted row) is empty.
* A constraint sees ``id``, the fields and the relations of its row. Guards see the inputs; changes see also the rows created by the changes before them that have a name, and their
  ``each`` variable; ``returns`` sees all of these but that variable. A name that a change without ``each`` deleted cannot be used after it.
* Texts are at most 5,000 characters and trees of nodes at most 64 high.
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
