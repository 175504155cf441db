"""Which type an expression has, and whether it makes sense at all. The rules stand in :mod:`agent_dispatcher.behaviour.expression`."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from ..models import Expression
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
from .functions import FUNCTIONS
from .parser import AGGREGATES, KEYWORDS, parse, parse_selection
from .problems import ExpressionProblem, hint
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
    Scope,
    Type,
    refuse,
    row,
    rows,
    shown,
)

__all__ = ["bind_selection", "infer", "infer_text", "select_text"]


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
            refuse(f"there is no entity or relation {collection.name!r}{hint(collection.name, known)}", collection)
        entity = collection.name
    else:
        found = _infer(collection, scope)
        if found.kind != "rows":
            refuse(f"a selection runs over an entity or a relation, and this is {shown(found)}", collection)
        entity = str(found.entity)
    if selection.variable in scope.names:
        refuse(f"the name {selection.variable!r} is taken here: choose another after 'as'", selection)
    if scope.entity(selection.variable) is not None:
        refuse(f"{selection.variable!r} is an entity: choose another name after 'as'", selection)
    inner = scope.bind(selection.variable, row(entity))
    if selection.condition is not None:
        _condition(selection.condition, inner)
    return entity, inner


def _relations(scope: Scope) -> list[str]:
    return [name for name, type_ in scope.names.items() if type_.kind == "rows"]


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
        refuse(f"these are {found}: use count(... as x), exists(... as x) or sum(... as x: ...)", node)
    return found


def _condition(node: Node, scope: Scope) -> None:
    found = _value(node, scope)
    if found not in (BOOLEAN, NULL):
        refuse(f"a condition is true or false, and this is {shown(found)}", node)


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
        refuse(f"{node.name} is an entity: its rows are counted and found with count({node.name} as x where ...)", node)
    if node.name in FUNCTIONS or node.name in AGGREGATES:
        refuse(f"{node.name} is a function: write {node.name}(...)", node)
    refuse(f"there is no name {node.name!r} here{hint(node.name, scope.names)}", node)


def _attribute(node: Attribute, scope: Scope) -> Type:
    target = _value(node.target, scope)
    if target.kind != "row":
        refuse(f"only a row has fields, and this is {shown(target)}", node)
    entity = scope.entity(str(target.entity))
    members = scope.members(entity) if entity else {}
    if node.name not in members:
        refuse(f"{target.entity} has no field or relation {node.name!r}{hint(node.name, members)}", node)
    return members[node.name]


def _unary(node: Unary, scope: Scope) -> Type:
    if node.operator == "not":
        _condition(node.operand, scope)
        return BOOLEAN
    found = _value(node.operand, scope)
    if found not in (*NUMBERS, DURATION):
        refuse(f"'-' wants a number or a duration, and this is {shown(found)}", node)
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
            if type_ not in ORDERED:
                refuse(f"{operator!r} wants values that have an order, and one is {shown(type_)}", node)
        return BOOLEAN
    return _arithmetic(node, left, right)


def _comparable(left: Type, right: Type, operator: str, node: Node) -> None:
    if left == right or NULL in (left, right) or (left in NUMBERS and right in NUMBERS):
        return
    refuse(f"{operator!r} cannot compare {shown(left)} with {shown(right)}", node)


def _arithmetic(node: Binary, left: Type, right: Type) -> Type:
    operator = node.operator
    if left in NUMBERS and right in NUMBERS:
        if operator == "%":
            if (left, right) == (INTEGER, INTEGER):
                return INTEGER
            refuse("'%' is for integers only", node)
        return DECIMAL if operator == "/" or DECIMAL in (left, right) else INTEGER
    if operator in ("+", "-"):
        if left == right == DURATION:
            return DURATION
        if left in (DATE, DATETIME) and right == DURATION:
            if left == DATE and not _whole_days(node.right):
                refuse("to a date only days(...) can be added; make a datetime of hours and minutes", node)
            return left
        if operator == "+" and left == right == TEXT:
            return TEXT
        if operator == "-" and left == right == DATE:
            return INTEGER
        if operator == "-" and left == right == DATETIME:
            return DURATION
        if left == DATE and right in NUMBERS:
            refuse(f"write days(...) for the number of days: ... {operator} days(n)", node)
    refuse(f"{operator!r} does not work between {shown(left)} and {shown(right)}", node)


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
        refuse("select(...) can only be the whole of 'returns': use count, exists or sum inside an expression", node)
    _, inner = bind_selection(node.selection, scope)
    if node.kind == "sum":
        assert node.value is not None
        found = _value(node.value, inner)
        if found not in NUMBERS:
            refuse(f"sum adds numbers, and this is {shown(found)}", node.value)
        return found
    return INTEGER if node.kind == "count" else BOOLEAN


def _call(node: Call, scope: Scope) -> Type:
    signature = FUNCTIONS.get(node.function)
    if signature is None:
        known = [*FUNCTIONS, *AGGREGATES]
        if node.function in KEYWORDS:
            refuse(f"{node.function!r} is a word of the language, not a function", node)
        refuse(f"there is no function {node.function!r}{hint(node.function, known)}", node)
    return signature(node, tuple(_value(argument, scope) for argument in node.arguments))
