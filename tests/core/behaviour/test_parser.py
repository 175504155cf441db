"""The parser: what it reads, what it refuses and how it says so."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_dispatcher.behaviour import (
    KEYWORDS,
    Aggregate,
    Attribute,
    Binary,
    Call,
    ExpressionProblem,
    In,
    IsNull,
    Literal,
    Name,
    Node,
    Selection,
    Unary,
    parse,
    parse_selection,
    unparse,
    unparse_selection,
)
from agent_dispatcher.errors import SpecificationError


def bare(node: Node) -> str:
    """Nodes as text, fully bracketed, without positions."""
    match node:
        case Literal(value=value):
            return repr(value)
        case Name(name=name):
            return name
        case Attribute(target=target, name=name):
            return f"{bare(target)}.{name}"
        case Unary(operator=operator, operand=operand):
            return f"({operator} {bare(operand)})"
        case Binary(operator=operator, left=left, right=right):
            return f"({bare(left)} {operator} {bare(right)})"
        case In(value=value, options=options, negated=negated):
            return f"({bare(value)} {'not in' if negated else 'in'} {[bare(option) for option in options]})"
        case IsNull(operand=operand, negated=negated):
            return f"({bare(operand)} is {'not ' if negated else ''}null)"
        case Call(function=function, arguments=arguments):
            return f"{function}{[bare(argument) for argument in arguments]}"
        case Aggregate(kind=kind, selection=selection, value=value):
            return f"{kind}<{bare_selection(selection)}{'' if value is None else ' : ' + bare(value)}>"


def bare_selection(selection: Selection) -> str:
    condition = "" if selection.condition is None else f" where {bare(selection.condition)}"
    return f"{bare(selection.collection)} as {selection.variable}{condition}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a or b and not c == d", "(a or (b and (not (c == d))))"),
        ("a - b - c * -d", "((a - b) - (c * (- d)))"),
        ("(a - (b - c)) % 2", "((a - (b - c)) % 2)"),
        ("not a in [1, 2] and b is not null", "((not (a in ['1', '2'])) and (b is not null))"),
        ("a not in ['x', \"y\"]", "(a not in [\"'x'\", \"'y'\"])"),
        ("a.b.c + 1 >= 12.50", "((a.b.c + 1) >= Decimal('12.50'))"),
        ("count(book.loans as l where l.x > 1) < 3", "(count<book.loans as l where (l.x > 1)> < 3)"),
        ("sum(Loan as l where l.x: l.fee * 2)", "sum<Loan as l where l.x : (l.fee * 2)>"),
        ("if(a, 1, coalesce(b, today()))", "if['a', '1', \"coalesce['b', 'today[]']\"]"),
        ("count + date == select", "((count + date) == select)"),
        ("(a == b) == (c is null)", "((a == b) == (c is null))"),
        ("true\n  and\tfalse", "(True and False)"),
    ],
)
def test_grammar(text: str, expected: str) -> None:
    """Operators bind as the grammar says."""
    assert bare(parse(text)) == expected


def test_positions() -> None:
    """Every node knows where it stands in the text."""
    node = parse("loan.book == other")
    assert isinstance(node, Binary)
    assert (node.position, node.left.position, node.right.position) == (10, 5, 13)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\"b\\c\n\t\'"', "a\"b\\c\n\t'"),
        ("12", 12),
        ("0.10", Decimal("0.10")),
        ("null", None),
        ("true", True),
        ('date("2026-02-28")', date(2026, 2, 28)),
        ('datetime("2026-01-31T12:00:00")', datetime(2026, 1, 31, 12)),
    ],
)
def test_literals(text: str, value: object) -> None:
    """Constants are values of their Python type; dates of a constant are folded."""
    node = parse(text)
    assert isinstance(node, Literal)
    assert (type(node.value), node.value) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("", "expected a value, but the expression ends", 1),
        ("a b", "expected an operator or the end, but found 'b'", 3),
        ("a + ", "expected a value", 5),
        ("(a", "expected ')'", 3),
        ("a)", "closes nothing", 2),
        ("a = b", "compare with ==", 3),
        ("a && b", "write 'and' and 'or'", 3),
        ("a < b < c", "comparisons do not chain", 7),
        ("a == not b", "put 'not ...' in parentheses", 6),
        ("a.and", "'and' is a word of the language", 3),
        ("count(Loan)", "expected 'as'", 11),
        ("count(Loan as l: 1)", "only sum has a value", 16),
        ("sum(Loan as l)", "expected ':'", 14),
        ("a in []", "expected a value", 7),
        ("12.", "expected the name of a field", 4),
        ("1e5", "a number is written 12 or 12.50", 1),
        ("'abc", "does not end on this line", 1),
        (r"'a\q'", "is no escape", 3),
        ('date("2026-02-30")', "wants a real day", 6),
        ("1" * 29, "at most 28 digits", 1),
        ("a ; b", "';' has no meaning", 3),
    ],
)
def test_refused_with_the_column(text: str, message: str, column: int) -> None:
    """A malformed expression is refused with what is wrong, the text and a caret under the place."""
    with pytest.raises(ExpressionProblem) as caught:
        parse(text, "spec.yaml:12")
    assert message in str(caught.value)
    assert str(caught.value).startswith("spec.yaml:12: ")
    assert caught.value.position == column - 1
    if text:
        assert str(caught.value).splitlines()[-1] == "    " + " " * (column - 1) + "^"
        assert f"at column {column}" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["(" * 100_000, "-" * 4_000 + "1", "(" * 1_000 + "1" + ")" * 1_000, "1" + " + 1" * 1_000]
)
def test_deep_nesting_is_refused(text: str) -> None:
    """No nesting exhausts the stack: it is refused by length or depth."""
    with pytest.raises(SpecificationError, match=r"nested more than 64 deep|longer than 5000"):
        parse(text)


def test_selection() -> None:
    """A selection on its own is what ``each`` holds."""
    assert bare_selection(parse_selection("Hold as h where h.book == book")) == "Hold as h where (h.book == book)"
    with pytest.raises(ExpressionProblem, match="expected 'as'"):
        parse_selection("Hold")


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True).filter(
    lambda name: name not in KEYWORDS and name not in ("count", "sum", "exists", "select", "date", "datetime")
)
LITERALS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 10**27),
    st.decimals(0, 10**9, places=2, allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8).filter(
        lambda text: "\n" not in text
    ),
    st.dates(),
    st.datetimes().map(lambda moment: moment.replace(microsecond=0, fold=0)),
).map(Literal)


def _extend(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    operators = ["or", "and", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%"]
    selections = st.builds(
        Selection, st.one_of(NAMES.map(Name), st.builds(Attribute, nodes, NAMES)), NAMES, st.none() | nodes
    )
    return st.one_of(
        st.builds(Attribute, nodes, NAMES),
        st.builds(Unary, st.sampled_from(["not", "-"]), nodes),
        st.builds(Binary, st.sampled_from(operators), nodes, nodes),
        st.builds(In, nodes, st.lists(nodes, min_size=1, max_size=3).map(tuple), st.booleans()),
        st.builds(IsNull, nodes, st.booleans()),
        st.builds(Call, NAMES, st.lists(nodes, max_size=3).map(tuple)),
        st.builds(Aggregate, st.sampled_from(["count", "exists", "select"]), selections),
        st.builds(Aggregate, st.just("sum"), selections, nodes),
    )


NODES = st.recursive(st.one_of(NAMES.map(Name), LITERALS), _extend, max_leaves=12)


@settings(max_examples=300, deadline=None)
@given(NODES)
def test_unparse_round_trip(node: Node) -> None:
    """What is unparsed is parsed to the same nodes."""
    assert bare(parse(unparse(node))) == bare(node)


def test_unparse_keeps_it_readable() -> None:
    """Only needed parentheses are written."""
    text = 'not (a or b) and c.d in ["x", "y"] and count(L as l where l.x is not null) + 1 < -(a - b) * 2'
    assert unparse(parse(text)) == text
    assert unparse_selection(parse_selection("Hold as h where (h.x == 1)")) == "Hold as h where h.x == 1"


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab1.(),[]'\"<>=!+-*/%: \n\\" + "ntori", max_size=40))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """No text makes the parser fail in another way than by its own error."""
    try:
        node = parse(text)
    except ExpressionProblem as problem:
        assert 0 <= problem.position <= len(text)
    else:
        assert bare(parse(unparse(node))) == bare(node)
