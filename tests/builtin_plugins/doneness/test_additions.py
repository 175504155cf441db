"""Whoever does not own a file of tests may only add tests to it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from agent_dispatcher.extension import Objection

Judge = Callable[..., tuple[Objection, ...]]

FILE = "tests/test_a.py"
OLD = """\
import pytest
from a import f

CASES = [(1, 2), (2, 3), (3, 4)]


def check(x, y):
    assert f(x) == y


@pytest.mark.parametrize(("n", "m"), CASES)
def test_p(n, m):
    assert f(n) == m


@pytest.mark.parametrize(("n", "m"), [(1, 2), (2, 3)])
def test_q(n, m):
    assert f(n) == m


def test_h():
    check(1, 2)


def test_s(tmp_path):
    got = f(5)
    assert got == 6


@pytest.mark.usefixtures("calm")
def test_t(client):
    assert client.json() == {"price": 5}


class TestAll:
    def test_r(self):
        self.helped()
        with pytest.raises(ValueError):
            f(-1)
"""

#: What is there, what is put in its place, and what the refusal says.
LESS = {
    "cases in a variable": ("[(1, 2), (2, 3), (3, 4)]", "[(1, 2)]", "CASES is not as it was"),
    "other cases": ("[(1, 2), (2, 3)])", "[(1, 99), (2, 99)])", "(1, 99)"),
    "marked cases": ("[(1, 2), (2, 3)])", "[pytest.param(1, 2, marks=pytest.mark.skip), (2, 3)])", "marks=pytest.mark.skip"),
    "helper gutted": ("    assert f(x) == y", "    f(x)", "check is not as it was: 'assert f(x) == y'; instead: 'f(x)'"),
    "constant for the subject": ("got = f(5)", "got = 6", "'got = f(5)'; instead: 'got = 6'"),
    "early return": ("    got = f(5)", "    return\n    got = f(5)", "'return' is new in it"),
    "never reached": ("    assert got == 6", "    if False:\n        assert got == 6", "if False"),
    "test under if False": (
        "def test_h():\n    check(1, 2)",
        "if False:\n    def test_h():\n        check(1, 2)",
        "test_h was deleted",
    ),
    "class that is not collected": ("class TestAll", "class All", "TestAll.test_r was deleted"),
    "renamed and skipped": ("def test_s(", "@pytest.mark.skipif(True, reason='x')\ndef test_s2(", "was added"),
    "renamed with fewer cases": ("[(1, 2), (2, 3)])\ndef test_q", "[(1, 2)])\ndef test_q2", "has 1 cases, and had 2"),
    "said not to be tests": ("import pytest\n", "import pytest\n__test__ = False\n", "was deleted"),
    "deleted afterwards": ("        f(-1)\n", "        f(-1)\n\n\ndel test_s\n", "test_s was deleted"),
    "skipped for all": ("def test_h", "@pytest.fixture(autouse=True)\ndef x():\n    pytest.skip('x')\n\ndef test_h", "autouse"),
    "skipped as a file": ("import pytest\n", "import pytest\npytest.skip('x', allow_module_level=True)\n", "is not run"),
    "skipped without a package": ("import pytest\n", "import pytest\npytest.importorskip('nothing')\n", "importorskip"),
    "marked as a file": ("CASES =", "pytestmark: list = [pytest.mark.skipif(True, reason='x')]\nCASES =", "was added"),
    "raised by the test": ("            f(-1)", "            raise ValueError", "raise ValueError"),
    "subject bound anew": ("from a import f\n", "from a import f\nf = lambda x: x + 1\n", "f is bound anew"),
    "subject imported from elsewhere": ("from a import f\n", "from a import f\nfrom b import f\n", "f is bound anew"),
    "subject exchanged": ("from a import f\n", "import a\nfrom a import f\na.f = int\n", "changes what is not its own"),
    "global in a new test": ("class TestAll", "def test_n():\n    global f\n    f = int\n    assert f(1) == 1\n\nclass TestAll", "binds f anew"),
    "fixture of a test exchanged": ("def test_h", "@pytest.fixture\ndef tmp_path():\n    return None\n\ndef test_h", "tmp_path is bound anew"),
    "fixture from elsewhere": ("from a import f\n", "from a import f\nfrom b import client\n", "client is bound anew"),
    "fixture by text exchanged": (
        "class TestAll",
        "@pytest.fixture\ndef calm():\n    return 1\n\n\nclass TestAll",
        "calm is bound anew",
    ),
    "own method exchanged": ("    def test_r(self", "    def helped(self):\n        pass\n\n    def test_r(self", "helped is bound anew"),
    "failures swallowed": ("def test_s", "def calm(g):\n    return lambda *a: None\n\n\n@calm\ndef test_s", "'@calm' is new"),
    "setup that skips": ("def test_r", "def setup_method(self):\n        pytest.skip('x')\n\n    def test_r", "setup_method is new"),
    "star": ("import pytest\n", "import pytest\nfrom b import *\n", "'*' is imported"),
    "import gone": ("from a import f", "import a; f = a.f", "the import of f a is gone"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "told"), LESS.values(), ids=LESS)
def test_what_is_no_addition_is_refused(judge: Judge, old: str, new: str, told: str) -> None:
    """Whatever it is that makes the tests that were there say something else, with what was there."""
    assert old in OLD
    code = {"src/b.py": "client = 1\n"}
    found = judge({**code, FILE: OLD.replace(old, new)}, {**code, FILE: OLD}, type="debugging", promises=("src/a.py",))
    assert told in "; ".join(map(str, found))


MORE = {
    "a test": ("class TestAll", "def test_new():\n    assert f(7) == 8\n\n\nclass TestAll"),
    "a test with cases of its own": (
        "class TestAll",
        "OTHERS = [1, 2]\n\n\n@pytest.mark.parametrize('k', OTHERS)\ndef test_new(k):\n    assert f(k) == k + 1\n\n\nclass TestAll",
    ),
    "a method": ("    def test_r", "    def test_new(self):\n        assert f(7) == 8\n\n    def test_r"),
    "a fixture and a helper": (
        "def test_h",
        "@pytest.fixture\ndef seven():\n    return 7\n\n\ndef twice(x):\n    return f(f(x))\n\n\ndef test_new(seven):\n    assert twice(seven) == 9\n\n\ndef test_h",
    ),
    "a class": ("def test_h", "class TestMore:\n    def test_new(self):\n        assert f(7) == 8\n\n\ndef test_h"),
    "an import": ("from a import f", "import json\n\nfrom a import f, g"),
    "an import by the name of an attribute": (
        "class TestAll",
        "import json\n\n\ndef test_new():\n    assert json.loads(f(7)) == 8\n\n\nclass TestAll",
    ),
    "an import by the name of a text, a local and a case": (
        "from a import f",
        "from a import f, got, m, price",
    ),
    "a helper by the name of a parameter of a helper": (
        "class TestAll",
        "def x():\n    return 7\n\n\ndef test_new():\n    assert f(x()) == 8\n\n\nclass TestAll",
    ),
    "layout and comments": ("    got = f(5)", "    # five\n    got = f( 5 )"),
}


@pytest.mark.parametrize(("old", "new"), MORE.values(), ids=MORE)
def test_additions_are_welcome(judge: Judge, old: str, new: str) -> None:
    """Tests with what they need, anywhere in the file, by whoever writes them."""
    changed = OLD.replace(old, new)
    assert changed != OLD
    assert judge({FILE: changed}, {FILE: OLD}, type="debugging", promises=("src/a.py",)) == ()


BASE = """\
import pytest
import shop
from shop.pricing import total

