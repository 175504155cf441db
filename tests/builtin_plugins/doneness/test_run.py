"""What is green because it was not run is not green."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_dispatcher_builtins.checks.junit import Case, Results
from agent_dispatcher_builtins.doneness.run import left_out
from agent_dispatcher_builtins.languages.python.language import Python

FILE = "tests/test_a.py"
TEXT = """
import sys

def test_a(): assert f(1) == 2

@cases([1, 2])
def test_b(n): assert f(n)

class TestC:
    def test_d(self): assert f(3)

@pytest.mark.slow
def test_marked(): assert f(5)

@pytest.fixture
def test_data(): return 1

def testdata(): return 1

class TestOther:
    def __init__(self): pass
    def test_no(self): assert f(6)

if sys.platform == "win32":
    def test_e(): assert f(4)
"""
ALL = [f"{FILE}::test_a", f"{FILE}::test_b[1]", f"{FILE}::test_b[2]", f"{FILE}::TestC::test_d"]


def _left_out(tree: Path, names: list[str], *more: Case) -> tuple[str, ...]:
    (tree / "tests").mkdir(exist_ok=True)
    (tree / FILE).write_text(TEXT)
    (tree / "tests/test_b.py").write_text("def test_b(): assert f(1)\n")
    cases = (*(Case(name=name, outcome="passed") for name in names), *more)
    return left_out(Results(cases=cases), [FILE], tree, Python())


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (ALL, ()),
        (ALL[:1], (f"TestC::test_d, test_b in {FILE} was not run",)),
        (["tests/test_b.py::test_b"], (f"no test of {FILE} was run",)),
        ([FILE], ()),
        ([f"{FILE}::check_a"], ()),
        (["of another kind"], ()),
    ],
    ids=["all", "some", "none", "not collected, which is an error", "another idea of tests", "no files are named"],
)
def test_each_test_of_a_file_was_run(tmp_path: Path, names: list[str], said: tuple[str, ...]) -> None:
    """Those that stand in it unconditionally; results that do not tell are not held against anybody."""
    assert _left_out(tmp_path, names) == said


def test_code_may_not_skip_its_tests(tmp_path: Path) -> None:
    """A skip is the test's to say, or that of what surrounds it."""
    by_code = Case(name=ALL[0], outcome="skipped", text=f"{tmp_path}/src/lib/a.py:3: not today")
    assert _left_out(tmp_path, ALL[1:], by_code) == (f"{ALL[0]} was skipped by src/lib/a.py, which is no test",)
    for where in (f"{tmp_path}/{FILE}", f"{tmp_path}/tests/conftest.py", "/usr/lib/python3/unittest/case.py"):
        by_test = Case(name=ALL[0], outcome="skipped", text=f"{where}:3: no git")
        assert _left_out(tmp_path, ALL[1:], by_test) == ()


def test_tests_that_are_made_elsewhere_are_not_missed(tmp_path: Path) -> None:
    """A state machine's test belongs, for what ran it, to the file of the library that made it."""
    made = "from hypothesis.stateful import RuleBasedStateMachine\n\n\nclass Machine(RuleBasedStateMachine):\n    pass\n\n\nTestIt = Machine.TestCase\n"
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_machine.py").write_text(made)
    results = Results(cases=(Case(name="site-packages/hypothesis/stateful.py::TestIt::runTest", outcome="passed"),))
    assert left_out(results, ["tests/test_machine.py"], tmp_path, Python()) == ()
