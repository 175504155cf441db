"""Long statements, broken over lines the way ``ruff format`` breaks them.

Code is made as flat text, one statement a line; what does not fit is taken apart here (by :mod:`ast`) and printed again.
Only the kinds of expression that the generator writes are known.
"""

from __future__ import annotations

import ast

from attrs import frozen

__all__ = ["WIDTH", "definition", "statement"]

#: Longest line of generated Python.
WIDTH = 100


@frozen
class _Line:
    """A place to break: ``flat`` is what stands there otherwise."""

    flat: str = " "


@frozen
class _Group:
    """Parts that are broken all or not at all."""

    parts: tuple[_Doc, ...]


@frozen
class _Indent:
    parts: tuple[_Doc, ...]


@frozen
class _IfBroken:
    """A text that only stands there when the group around it is broken."""

    text: str


_Doc = str | _Line | _Group | _Indent | _IfBroken

_SOFT = _Line("")
_COMMA = (",", _Line())
_SYMBOLS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Mod: "%",
    ast.BitOr: "|",
    ast.And: "and",
    ast.Or: "or",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Not: "not ",
    ast.USub: "-",
}
_TIGHT = 99


def statement(indent: int, prefix: str, expression: str, suffix: str = "") -> str:
    """``prefix expression suffix`` on one line if it fits, else broken; every line is indented by ``indent`` spaces."""
    flat = f"{' ' * indent}{prefix}{expression}{suffix}"
    if len(flat) <= WIDTH:
        return flat
    node = ast.parse(expression, mode="eval").body
    printer = _Printer(expression)
    if _may_stand_open(node):
        broken = " " * indent + _render((prefix, printer.doc(node, spine=True), suffix), indent)
        if all(len(line) <= WIDTH for line in broken.split("\n")):
            return broken
    inner = _Group((_IfBroken("("), _Indent((_SOFT, printer.doc(node))), _SOFT, _IfBroken(")")))
    return " " * indent + _render((prefix, inner, suffix), indent)


def definition(indent: int, name: str, parameters: list[str], returns: str) -> str:
    """The first line or lines of a function; ``parameters`` are source texts, ``*`` among them."""
    flat = f"{' ' * indent}def {name}({', '.join(parameters)}) -> {returns}:"
    if len(flat) <= WIDTH:
        return flat
    inner = _Group((*_separated(list(parameters)), _IfBroken(",")))
    doc = (f"def {name}", _Group(("(", _Indent((_SOFT, inner)), _SOFT, ")")), f" -> {returns}:")
    return " " * indent + _render(doc, indent)


def _separated(docs: list[_Doc] | list[str]) -> tuple[_Doc, ...]:
    parts: list[_Doc] = []
    for index, doc in enumerate(docs):
        parts += [*_COMMA, doc] if index else [doc]
    return tuple(parts)


# --- how an expression is broken at the top of a statement: in its last bracket, or in parentheses around all of it


def _binding(node: ast.expr) -> int:
    """How tightly the operator of a node binds."""
    match node:
        case ast.BoolOp(op=operator):
            return 2 if isinstance(operator, ast.And) else 1
        case ast.UnaryOp(op=operator):
            return 3 if isinstance(operator, ast.Not) else 7
        case ast.Compare():
            return 4
        case ast.BinOp(op=operator):
            return 6 if isinstance(operator, ast.Mult | ast.Div | ast.Mod) else 5
        case ast.IfExp():
            return 0
        case _:
            return _TIGHT


def _operands(node: ast.expr) -> list[tuple[ast.expr, int]]:
    """The operands of an operator in order, each with how tightly it must bind to stand without parentheses."""
    level = _binding(node)
    match node:
        case ast.BoolOp(values=values):
            return [(value, level + 1) for value in values]
        case ast.Compare(left=left, comparators=others):
            return [(value, 5) for value in (left, *others)]
        case ast.BinOp(left=left, right=right):
            return [(left, level), (right, level + 1)]
        case ast.UnaryOp(op=operator, operand=operand):
            return [(operand, level + 1 if isinstance(operator, ast.USub) else level)]
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return [(body, 1), (test, 1), (orelse, 0)]
        case _:
            return []