CASES = [(1, 2)]


@pytest.mark.parametrize(("n", "m"), CASES)
def test_cases(n, m):
    assert total(n) == m


@pytest.mark.parametrize("given", [1], indirect=True)
def test_given(given, settings, client):
    assert total(given) == 2


@pytest.mark.parametrize("expected", [1], True)
def test_total(expected):
    assert total(2) == expected


def check_it(book):
    assert total(book) == 5
"""
PICKED = """\
from shop.pricing import total


def test_a(request):
    assert total(2) == pick(request, "want")


def pick(request, name):
    return request.getfixturevalue(name)
"""
NAMED = """\
import pytest
from shop.pricing import total


@pytest.mark.parametrize("name", ["want"])
def test_a(request, name):
    assert total(2) == request.getfixturevalue(name)
"""
NEW = "\n\ndef test_new():\n    assert total(0) == 0\n"

#: The file, what is added to it, and what the refusal says.
REACHING = {
    "a fixture from the code under test": (BASE, "from shop.pricing import total, expected", "expected is bound anew"),
    "by position of indirect": (BASE, "@pytest.fixture\ndef expected():\n    return total(2)\n", "expected is bound anew"),
    "by a keyword of indirect": (BASE, "@pytest.fixture\ndef given():\n    return total(2)\n", "given is bound anew"),
    "of a test by another name": (BASE, "@pytest.fixture\ndef book():\n    return 7\n", "book is bound anew"),
    "by the name it is given": (BASE, "@pytest.fixture(name='expected')\ndef any_name():\n    return total(2)\n", "expected is bound anew"),
    "by a name that is made": (BASE, "@pytest.fixture(name='expec' + 'ted')\ndef any_name():\n    return total(2)\n", "cannot be read"),
    "by arguments elsewhere": (BASE, "HOW = {}\n\n\n@pytest.fixture(**HOW)\ndef any_name():\n    return total(2)\n", "cannot be read"),
    "by another name of what makes them": (BASE, "from pytest import fixture as fx\n\n\n@fx(name='expected')\ndef any_name():\n    return 7\n", "expected is bound"),
    "by an assignment": (BASE, "other = pytest.fixture(name='expected')(lambda: total(2))\n", "expected is bound anew"),
    "by a function that makes them": (BASE, "def called(name):\n    return pytest.fixture(name=name)\n\n\n@called('expected')\ndef any_name():\n    return 7\n", "expected is bound"),
    "asked for by a variable": (PICKED, "import pytest\n\n\n@pytest.fixture\ndef want():\n    return total(2)\n", "want is bound anew"),
    "asked for by a case": (NAMED, "@pytest.fixture\ndef want():\n    return total(2)\n", "want is bound anew"),
    "for all, by an assignment": (BASE, "calm = pytest.fixture(autouse=True)(lambda monkeypatch: None)\n", "autouse"),
    "for all, in a class, for the session": (BASE, "class TestMore:\n    @pytest.fixture(autouse=True, scope='session')\n    def calm(self):\n        yield\n", "autouse"),
    "the subject, in a class": (BASE, "class Fake:\n    shop.total = lambda n: 5\n", "changes what is not its own"),
    "the subject, in a default": (BASE, "def helper(x=setattr(shop, 'total', int)):\n    return x\n", "setattr"),
    "the subject, by a helper": (BASE, "def helper():\n    shop.total = int\n    return 1\n\n\nONE = helper()\n", "changes what is not its own"),
    "the subject, by a patch": (BASE, "from unittest.mock import patch\n\nHELD = patch('shop.total', int).start()\n", "is called while"),
    "the subject, in a new test": (BASE, "def test_new():\n    shop.total = lambda n: 5\n    assert shop.total(1) == 5\n", "changes what is not its own"),
    "the subject, imported by a new test": (BASE, "def test_new():\n    from shop import Cart\n    Cart.add = int\n    assert Cart.add('5') == 5\n", "changes what is not its own"),
    "a module, in a new test": (BASE, "def test_new():\n    import sys\n    sys.modules['shop'] = shop\n    assert total(1) == 5\n", "changes what is not its own"),
    "cases, in an assignment": (BASE, "FIRST = CASES.pop()\n", "is called while"),
    "cases, in a new test": (BASE, "def test_new():\n    CASES.clear()\n    assert total(1) == 5\n", "changes what is not its own"),
    "a name, by the way": (BASE, "OTHER = [total := lambda n: 5]\n", "total is bound anew"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "added", "told"), REACHING.values(), ids=REACHING)
def test_what_is_added_may_not_reach_the_tests_that_were_there(judge: Judge, old: str, added: str, told: str) -> None:
    """Neither as a fixture, by whatever name it is asked for, nor while the file is imported, nor for longer than a test of its own."""
    line = "from shop.pricing import total"
    changed = old.replace(line, added) if added.startswith(line) else f"{old}\n\n{added}"
    found = judge({FILE: f"{changed}{NEW}"}, {FILE: old}, type="debugging", promises=("src/a.py",))
    assert told in "; ".join(map(str, found))


HONEST = {
    "a standard module by the name of a fixture": (BASE.replace("client", "time"), "from time import time\n"),
    "fixtures of one's own": (BASE, "@pytest.fixture(params=['expected', 2], ids=['given', 'b'])\ndef more(request):\n    return request.param\n"),
    "a fixture of one's own name": (BASE, "@pytest.fixture(name='more')\ndef _more():\n    return 2\n"),
    "a class that sets itself up": (BASE, "class TestMore:\n    @pytest.fixture(autouse=True)\n    def start(self):\n        self.n = 2\n\n    def test_it(self):\n        assert total(self.n) == 4\n"),
    "a class with a fixture of a known name": (BASE, "class TestMore:\n    @pytest.fixture\n    def expected(self):\n        return 4\n\n    def test_it(self, expected):\n        assert total(2) == expected\n"),
    "cases that a helper makes": (BASE, "def some():\n    found = []\n    found.append((1, 2))\n    table = {}\n    table['a'] = 1\n    return found\n\n\nMORE = some()\n"),
    "what is exchanged for a test": (BASE, "def test_more(monkeypatch):\n    monkeypatch.setattr(shop, 'rate', 2)\n    assert total(2) == 4\n"),
    "a setting": (BASE, "def test_more():\n    shop.settings.URL = 'x'\n    shop.testing = True\n    assert total(2) == 4\n"),
    "what belongs to an object": (BASE, "def test_more():\n    cart = shop.Cart()\n    cart.rate = 2\n    cart.items['a'] = 1\n    assert cart.total() == 2\n"),
    "a table of one's own": (BASE, "MORE = {'a': 1}\n\n\ndef test_more():\n    assert total(MORE.get('a')) == 4\n"),
    "words that are asked for elsewhere": (BASE, "def test_more(request):\n    assert request.getfixturevalue('tmp_path') == total('expected')\n"),
    "what stands out": (BASE, "import sys\n\n\ndef test_more(capsys):\n    sys.argv = ['shop']\n    assert total(1) == 1\n"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "added"), HONEST.values(), ids=HONEST)
def test_what_is_only_for_new_tests_is_welcome(judge: Judge, old: str, added: str) -> None:
    """Fixtures by names of their own, or of their own class; what is put back afterwards; objects that a test has made."""
    assert judge({FILE: f"{old}\n\n{added}{NEW}"}, {FILE: old}, type="debugging", promises=("src/a.py",)) == ()


CONFTEST = """\
import pytest


