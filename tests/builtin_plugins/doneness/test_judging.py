"""What counts as work, judged on texts: the same for every agent."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Mapping

import pytest

from agent_dispatcher.extension import Objection
from agent_dispatcher.models import ArtifactRef, Task
from agent_dispatcher_builtins.doneness.judging import objections_to
from agent_dispatcher_builtins.languages.python.language import Python


def judged(
    after: Mapping[str, str],
    before: Mapping[str, str] | None = None,
    *,
    type: str = "code_writing",
    promises: tuple[str, ...] = (),
) -> tuple[Objection, ...]:
    """Objections to a result that leaves ``after`` where ``before`` was."""
    old = {path: textwrap.dedent(text) for path, text in (before or {}).items()}
    new = {path: textwrap.dedent(text) for path, text in after.items()}
    task = Task(id="t", title="T", type=type, produces=tuple(ArtifactRef(type="path", name=path) for path in promises))

    async def earlier(path: str) -> bytes | None:
        return old[path].encode() if path in old else None

    changed = [path for path in {*old, *new} if old.get(path) != new.get(path)]
    return asyncio.run(
        objections_to(
            task,
            changed,
            now=lambda path: new[path].encode() if path in new else None,
            before=earlier,
            language=Python(),
        )
    )


def kinds(found: tuple[Objection, ...]) -> list[str]:
    """Their kinds."""
    return [each.kind for each in found]


# --- nothing --------------------------------------------------------------------------------------------------------


def test_an_empty_result_is_refused() -> None:
    """Saying done without having changed a file is no work, also when the promised file is missing."""
    assert "no file was changed" in str(judged({})[0])
    assert "src/a.py is missing" in str(judged({}, promises=("src/a.py",))[0])


def test_what_is_there_already_need_not_be_written_again() -> None:
    """A promise that holds is kept; a repair or a rebuilding that changes nothing is none."""
    there = {"src/a.py": "A = 1\n"}
    assert judged(there, there, promises=("src/a.py",)) == ()
    assert kinds(judged(there, there, promises=("src/a.py",), type="debugging")) == ["empty"]
    assert kinds(judged(there, there, promises=("src/a.py",), type="refactoring")) == ["empty"]


def test_an_empty_file_is_a_stub() -> None:
    """Unless it is a marker that is always empty."""
    assert kinds(judged({"src/a.py": " \n"}, promises=("src/a.py",))) == ["stub"]
    assert judged({"src/a/__init__.py": ""}, promises=("src/a/__init__.py",)) == ()


# --- stubs ----------------------------------------------------------------------------------------------------------

STUBS = {
    "pass": "def f(x):\n    pass\n",
    "dots": "def f(x): ...\n",
    "docstring": 'def f(x):\n    """Adds."""\n',
    "not implemented": "def f(x):\n    raise NotImplementedError\n",
    "not implemented with words": 'class A:\n    def f(self):\n        raise NotImplementedError("later")\n',
    "not implemented after a comment": "async def f(x):\n    # first\n    raise NotImplementedError()\n    return x\n",
    "two nothings": "def f(x):\n    ...\n    pass\n",
    "todo": "def f(x):\n    return x  # TODO: the rest\n",
    "not implemented in words": 'def f(x):\n    raise Exception("not implemented")\n',
    "not implemented after something": "def f(x):\n    print(x)\n    raise NotImplementedError\n",
    "does nothing yet": 'def f(x):\n    """Does nothing yet."""\n    raise NotImplementedError\n',
    "none": "def f(x):\n    return None\n",
    "none for a number": "class A:\n    def f(self) -> float:\n        return None\n",
    "an empty class": "class Loan:\n    pass\n",
    "a class with a docstring": 'class Loan:\n    """A loan."""\n',
    "a lambda": "price = lambda x: None\n",
    "a comment": "def f(x):\n    # Not implemented yet\n    return 0\n",
    "a placeholder": "def f(x):\n    # placeholder\n    return 0\n",
    "a rest": "def f(x):\n    # ... rest of the code unchanged ...\n    return 0\n",
    "a docstring": 'def f(x):\n    """TODO: write it."""\n    return 0\n',
    "fixme": "# FIXME\nA = 1\n",
    "your code here": "def f(x):\n    # Your code here\n    return x\n",
}


@pytest.mark.parametrize("text", STUBS.values(), ids=STUBS)
def test_a_stub_is_refused(text: str) -> None:
    """Whatever form it has, once, with its line."""
    (found,) = judged({"src/a.py": text})
    assert found.kind == "stub"
    assert found.line > 0


NO_STUBS = {
    "protocol": "from typing import Protocol\n\nclass A(Protocol):\n    def f(self) -> int: ...\n",
    "abstract": "import abc\n\nclass A(Base):\n    @abc.abstractmethod\n    def f(self): ...\n",
    "overload": "from typing import overload\n\n@overload\ndef f(x: int) -> int: ...\ndef f(x): return x\n",
    "overridden": "class A:\n    def f(self):\n        raise NotImplementedError\n\nclass B(A):\n    def f(self):\n        return 1\n",
    "on purpose": 'def close():\n    """Does nothing: there is nothing to give back."""\n',
    "exception": 'class Refused(Exception):\n    """No."""\n',
    "inner pass": "def f(x):\n    try:\n        return int(x)\n    except ValueError:\n        pass\n    return 0\n",
    "a to-do list": 'def add(item):\n    # items of the TODO list stay in order\n    return [item, "TODO"]\n',
    "exit": "class A:\n    def __exit__(self, *error):\n        pass\n",
    "silenced": "from http.server import BaseHTTPRequestHandler\n\nclass A(BaseHTTPRequestHandler):\n    def log_message(self, *a):\n        pass\n",
    "silenced in the file": "class A:\n    def log(self, m):\n        print(m)\n\nclass B(A):\n    def log(self, m):\n        pass\n",
    "null object": "class NullLogger:\n    def log(self, m):\n        pass\n",
    "a base": 'class Shape:\n    """Base of shapes."""\n    def area(self):\n        raise NotImplementedError\n',
    "single dispatch": "from functools import singledispatch\n\n@singledispatch\ndef f(x):\n    raise NotImplementedError(type(x))\n",
    "not supported": 'def f(x):\n    raise NotImplementedError("links are not supported on Windows")\n',
    "a marker": 'class Missing:\n    """Marker of what is not there."""\n\nMISSING = Missing()\n',
    "maybe none": "def find(x) -> int | None:\n    return None\n",
    "follows": "def f(x):\n    # The implementation here follows Knuth.\n    return x\n",
    "a quotation": "def f(x):\n    # lines like 'TODO: buy milk' are items\n    return x\n",
    "raises one of two": "def f(x):\n    if x:\n        return 1\n    raise NotImplementedError\n",
    "callback": "def f():\n    def nothing(): pass\n    return nothing\n",
}


@pytest.mark.parametrize("text", NO_STUBS.values(), ids=NO_STUBS)
def test_what_only_looks_like_a_stub_is_none(text: str) -> None:
    """Interfaces, and what does nothing on purpose and says so."""
    assert judged({"src/a.py": text}) == ()


def test_an_old_stub_is_nobodys_fault_now() -> None:
    """A stub that was there before is not held against a change of another function; a new one beside it is."""
    old = "def f(): pass\n\ndef g(): return 1\n"
    assert judged({"src/a.py": old.replace("return 1", "return 2")}, {"src/a.py": old}, type="debugging") == ()
    (found,) = judged({"src/a.py": old + "\ndef h(): pass\n"}, {"src/a.py": old}, type="debugging")
    assert "h()" in found.what


def test_documents_and_other_languages_have_placeholders() -> None:
    """A page that is to be written, and a mark in a file that no language inspects."""
    assert kinds(judged({"README.md": "# Title\n\nTBD\n"}, type="documentation")) == ["stub"]
    assert kinds(judged({"web/a.js": "// TODO: write it\n"})) == ["stub"]
    assert judged({"README.md": "# To do\n\nA list of TODO items.\n", "a.json": '{"a": "TODO: x"}'}) == ()


# --- tests that cannot fail -----------------------------------------------------------------------------------------

IDLE = {
    "empty": "def test_a():\n    pass\n",
    "docstring": 'def test_a():\n    """It works."""\n',
    "true": "def test_a():\n    assert True\n",
    "one equals one": "def test_a():\n    assert 1 == 1\n",
    "itself": "def test_a():\n    x = f(1)\n    assert x == x\n",
    "tuple": 'def test_a():\n    assert (f(1) == 2, "two")\n',
    "or true": "def test_a():\n    assert f(1) == 2 or True\n",
    "its own call": "def test_a():\n    assert f(1) == f(1)\n",
    "any object": "def test_a():\n    assert isinstance(f(1), object)\n",
    "any length": "def test_a():\n    assert len(f(1)) >= 0\n",
    "swallowed": "def test_a():\n    try:\n        assert f(1) == 2\n    except AssertionError:\n        pass\n",
    "swallowed bare": "def test_a():\n    try:\n        assert f(1) == 2\n    except:\n        print('no')\n",
    "suppressed": "def test_a():\n    with contextlib.suppress(Exception):\n        assert f(1) == 2\n",
    "skipped": '@pytest.mark.skip(reason="later")\ndef test_a():\n    assert f(1) == 2\n',
    "skip inside": "def test_a():\n    pytest.skip('later')\n    assert f(1) == 2\n",
    "expected to fail": "@pytest.mark.xfail\ndef test_a():\n    assert f(1) == 2\n",
    "skipped class": "@unittest.skip('x')\nclass TestA:\n    def test_a(self):\n        assert f(1) == 2\n",
    "skipped module": "pytestmark = pytest.mark.skip\n\ndef test_a():\n    assert f(1) == 2\n",
    "unittest": "class TestA(unittest.TestCase):\n    def test_a(self):\n        self.assertTrue(True)\n",
}


@pytest.mark.parametrize("text", IDLE.values(), ids=IDLE)
def test_a_test_that_cannot_fail_is_refused(text: str) -> None:
    """Once, as what it is."""
    assert kinds(judged({"tests/test_a.py": text}, type="testing")) == ["idle"]


SOUND = {
    "plain": "def test_a():\n    assert f(1) == 2\n",
    "raises": "def test_a():\n    with pytest.raises(ValueError):\n        f(0)\n",
    "by a helper": "def test_a():\n    check_that(f(1), 2)\n",
    "cleans up": "def test_a():\n    try:\n        assert f(1) == 2\n    finally:\n        close()\n",
    "catches and fails": "def test_a():\n    try:\n        assert f(1) == 2\n    except Exception:\n        pytest.fail('no')\n",
    "skipped somewhere": "@pytest.mark.skipif(sys.platform == 'win32', reason='x')\ndef test_a():\n    assert f(1) == 2\n",
    "two calls": "def test_a():\n    assert f(1) == f(2)\n",
}


@pytest.mark.parametrize("text", SOUND.values(), ids=SOUND)
def test_a_test_that_can_fail_is_let_be(text: str) -> None:
    """However it finds out."""
    assert judged({"tests/test_a.py": text}, type="testing") == ()


# --- weaker tests ---------------------------------------------------------------------------------------------------

STRONG = """
import pytest