def _operators(node: ast.expr) -> list[int]:
    """How tightly each operator outside brackets binds."""
    found = [
        operators
        for operand, level in _operands(node)
        if _binding(operand) >= level
        for operators in _operators(operand)
    ]
    if isinstance(node, ast.IfExp):
        return [*found, 0]
    if isinstance(node, ast.BoolOp | ast.Compare | ast.BinOp):
        return [*found, *[_binding(node)] * (len(_operands(node)) - 1)]
    return found


def _may_stand_open(node: ast.expr) -> bool:
    """Whether a broken expression needs no parentheses around it: one loosest operator at most, and a bracket at an end."""
    operators = [2 if binds == 1 else binds for binds in _operators(node)]
    return (_ends_in_bracket(node) or _begins_in_bracket(node)) and (
        not operators or operators.count(min(operators)) == 1
    )


def _ends_in_bracket(node: ast.expr) -> bool:
    """Whether an expression ends in a bracket with something in it."""
    match node:
        case ast.Call(args=arguments, keywords=keywords):
            return bool(arguments or keywords)
        case ast.ListComp() | ast.GeneratorExp() | ast.List() | ast.Tuple():
            return True
        case _:
            operands = _operands(node)
            if not operands:
                return False
            last, level = operands[-1]
            return _binding(last) < level or _ends_in_bracket(last)


def _begins_in_bracket(node: ast.expr) -> bool:
    """Whether an expression begins with a bracket that belongs to no name."""
    match node:
        case ast.ListComp() | ast.GeneratorExp() | ast.List() | ast.Tuple():
            return True
        case _:
            operands = _operands(node)
            if not operands or isinstance(node, ast.UnaryOp):
                return False
            first, level = operands[0]
            return _binding(first) < level or _begins_in_bracket(first)


# --- from nodes to documents


