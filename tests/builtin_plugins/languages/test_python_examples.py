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
        (">>> slug([1]) == 'a'", "slug([1])", "'a'"),
        ("slug(1, 2) = 14", "slug(1, 2)", "14"),
        ('slug(15)   # returns "b"', "slug(15)", "'b'"),
        ("slug(15) # => 'No' (it is short)", "slug(15)", "'No'"),
        ("slug(1) => true", "slug(1)", "True"),
        ("slug('') -> null, as nothing is in it", "slug('')", "None"),
    ],
)
def test_an_example_is_found(text: str, call: str, result: str) -> None:
    """In the ways in which people write them."""
    (found,) = examples_in(text, ["slug"])
    assert (found.call, found.result) == (call, result)


@pytest.mark.parametrize(
    ("text", "call", "result"),
    [
        ('For text = "A", width = 2 the output should be "a".', "slug('A', 2)", "'a'"),
        ("Given width = 2, text = 'A', the result is: ('a', False)", "slug('A', 2)", "('a', False)"),
        ("For text = '', width = 6, two times three, the answer must be 6", "slug('', 6)", "6"),
        ("Input: text = 'A', width = 4\n   Output: [2, 1]\n   Explanation: because", "slug('A', 4)", "[2, 1]"),
        ("* Input:\n    text : 'A'\n    width : [[1]]\n* Output: 24 # 21 + 3", "slug('A', [[1]])", "24"),
        ("Input: 'A', 4\n\nOutput: None", "slug('A', 4)", "None"),
    ],
)
def test_an_example_need_not_name_its_function(text: str, call: str, result: str) -> None:
    """Where the text has a signature that its values fit, in any order when they are named."""
    signature = "def slug(text: str, width: int = 3) -> str:\n"
    (found,) = examples_in(signature + text, ["slug", "other"])
    assert (found.call, found.result) == (call, result)


@pytest.mark.parametrize(
    "text",
    [
        "For text = 'A' the output should be 'a'",
        "def slug(word):\nFor text = 'A' the output should be 'a'",
        "def slug(text, width):\nInput: 'A'\nOutput: 'a'",
        "def slug(text):\ndef other(text):\nFor text = 'A' the output should be 'a'",
        "def slug(text):\nInput: text = open('/etc/passwd')\nOutput: 'a'",
        "def slug(text):\nInput: text = 'A'",
        "def slug(text):\nFor text = 'A' the output should be a letter",
        "def slug(text:\nInput: 'A'\nOutput: 'a'",
    ],
)
def test_an_example_without_a_name_is_nobodys_when_in_doubt(text: str) -> None:
    """Without a signature, with one that does not fit, with two that do, or without values."""
    assert examples_in(text, ["slug", "other"]) == ()


@pytest.mark.parametrize("text", ["def slug() -> None", "`slug() -> None` writes it.", "async def slug() -> 3"])
def test_how_a_function_is_called_is_no_example(text: str) -> None:
    """A signature says what comes back, not what one call gives."""
    assert examples_in(text, ["slug"]) == ()


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
