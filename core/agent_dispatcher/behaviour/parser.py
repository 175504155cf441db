"""From the text of an expression to its nodes. The grammar stands in :mod:`agent_dispatcher.behaviour.expression`.

Texts come from strangers: length and nesting are capped, so that neither the parser nor anything that later walks
the nodes runs out of stack.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import NoReturn

from attrs import frozen

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
from .problems import ExpressionProblem
from .values import DATE, DATETIME

__all__ = ["AGGREGATES", "KEYWORDS", "MAX_DEPTH", "MAX_LENGTH", "parse", "parse_selection"]

#: Longest text of an expression, in characters.
MAX_LENGTH = 5_000
#: Greatest height of the tree of nodes.
MAX_DEPTH = 64

#: Words with a meaning of their own; no field, input or variable can have them as a name.
KEYWORDS = frozenset({"and", "or", "not", "in", "is", "null", "true", "false", "as", "where"})
AGGREGATES = frozenset({"count", "exists", "select", "sum"})

_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _UNARY = range(1, 8)
_BINARY = {"or": _OR, "and": _AND, "+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "%": _PRODUCT}
_ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "t": "\t"}
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<number>[0-9]+(?:\.[0-9]+)?(?![A-Za-z0-9_]))
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<op>==|!=|<=|>=|[<>+\-*/%().,:\[\]])""",
    re.VERBOSE,
)


def parse(text: str, source: str = "") -> Node:
    """The nodes of an expression.

    Args:
        text: the expression.
        source: ``file:line`` for the error message.

    Raises:
        ExpressionProblem: a :class:`agent_dispatcher.errors.SpecificationError` that quotes the text with a caret.
    """
    try:
        return _parse(text)
    except ExpressionProblem as problem:
        raise problem.located(text, source) from None


def parse_selection(text: str, source: str = "") -> Selection:
    """The nodes of a selection, ``Hold as h where h.book == book``; errors as :func:`parse`."""
    try:
        return _parse_selection(text)
    except ExpressionProblem as problem:
        raise problem.located(text, source) from None


@lru_cache(maxsize=4096)
def _parse(text: str) -> Node:
    parser = _Parser(text)
    node = parser.expression(_OR)
    parser.expect_end()
    _refuse_height(node)
    return node


@lru_cache(maxsize=1024)
def _parse_selection(text: str) -> Selection:
    parser = _Parser(text)
    selection = parser.selection()
    parser.expect_end()
    _refuse_height(selection)
    return selection


def children(node: Node | Selection) -> tuple[Node | Selection, ...]:
    """What a node is made of, from left to right."""
    match node:
        case Attribute(target=target):
            return (target,)
        case Unary(operand=operand) | IsNull(operand=operand):
            return (operand,)
        case Binary(left=left, right=right):
            return (left, right)
        case In(value=value, options=options):
            return (value, *options)
        case Call(arguments=arguments):
            return arguments
        case Selection(collection=collection, condition=condition):
            return (collection,) if condition is None else (collection, condition)
        case Aggregate(selection=selection, value=value):
            return (selection,) if value is None else (selection, value)
        case _:
            return ()


def _refuse_height(root: Node | Selection) -> None:
    level: list[Node | Selection] = [root]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in children(node)]
        if not level:
            return
    raise ExpressionProblem(
        f"the expression is nested more than {MAX_DEPTH} deep: divide it (a chain of operators nests too)",
        level[0].position,
    )


@frozen
class _Token:
    kind: str
    text: str
    position: int
    value: Value = None


def _tokens(text: str) -> list[_Token]:
    if len(text) > MAX_LENGTH:
        raise ExpressionProblem(f"the expression is longer than {MAX_LENGTH} characters: divide it", MAX_LENGTH)
    tokens = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            _refuse_character(text, position)
        kind, word = str(found.lastgroup), found.group()
        if kind == "number":
            tokens.append(_Token(kind, word, position, _number(word, position)))
        elif kind == "text":
            tokens.append(_Token(kind, word, position, _unquote(word, position)))
        elif kind != "space":
            tokens.append(_Token(kind, word, position))
        position = found.end()
    tokens.append(_Token("end", "", len(text)))
    return tokens


