"""Examples in prose become tests, and only where they can be nothing else."""

from __future__ import annotations

import pytest

from agent_dispatcher_builtins.languages.python.examples import example_tests, examples_in


@pytest.mark.parametrize(
    ("text", "call", "result"),
    [
        ('slug("A b") returns "a-b".', "slug('A b')", "'a-b'"),
        ("`slug('A')` == 'a'", "slug('A')", "'a'"),
        ("slug(')') -> ')' and more", "slug(')')", "')'"),
        ("e.g. slug([1, 2], key=3) ➞ [1, (2, 3)]", "slug([1, 2], key=3)", "[1, (2, 3)]"),
        (">>> slug(1)\n-2.5", "slug(1)", "-2.5"),
        ("    * >>> slug(1)\n      {'a': 1}", "slug(1)", "{'a': 1}"),
        ("slug(1) should return True because it is", "slug(1)", "True"),
    ],
)
def test_an_example_is_found(text: str, call: str, result: str) -> None:
    """In the ways in which people write them."""
    (found,) = examples_in(text, ["slug"])
    assert (found.call, found.result) == (call, result)


def test_an_exception_is_an_example_too() -> None:
    """In a session and in a sentence; only of a name that Python has."""
    text = "slug(None) raises TypeError.\n>>> slug(2)\nTraceback (most recent call last):\n  ...\nValueError: no\nslug(3) raises SlugError"
    assert [(each.call, each.raises) for each in examples_in(text, ["slug"])] == [
        ("slug(None)", "TypeError"),
        ("slug(2)", "ValueError"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "slug(x) returns 1",
        "slug(1) returns 3 items",
        "slug(1) returns a string",
        "other(1) == 2",
        "my.slug(1) == 2",
        "slug(open('/etc/passwd')) == 1",
        "slug(1) is called first",
        ">>> slug(1)\n>>> slug(2)",
        "slug(1",
    ],
)
def test_everything_else_is_left_to_its_reader(text: str) -> None:
    """No call of something else, no argument that does something, no number that counts things."""
    assert examples_in(text, ["slug"]) == ()


def test_the_file_of_tests_is_python() -> None:
    """One test for each, from the module that is promised; floats are compared as floats."""
    text = example_tests("f(1) == 0.1\nC(2) raises ValueError", ["lib.a:f", "lib.b:C.method"])
    compile(text, "tests.py", "exec")
    assert "from lib.a import f" in text
    assert "def test_f_1():" in text and "def test_C_1():" in text
    assert "assert f(1) == pytest.approx(0.1)" in text
    assert "with pytest.raises(ValueError):\n        C(2)" in text
    assert example_tests("no example", ["lib.a:f"]) == ""
