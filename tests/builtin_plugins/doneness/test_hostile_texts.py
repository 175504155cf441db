"""A text can be written to make its reader work for hours: reading it takes time that grows with its length, in a thread, and up to a size."""

from __future__ import annotations

import ast
import threading
import tracemalloc
from collections.abc import Callable

import pytest

from agent_dispatcher.extension import Objection
from agent_dispatcher_builtins.doneness import judging
from agent_dispatcher_builtins.languages.javascript.inspection import inspect
from agent_dispatcher_builtins.languages.python.inspection.names_used import used
from agent_dispatcher_builtins.languages.python.language import Python

Judge = Callable[..., tuple[Objection, ...]]
Growth = Callable[[Callable[[int], Callable[[], object]], int, int], float]

TESTS = "def test_a():\n    assert f(1) == 2\n"
LARGE = "A = 1  # " + "x" * 1024**2 + "\n"
#: Of each ten of these, the last is ten times as long.
PYTHON = {
    "blank lines": lambda n: f"A = 1\n{chr(10) * n}B = 2\n",
    "blank lines behind a placeholder": lambda n: f"# placeholder\n{chr(10) * n}B = 2\n",
    "a long comment": lambda n: f"# existing code{' ' * n}!a\nB = 2\n",
    "quotations that do not end": lambda n: f"# {'“' * n}\nB = 2\n",
    "a docstring of blank lines": lambda n: f'"""{chr(10) * n}"""\nB = 2\n',
    "a class of many methods": lambda n: (
        f'class A:\n    """{"a " * (n // 2)}"""\n' + "    def f(self): pass\n" * (n // 20)
    ),
}


@pytest.mark.parametrize("text", PYTHON.values(), ids=PYTHON)
def test_the_work_grows_with_the_length_of_a_text_of_python(growth: Growth, text: Callable[[int], str]) -> None:
    """Ten times as long is not a hundred times as much."""
    assert growth(lambda size: lambda: Python().objections("src/a.py", None, text(size)), 4_000, 40_000) < 4


TEST = "import shop\n\n\ndef test_a():\n    assert shop.f({}) == 2\n"
DEEP = {
    "a chain of calls": TEST.format("shop.q" + ".b()" * 400),
    "a sum": TEST.format(" + ".join(map(str, range(400)))),
    "nots": TEST.format("not " * 400 + "shop"),
    "a number that cannot be written": TEST.format("0x" + "f" * 5000),
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_a_test_that_is_nested_deeply_is_read_as_any_other(judge: Judge, text: str) -> None:
    """Another may be added to its file; what it asserts may not be changed."""
    before = {"tests/test_a.py": text}
    more = text + "\n\ndef test_b():\n    assert shop.f(0) == 1\n"
    assert judge({"tests/test_a.py": more}, before, type="testing") == ()
    assert judge({"src/a.py": text.replace("def test_a", "def f")}) == ()
    (found,) = judge({"tests/test_a.py": text.replace("== 2", "== 3")}, before)
    assert found.kind == "changed"


def test_what_is_nested_too_deeply_is_refused_with_words(judge: Judge) -> None:
    """Whatever stops the reading, there is no traceback."""
    (found,) = judge({"tests/test_a.py": f"def test_a():\n    assert {'not ' * 9000}f(1)\n"}, type="testing")
    assert (found.kind, "divide it into statements" in found.what) == ("weakened", True)


JAVASCRIPT = {
    "blank lines": lambda n: f"let a = 1;{chr(10) * n}let b",
    "types without an end": lambda n: "const a:" * (n // 8),
    "classes without an end": lambda n: "class extends " * (n // 14),
    "functions without an end": lambda n: "function f(" * (n // 11),
    "functions in functions": lambda n: "function f(){" * (n // 13),
    "tests in tests": lambda n: "test('a', () => {" * (n // 16),
    "expectations in expectations": lambda n: "test('a', () => {" + "expect(" * (n // 7),
    "titles without an end": lambda n: "it('" * (n // 4),
    "blanks behind a word": lambda n: f"function{' ' * n}x",
}


@pytest.mark.parametrize("text", JAVASCRIPT.values(), ids=JAVASCRIPT)
def test_the_work_grows_with_the_length_of_a_text_of_javascript(growth: Growth, text: Callable[[int], str]) -> None:
    """Of a source, and of a test that was there before."""

    def reading(size: int) -> Callable[[], object]:
        said = text(size)
        return lambda: (
            inspect("a.js", None, said, is_test=False),
            inspect("a.test.js", said, f"{said}\nlet q = 1;\n", is_test=True),
        )

    assert growth(reading, 2_000, 16_000) < 4


def one(name: str, size: int) -> str:
    """A test of some assertions."""
    return "def test_a():\n" + "".join(f"    assert {name}({number}) == {number % 7}\n" for number in range(size // 20))


def test_the_work_to_compare_tests_grows_with_their_length(growth: Growth) -> None:
    """Assertions that are gone, and statements that are not as they were."""
    compared = lambda size: lambda: Python().objections("tests/test_a.py", one("f", size), one("g", size))  # noqa: E731
    assert growth(compared, 2_000, 16_000) < 4


def test_nothing_else_waits_while_a_text_is_read(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources, tests, and tests that are gone: none is read where everything else runs."""
    readers: list[threading.Thread] = []
    told = Python.objections

    def seen(self: Python, path: str, before: str | None, after: str | None) -> tuple[Objection, ...]:
        readers.append(threading.current_thread())
        return told(self, path, before, after)

    monkeypatch.setattr(Python, "objections", seen)
    assert judge({"src/a.py": "def f(): pass\n"}, {"src/a.py": "def f(): return 1\n", "tests/test_a.py": TESTS}) != ()
    assert len(readers) >= 3
    assert threading.current_thread() not in readers


def test_what_is_too_large_to_be_read_is_not_accepted(judge: Judge) -> None:
    """With words that say what to do; a source that was as large before is nobody's fault now, a test nobody can vouch for."""
    (found,) = judge({"src/a.py": LARGE})
    assert (found.kind, "larger than 1024 KiB" in found.what) == ("stub", True)
    assert judge({"src/a.py": f"{LARGE}B = 2\n"}, {"src/a.py": LARGE}) == ()
    (found,) = judge({"tests/test_a.py": LARGE + TESTS}, {"tests/test_a.py": LARGE + TESTS + "\n"}, type="testing")
    assert found.kind == "weakened"
    assert judge({"data/a.csv": LARGE}) == ()
    (found,) = judge({"conftest.py": LARGE})
    assert (found.kind, "larger than 1024 KiB" in found.what) == ("weakened", True)


class Neighboured(dict[object, object]):
    """What is put in is pushed out at once, as another thread may."""

    def __setitem__(self, key: object, value: object) -> None:
        super().__setitem__(key, value)
        self.clear()


def test_what_texts_say_is_remembered_by_several_at_once(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when another pushes out what one has just found."""
    monkeypatch.setattr(judging, "_SEEN", Neighboured())
    derived = "from a import Shape\n\n\nclass Square(Shape):\n    def area(self):\n        return 1\n"
    assert (
        judge(
            {"src/a.py": "class Shape:\n    def area(self):\n        raise NotImplementedError\n", "src/b.py": derived}
        )
        == ()
    )


TESTS_OF_PYTHON = {
    "names from name to name": lambda n: "".join(f"    a{i + 1} = a{i}\n" for i in range(n // 20)),
    "names handed on": lambda n: "    f(b, c, d)\n" * (n // 20),
    "names that may be bound": lambda n: "".join(f"    if a{i}:\n        b{i} = a{i + 1}\n" for i in range(n // 40)),
}
TESTS_OF_JAVASCRIPT: dict[str, Callable[[int], str]] = {
    "tests in tests": lambda n: 'it("a", () => {\n' * (n // 20),
    "titles that do not end": lambda n: "it(`" * (n // 4),
    "a table": lambda n: f'test.each([{"[1]," * (n // 4)}])("a", () => {{ expect(f(1)).toBe(1); }});',
    "tables that do not end": lambda n: "test.each([" * (n // 11),
    "a loop that does not begin": lambda n: "for (const a " + " of " * (n // 4),
}


@pytest.mark.parametrize("text", TESTS_OF_PYTHON.values(), ids=TESTS_OF_PYTHON)
def test_what_tests_of_python_depend_on_is_found_in_time(growth: Growth, text: Callable[[int], str]) -> None:
    """Whatever names are handed on to, and however many tests."""

    def read(size: int) -> Callable[[], object]:
        whole = f"def test_a(x):\n    b = 2\n{text(size)}    assert b == 2\n"
        return lambda: Python().objections("tests/test_a.py", None, whole)

    assert growth(read, 4_000, 40_000) < 4


@pytest.mark.parametrize("text", TESTS_OF_JAVASCRIPT.values(), ids=TESTS_OF_JAVASCRIPT)
def test_tests_of_javascript_are_found_in_time(growth: Growth, text: Callable[[int], str]) -> None:
    """However they are nested, and whether they end or not."""
    assert growth(lambda size: lambda: inspect("a.test.js", "", text(size), is_test=True), 4_000, 40_000) < 4


def test_tests_that_stand_in_tests_without_end_are_refused() -> None:
    """What nobody can tell apart is said to be so."""
    (found,) = inspect("a.test.js", None, TESTS_OF_JAVASCRIPT["tests in tests"](40_000), is_test=True)
    assert "nobody can tell what it says" in found.what


def test_what_a_function_binds_is_kept_once() -> None:
    """Not for each of its statements."""
    tree = ast.parse("def test_a():\n" + "".join(f"    a{number} = f({number})\n" for number in range(1000)))
    tracemalloc.start()
    try:
        used(tree)
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024**2
    finally:
        tracemalloc.stop()
