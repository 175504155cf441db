"""Source that is written is valid, says what was meant, and is formatted; no text of a specification can become code."""

from __future__ import annotations

import ast
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_dispatcher_builtins.agents.tester.source import Group, TestModule, call, layout, sentence, slug, text_literal

NAMES = {"Decimal": Decimal, "date": date, "datetime": datetime, "timedelta": timedelta}

values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(),
        st.dates(),
        st.decimals(allow_nan=False, allow_infinity=False),
        st.datetimes(max_value=datetime(2200, 1, 1)).map(lambda moment: moment.replace(microsecond=0)),
        st.timedeltas(min_value=timedelta(seconds=-9), max_value=timedelta(days=9)).map(
            lambda move: move - timedelta(microseconds=move.microseconds)
        ),
    ),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(values)
def test_literals_mean_what_they_stand_for(value: object) -> None:
    """Evaluating the source of any value gives the value again, on one line or on many."""
    module = TestModule("", "p")
    source = layout(module.literal(value), 0)
    assert eval(source, dict(NAMES)) == value


@given(st.text())
def test_text_cannot_leave_its_literal(text: str) -> None:
    """A text is a string constant or a repeated one, whatever it holds."""
    tree = ast.parse(text_literal(text), mode="eval").body
    assert isinstance(tree, ast.Constant | ast.BinOp)
    assert eval(compile(ast.Expression(tree), "", "eval")) == text


@given(st.text())
def test_sentences_cannot_end_a_docstring_or_a_comment(text: str) -> None:
    """One printable line without double quotes and backslashes."""
    line = sentence(text)
    assert '"' not in line
    assert "\\" not in line
    assert line.isprintable()
    module = TestModule(text, "p")
    module.test("test_it", text, ["    assert True"])
    assert len(ast.parse(module.render()).body) == 2


@given(st.text())
def test_slugs_are_parts_of_names(text: str) -> None:
    """Any text can be part of the name of a test."""
    assert f"test_{slug(text)}".isidentifier()


def test_names_are_unique_in_a_module() -> None:
    """Two tests that would have one name get two."""
    module = TestModule("x", "p")
    assert [module.name("test_a"), module.name("test_a"), module.name("test_a")] == ["test_a", "test_a_2", "test_a_3"]


def test_code_breaks_where_a_formatter_would() -> None:
    """On one line up to 100 characters, else one item a line with a comma after the last."""
    assert layout(call("f", "a", b="c")) == "f(a, b=c)"
    assert layout(call("f", "a" * 50, b="c" * 50)) == f"f(\n    {'a' * 50},\n    b={'c' * 50},\n)"
    inner = call("g", "a" * 60, "b" * 60)
    assert layout(Group("f(", (inner,), ")")) == f"f(\n    g(\n        {'a' * 60},\n        {'b' * 60},\n    )\n)"
    assert layout(Group("(", ("a",), ")", comma=True)) == "(a,)"


@pytest.mark.parametrize(
    ("text", "literal"),
    [("it's", '"it\'s"'), ('say "x"', "'say \"x\"'"), ("a\n", '"a\\n"'), ("\x00", '"\\x00"'), ("b" * 21, '"b" * 21')],
)
def test_quotes_are_those_a_formatter_prefers(text: str, literal: str) -> None:
    """Double quotes, unless that needs more backslashes."""
    assert text_literal(text) == literal
