"""Options that choose tests are refused where they leave out one that stood there before, and let be where they do not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent_dispatcher.extension import Objection
from agent_dispatcher_builtins.doneness.selecting import leaves_out, marks_in

Judge = Callable[..., tuple[Objection, ...]]

FAST = "def test_a(): assert f(1) == 2\n"
SLOW = "import pytest\n\n\n@pytest.mark.slow\ndef test_b(): assert f(1) == 2\n"
MARKS = {"tests/test_a.py": marks_in(FAST, own=True), "tests/test_b.py": marks_in(SLOW, own=True)}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", '-m "not network"'),
        ("", "-q -m 'not network and not gpu' --strict-markers"),
        ('-m "not slow"', '-m "not slow and not network"'),
        ('-m "not slow"', ""),
        ('-m "not slow"', "-m 'not (slow and network)'"),
        ("", "-p no:warnings"),
        ("", "-pno:cacheprovider -p xdist"),
        ("-k test_a", "-q -k test_a"),
        ("", "--ignore=docs --ignore-glob=examples/*"),
        ("", "-ra --cov src --cov-report term tests"),
        ("--doctest-modules", "--doctest-modules -p no:randomly"),
        ("", "-vv -x -n auto -W error"),
    ],
)
def test_honest_options_leave_nothing_out(old: str, new: str) -> None:
    """Marks that no test has, plugins without which tests end as before, and folders without tests."""
    assert leaves_out(old, new, tuple(MARKS), MARKS) == ""


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("", '-m "not slow"', "leaves out tests of tests/test_b.py"),
        ("", "-m network", "leaves out tests of tests/test_a.py"),
        ("-m 'not network'", "-m 'not network and not slow'", "tests/test_b.py"),
        ("", "-mslow", "tests/test_a.py"),
        ("", "-m 'slow or'", "tests/test_a.py"),
        ("", "-qk not_b", "-k not_b"),
        ("", "-xvc other.ini", "-c other.ini"),
        ("", "-p no:python", "-p no:python"),
        ("", "-p plug", "-p plug"),
        ("--doctest-modules", "-q", "doctests are not run"),
        ("--doctest-modules", "--doctest-modules -p no:doctest", "doctests are not run"),
        ("", "--ignore=tests/test_b.py", "tests/test_b.py is left out"),
        ("", "--ignore-glob 'tests/*_b.py'", "is left out"),
        ("", "--deselect tests/test_b.py::test_b", "is left out"),
        ("", "-q tests/test_a.py", "only tests/test_a.py is run"),
        ("", "--strict-markers tests/test_a.py", "only tests/test_a.py is run"),
        ("", "--collect-only", "--collect-only"),
        ("", "-m 'not", "cannot be read"),
    ],
)
def test_what_leaves_tests_out_is_named(old: str, new: str, told: str) -> None:
    """However the options are written, with the test that was there."""
    assert told in leaves_out(old, new, tuple(MARKS), MARKS)


def test_what_cannot_be_told_leaves_tests_out() -> None:
    """Which tests there are, which marks they have, and warnings that were failures."""
    assert leaves_out("", "-m 'not slow'", None, None) != ""
    assert leaves_out("", "--ignore=docs", None, None) != ""
    assert leaves_out("", "-p no:warnings", (), {}, strict=True) == "-p no:warnings"


def test_the_marks_of_the_tests_that_stood_decide(judge: Judge) -> None:
    """For who owns the configuration and for who does not; marks that a conftest gives count for all; what is new decides nothing."""
    options = "[pytest]\naddopts = -m 'not slow' -p no:warnings\n"
    owner = {"type": "testing", "promises": ("pytest.ini", "tests/test_b.py")}
    fast, both = {"tests/test_a.py": FAST}, {"tests/test_a.py": FAST, "tests/test_b.py": SLOW}
    assert judge({**both, "pytest.ini": options}, fast, **owner) == ()
    (found,) = judge({**both, "pytest.ini": options}, both, **owner)
    assert "tests/test_b.py, which was there before" in found.what
    marked = {
        **fast,
        "tests/conftest.py": "import pytest\n\n\ndef mark(item):\n    item.add_marker(pytest.mark.slow)\n",
    }
    assert judge({**marked, "pytest.ini": options}, marked, **owner) != ()
    assert judge({**both, "pytest.ini": options}, {**both, "pytest.ini": options.replace("-p", "-q -p")}, **owner) == ()
    toml = "[tool.pytest.ini_options]\naddopts = ['-m', 'not slow']\n"
    assert judge({**fast, "pyproject.toml": toml}, fast) == ()
    assert judge({**both, "pyproject.toml": toml}, both) != ()


def test_options_may_move_to_another_file(judge: Judge) -> None:
    """What left tests out before in one file of configuration leaves out no more in another."""
    there = {"tests/test_b.py": SLOW}
    old = {**there, "pytest.ini": "[pytest]\naddopts = -m 'not slow'\n"}
    new = {**there, "pyproject.toml": "[tool.pytest.ini_options]\naddopts = \"-m 'not slow'\"\n"}
    owner = {"promises": ("pyproject.toml", "pytest.ini")}
    assert judge(new, old, **owner) == ()
    assert judge({**new, "pytest.ini": old["pytest.ini"]}, old, **owner) != ()


def test_places_and_names_are_compared_with_the_tests_that_stood(judge: Judge) -> None:
    """``testpaths`` and ``python_files`` may be narrowed by as much as holds no test."""
    there = {"tests/test_a.py": FAST, "src/shop/tests/b_test.py": FAST}

    def told(option: str, before: str = "") -> str:
        old = {**there, "pytest.ini": f"[pytest]\n{before}\n"}
        new = {**there, "pytest.ini": f"[pytest]\n{option}\n"}
        return "; ".join(map(str, judge(new, old, promises=("pytest.ini",))))

    assert told("testpaths = tests src") == ""
    assert told("testpaths = tests", "testpaths = tests docs") == ""
    assert "src/shop/tests/b_test.py was there before" in told("testpaths = tests")
    assert told("python_files = test_*.py *_test.py check_*.py") == ""
    assert "python_files" in told("python_files = test_*.py")
    assert told("python_files = test_*.py tests.py", "python_files = test_*.py") == ""


@pytest.mark.parametrize(
    ("path", "text", "fine"),
    [
        ("jest.config.js", "module.exports = {\n  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/dist/'],\n};\n", True),
        ("vitest.config.ts", "export default {\n  exclude: [...configDefaults.exclude, '**/dist/**'],\n};\n", True),
        ("package.json", '{"jest": {"testPathIgnorePatterns": ["/node_modules/", "/build/"]}}', True),
        ("jest.config.js", "module.exports = {\n  testPathIgnorePatterns: ['a.test.js'],\n};\n", False),
        ("vitest.config.ts", "export default {\n  exclude: ['**/*'],\n};\n", False),
        ("vitest.config.ts", "export default {\n  exclude: [\n    'tests/a.test.ts'],\n};\n", False),
        ("package.json", '{"jest": {"testPathIgnorePatterns": ["/node_modules/", "a.test"]}}', False),
    ],
)  # fmt: skip
def test_folders_in_which_nobody_keeps_tests_may_be_left_out(judge: Judge, path: str, text: str, fine: bool) -> None:
    """As the configurations of JavaScript say by habit; anything else may be a test."""
    assert (judge({path: text}, promises=(path,)) == ()) is fine
