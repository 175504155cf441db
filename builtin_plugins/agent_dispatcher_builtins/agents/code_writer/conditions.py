"""Conditions: where null counts as false, and a negation goes inside rather than around."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from attrs import evolve

from agent_dispatcher.behaviour import Aggregate, Attribute, Binary, Call, In, IsNull, Literal, Name, Node, Unary

from .code import AND, ATOM, BOOLEAN, COMPARE, INTEGER, NOT, OR, SUM, Code

if TYPE_CHECKING:
    from .expressions import Compiler

__all__ = ["condition", "found_facts"]

_FLIPPED = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def condition(compiler: Compiler, node: Node, negated: bool) -> Code:
    """A node as a condition, or, ``negated``, its opposite."""
    match node:
        case Unary(operator="not"):
            return condition(compiler, node.operand, not negated)
        case Binary(operator="and" | "or"):
            return _connected(compiler, node, negated)
        case Binary(operator="==" | "!="):
            return _equality(compiler, node, negated)
        case Binary(operator="<" | "<=" | ">" | ">="):
            return _ordering(compiler, node, negated)
        case In():
            return _membership(compiler, node, negated)
        case IsNull(operand=Literal(value=constant)):
            return Code(repr((constant is None) != (node.negated != negated)), BOOLEAN)
        case IsNull():
            code = _presence(compiler, node.operand)
            if _is_constant(code):
                return Code(repr(node.negated != negated), BOOLEAN)
            word = "is not" if node.negated != negated else "is"
            return Code(f"{code.at(SUM)} {word} None", BOOLEAN, binds=COMPARE)
        case Literal(value=None):
            return Code(repr(negated), BOOLEAN)
        case Literal(value=bool() as constant):
            return Code(repr(constant != negated), BOOLEAN)
        case Call(function="contains" | "starts_with" | "ends_with" as function, arguments=(whole, part)):
            tested = _text_test(function, compiler.value(whole), compiler.value(part), negated)
            if tested is not None:
                return tested
    code = compiler.value(node)
    if isinstance(node, Aggregate) and code.text.startswith("bool("):
        code = Code(code.text.removeprefix("bool(").removesuffix(")"), BOOLEAN)
    if code.nullable and not code.simple:
        # Said in full, because a type checker would take "or" and "and" for a demand on the function inside.
        return Code(f"{code.at(SUM)} {'is not' if negated else 'is'} True", BOOLEAN, binds=COMPARE)
    return Code(f"not {code.at(NOT)}", BOOLEAN, binds=NOT) if negated else code


def _connected(compiler: Compiler, node: Binary, negated: bool) -> Code:
    """``and`` and ``or``; the right side may rely on what the left one has made sure of."""
    word = node.operator if not negated else {"and": "or", "or": "and"}[node.operator]
    level = AND if word == "and" else OR
    left = condition(compiler, node.left, negated)
    with compiler.knowing(compiler.facts(node.left, holds=node.operator == "and")):
        right = condition(compiler, node.right, negated)
    return Code(f"{left.at(level)} {word} {right.at(level)}", BOOLEAN, binds=level)


def operand(compiler: Compiler, node: Node) -> Code:
    """One side of an equality, where an id need not be known to be an integer."""
    match node:
        case Attribute(target=target, name="id"):
            return evolve(compiler.identity(target), type=INTEGER)
        case Name(name="id") if compiler.own is not None:
            return Code(f"{compiler.own_row}.id", INTEGER)
    return compiler.identity(node) if compiler.type_of(node).kind == "row" else compiler.value(node)


def _presence(compiler: Compiler, node: Node) -> Code:
    """What is looked at to see whether ``node`` is null."""
    if isinstance(node, Name) and node.name in compiler.rows:
        name = compiler.rows[node.name]
        if name.row is not None and name.row_nullable:
            return compiler.named_row(name)
    return operand(compiler, node)


def _equality(compiler: Compiler, node: Binary, negated: bool) -> Code:
    operator = _FLIPPED[node.operator] if negated else node.operator
    literals = [side.value for side in (node.left, node.right) if isinstance(side, Literal)]
    if len(literals) == 2:
        return Code(repr((literals[0] == literals[1]) == (operator == "==")), BOOLEAN)
    left, right = operand(compiler, node.left), operand(compiler, node.right)
    if left.text in ("None", "True", "False"):
        left, right = right, left
    if right.text == "None" and (left.text == "None" or _is_constant(left)):
        return Code(repr((left.text == "None") == (operator == "==")), BOOLEAN)
    if right.text in ("None", "True", "False"):
        word = "is" if operator == "==" else "is not"
        return Code(f"{left.at(SUM)} {word} {right.text}", BOOLEAN, binds=COMPARE)
    return Code(f"{left.at(SUM)} {operator} {right.at(SUM)}", BOOLEAN, binds=COMPARE)


def _is_constant(code: Code) -> bool:
    """Whether the text is a number or a text, which nobody would compare with ``None``."""
    try:
        return ast.literal_eval(code.text) is not None
    except (ValueError, SyntaxError):
        return False


def _ordering(compiler: Compiler, node: Binary, negated: bool) -> Code:
    left, right = compiler.value(node.left), compiler.value(node.right)
    missing = [code for code in dict.fromkeys((left, right)) if code.nullable]
    operator = _FLIPPED[node.operator] if negated else node.operator
    plain = Code(f"{left.at(SUM)} {operator} {right.at(SUM)}", BOOLEAN, binds=COMPARE)
    if not missing:
        return plain
    if any(code.text == "None" for code in missing):
        return Code(repr(negated), BOOLEAN)
    if all(code.simple for code in missing):
        return _unless_missing(missing, plain, negated)
    helper = "less" if node.operator in ("<", ">") else "at_most"
    first, second = (left, right) if node.operator in ("<", "<=") else (right, left)
    call = f"values.{helper}({first.text}, {second.text})"
    return Code(f"not {call}", BOOLEAN, binds=NOT) if negated else Code(call, BOOLEAN)


def _unless_missing(missing: list[Code], plain: Code, negated: bool) -> Code:
    """``plain``, or no (``negated``: yes) when one of the simple codes ``missing`` is null."""
    word, level, test = ("or", OR, "is") if negated else ("and", AND, "is not")
    tests = [f"{code.text} {test} None" for code in missing]
    return Code(f" {word} ".join([*tests, plain.at(level)]), BOOLEAN, binds=level)


def _text_test(function: str, whole: Code, part: Code, negated: bool) -> Code | None:
    """A test of two texts; ``None`` where a text that can be null is more than a name."""
    missing = [code for code in dict.fromkeys((whole, part)) if code.nullable]
    if not all(code.simple and code.text != "None" for code in missing):
        return None
    if function == "contains":
        word = "not in" if negated else "in"
        plain = Code(f"{part.at(SUM)} {word} {whole.at(SUM)}", BOOLEAN, binds=COMPARE)
    else:
        method = {"starts_with": "startswith", "ends_with": "endswith"}[function]
        call = f"{whole.at(ATOM)}.{method}({part.text})"
        plain = Code(f"not {call}", BOOLEAN, binds=NOT) if negated else Code(call, BOOLEAN)
    return _unless_missing(missing, plain, negated) if missing else plain


def _membership(compiler: Compiler, node: In, negated: bool) -> Code:
    word = "not in" if node.negated != negated else "in"
    value, options = operand(compiler, node.value), [operand(compiler, option) for option in node.options]
    given = [option for option in options if option.text != "None"]
    if value.text == "None" or not given:
        return Code(repr(word == "not in"), BOOLEAN)
    listed = ", ".join(option.text for option in given) + ("," if len(given) == 1 else "")
    if len(given) == 1 and not given[0].nullable:
        operator = "==" if word == "in" else "!="
        if given[0].text in ("True", "False"):
            operator = "is" if word == "in" else "is not"
        return Code(f"{value.at(SUM)} {operator} {given[0].at(SUM)}", BOOLEAN, binds=COMPARE)
    if value.nullable and any(option.nullable for option in given):
        call = f"values.among({value.text}, ({listed}))"
        return Code(f"not {call}", BOOLEAN, binds=NOT) if word == "not in" else Code(call, BOOLEAN)
    return Code(f"{value.at(SUM)} {word} ({listed})", BOOLEAN, binds=COMPARE)


def found_facts(compiler: Compiler, node: Node, holds: bool) -> set[str]:
    """Source texts that cannot be null when ``node`` holds (or, not ``holds``, when it does not)."""
    match node:
        case Unary(operator="not"):
            return found_facts(compiler, node.operand, not holds)
        case Binary(operator="and" | "or") if (node.operator == "and") == holds:
            return found_facts(compiler, node.left, holds) | found_facts(compiler, node.right, holds)
        case IsNull() if node.negated == holds:
            code = _presence(compiler, node.operand)
            return {code.text} if code.simple else set()
        case Binary(operator="<" | "<=" | ">" | ">=") if holds:
            missing = [code for code in (compiler.value(node.left), compiler.value(node.right)) if code.nullable]
            return {code.text for code in missing} if all(code.simple for code in missing) else set()
        case _:
            return set()
