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
    last = _last_bracket(node)
    ending = printer.segment(last) if last is not None else None
    if last is not None and ending and expression.endswith(ending) and _loosest(node)[1] <= 1:
        head = prefix + expression[: -len(ending)]
        broken = " " * indent + _render((head, printer.doc(last), suffix), indent)
        if len(broken.split("\n", 1)[0]) <= WIDTH:
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


def _loosest(node: ast.expr) -> tuple[int, int]:
    """How loosely the loosest operator outside brackets binds, and how often it stands there."""
    found: list[int] = []

    def look(part: ast.expr) -> None:
        match part:
            case ast.BoolOp(values=values):
                found.extend([4] * (len(values) - 1))
                for value in values:
                    look(value)
            case ast.Compare(left=left, ops=operators, comparators=others):
                found.extend([3] * len(operators))
                for value in (left, *others):
                    look(value)
            case ast.BinOp(left=left, right=right):
                found.append(2)
                look(left)
                look(right)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                found.append(5)
                for value in (test, body, orelse):
                    look(value)
            case ast.UnaryOp(operand=operand):
                look(operand)
            case _:
                pass

    look(node)
    strongest = max(found, default=0)
    return strongest, found.count(strongest)


def _last_bracket(node: ast.expr) -> ast.expr | None:
    """The bracketed part that an expression ends in; nothing is broken but this when it stands without parentheses around it."""
    match node:
        case ast.Call(args=arguments, keywords=keywords):
            return node if arguments or keywords else None
        case ast.ListComp() | ast.GeneratorExp() | ast.List() | ast.Tuple():
            return node
        case ast.BoolOp(values=[*_, last]) | ast.Compare(comparators=[*_, last]):
            return _last_bracket(last)
        case ast.BinOp(right=last) | ast.UnaryOp(operand=last) | ast.IfExp(orelse=last):
            return _last_bracket(last)
        case _:
            return None


# --- from nodes to documents


class _Printer:
    """Documents of the expressions in ``source``."""

    def __init__(self, source: str) -> None:
        self.source = source.encode()

    def segment(self, node: ast.expr) -> str:
        """The source text of a node; the whole is one line, as all that is made here."""
        return self.source[node.col_offset : node.end_col_offset].decode()

    def doc(self, node: ast.expr, above: int = 0) -> _Doc:
        """The document of a node; in parentheses when what stands around it binds more tightly (``above``)."""
        own, parts = self._parts(node)
        if own < above:
            return _Group(("(", _Indent((_SOFT, *parts)), _SOFT, ")"))
        return _Group(parts)

    def _parts(self, node: ast.expr) -> tuple[int, tuple[_Doc, ...]]:
        match node:
            case ast.Call(func=function, args=arguments, keywords=keywords):
                return _TIGHT, (self.doc(function, _TIGHT), *self._arguments(arguments, keywords))
            case ast.Attribute(value=target, attr=name):
                return _TIGHT, (self.doc(target, _TIGHT), f".{name}")
            case ast.ListComp():
                return _TIGHT, ("[", _Indent((_SOFT, self._comprehension(node))), _SOFT, "]")
            case ast.GeneratorExp():
                return _TIGHT, ("(", _Indent((_SOFT, self._comprehension(node))), _SOFT, ")")
            case ast.List(elts=items) | ast.Tuple(elts=items):
                opening, closing = ("[", "]") if isinstance(node, ast.List) else ("(", ")")
                comma: _Doc = "," if isinstance(node, ast.Tuple) and len(items) == 1 else _IfBroken(",")
                inner = _separated([self.doc(item) for item in items])
                return _TIGHT, (opening, _Indent((_SOFT, *inner, comma)), _SOFT, closing)
            case ast.BoolOp(op=operator, values=values):
                level = 2 if isinstance(operator, ast.And) else 1
                parts: list[_Doc] = [self.doc(values[0], level + 1)]
                for value in values[1:]:
                    parts += [_Line(), f"{_SYMBOLS[type(operator)]} ", self.doc(value, level + 1)]
                return level, tuple(parts)
            case ast.UnaryOp(op=operator, operand=operand):
                level = 3 if isinstance(operator, ast.Not) else 7
                return level, (_SYMBOLS[type(operator)], self.doc(operand, level))
            case ast.Compare(left=left, ops=operators, comparators=others):
                parts = [self.doc(left, 5)]
                for comparison, other in zip(operators, others, strict=True):
                    parts += [_Line(), f"{_SYMBOLS[type(comparison)]} ", self.doc(other, 5)]
                return 4, tuple(parts)
            case ast.BinOp(left=left, op=operator, right=right):
                level = 6 if isinstance(operator, ast.Mult | ast.Div | ast.Mod) else 5
                symbol = f"{_SYMBOLS[type(operator)]} "
                return level, (self.doc(left, level), _Line(), symbol, self.doc(right, level + 1))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                parts = [self.doc(body, 1), _Line(), "if ", self.doc(test, 1), _Line(), "else ", self.doc(orelse)]
                return 0, tuple(parts)
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
                pending += [(False, part) for part in reversed(inner)]
        if room < 0:
            return False
    return True
