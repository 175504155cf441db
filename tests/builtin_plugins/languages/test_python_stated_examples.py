"""Examples that may refuse work are read only where a text can mean nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_dispatcher_builtins.languages.python.functions import homes
from agent_dispatcher_builtins.languages.python.stated_examples import stated_examples


def sure(text: str) -> list[str]:
    return [str(each) for each in stated_examples(text) if not each.unsure]


def unsure(text: str) -> str:
    (found,) = stated_examples(text)
    return found.unsure


TWO = ["`f(1)` returns `2`", "`f(2)` returns `3`"]
TABLE = "| call | result |\n|---|:--|\n| `f(1)` | `2` |\n| f(2) | 3 |\n"


@pytest.mark.parametrize(
    "text",
    [
        "`f(1)` returns `2`, `f(2)` returns `3`, a number below 0 raises `ValueError`.",
        "`f(1)` gives `2`; `f(2)` is `3`",
        "f(1) == 2\nf(2) == 3",
        "Examples:\n- f(1) → 2\n- **`f(2)`** => `3`",
        "Return one more (e.g. `f(1)` -> `2`; `f(2)` -> `3`).",
        "`f(1)` should return `2` because it is one more, and `f(2)` must be `3`",
        "It returns `2` for `f(1)` and `3` for `f(2)`.",
        ">>> f(1)\n2\n>>> f(2) == 3\nTrue",
        "```python\n>>> from lib import f\n>>> f(1)\n2\n\n>>> f(2)\n3\n```",
        "```\nf(1)  # 2\nassert f(2) == 3\n```",
        TABLE,
        "`f(1)`\nreturns `2`. Then\n`f(2)` returns `3`",
        "`f(1)` returns 2 (not 3). And f(2) returns 3, not 4.",
        "For example, `f(1)` returns `2` and `f(2)` returns `3`, of the unique numbers.",
        "```python\ndef f(n: int) -> int: ...\n\nf(1)  # 2\nf(2)  # 3\n```",
    ],
)
def test_what_is_certain_is_read(text: str) -> None:
    """In the ways in which people write it, and none of them twice."""
    assert sure(text) == TWO


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("`f('')` raises a `ValueError`.", "`f('')` raises `ValueError`"),
        (">>> f('')\nTraceback (most recent call last):\n  ...\nValueError: no", "`f('')` raises `ValueError`"),
        ("| call | returns |\n|--|--|\n| f('') | raises `ValueError` |", "`f('')` raises `ValueError`"),
        ("`f('')` raises `lib`", ""),
        ("`f([1], key=2)` returns `{'a': (1, -2.5)}`", "`f([1], key=2)` returns `{'a': (1, -2.5)}`"),
        ("f(1) returns -1.5.", "`f(1)` returns `-1.5`"),
        ("`f([], 1) -> None`", "`f([], 1)` returns `None`"),
        ("`f(n=1) -> 2`", "`f(n=1)` returns `2`"),
        ("`f('abc')` -> `'a...'`", "`f('abc')` returns `'a...'`"),
        ("`f(1)` should return `3` instead of `2`", "`f(1)` returns `3`"),
        ("The bug: it is too much. `f(1)` should return `3`.", "`f(1)` returns `3`"),
    ],
)
def test_results_are_literals_and_exceptions(text: str, said: str) -> None:
    """In their plain form; of what is neither nothing is known."""
    assert sure(text) == ([said] if said else [])


def test_what_is_not_exact_says_so() -> None:
    """A number that the text calls approximate is marked."""
    (found,) = stated_examples("`area(1)` returns about `3.14`")
    assert found.roughly and not found.unsure


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("If it is closed, `f(1)` returns `2`.", "condition"),
        ("`f(1)` returns `2` if it is closed", "condition"),
        ("`f(1)` returns `2`, unless it is closed", "condition"),
        ("When the flag is set:\n\n- `f(1)` returns `2`", "condition"),
        ("- With the flag:\n  - `f(1)` returns `2`", "condition"),
        ("After `add('a')`, `f(1)` returns `2`.", "condition"),
        ("Do not do this:\n`f(1)` returns `2`", "denial"),
        ("It is not so that `f(1)` returns `2`.", "denial"),
        ("`f(1)` returns `2` instead of `3`", "denial"),
        ("The old `f(1)` returns `2`.", "denial"),
        ("Currently `f(1)` returns 2. It should return 3.", "fault"),
        ("`f(1)` returns 2, expected 3", "fault"),
        ("Bug.\n\n>>> f(1)\n2", "fault"),
        ("g() + f(1) == 2", "longer"),
        ("2 * f(1) == 2", "longer"),
        ("not f(1) == 2", "longer"),
        ("`f(1)` returns `2`, `3` or `4`", "ends"),
        ("f(1) returns 2 or 3", "ends"),
        ("`g(1)`, `f(1)` should return `2` and `3`", "ends"),
        ("`g(1)` and `f(1)` must return `2`", "row"),
        (">>> x = open_shop()\n>>> f(1)\n2", "lines above"),
        ("```\nset_tax(19)\nf(1)  # 2\n```", "lines above"),
        ("| call | tax | result |\n|--|--|--|\n| f(1) | on | 2 |", "columns"),
        ("`now()` returns the time, like `now() == '12:00'`", "several"),
        ("It returns a number, for example `f()` → `17`.", "several"),
        ("The time at the end, e.g. `f(1)` gives `'12:00'`.", "several"),
        ("It gives a random number: `f(6)` returns `4`.", "several"),
        ("`f(6)` returns `4`, a unique number.", "several"),
        ("It returns `4` for `f(6)`, such as any random one.", "several"),
        ("A random number:\n\n>>> f(6)\n4", "several"),
        ("Signature: `f(n=10) -> []`", "signature"),
    ],
)
def test_what_may_be_meant_otherwise_is_left_alone(text: str, why: str) -> None:
    """It is found, and not sure, for a reason."""
    assert why in unsure(text)


@pytest.mark.parametrize(
    "text",
    [
        "f(x) returns 1",
        "f(1) returns 3 items",
        "f(1) returns 1,000",
        "f(1) returns a string",
        "my.f(1) == 2",
        "f(open('/etc/passwd')) == 1",
        "f(*[1], **{'a': 2}) == 1",
        "f([x for x in 'ab']) == 1",
        "f(g(1)) == 2",
        "len(f(1)) == 2",
        "`f(1)` and `f(2)` return `1` and `2`",
        ">>> f(1)\n>>> g(2)",
        "f(1",
        "```python\ndef f(argv=None) -> None: ...\n\nasync def g() -> None:\n    ...\n```",
        "- `def f(n=1) -> 2`: clears it",
        "`f(argv=None) -> None` prints the report",
        "```\nf() → None\n```",
        "`f() -> 'Money'`",
        "`f(5)` returns `[2, 3, ...]`, `f(6)` returns [2, ...]",
        "`f([1, 2, ...])` returns `6`",
        "`f(1)` returns `...`, `f(2)` returns `\"...\"`, `f('…')` returns `1`",
        "`f(1)` returns `1e999`",
    ],
)
def test_everything_else_is_no_example(text: str) -> None:
    """No call that does anything but take literals, and no result that is said in words."""
    assert stated_examples(text) == ()


def test_two_results_for_one_call_are_none() -> None:
    """Which of them is meant nobody can tell."""
    assert {each.unsure for each in stated_examples("`f(1)` returns `2`.\n\n`f(1)` returns `3`.")} == {
        "the text gives several results for this call"
    }


def test_a_long_text_is_read_in_time_that_grows_with_it(growth) -> None:
    """A text of nothing but brackets and calls as well."""

    def prepare(size: int):
        text = "`f(1)` returns `2` and f((((1 == \n\n" * size
        return lambda: stated_examples(text)

    assert growth(prepare, 100, 1000) < 4


def test_the_home_of_a_function_is_where_it_is_defined(tmp_path: Path) -> None:
    """Also where it is bound to something; not in tests, in a class, by an import, or in what cannot be parsed."""
    for path, text in {
        "src/lib/a.py": "def f(): ...\ndef g(): ...",
        "src/lib/b.py": "from lib.a import f\n\nclass C:\n    def f(self): ...",
        "lib/c.py": "try:\n    import x\nexcept ImportError:\n    g = max",
        "tests/helper.py": "def f(): ...",
        "test_a.py": "def f(): ...",
        "broken.py": "def f(:",
        "notes.md": "def f():",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert homes("f", tmp_path) == ("src/lib/a.py",)
    assert homes("g", tmp_path) == ("lib/c.py", "src/lib/a.py")
    assert homes("h", tmp_path) == ()