@pytest.mark.parametrize("n", [1, 2, 3])
def test_a(n):
    x = f(n)
    assert x == n + 1
    assert g(x) == pytest.approx(0.5, rel=1e-6)

def test_b():
    with pytest.raises(KeyError):
        f("b")
"""

WEAKER = {
    "assertion deleted": ("    assert x == n + 1\n", "", "lost an assertion: 'x == n + 1'"),
    "test deleted": (STRONG[STRONG.index("def test_b") :], "", "test_b was deleted: 'pytest.raises(KeyError)'"),
    "skipped": ("def test_b", "@pytest.mark.skip\ndef test_b", "may no longer be run: pytest.mark.skip was added"),
    "skipped if": ("def test_b", "@pytest.mark.skipif(CI, reason='')\ndef test_b", "may no longer be run"),
    "truth only": ("assert x == n + 1", "assert x", "asserts less: 'x == n + 1'; instead: 'x'"),
    "relation only": ("assert x == n + 1", "assert x > n", "asserts less"),
    "tolerance": ("rel=1e-6", "rel=0.5", "tolerates more"),
    "broad exception": ("KeyError", "Exception", "asserts less: 'pytest.raises(KeyError)'"),
    "fewer cases": ("[1, 2, 3]", "[1]", "has 1 cases, and had 3"),
    "swallowed": (
        "    assert x == n + 1\n",
        "    try:\n        assert x == n + 1\n    except AssertionError:\n        print(x)\n",
        "catches its own failures",
    ),
    "commented out": ("    assert x == n + 1", "    # assert x == n + 1", "lost an assertion"),
}


@pytest.mark.parametrize(("old", "new", "told"), WEAKER.values(), ids=WEAKER)
def test_a_weaker_test_is_refused_with_what_was_there(old: str, new: str, told: str) -> None:
    """Whoever changes it, a tester included, and with the assertion that is gone."""
    assert old in STRONG
    for type in ("debugging", "testing"):
        found = judged(
            {"tests/test_a.py": STRONG.replace(old, new)},
            {"tests/test_a.py": STRONG},
            type=type,
            promises=("tests/test_a.py",),
        )
        assert "weakened" in kinds(found)
        assert told in " ".join(map(str, found))


def test_a_deleted_file_of_tests_is_refused() -> None:
    """With the tests that were in it."""
    (found,) = judged({}, {"tests/test_a.py": STRONG}, type="refactoring")
    assert (found.kind, "test_a, test_b" in found.what) == ("weakened", True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def test_b", "def test_better"),
        ("    assert x == n + 1\n", "    assert x == n + 1\n    assert x > 0\n"),
        ("[1, 2, 3]", "[1, 2, 3, 4]"),
        ("rel=1e-6", "rel=1e-9"),
        ("    x = f(n)\n", "    x = f( n )  # again\n"),
    ],
)
def test_a_test_may_be_renamed_or_made_stronger(old: str, new: str) -> None:
    """More is never less, and a name or a layout proves nothing."""
    changed = STRONG.replace(old, new)
    assert changed != STRONG
    found = judged(
        {"tests/test_a.py": changed}, {"tests/test_a.py": STRONG}, type="testing", promises=("tests/test_a.py",)
    )
    assert found == ()


def test_only_its_tester_may_expect_something_else() -> None:
    """A different value is neither weaker nor stronger: whoever is to write the tests decides, and nobody else."""
    changed = STRONG.replace("n + 1", "n + 2")
    file = {"tests/test_a.py": changed}
    assert kinds(judged(file, {"tests/test_a.py": STRONG}, type="debugging")) == ["changed"]
    assert judged(file, {"tests/test_a.py": STRONG}, type="testing", promises=("tests/test_a.py",)) == ()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("conftest.py", 'collect_ignore = ["tests/test_a.py"]\n'),
        ("tests/conftest.py", "def pytest_collection_modifyitems(items):\n    items.clear()\n"),
        ("pyproject.toml", '[tool.pytest.ini_options]\naddopts = "--deselect tests/test_a.py::test_b"\n'),
        ("pytest.ini", "[pytest]\naddopts = -q -k not_b\n"),
    ],
)
def test_configuration_that_leaves_tests_out_is_refused(path: str, text: str) -> None:
    """Once it comes in; one that was there before is let be."""
    assert kinds(judged({path: text})) == ["weakened"]
    assert judged({path: text + "\n# a comment\n"}, {path: text}) == ()


def test_a_file_that_cannot_be_parsed_has_no_objections() -> None:
    """That is for the compiler to say."""
    assert judged({"src/a.py": "def f(:\n", "tests/test_a.py": "def test_a(\n"}) == ()
