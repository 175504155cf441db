"""From nodes back to the text of an expression, with no more parentheses than needed."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

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
    Value,
)

__all__ = ["unparse", "unparse_selection"]

_OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _UNARY, _POSTFIX = range(1, 9)
_LEVELS = {"or": _OR, "and": _AND, "+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "%": _PRODUCT}
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"})


def unparse(node: Node) -> str:
    """Text that :func:`~agent_dispatcher.behaviour.parse` turns into equal nodes (but for positions).

    A negative number or one without a spelling of its own is not a literal of the language; such nodes are never the result of
    parsing.
    """
    return _text(node, _OR)


def unparse_selection(selection: Selection) -> str:
    """As :func:`unparse`, for a selection."""
    text = f"{_text(selection.collection, _POSTFIX)} as {selection.variable}"
    return text if selection.condition is None else f"{text} where {_text(selection.condition, _OR)}"


def _text(node: Node, level: int) -> str:
    text, own = _spelled(node)
    return text if own >= level else f"({text})"


def _spelled(node: Node) -> tuple[str, int]:
    """The text of a node and how tightly its outermost operator binds."""
    match node:
        case Literal(value=value):
            return _literal(value), _POSTFIX
        case Name(name=name):
            return name, _POSTFIX
        case Attribute(target=target, name=name):
            return f"{_text(target, _POSTFIX)}.{name}", _POSTFIX
        case Unary(operator="not", operand=operand):
            return f"not {_text(operand, _NOT)}", _NOT
        case Unary(operand=operand):
            return f"-{_text(operand, _UNARY)}", _UNARY
        case Binary(operator=operator, left=left, right=right):
            own = _LEVELS.get(operator, _COMPARE)
            first = _SUM if own == _COMPARE else own
            return f"{_text(left, first)} {operator} {_text(right, own + 1)}", own
        case In(value=value, options=options, negated=negated):
            words = "not in" if negated else "in"
            return f"{_text(value, _SUM)} {words} [{', '.join(_text(option, _OR) for option in options)}]", _COMPARE
        case IsNull(operand=operand, negated=negated):
            return f"{_text(operand, _SUM)} is {'not ' if negated else ''}null", _COMPARE
        case Call(function=function, arguments=arguments):
            return f"{function}({', '.join(_text(argument, _OR) for argument in arguments)})", _POSTFIX
        case Aggregate(kind=kind, selection=selection, value=value):
            tail = "" if value is None else f": {_text(value, _OR)}"
            return f"{kind}({unparse_selection(selection)}{tail})", _POSTFIX


def _literal(value: Value) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case str():
            return f'"{value.translate(_ESCAPES)}"'
        case datetime():
            return f'datetime("{value.isoformat()}")'
        case date():
            return f'date("{value.isoformat()}")'
        case _:
            return str(value)