def _refuse_character(text: str, position: int) -> NoReturn:
    character = text[position]
    if character in "\"'":
        message = "a text begins here and does not end on this line (write a line break as \\n)"
    elif character == "=":
        message = "one = is no operator: compare with =="
    elif character in "&|":
        message = "write 'and' and 'or'"
    elif character == "!":
        message = "write 'not', or != for unequal"
    elif character.isdigit():
        message = "a number is written 12 or 12.50"
    else:
        message = f"the character {character!r} has no meaning here"
    raise ExpressionProblem(message, position)


def _number(word: str, position: int) -> int | Decimal:
    if len(word.replace(".", "").lstrip("0")) > 28:
        raise ExpressionProblem("a number has at most 28 digits", position)
    return Decimal(word) if "." in word else int(word)


def _unquote(word: str, position: int) -> str:
    def replace(found: re.Match[str]) -> str:
        escaped = found.group(1)
        if escaped not in _ESCAPES:
            raise ExpressionProblem(
                f"\\{escaped} is no escape: known are \\\\, \\\", \\', \\n and \\t", position + 1 + found.start()
            )
        return _ESCAPES[escaped]

    return re.sub(r"\\(.)", replace, word[1:-1])


class _Parser:
    """Recursive descent with one function for all operators, so that a level of nesting costs few frames."""

    def __init__(self, text: str) -> None:
        self._list = _tokens(text)
        self._at = 0
        self._depth = 0

    # --- tokens

    @property
    def _token(self) -> _Token:
        return self._list[self._at]

    def _is(self, *texts: str) -> bool:
        return self._token.kind in ("op", "name") and self._token.text in texts

    def _next_is(self, text: str) -> bool:
        following = self._list[min(self._at + 1, len(self._list) - 1)]
        return following.kind in ("op", "name") and following.text == text

    def _take(self) -> _Token:
        token = self._token
        if token.kind != "end":
            self._at += 1
        return token

    def _expect(self, text: str) -> _Token:
        if not self._is(text):
            self._refuse(f"expected {text!r}")
        return self._take()

    def _refuse(self, expected: str) -> NoReturn:
        token = self._token
        found = "the expression ends" if token.kind == "end" else f"found {token.text!r}"
        raise ExpressionProblem(f"{expected}, but {found}", token.position)

    def expect_end(self) -> None:
        if self._token.kind != "end":
            if self._is(")", "]"):
                raise ExpressionProblem(f"{self._token.text!r} closes nothing", self._token.position)
            self._refuse("expected an operator or the end")

    def _name(self, what: str) -> _Token:
        if self._token.kind != "name":
            self._refuse(f"expected {what}")
        if self._token.text in KEYWORDS:
            raise ExpressionProblem(f"{self._token.text!r} is a word of the language, not {what}", self._token.position)
        return self._take()

    # --- grammar

    def expression(self, level: int) -> Node:
        """An expression whose operators bind at least as tightly as ``level``."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionProblem(f"the expression is nested more than {MAX_DEPTH} deep", self._token.position)
        token = self._token
        left: Node
        if self._is("not"):
            if level > _NOT:
                raise ExpressionProblem("put 'not ...' in parentheses here", token.position)
            self._take()
            left = Unary("not", self.expression(_NOT), token.position)
        elif self._is("-"):
            self._take()
            left = Unary("-", self.expression(_UNARY), token.position)
        else:
            left = self._postfix()
        left = self._operators(left, level)
        self._depth -= 1
        return left

    def _operators(self, left: Node, level: int) -> Node:
        compared = False
        while True:
            token = self._token
            if token.kind not in ("op", "name"):
                return left
            if token.text in _COMPARISONS or self._is("in", "is") or (self._is("not") and self._next_is("in")):
                if level > _COMPARE:
                    return left
                if compared:
                    raise ExpressionProblem("comparisons do not chain: write a < b and b < c", token.position)
                left, compared = self._comparison(left), True
                continue
            binds = _BINARY.get(token.text)
            if binds is None or binds < level:
                return left
            if compared and binds > _COMPARE:
                return left
            self._take()
            left = Binary(token.text, left, self.expression(binds + 1), token.position)

    def _comparison(self, left: Node) -> Node:
        token = self._take()
        if token.text in _COMPARISONS:
            return Binary(token.text, left, self.expression(_SUM), token.position)
        if token.text == "is":
            negated = self._is("not")
            if negated:
                self._take()
            self._expect("null")
            return IsNull(left, negated, token.position)
        negated = token.text == "not"
        if negated:
            self._expect("in")
        self._expect("[")
        options = [self.expression(_OR)]
        while self._is(","):
            self._take()
            options.append(self.expression(_OR))
        self._expect("]")
        return In(left, tuple(options), negated, token.position)

    def _postfix(self) -> Node:
        node = self._primary()
        while self._is("."):
            dot = self._take()
            name = self._name("the name of a field or relation")
            node = Attribute(node, name.text, dot.position + 1)
        return node

    def _primary(self) -> Node:
        token = self._token
        if token.kind in ("number", "text"):
            self._take()
            return Literal(token.value, token.position)
        if self._is("("):
            self._take()
            node = self.expression(_OR)
            self._expect(")")
            return node
        if self._is("true", "false", "null"):
            self._take()
            return Literal({"true": True, "false": False, "null": None}[token.text], token.position)
        if token.kind != "name" or token.text in KEYWORDS:
            self._refuse("expected a value")
        if not self._next_is("("):
            self._take()
            return Name(token.text, token.position)
        self._take()
        self._take()
        return self._aggregate(token) if token.text in AGGREGATES else self._call(token)

    def _call(self, function: _Token) -> Node:
        arguments: list[Node] = []
        if not self._is(")"):
            arguments.append(self.expression(_OR))
            while self._is(","):
                self._take()
                arguments.append(self.expression(_OR))
        self._expect(")")
        if function.text in ("date", "datetime") and len(arguments) == 1 and isinstance(arguments[0], Literal):
            return _moment(function, arguments[0])
        return Call(function.text, tuple(arguments), function.position)

    def _aggregate(self, kind: _Token) -> Node:
        selection = self.selection()
        value = None
        if kind.text == "sum":
            self._expect(":")
            value = self.expression(_OR)
        elif self._is(":"):
            raise ExpressionProblem(f"only sum has a value after ':', not {kind.text}", self._token.position)
        self._expect(")")
        return Aggregate(kind.text, selection, value, kind.position)

    def selection(self) -> Selection:
        """``collection as variable [where condition]``."""
        start = self._token.position
        collection = self._postfix()
        self._expect("as")
        variable = self._name("a name for each row").text
        condition = None
        if self._is("where"):
            self._take()
            condition = self.expression(_OR)
        return Selection(collection, variable, condition, start)


def _moment(function: _Token, literal: Literal) -> Literal:
    """``date("...")`` or ``datetime("...")`` of a constant, folded."""
    wanted = "2026-01-31" if function.text == "date" else "2026-01-31T12:00:00"
    text = literal.value
    if isinstance(text, str):
        try:
            if function.text == "date" and DATE.fullmatch(text):
                return Literal(date.fromisoformat(text), function.position)
            if function.text == "datetime" and DATETIME.fullmatch(text):
                return Literal(datetime.fromisoformat(text), function.position)
        except ValueError:
            pass
    raise ExpressionProblem(f'{function.text}("...") wants a real day written like "{wanted}"', literal.position)
