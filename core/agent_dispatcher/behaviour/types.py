"""Which type an expression has, and whether it makes sense at all. The rules stand in :mod:`agent_dispatcher.behaviour.expression`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import NoReturn

from attrs import evolve, field, frozen

from ..models import Behaviour, Entity, Expression, Field
from .expression import (
    Aggregate,
    Attribute,
    Binary,
    Call,
    In,
    IsNull,
    Literal,
    Name,
    Node,
    Selection,
    Unary,
)
from .parser import AGGREGATES, KEYWORDS, parse, parse_selection
from .problems import ExpressionProblem, hint

__all__ = [
    "BOOLEAN",
    "DATE",
    "DATETIME",
    "DECIMAL",
    "DURATION",
    "FUNCTIONS",
    "INTEGER",
    "NULL",
    "TEXT",
    "Scope",
    "Type",
    "assignable",
    "bind_selection",
    "field_type",
    "infer",
    "infer_text",
    "row",
    "rows",
    "select_text",
]


@frozen
class Type:
    """The type of an expression.

    Attributes:
        kind: ``text integer decimal boolean date datetime duration row rows null``. A choice is a text, a reference is a row;
            ``null`` is the type of the word ``null`` alone and fits every other.
        entity: of ``row`` and ``rows``.
    """

    kind: str
    entity: str | None = None

    def __str__(self) -> str:
        if self.kind == "row":
            return f"a {self.entity}"
        if self.kind == "rows":
            return f"rows of {self.entity}"
        return self.kind


TEXT, INTEGER, DECIMAL, BOOLEAN = Type("text"), Type("integer"), Type("decimal"), Type("boolean")
DATE, DATETIME, DURATION, NULL = Type("date"), Type("datetime"), Type("duration"), Type("null")

_NUMBERS = (INTEGER, DECIMAL)
_ORDERED = (TEXT, INTEGER, DECIMAL, DATE, DATETIME, DURATION)


def row(entity: str) -> Type:
    """The type of one row of ``entity``."""
    return Type("row", entity)


def rows(entity: str) -> Type:
    """The type of several rows of ``entity``, in order of id."""
    return Type("rows", entity)


def field_type(declared: Field) -> Type:
    """The type an expression has that names this field or input."""
    if declared.type == "reference":
        return row(declared.entity or "")
    return TEXT if declared.type == "choice" else Type(declared.type)


@frozen
class Scope:
    """The names an expression may use.

    Attributes:
        behaviour: the entities; their names are collections in selections.
        names: type by name.
    """

    behaviour: Behaviour
    names: Mapping[str, Type] = field(factory=dict)

    def bind(self, name: str, type_: Type) -> Scope:
        """This scope and one name more."""
        return evolve(self, names={**self.names, name: type_})

    def entity(self, name: str) -> Entity | None:
        """The entity of that name, if there is one."""
        return next((entity for entity in self.behaviour.entities if entity.name == name), None)

    def members(self, entity: Entity) -> dict[str, Type]:
        """What can be read of a row: ``id``, its fields and its relations."""
        return {
            "id": INTEGER,
            **{declared.name: field_type(declared) for declared in entity.fields},
            **{relation.name: rows(relation.entity) for relation in entity.relations},
        }


def infer(node: Node, scope: Scope) -> Type:
    """The type of a node.

    ``select`` is refused everywhere but at the root, where its type is ``rows``; a relation on its own is of type ``rows`` too,
    so whoever wants a value must refuse ``rows``.

    Raises:
        ExpressionProblem: with the position in the text (and no text: see :func:`infer_text`).
    """
    if isinstance(node, Aggregate) and node.kind == "select":
        entity, _ = bind_selection(node.selection, scope)
        return rows(entity)
    return _infer(node, scope)


def infer_text(expression: Expression, scope: Scope) -> Type:
    """The type of an expression as it was written; errors quote it and name its place."""
    node = parse(expression.text, expression.source)
    try:
        return infer(node, scope)
    except ExpressionProblem as problem:
        raise problem.located(expression.text, expression.source) from None


def select_text(expression: Expression, scope: Scope) -> tuple[str, Scope]:
    """:func:`bind_selection` for a selection as it was written (``each``); errors quote it and name its place."""
    selection = parse_selection(expression.text, expression.source)
    try:
        return bind_selection(selection, scope)
    except ExpressionProblem as problem:
        raise problem.located(expression.text, expression.source) from None


def bind_selection(selection: Selection, scope: Scope) -> tuple[str, Scope]:
    """The entity a selection runs over, and the scope with its variable bound; the condition is checked.

    Raises:
        ExpressionProblem: no such collection, a variable that hides another name, a condition that is not boolean.
    """
    collection = selection.collection
    if isinstance(collection, Name) and collection.name not in scope.names:
        if scope.entity(collection.name) is None:
            known = [*(entity.name for entity in scope.behaviour.entities), *_relations(scope)]
            _refuse(f"there is no entity or relation {collection.name!r}{hint(collection.name, known)}", collection)
        entity = collection.name
    else:
        found = _infer(collection, scope)
        if found.kind != "rows":
            _refuse(f"a selection runs over an entity or a relation, and this is {_shown(found)}", collection)
        entity = str(found.entity)
    if selection.variable in scope.names:
        _refuse(f"the name {selection.variable!r} is taken here: choose another after 'as'", selection)
    if scope.entity(selection.variable) is not None:
        _refuse(f"{selection.variable!r} is an entity: choose another name after 'as'", selection)
    inner = scope.bind(selection.variable, row(entity))
    if selection.condition is not None:
        _condition(selection.condition, inner)
    return entity, inner


def assignable(found: Type, wanted: Type) -> bool:
    """Whether a value of type ``found`` may stand where ``wanted`` is expected: the same, null, or an integer for a decimal."""
    return found in (wanted, NULL) or (found == INTEGER and wanted == DECIMAL)


def _relations(scope: Scope) -> list[str]:
    return [name for name, type_ in scope.names.items() if type_.kind == "rows"]


def _refuse(message: str, node: Node | Selection) -> NoReturn:
    raise ExpressionProblem(message, node.position)


def _shown(type_: Type) -> str:
    if type_.kind in ("row", "rows", "null"):
        return str(type_)
    return f"{'an' if type_.kind == 'integer' else 'a'} {type_.kind}"


def _infer(node: Node, scope: Scope) -> Type:
    match node:
        case Literal():
            return _literal(node)
        case Name():
            return _name(node, scope)
        case Attribute():
            return _attribute(node, scope)
        case Unary():
            return _unary(node, scope)
        case Binary():
            return _binary(node, scope)
        case In():
            value = _value(node.value, scope)
            for option in node.options:
                _comparable(value, _value(option, scope), "in", option)
            return BOOLEAN
        case IsNull():
            _value(node.operand, scope)
            return BOOLEAN
        case Call():
            return _call(node, scope)
        case Aggregate():
            return _aggregate(node, scope)


def _value(node: Node, scope: Scope) -> Type:
    """The type of something that is one value, not rows."""
    found = _infer(node, scope)
    if found.kind == "rows":
        _refuse(f"these are {found}: use count(... as x), exists(... as x) or sum(... as x: ...)", node)
    return found


def _condition(node: Node, scope: Scope) -> None:
    found = _value(node, scope)
    if found not in (BOOLEAN, NULL):
        _refuse(f"a condition is true or false, and this is {_shown(found)}", node)


def _literal(node: Literal) -> Type:
    value = node.value
    if value is None:
        return NULL
    for python, type_ in (
        (bool, BOOLEAN),
        (int, INTEGER),
        (Decimal, DECIMAL),
        (str, TEXT),
        (datetime, DATETIME),
        (date, DATE),
    ):
        if isinstance(value, python):
            return type_
    raise TypeError(f"a literal cannot be {value!r}")


def _name(node: Name, scope: Scope) -> Type:
    if node.name in scope.names:
        return scope.names[node.name]
    if scope.entity(node.name) is not None:
        _refuse(
            f"{node.name} is an entity: its rows are counted and found with count({node.name} as x where ...)", node
        )
    if node.name in FUNCTIONS or node.name in AGGREGATES:
        _refuse(f"{node.name} is a function: write {node.name}(...)", node)
    _refuse(f"there is no name {node.name!r} here{hint(node.name, scope.names)}", node)


def _attribute(node: Attribute, scope: Scope) -> Type:
    target = _value(node.target, scope)
    if target.kind != "row":
        _refuse(f"only a row has fields, and this is {_shown(target)}", node)
    entity = scope.entity(str(target.entity))
    members = scope.members(entity) if entity else {}
    if node.name not in members:
        _refuse(f"{target.entity} has no field or relation {node.name!r}{hint(node.name, members)}", node)
    return members[node.name]


def _unary(node: Unary, scope: Scope) -> Type:
    if node.operator == "not":
        _condition(node.operand, scope)
        return BOOLEAN
    found = _value(node.operand, scope)
    if found not in (*_NUMBERS, DURATION):
        _refuse(f"'-' wants a number or a duration, and this is {_shown(found)}", node)
    return found


def _binary(node: Binary, scope: Scope) -> Type:
    operator = node.operator
    if operator in ("and", "or"):
        _condition(node.left, scope)
        _condition(node.right, scope)
        return BOOLEAN
    left, right = _value(node.left, scope), _value(node.right, scope)
    if operator in ("==", "!="):
        _comparable(left, right, operator, node)
        return BOOLEAN
    if operator in ("<", "<=", ">", ">="):
        _comparable(left, right, operator, node)
        for type_ in (left, right):
            if type_ not in _ORDERED:
                _refuse(f"{operator!r} wants values that have an order, and one is {_shown(type_)}", node)
        return BOOLEAN
    return _arithmetic(node, left, right)


def _comparable(left: Type, right: Type, operator: str, node: Node) -> None:
    if left == right or NULL in (left, right) or (left in _NUMBERS and right in _NUMBERS):
        return
    _refuse(f"{operator!r} cannot compare {_shown(left)} with {_shown(right)}", node)


def _arithmetic(node: Binary, left: Type, right: Type) -> Type:
    operator = node.operator
    if left in _NUMBERS and right in _NUMBERS:
        if operator == "%":
            if (left, right) == (INTEGER, INTEGER):
                return INTEGER
            _refuse("'%' is for integers only", node)
        return DECIMAL if operator == "/" or DECIMAL in (left, right) else INTEGER
    if operator in ("+", "-"):
        if left == right == DURATION:
            return DURATION
        if left in (DATE, DATETIME) and right == DURATION:
            if left == DATE and not _whole_days(node.right):
                _refuse("to a date only days(...) can be added; make a datetime of hours and minutes", node)
            return left
        if operator == "+" and left == right == TEXT:
            return TEXT
        if operator == "-" and left == right == DATE:
            return INTEGER
        if operator == "-" and left == right == DATETIME:
            return DURATION
        if left == DATE and right in _NUMBERS:
            _refuse(f"write days(...) for the number of days: ... {operator} days(n)", node)
    _refuse(f"{operator!r} does not work between {_shown(left)} and {_shown(right)}", node)


def _whole_days(node: Node) -> bool:
    match node:
        case Call(function="days"):
            return True
        case Unary(operator="-", operand=operand):
            return _whole_days(operand)
        case Binary(operator="+" | "-", left=left, right=right):
            return _whole_days(left) and _whole_days(right)
        case _:
            return False


def _aggregate(node: Aggregate, scope: Scope) -> Type:
    if node.kind == "select":
        _refuse("select(...) can only be the whole of 'returns': use count, exists or sum inside an expression", node)
    _, inner = bind_selection(node.selection, scope)
    if node.kind == "sum":
        assert node.value is not None
        found = _value(node.value, inner)
        if found not in _NUMBERS:
            _refuse(f"sum adds numbers, and this is {_shown(found)}", node.value)
        return found
    return INTEGER if node.kind == "count" else BOOLEAN


# --- functions


_Signature = Callable[[Call, tuple[Type, ...]], Type]


def _fixed(result: Type, *wanted: tuple[Type, ...]) -> _Signature:
    """A function with a fixed result; each argument is of one of the given types."""

    def check(node: Call, found: tuple[Type, ...]) -> Type:
        _arity(node, found, len(wanted))
        for index, (type_, options) in enumerate(zip(found, wanted, strict=True)):
            if type_ not in options:
                names = " or ".join(_shown(option) for option in options)
                _refuse(f"{node.function} wants {names} here, and this is {_shown(type_)}", node.arguments[index])
        return result

    return check


def _arity(node: Call, found: tuple[Type, ...], wanted: int) -> None:
    if len(found) != wanted:
        noun = "argument" if wanted == 1 else "arguments"
        _refuse(f"{node.function} has {wanted} {noun}, not {len(found)}", node)


def _unified(node: Call, left: Type, right: Type) -> Type:
    """The common type of two alternatives."""
    if left == right or right == NULL:
        return left
    if left == NULL:
        return right
    if left in _NUMBERS and right in _NUMBERS:
        return DECIMAL
    _refuse(f"{node.function} wants two values of one type, and has {_shown(left)} and {_shown(right)}", node)


def _coalesce(node: Call, found: tuple[Type, ...]) -> Type:
    _arity(node, found, 2)
    return _unified(node, *found)


def _if(node: Call, found: tuple[Type, ...]) -> Type:
    _arity(node, found, 3)
    if found[0] not in (BOOLEAN, NULL):
        _refuse(f"a condition is true or false, and this is {_shown(found[0])}", node.arguments[0])
    return _unified(node, *found[1:])


def _extreme(node: Call, found: tuple[Type, ...]) -> Type:
    _arity(node, found, 2)
    for argument, type_ in zip(node.arguments, found, strict=True):
        if type_ not in _ORDERED:
            _refuse(f"{node.function} wants values that have an order, and this is {_shown(type_)}", argument)
    return _unified(node, *found)


def _abs(node: Call, found: tuple[Type, ...]) -> Type:
    _fixed(DECIMAL, _NUMBERS)(node, found)
    return found[0]


def _round(node: Call, found: tuple[Type, ...]) -> Type:
    _fixed(DECIMAL, _NUMBERS, (INTEGER,))(node, found)
    digits = node.arguments[1]
    if not isinstance(digits, Literal) or not isinstance(digits.value, int) or not 0 <= digits.value <= 12:
        _refuse("the digits of round are a number from 0 to 12", digits)
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
    "integer": _fixed(INTEGER, _NUMBERS),
    "coalesce": _coalesce,
    "if": _if,
}


def _call(node: Call, scope: Scope) -> Type:
    signature = FUNCTIONS.get(node.function)
    if signature is None:
        known = [*FUNCTIONS, *AGGREGATES]
        if node.function in KEYWORDS:
            _refuse(f"{node.function!r} is a word of the language, not a function", node)
        _refuse(f"there is no function {node.function!r}{hint(node.function, known)}", node)
    return signature(node, tuple(_value(argument, scope) for argument in node.arguments))