@pytest.fixture
def client(db):
    return db


@pytest.fixture(autouse=True)
def calm():
    yield
"""
THERE = {
    "tests/conftest.py": CONFTEST,
    "tests/unit/test_a.py": BASE,
    "src/shop/pricing.py": "def total(n):\n    return n\n",
}
FIXED = "import pytest\n\n\n@pytest.fixture(autouse=True)\ndef helper(monkeypatch):\n    monkeypatch.setattr('shop.total', int)\n"

#: What is brought, beside a test that is added, and the name that the refusal says; ``""`` where it is welcome.
FROM_ELSEWHERE = {
    "what a fixture of a conftest asks for": ("@pytest.fixture\ndef db():\n    return 1\n", {}, "db is bound anew"),
    "a fixture for all of a conftest": ("@pytest.fixture\ndef calm():\n    return 1\n", {}, "calm is bound anew"),
    "a fixture that the code makes": ("from shop.pricing import helper\n", {"src/shop/pricing.py": FIXED}, "it makes fixtures"),
    "a fixture that a helper makes": ("from more import helper\n", {"tests/more.py": FIXED}, "it makes fixtures"),
    "a fixture by another name of what makes it": (
        "from shop.pricing import helper\n", {"src/shop/pricing.py": FIXED.replace("import pytest", "from pytest import fixture as fx").replace("pytest.fixture", "fx")}, "it makes fixtures",
    ),
    "what lies beside the tests": ("from helpers import settings\n", {"tests/helpers.py": "settings = 1\n"}, "settings is bound anew"),
    "what is called as another's": ("from django.conf import settings\n", {"django/conf.py": "settings = 1\n"}, "settings is bound anew"),
    "another's": ("from django.conf import settings\n", {}, ""),
    "a helper": ("from more import helper\n", {"tests/more.py": "def helper():\n    return 1\n"}, ""),
    "a helper that compares": ("from more import helper\n", {"tests/more.py": "import pytest\n\n\ndef helper(n):\n    return pytest.approx(n)\n"}, ""),
    "code": ("from shop.pricing import half\n", {"src/shop/pricing.py": "def half(n):\n    return n / 2\n"}, ""),
    "code of a plugin": ("from shop.pricing import half\n", {"src/shop/pricing.py": FIXED, "src/shop/plugin.py": None}, ""),
}  # fmt: skip


@pytest.mark.parametrize(("added", "brought", "told"), FROM_ELSEWHERE.values(), ids=FROM_ELSEWHERE)
def test_what_reaches_tests_from_other_files_is_seen(
    judge: Judge, added: str, brought: dict[str, str | None], told: str
) -> None:
    """Fixtures of a file of tests count for those of a conftest too, and fixtures may be imported; a package that makes them anyhow may make more."""
    there = {**THERE, **{path: FIXED for path, text in brought.items() if text is None}}
    after = {**there, **{path: text for path, text in brought.items() if text is not None}}
    after["tests/unit/test_a.py"] = f"{BASE}\n\n{added}{NEW}"
    found = judge(after, there, type="debugging", promises=("src/shop/pricing.py",))
    assert told in "; ".join(map(str, found)) if told else found == ()


def test_code_that_makes_fixtures_reaches_tests_that_take_everything_from_it(judge: Judge) -> None:
    """Although none of them was changed; where they take what they name it does not."""
    code, test = (
        "src/shop/pricing.py",
        "from shop.pricing import {}\n\n\ndef test_a(client):\n    assert total(client) == 5\n",
    )
    for taken, free in (("*", False), ("total", True)):
        there = {**THERE, "tests/unit/test_a.py": test.format(taken)}
        assert (judge({**there, code: FIXED}, there, type="debugging", promises=(code,)) == ()) is free, taken


LASTING = {
    "while it is imported": ("shop.pricing.total = int\n", False),
    "by a test": ("def test_b():\n    shop.pricing.total = int\n    assert shop.pricing.total('5') == 5\n", False),
    "of a class": ("def test_b():\n    shop.pricing.Cart.add = int\n    assert shop.pricing.total('5') == 5\n", False),
    "by a patch": ("from unittest.mock import patch\n\n\ndef test_b():\n    patch('shop.pricing.total', int).start()\n    assert shop.pricing.total('5') == 5\n", False),
    "by the names of a module": ("def test_b():\n    vars(shop.pricing)['total'] = int\n    assert shop.pricing.total('5') == 5\n", False),
    "put back at last": ("def test_b():\n    old = shop.pricing.total\n    shop.pricing.total = int\n    try:\n        assert shop.pricing.total('5') == 5\n    finally:\n        shop.pricing.total = old\n", True),
    "put back by a class": ("import unittest\n\n\nclass TestB(unittest.TestCase):\n    def setUp(self):\n        self.old = shop.pricing.total\n        shop.pricing.total = int\n\n    def tearDown(self):\n        shop.pricing.total = self.old\n\n    def test_b(self):\n        self.assertEqual(shop.pricing.total('5'), 5)\n", True),
    "put back by a fixture": ("import pytest\n\n\n@pytest.fixture(autouse=True)\ndef swapped():\n    old = shop.pricing.total\n    shop.pricing.total = int\n    yield\n    shop.pricing.total = old\n\n\ndef test_b():\n    assert shop.pricing.total('5') == 5\n", True),
    "a clean slate": ("def test_b():\n    shop.pricing._cache = {}\n    shop.pricing.Cart._only = None\n    assert shop.pricing.total(5) == 5\n", True),
    "a patch that is kept": ("from unittest.mock import patch\n\n\nclass TestB:\n    def setup_method(self):\n        self.patched = patch('shop.pricing.total', int)\n        self.patched.start()\n\n    def teardown_method(self):\n        self.patched.stop()\n\n    def test_b(self):\n        assert shop.pricing.total('5') == 5\n", True),
    "patches that are all stopped, by a cleanup": ("from unittest import TestCase\nfrom unittest.mock import patch\n\n\nclass TestB(TestCase):\n    def setUp(self):\n        self.total = patch('shop.pricing.total').start()\n        self.addCleanup(patch.stopall)\n\n    def test_b(self):\n        self.assertEqual(shop.pricing.Cart().add(5), 5)\n", True),
    "patches that are all stopped, afterwards": ("from unittest import TestCase\nfrom unittest.mock import patch\n\n\nclass TestB(TestCase):\n    def setUp(self):\n        self.total = patch('shop.pricing.total').start()\n\n    def tearDown(self):\n        patch.stopall()\n\n    def test_b(self):\n        self.assertEqual(shop.pricing.Cart().add(5), 5)\n", True),
    "patches that are stopped before": ("from unittest import TestCase\nfrom unittest.mock import patch\n\n\nclass TestB(TestCase):\n    def setUp(self):\n        self.total = patch('shop.pricing.total').start()\n\n    def test_a(self):\n        patch.stopall()\n        self.assertEqual(shop.pricing.Cart().add(5), 5)\n\n    def test_b(self):\n        self.assertEqual(shop.pricing.Cart().add(5), 5)\n", False),
    "what an application has": ("def test_b():\n    shop.app.dependency_overrides[shop.db] = int\n    shop.app.state.db = int()\n    assert shop.pricing.total(5) == 5\n", True),
}  # fmt: skip


@pytest.mark.parametrize(("text", "free"), LASTING.values(), ids=LASTING)
def test_new_tests_of_who_writes_code_change_nothing_for_good(judge: Judge, text: str, free: bool) -> None:
    """Tests that are run after them would see it; who writes tests knows which ones they are."""
    after = {**THERE, "tests/test_0.py": f"import shop.pricing\n\n{text}"}
    assert [each.kind for each in judge(after, THERE, promises=("src/shop/pricing.py",))] == (
        [] if free else ["touched"]
    )
    assert judge(after, THERE, type="testing", promises=("tests/test_0.py",)) == ()


def test_what_is_called_while_a_file_is_imported_is_read_once(judge: Judge) -> None:
    """However often it is called, and however long it is."""
    added = "def some(n):\n" + "    n = 2\n" * 2000 + "    return n\n"
    added += "".join(f"X{number} = some({number})\n" for number in range(2000))
    started = time.process_time()
    assert judge({FILE: f"{OLD}\n\n{added}"}, {FILE: OLD}, type="debugging") == ()
    assert time.process_time() - started < 30


def test_the_owner_may_write_a_test_anew(judge: Judge) -> None:
    """What it does on the way is for the tester that promises the file; that it proves less is refused to the owner too."""
    owner = {"type": "testing", "promises": (FILE,)}
    assert judge({FILE: OLD.replace("got = f(5)", "got = f(2 + 3)")}, {FILE: OLD}, **owner) == ()
    assert judge({FILE: OLD.replace("got = f(5)", "got = f(2 + 3)")}, {FILE: OLD}, type="testing") != ()
    for less in ("__test__ = False\n", "del test_s\n", "import pytest\npytest.skip('x', allow_module_level=True)\n"):
        assert judge({FILE: f"{OLD}\n{less}"}, {FILE: OLD}, **owner) != (), less


def test_tests_that_cannot_be_read_are_refused(judge: Judge) -> None:
    """An encoding that hides what is there, or a file that is no code any more; one that is declared and plain is read."""
    hidden = b"# -*- coding: utf-7 -*-\n" + OLD.encode()
    for after in (hidden, b"\xff\xfe\x00", "def test_s(:\n"):
        assert judge({FILE: after}, {FILE: OLD}, type="debugging") != (), after
    latin = "# -*- coding: latin-1 -*-\n# caf\xe9\n".encode("latin-1")
    assert judge({FILE: latin + OLD.encode() + b"# more\n"}, {FILE: latin + OLD.encode()}, type="debugging") == ()
    gutted = OLD.replace("got = f(5)", "got = 6").encode()
    found = judge({FILE: latin + gutted}, {FILE: latin + OLD.encode()}, type="debugging")
    assert "got = 6" in "; ".join(map(str, found))
    assert judge({"src/a.py": b"# \xe9\ndef f(x):\n    pass\n"})[0].kind == "stub"
