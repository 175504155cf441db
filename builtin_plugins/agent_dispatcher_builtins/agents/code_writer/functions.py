"""Arithmetic and functions."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from attrs import evolve

from agent_dispatcher.behaviour import Binary, Call, Literal, Node, Type, Unary

from .code import ATOM, CHOICE, COMPARE, OR, PRODUCT, SIGN, SUM, Code

if TYPE_CHECKING:
    from .expressions import Compiler

__all__ = ["applied", "arithmetic", "call", "negative"]

_METHODS = {"lower": "lower", "upper": "upper", "trim": "strip", "starts_with": "startswith", "ends_with": "endswith"}
_SPANS = ("days", "hours", "minutes")


def arithmetic(compiler: Compiler, node: Binary) -> Code:
    """``+ - * / %``: the operator itself where both sides are there and a result is certain, else a helper."""
    type_, left, right = compiler.type_of(node), compiler.value(node.left), compiler.value(node.right)
    kinds = (left.type.kind, right.type.kind)
    if node.operator == "/":
        return _quotient(compiler, left, right, type_)
    if node.operator == "%" and not _not_zero(node.right):
        return _helped("remainder", left, right, type_)
    if kinds[1] == "duration" and kinds[0] in ("date", "datetime"):
        moved = right if node.operator == "+" else negative(compiler, Unary("-", node.right))
        return _helped("shift", left, moved, type_)
    if kinds == ("duration", "duration"):
        return _helped({"+": "add", "-": "subtract"}[node.operator], left, right, type_)
    if kinds == ("date", "date"):
        if left.nullable or right.nullable:
            return _helped("days_between", left, right, type_)
        return Code(f"({left.at(SUM)} - {right.at(PRODUCT)}).days", type_)
    if left.nullable or right.nullable:
        if kinds == ("datetime", "datetime"):
            return _helped("time_between", left, right, type_)
        name = {"+": "add", "-": "subtract", "*": "multiply", "%": "remainder"}[node.operator]
        return _helped(name, compiler.as_type(left, type_), compiler.as_type(right, type_), type_)
    level = SUM if node.operator in "+-" else PRODUCT
    return Code(f"{left.at(level)} {node.operator} {right.at(level + 1)}", type_, binds=level)


def negative(compiler: Compiler, node: Unary) -> Code:
    """Unary ``-``."""
    inner = node.operand
    if isinstance(inner, Unary) and inner.operator == "-" and compiler.type_of(inner).kind != "decimal":
        return compiler.value(inner.operand)
    operand = compiler.value(inner)
    if operand.nullable:
        return Code(f"values.negate({operand.text})", operand.type, nullable=True)
    return Code(f"-{operand.at(SIGN + 1)}", operand.type, binds=SIGN)


def _quotient(compiler: Compiler, left: Code, right: Code, type_: Type) -> Code:
    left, right = compiler.as_type(left, type_), compiler.as_type(right, type_)
    return _helped("divide", left, right, type_)


def _helped(helper: str, left: Code, right: Code, type_: Type) -> Code:
    return Code(f"values.{helper}({left.text}, {right.text})", type_, nullable=True)


def applied(function: str, code: Code, type_: Type) -> Code:
    """A function of something that can be null."""
    return Code(f"values.apply({function}, {code.text})", type_, nullable=True)


def call(compiler: Compiler, node: Call) -> Code:
    """A function of the expression language."""
    type_, function = compiler.type_of(node), node.function
    if function in ("today", "now"):
        return Code(f"storage.{function}()", type_)
    if function == "if":
        return _choice(compiler, node, type_)
    codes = [compiler.value(argument) for argument in node.arguments]
    if function == "coalesce":
        return _coalesce(compiler.as_type(codes[0], type_), compiler.as_type(codes[1], type_), type_)
    if function in _SPANS:
        return _span(node, codes[0], type_)
    if function == "round":
        number = compiler.as_type(codes[0], type_)
        return Code(f"values.rounded({number.text}, {codes[1].text})", type_, nullable=True)
    if function in ("min", "max"):
        codes = [compiler.as_type(code, type_) for code in codes]
        if any(code.nullable for code in codes):
            return _helped({"min": "smaller", "max": "larger"}[function], codes[0], codes[1], type_)
        return Code(f"{function}({codes[0].text}, {codes[1].text})", type_)
    if function == "contains":
        return _predicate(codes, lambda whole, part: Code(f"{part.at(SUM)} in {whole.at(SUM)}", type_, False, COMPARE))
    if function in ("starts_with", "ends_with"):
        method = _METHODS[function]
        return _predicate(codes, lambda whole, part: Code(f"{whole.at(ATOM)}.{method}({part.text})", type_))
    return _of_one(function, codes[0], type_)


def _of_one(name: str, code: Code, type_: Type) -> Code:
    if name in _METHODS:
        direct, function = f"{code.at(ATOM)}.{_METHODS[name]}()", f"str.{_METHODS[name]}"
    elif name in ("year", "month", "day"):
        direct, function = f"{code.at(ATOM)}.{name}", f"lambda day: day.{name}"
    elif name == "date":
        direct, function = f"{code.at(ATOM)}.date()", "lambda moment: moment.date()"
    else:
        function = {"length": "len", "abs": "abs", "integer": "int"}[name]
        direct = f"{function}({code.text})"
    if not code.nullable:
        return Code(direct, type_)
    if code.simple:
        return Code(f"{direct} if {code.text} is not None else None", type_, nullable=True, binds=CHOICE)
    return applied(function, code, type_)


def _predicate(codes: list[Code], make: Callable[[Code, Code], Code]) -> Code:
    """A test of two texts that is null when one of them is."""
    direct = make(*codes)
    missing = [code for code in codes if code.nullable]
    if not missing:
        return direct
    if all(code.simple for code in missing):
        tests = " and ".join(f"{code.text} is not None" for code in missing)
        return Code(f"{direct.at(OR)} if {tests} else None", direct.type, nullable=True, binds=CHOICE)
    plain = make(Code("whole", codes[0].type), Code("part", codes[1].type))
    call = f"values.combine(lambda whole, part: {plain.text}, {codes[0].text}, {codes[1].text})"
    return Code(call, direct.type, nullable=True)


def _span(node: Call, amount: Code, type_: Type) -> Code:
    number = node.arguments[0]
    if isinstance(number, Literal) and isinstance(number.value, int) and number.value < 10**9:
        return Code(f"timedelta({node.function}={amount.text})", type_)
    return Code(f"values.{node.function}({amount.text})", type_, nullable=True)


def _coalesce(first: Code, second: Code, type_: Type) -> Code:
    if not first.nullable:
        return evolve(first, type=type_)
    if first.text == "None":
        return evolve(second, type=type_)
    if first.simple:
        source = f"{first.text} if {first.text} is not None else {second.at(CHOICE)}"
        return Code(source, type_, nullable=second.nullable, binds=CHOICE)
    return Code(f"values.coalesce({first.text}, {second.text})", type_, nullable=second.nullable)


def _choice(compiler: Compiler, node: Call, type_: Type) -> Code:
    test, yes, no = node.arguments
    condition = compiler.condition(test)
    with compiler.knowing(compiler.facts(test, holds=True)):
        first = compiler.as_type(compiler.value(yes), type_)
    with compiler.knowing(compiler.facts(test, holds=False)):
        second = compiler.as_type(compiler.value(no), type_)
    if condition.text in ("True", "False"):
        return evolve(first if condition.text == "True" else second, type=type_)
    source = f"{first.at(OR)} if {condition.at(OR)} else {second.at(CHOICE)}"
    return Code(source, type_, nullable=first.nullable or second.nullable, binds=CHOICE)


def _not_zero(node: Node) -> bool:
    return isinstance(node, Literal) and isinstance(node.value, int | Decimal) and node.value != 0