class _Printer:
    """Documents of the expressions in ``source``."""

    def __init__(self, source: str) -> None:
        self.source = source.encode()

    def segment(self, node: ast.expr) -> str:
        """The source text of a node; the whole is one line, as all that is made here."""
        return self.source[node.col_offset : node.end_col_offset].decode()

    def doc(self, node: ast.expr, above: int = 0, *, spine: bool = False) -> _Doc:
        """The document of a node; in parentheses when what stands around it binds more tightly (``above``).

        On the ``spine``, which has no parentheses around it, only what is in brackets can be broken.
        """
        own, parts = self._parts(node, spine and _binding(node) >= above)
        if own < above:
            return _Group(("(", _Indent((_SOFT, _Group(parts))), _SOFT, ")"))
        return _Group(parts)

    def _parts(self, node: ast.expr, spine: bool) -> tuple[int, tuple[_Doc, ...]]:
        level = _binding(node)
        line: _Doc = " " if spine else _Line()
        match node:
            case ast.Call(func=function, args=arguments, keywords=keywords):
                return level, (self.doc(function, _TIGHT), *self._arguments(arguments, keywords))
            case ast.Attribute(value=target, attr=name):
                return level, (self.doc(target, _TIGHT), f".{name}")
            case ast.ListComp():
                return level, ("[", _Indent((_SOFT, self._comprehension(node))), _SOFT, "]")
            case ast.GeneratorExp():
                return level, ("(", _Indent((_SOFT, self._comprehension(node))), _SOFT, ")")
            case ast.List(elts=items) | ast.Tuple(elts=items):
                opening, closing = ("[", "]") if isinstance(node, ast.List) else ("(", ")")
                comma: _Doc = "," if isinstance(node, ast.Tuple) and len(items) == 1 else _IfBroken(",")
                inner = _separated([self.doc(item) for item in items])
                return level, (opening, _Indent((_SOFT, *inner, comma)), _SOFT, closing)
            case ast.BoolOp(op=operator, values=values):
                parts: list[_Doc] = [self.doc(values[0], level + 1, spine=spine)]
                for value in values[1:]:
                    parts += [line, f"{_SYMBOLS[type(operator)]} ", self.doc(value, level + 1, spine=spine)]
                return level, tuple(parts)
            case ast.UnaryOp(op=operator, operand=operand):
                tighter = level + 1 if isinstance(operator, ast.USub) else level
                return level, (_SYMBOLS[type(operator)], self.doc(operand, tighter, spine=spine))
            case ast.Compare(left=left, ops=operators, comparators=others):
                parts = [self.doc(left, 5, spine=spine)]
                for comparison, other in zip(operators, others, strict=True):
                    parts += [line, f"{_SYMBOLS[type(comparison)]} ", self.doc(other, 5, spine=spine)]
                return level, tuple(parts)
            case ast.BinOp(left=left, op=operator, right=right):
                symbol = f"{_SYMBOLS[type(operator)]} "
                first, second = self.doc(left, level, spine=spine), self.doc(right, level + 1, spine=spine)
                return level, (first, line, symbol, second)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                parts = [self.doc(body, 1, spine=spine), line, "if ", self.doc(test, 1, spine=spine)]
                # A chain is broken as one.
                chained = isinstance(orelse, ast.IfExp)
                rest = self._parts(orelse, spine)[1] if chained else (self.doc(orelse, spine=spine),)
                return level, (*parts, line, "else ", *rest)
            case _:
                return _TIGHT, (self.segment(node),)

    def _arguments(self, arguments: list[ast.expr], keywords: list[ast.keyword]) -> tuple[_Doc, ...]:
        if not arguments and not keywords:
            return ("()",)
        if len(arguments) == 1 and not keywords and isinstance(arguments[0], ast.GeneratorExp):
            inner: _Doc = self._comprehension(arguments[0])
        else:
            given: list[_Doc] = [self.doc(argument) for argument in arguments]
            for keyword in keywords:
                name = f"{keyword.arg}=" if keyword.arg else "**"
                given.append(_Group((name, self.doc(keyword.value))))
            # As in black: what has no comma yet gets none.
            inner = _Group((*_separated(given), _IfBroken(","))) if len(given) > 1 else given[0]
        return (_Group(("(", _Indent((_SOFT, inner)), _SOFT, ")")),)

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp) -> _Doc:
        parts: list[_Doc] = [self.doc(node.elt)]
        for generator in node.generators:
            parts += [_Line(), "for ", self.doc(generator.target), " in ", self.doc(generator.iter, 1)]
            for condition in generator.ifs:
                parts += [_Line(), "if ", self.doc(condition, 1)]
        return _Group(tuple(parts))


# --- from documents to lines


def _render(parts: tuple[_Doc, ...], indent: int) -> str:
    out: list[str] = []
    column = indent
    stack: list[tuple[int, bool, _Doc]] = [(indent, True, part) for part in reversed(parts)]
    while stack:
        margin, broken, doc = stack.pop()
        match doc:
            case str():
                out.append(doc)
                column += len(doc)
            case _IfBroken(text=text):
                if broken:
                    out.append(text)
                    column += len(text)
            case _Line(flat=flat):
                if broken:
                    out.append("\n" + " " * margin)
                    column = margin
                else:
                    out.append(flat)
                    column += len(flat)
            case _Indent(parts=inner):
                stack += [(margin + 4, broken, part) for part in reversed(inner)]
            case _Group(parts=inner):
                flat_too = _fits([(False, part) for part in reversed(inner)], stack, WIDTH - column)
                stack += [(margin, not flat_too, part) for part in reversed(inner)]
    return "".join(out)


def _fits(first: list[tuple[bool, _Doc]], rest: list[tuple[int, bool, _Doc]], room: int) -> bool:
    """Whether ``first`` laid out flat, and what follows up to the next possible break, fits into ``room`` columns."""
    pending = [(broken, part) for _, broken, part in rest] + first
    while pending:
        broken, doc = pending.pop()
        match doc:
            case str():
                room -= len(doc)
            case _IfBroken(text=text):
                room -= len(text) if broken else 0
            case _Line(flat=flat):
                if broken:
                    return room >= 0
                room -= len(flat)
            case _Indent(parts=inner):
                pending += [(broken, part) for part in reversed(inner)]
            case _Group(parts=inner):
                pending += [(broken, part) for part in reversed(inner)]
        if room < 0:
            return False
    return True
