"""What was moved is compared with what it was, and an honest move is neither a deleted test nor a new stub."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_dispatcher.extension import Objection
from agent_dispatcher_builtins.doneness.moves import moves
from agent_dispatcher_builtins.doneness.relocating import anchored

Judge = Callable[..., tuple[Objection, ...]]

TEST = """\
import pytest

from shop.prices import price
from .helpers import check


def test_a(client):
    assert price(1) == 2
    check(client)


def test_b():
    with pytest.raises(KeyError):
        price("b")
"""
DEEPER = TEST.replace("from .helpers", "from ..helpers")
HELPERS = "def check(client):\n    assert client\n"
CONFTEST = "import pytest\n\n\n@pytest.fixture\ndef client():\n    return 1\n"
TREE = {
    "tests/test_a.py": TEST,
    "tests/helpers.py": HELPERS,
    "tests/conftest.py": CONFTEST,
    "src/shop/prices.py": "A = 1\n",
}


def test_moves_are_told_as_git_tells_them(tmp_path: Path) -> None:
    """The same pairs as of ``git diff -M``, for files that were moved and partly written anew."""
    dice = random.Random(7)

    def git(*words: str) -> str:
        author = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "core.autocrlf=false")
        return subprocess.run(["git", *author, *words], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    old, new = {}, {}
    for turn in range(24):
        lines = [f"line {dice.randint(0, 9999)} of {turn}\n" for _ in range(dice.randint(3, 30))]
        old[f"old/{turn}.py"] = "".join(lines).encode()
        changed = [line if dice.random() > turn / 30 else f"changed {dice.randint(0, 99999)}\n" for line in lines]
        name = f"{turn}.py" if dice.random() < 0.5 else f"other{turn}.py"
        new[f"new/{name}"] = "".join(changed).encode()
    git("init", "-q")
    (tmp_path / "old").mkdir()
    for path, data in old.items():
        (tmp_path / path).write_bytes(data)
    git("add", "-A")
    git("commit", "-qm", "a")
    git("rm", "-q", "-r", "old")
    (tmp_path / "new").mkdir()
    for path, data in new.items():
        (tmp_path / path).write_bytes(data)
    git("add", "-A")
    told = [line.split("\t") for line in git("diff", "--cached", "-M", "--name-status").splitlines()]
    renamed = {line[2]: line[1] for line in told if line[0].startswith("R")}
    assert 8 < len(renamed) < 24
    assert moves(old, new) == renamed


def test_an_old_stub_in_a_moved_file_is_nobodys_fault_now(judge: Judge) -> None:
    """One that is new in it is."""
    old = "def f():\n    pass\n\n\ndef g(x):\n    return x + 1\n\n\ndef h(x):\n    return x + 2\n"
    before = {"src/a.py": old}
    assert judge({"src/shop/a.py": old.replace("+ 1", "+ 3")}, before, type="refactoring") == ()
    (found,) = judge({"src/shop/a.py": old.replace("return x + 2", "pass")}, before, type="refactoring")
    assert "h()" in found.what


@pytest.mark.parametrize("path", ["tests/test_prices.py", "tests/unit/test_a.py"])
@pytest.mark.parametrize("type", ["refactoring", "testing"])
def test_a_file_of_tests_may_be_moved(judge: Judge, path: str, type: str) -> None:
    """With its relative imports following, by whoever does it; what was weakened on the way is refused, and said to be so."""
    text = DEEPER if "unit" in path else TEST
    after = {**TREE, path: text}
    del after["tests/test_a.py"]
    assert judge(after, TREE, type=type) == ()
    assert judge({**after, path: text + "\n\ndef test_c():\n    assert price(2) == 4\n"}, TREE, type=type) == ()
    found = judge({**after, path: text.replace("    assert price(1) == 2\n", "")}, TREE, type=type, promises=(path,))
    assert [each.kind for each in found] == ["weakened"]
    assert "lost an assertion: 'price(1) == 2' (it was tests/test_a.py)" in found[0].what
    anew = judge({**after, path: text.replace("== 2", "== 3")}, TREE, type=type, promises=(path,))
    assert [each.kind for each in anew] == ["changed"]


def test_who_owns_both_names_may_expect_something_else(judge: Judge) -> None:
    """The file as it was, and the file as it is."""
    after = {**TREE, "tests/test_prices.py": TEST.replace("== 2", "== 3")}
    del after["tests/test_a.py"]
    assert judge(after, TREE, type="testing", promises=("tests/test_prices.py", "tests/test_a.py")) == ()


MISLED = {
    "a folder that is not searched": ("build/test_a.py", {}, "not searched"),
    "a folder that is not named": (
        "attic/test_a.py",
        {"pytest.ini": "[pytest]\ntestpaths = tests\n"},
        "testpaths of pytest.ini",
    ),
    "a folder that is ignored": (
        "tests/old/test_a.py",
        {"setup.cfg": "[tool:pytest]\naddopts = --ignore=tests/old\n"},
        "addopts of setup.cfg",
    ),
    "a folder that a conftest leaves out": (
        "tests/old/test_a.py",
        {"tests/conftest.py": f"{CONFTEST}\n\ncollect_ignore = ['old']\n"},
        "collect_ignore",
    ),
    "a name that is not searched": (
        "tests/a_test.py",
        {"pytest.ini": "[pytest]\npython_files = test_*.py\n"},
        "by its name it is no test",
    ),
    "a conftest that skips": (
        "tests/slow/test_a.py",
        {"tests/slow/conftest.py": "import pytest\n\n\n@pytest.fixture(autouse=True)\ndef s():\n    pytest.skip('x')\n"},
        "tests/slow/conftest.py decides",
    ),
    "a fixture of the same name": (
        "tests/slow/test_a.py",
        {"tests/slow/conftest.py": CONFTEST.replace("1", "2")},
        "tests/slow/conftest.py decides",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("path", "more", "told"), MISLED.values(), ids=MISLED)
def test_a_move_may_not_keep_tests_from_being_run(judge: Judge, path: str, more: dict[str, str], told: str) -> None:
    """Nor put them under rules that did not concern them."""
    before = {**TREE, **more}
    after = {**before, path: TEST.replace("from .helpers", "from tests.helpers")}
    before["tests/test_a.py"] = after[path]
    del after["tests/test_a.py"]
    found = judge(after, before, type="refactoring")
    assert told in "; ".join(map(str, found))


def test_a_move_may_not_change_what_is_imported(judge: Judge) -> None:
    """A file beside the new place that has the name of what the tests take."""
    for text, line in ((TEST, "from .helpers"), (TEST.replace(".helpers", "helpers"), "from helpers")):
        before = {**TREE, "tests/test_a.py": text}
        after = {
            **before,
            "tests/unit/test_a.py": text,
            "tests/unit/helpers.py": "def check(client):\n    print(client)\n",
        }
        del after["tests/test_a.py"]
        assert "import of check" in str(judge(after, before, type="refactoring")[0]), line


def test_a_file_that_is_no_test_any_more_was_deleted(judge: Judge) -> None:
    """Whatever it is called now."""
    after = {**TREE, "tests/a_old.py": TEST}
    del after["tests/test_a.py"]
    assert "was deleted" in "; ".join(map(str, judge(after, TREE, type="refactoring")))


def test_what_lies_beside_tests_moves_with_all_of_them(judge: Judge) -> None:
    """A folder of tests as a whole; not a conftest or a helper that other tests have, and not with a change."""
    after = {path.replace("tests/", "tests/unit/"): text for path, text in TREE.items()}
    assert judge(after, TREE, type="refactoring") == ()
    assert judge({**after, "tests/unit/helpers.py": HELPERS.replace("assert client", "pass")}, TREE) != ()
    other = {"tests/test_other.py": "def test_o(client):\n    assert f(client) == 1\n"}
    assert judge({**after, **other}, {**TREE, **other}, type="refactoring") != ()
    data = {"tests/data/a.json": "[1]\n"}
    only_data = {**TREE, "tests/unit/data/a.json": "[1]\n"}
    assert judge(only_data, {**TREE, **data}, type="refactoring") != ()
    named = {
        path: text.replace("price(1)", "price(open('tests/data/a.json'))") for path, text in {**TREE, **data}.items()
    }
    moved = {path.replace("tests/", "tests/unit/", 1): text for path, text in named.items()}
    assert judge(moved, named, type="refactoring") != ()


def test_the_first_file_is_not_first_where_tests_were_moved(judge: Judge) -> None:
    """A move makes no new project, whose first conftest decides about nothing."""
    test = "def test_a():\n    assert f(1) == 2\n"
    after = {"tests/unit/test_a.py": test, "tests/conftest.py": CONFTEST}
    assert judge(after, {"tests/test_a.py": test}, type="code_writing") != ()


def test_relative_places_of_javascript_are_compared_from_the_root() -> None:
    """The same file by another way is the same; another file of the same name is not."""
    old = 'import { f } from "../src/f.js";\nimport { h } from "./help.js";\n'
    new = 'import { f } from "../../src/f.js";\nimport { h } from "../help.js";\n'
    was = anchored("tests/a.test.js", old, "tests/a.test.js", lambda _: None, {})
    assert anchored("tests/unit/a.test.js", new, "tests/a.test.js", lambda _: None, {}) == was
    assert (
        anchored("tests/unit/a.test.js", new.replace("../help", "./help"), "tests/a.test.js", lambda _: None, {}) != was
    )
    along = {"tests/unit/help.js": "tests/help.js"}
    assert (
        anchored("tests/unit/a.test.js", new.replace("../help", "./help"), "tests/a.test.js", lambda _: None, along)
        == was
    )
