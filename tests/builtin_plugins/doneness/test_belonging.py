"""What stands around tests: who may change it, and what it may not do in anybody's hands."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent_dispatcher.extension import Objection

Judge = Callable[..., tuple[Objection, ...]]

FIXTURE = "import pytest\n\n\n@pytest.fixture\ndef want():\n    return 3\n"

STEERING = {
    "a hook that calls": "def pytest_pyfunc_call(pyfuncitem):\n    return True\n",
    "a hook that sets up": "def pytest_runtest_setup(item):\n    item.obj = print\n",
    "a hook that collects": "def pytest_itemcollected(item):\n    item.obj = lambda **k: None\n",
    "a hook of the end": "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n",
    "a hook of another name": "import pytest\n\n\n@pytest.hookimpl(specname='pytest_pyfunc_call')\ndef call(pyfuncitem):\n    return True\n",
    "a hook from elsewhere": "from plug import pytest_pyfunc_call\n",
    "a hook that is assigned": "pytest_pyfunc_call = lambda pyfuncitem: True\n",
    "a fixture that skips": "import pytest\n\n\n@pytest.fixture(autouse=True)\ndef s():\n    pytest.skip('x')\n",
    "a subject exchanged": "import a\n\na.f = lambda x: x + 1\n",
    "a subject exchanged by a function": "import a\n\nsetattr(a, 'f', int)\n",
    "a module exchanged": "import sys\n\nsys.modules['a'] = object()\n",
    "files left out": "collect_ignore = ['test_a.py']\n",
    "plugins": "pytest_plugins = ['lib.plug']\n",
    "plugins registered": "def pytest_configure(config):\n    config.pluginmanager.register(object())\n",
}


@pytest.mark.parametrize("text", STEERING.values(), ids=STEERING)
def test_nobody_may_decide_how_tests_end(judge: Judge, text: str) -> None:
    """Not in a conftest that the task promises, and not in a helper; what was there before is let be."""
    (found,) = judge({"tests/conftest.py": text}, type="testing", promises=("tests/conftest.py",))
    assert (found.kind, "tests may be left out or changed by it" in found.what) == ("weakened", True)
    assert judge({"tests/plug.py": text}, type="testing") != ()
    before = {"tests/conftest.py": text}
    after = {"tests/conftest.py": f"{text}\n\nKNOWN = 1\n"}
    assert judge(after, before, type="testing", promises=("tests/conftest.py",)) == ()


ORDINARY = {
    "a fixture": FIXTURE,
    "a fixture for all": "import pytest\n\n\n@pytest.fixture(autouse=True)\ndef home(monkeypatch, tmp_path):\n    monkeypatch.setenv('HOME', str(tmp_path))\n",
    "a fixture that may skip": "import shutil\nimport pytest\n\n\n@pytest.fixture\ndef tool():\n    if not shutil.which('git'):\n        pytest.skip('no git')\n    return 'git'\n",
    "an option": "def pytest_addoption(parser):\n    parser.addoption('--slow')\n",
    "a path": "import sys\n\nsys.path.insert(0, 'src')\n",
}


@pytest.mark.parametrize("text", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_fixtures_are_let_be(judge: Judge, text: str) -> None:
    """In the hands of who promises the file, and new in those of a tester."""
    assert judge({"tests/conftest.py": text}, type="testing", promises=("tests/conftest.py",)) == ()
    assert (
        judge({"tests/conftest.py": text, "tests/test_a.py": "def test_a(): assert f(1) == 2\n"}, type="testing") == ()
    )


@pytest.mark.parametrize(
    "path",
    ["conftest.py", "tests/conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", "vitest.config.ts", "src/sitecustomize.py", "src/_hypothesis_pytestplugin.py", "pytest/__init__.py",
     "src/x.egg-info/entry_points.txt"],
)  # fmt: skip
def test_only_testers_bring_what_decides_about_all_tests(judge: Judge, path: str) -> None:
    """A task that writes code and brings such a file, however harmless it looks, is told to keep to its own."""
    text = FIXTURE if path.endswith(".py") else "[pytest]\naddopts = '-q'\n"
    there = {"tests/test_a.py": "def test_a(): assert f(1) == 2\n"}
    after = {**there, path: text}
    assert [each.kind for each in judge(after, there, type="code_writing", promises=("src/a.py",))] == ["weakened"]
    if "egg-info" not in path:
        assert judge(after, there, type="code_writing", promises=(path,)) == ()


@pytest.mark.parametrize("path", ["tests/conftest.py", "pytest.ini", "vitest.config.ts"])
def test_where_there_are_no_tests_yet_a_first_file_decides_about_none(judge: Judge, path: str) -> None:
    """Who sets a project up may bring it; what would decide how later tests end is refused all the same."""
    text = FIXTURE if path.endswith(".py") else "[pytest]\naddopts = '-q'\n"
    assert judge({"src/a.py": "A = 1\n", path: text}, promises=("src/a.py",)) == ()
    steering = STEERING["a hook that calls"] if path.endswith(".py") else "[pytest]\naddopts = -k not_b\nexclude = 1\n"
    assert [each.kind for each in judge({path: steering})][:1] == ["weakened"]


AUTO = "import pytest\n\n\n@pytest.fixture(autouse=True)\ndef settle(monkeypatch):\n    "
PLAIN = AUTO.replace("(autouse=True)", "")
SOURCE = {"src/shop/cart.py": "def total(n):\n    return n\n"}
TOOLS = {
    "src/shop/__init__.py": '"""A shop."""\n\n__version__ = "1.0"\n',
    "setup.py": "from setuptools import setup\n\nsetup()\n",
}

#: What is there, what a task brings that writes no tests, and whether its first ``conftest.py`` may be.
FIRST = {
    "with code of its own": ({}, SOURCE, FIXTURE, False),
    "for all": (SOURCE, TOOLS, AUTO + "monkeypatch.setenv('HOME', '/')\n", False),
    "for all, by arguments elsewhere": (SOURCE, {}, "import pytest\n\nHOW = {'autouse': True}\n\n\n@pytest.fixture(**HOW)\ndef settle():\n    yield\n", False),
    "in the place of code": (SOURCE, {}, PLAIN + "import shop.cart\n    monkeypatch.setattr(shop.cart, 'total', lambda n: 5)\n", False),
    "in the place of code, by its name": (SOURCE, {}, PLAIN + "monkeypatch.setattr('shop.cart.total', lambda n: 5)\n", False),
    "in the place of code, patched": (SOURCE, {}, "from unittest.mock import patch as p\n\np('shop.cart.total').start()\n", False),
    "in the place of code, patched as a part": (SOURCE, {}, "from unittest import mock\nfrom shop import cart\n\nmock.patch.object(cart, 'total').start()\n", False),
    "in the place of what nobody can tell": (SOURCE, {}, PLAIN.replace("(monkeypatch)", "(monkeypatch, app)") + "monkeypatch.setattr(app, 'total', int)\n", False),
    "with a name and a version": ({}, TOOLS, FIXTURE, True),
    "with notes": (SOURCE, {"README.md": "Shop.\n"}, FIXTURE, True),
    "for who asks": (SOURCE, TOOLS, PLAIN + "monkeypatch.setenv('HOME', '/')\n", True),
    "in the place of what is not the tree's": (SOURCE, {}, PLAIN + "import socket\n    monkeypatch.setattr(socket, 'socket', None)\n    monkeypatch.setattr('httpx.get', None)\n    dict(a=1)\n", True),
    "with a path": (SOURCE, TOOLS, "import sys\n\nsys.path.insert(0, 'src')\n", True),
}  # fmt: skip


@pytest.mark.parametrize(("there", "brought", "text", "free"), FIRST.values(), ids=FIRST)
def test_the_first_conftest_prepares_and_decides_nothing(
    judge: Judge, there: dict[str, str], brought: dict[str, str], text: str, free: bool
) -> None:
    """Nobody brings what decides about the tests of their own code; a tester, who brings tests, may."""
    after = {**there, **brought, "tests/conftest.py": text}
    found = judge(after, there)
    assert [each.kind for each in found] == ([] if free else ["weakened"])
    assert free or "decides about tests of others" in found[0].what
    assert judge(after, there, type="testing") == ()
    if there:
        assert judge(after, there, promises=tuple(there)) != ()


def test_who_promises_a_conftest_and_writes_code_puts_nothing_in_its_place(judge: Judge) -> None:
    """What was there before is let be, and who writes tests may take away the network."""
    text, path = FIRST["in the place of code, by its name"][2], "tests/conftest.py"
    owner = {"promises": (path, *SOURCE)}
    (found,) = judge({**SOURCE, path: text}, **owner)
    assert "setattr('shop.cart.total'" in found.what
    assert judge({**SOURCE, path: f"{text}\n\nKNOWN = 1\n"}, {path: text}, **owner) == ()
    assert judge({**SOURCE, path: FIXTURE}, **owner) == ()
    assert judge({path: text}, SOURCE, type="testing", promises=(path,)) == ()
    for hidden in ("vars(cart)['total'] = int", "cart.__dict__.update(total=int)"):
        assert judge({**SOURCE, path: f"from shop import cart\n\n{hidden}\n"}, **owner) != (), hidden
    there = {**SOURCE, "tests/test_a.py": "def test_a(): assert f(1) == 2\n"}
    for package, free in (("NAMES = ['a']\n", True), (text, False)):
        assert (judge({**there, "tests/__init__.py": package}, there) == ()) is free


def test_in_a_package_of_tests_no_helper_takes_the_place_of_a_module(judge: Judge) -> None:
    """``tests.email`` is not ``email``."""
    code = {"src/shop/__init__.py": "A = 1\n", "tests/__init__.py": ""}
    for name in ("shop", "email"):
        assert judge({**code, f"tests/{name}/__init__.py": ""}, code, type="testing") == ()


def test_a_part_of_a_package_may_be_called_test(judge: Judge) -> None:
    """A folder ``test`` inside of another is code as long as no test stands in it, or below it."""
    path, code = "app/test/other.py", {"app/test/other.py": "B = 2\n"}
    assert judge({path: "B = 3\n"}, code, promises=("app/test/page.py",)) == ()
    test = {"app/test/test_a.py": "def test_a(): assert f(1) == 2\n"}
    assert [each.kind for each in judge({**test, path: "B = 3\n"}, {**test, **code})] == ["weakened"]
    for helper, test in (
        ("app/test/support/other.py", "app/test/unit/test_a.py"),
        ("app/test/__init__.py", "app/test/unit/x/test_a.py"),
    ):
        tests = {test: "def test_a(): assert f(1) == 2\n"}
        assert [each.kind for each in judge({**tests, helper: "B = 3\n"}, {**tests, helper: "B = 2\n"})] == ["weakened"]


def test_settings_may_be_set_for_tests(judge: Judge) -> None:
    """``app.testing = True`` exchanges no code; a function does."""
    text = "from lib import app, settings\n\napp.testing = True\nsettings.URL = 'sqlite://'\n"
    owner = {"type": "testing", "promises": ("tests/conftest.py",)}
    assert judge({"tests/conftest.py": text}, **owner) == ()
    for code in ("settings.price = make", "settings.PRICE = lambda x: 3", "settings.price = 3"):
        assert judge({"tests/conftest.py": f"{text}{code}\n"}, **owner) != (), code


def test_places_of_tests_may_be_named_as_long_as_all_lie_there(judge: Judge) -> None:
    """And measuring may leave tests out, not code."""
    there = {"tests/unit/test_a.py": "def test_a(): assert f(1) == 2\n"}
    both = '[tool.pytest.ini_options]\ntestpaths = ["tests/unit", "tests/integration"]\n[tool.coverage.run]\nomit = '
    assert judge({**there, "pyproject.toml": f'{both}["tests/*"]\n'}, there) == ()
    assert judge({**there, "pyproject.toml": f'{both}["src/a.py"]\n'}, there) != ()
    there["tests/test_b.py"] = "def test_b(): assert f(1) == 2\n"
    assert judge({**there, "pyproject.toml": f'{both}["tests/*"]\n'}, there) != ()


@pytest.mark.parametrize("path", ["tests/conftest.py", "tests/helpers.py", "tests/data/want.json", "pytest.ini"])
@pytest.mark.parametrize("type", ["code_writing", "testing", "review", "deployment", "research"])
def test_what_lies_beside_tests_is_changed_by_its_owner_only(judge: Judge, path: str, type: str) -> None:
    """Changed or deleted by any other task, whatever its type, it is refused; layout and comments are no change."""
    before = {"tests/conftest.py": FIXTURE, "tests/helpers.py": "WANT = 3\n", "tests/data/want.json": "[3]\n"}
    text = before.get(path, "[pytest]\ntestpaths = tests\n")
    changed = judge({path: text.replace("3", "4").replace("tests\n", "tests/some\n")}, {path: text}, type=type)
    assert [each.kind for each in changed] == ["weakened"]
    assert [each.kind for each in judge({}, {path: text}, type=type)] == ["weakened"]
    if not path.endswith(".json"):
        assert judge({path: f"# said\n{text}"}, {path: text}, type=type) == ()


def test_a_helper_may_not_take_the_place_of_a_module(judge: Judge) -> None:
    """Tests would import it instead of the code under test, or of the standard library."""
    code = {"src/lib/__init__.py": "A = 1\n"}
    assert "would get it instead" in str(judge({**code, "tests/lib/__init__.py": "A = 2\n"}, code)[0])
    assert "json" in str(judge({**code, "tests/json.py": "A = 2\n"}, code)[0])
    assert judge({**code, "tests/builders.py": "A = 2\n"}, code) == ()


@pytest.mark.parametrize(
    "options",
    [
        "testpaths = tests/some",
        "python_functions = check_*",
        "python_classes = Check*",
        "norecursedirs = tests",
        "addopts = -m 'not slow'",
        "addopts = -p plug",
        "addopts =\n    -q\n    -k not_b",
        "addopts = -knot_b",
        "addopts = --deselect=tests/test_a.py",
        "addopts = --ignore tests/test_a.py",
        "usefixtures = calm",
    ],
)
def test_options_that_leave_tests_out_are_refused(judge: Judge, options: str) -> None:
    """In each form of configuration, and to who promises the file too."""
    there = {"tests/test_a.py": "@pytest.mark.slow\ndef test_a(): assert f(1) == 2\n"}
    for path, section in (("pytest.ini", "[pytest]"), ("setup.cfg", "[tool:pytest]"), ("tox.ini", "[pytest]")):
        found = judge({**there, path: f"{section}\n{options}\n"}, there, promises=(path,))
        assert [each.kind for each in found] == ["weakened"], path
    key, _, value = options.partition(" =")
    toml = f"[tool.pytest.ini_options]\n{key} = {' '.join(value.split())!r}\n"
    assert [each.kind for each in judge({**there, "pyproject.toml": toml}, there)] == ["weakened"]


def test_ordinary_options_are_let_be(judge: Judge) -> None:
    """What does not leave tests out, and whatever the file says of other things."""
    project = '[project]\nname = "a"\n'
    usual = '[tool.pytest.ini_options]\ntestpaths = ["tests"]\npythonpath = ["src"]\naddopts = "-q --strict-markers --cov=src"\n'
    assert judge({"pyproject.toml": project + usual}) == ()
    assert judge({"pyproject.toml": f"{project}dependencies = []\n{usual}"}, {"pyproject.toml": project + usual}) == ()
    changed = usual.replace('["tests"]', '["tests", "more"]')
    (found,) = judge({"pyproject.toml": project + changed}, {"pyproject.toml": project + usual})
    assert "testpaths was" in found.what
    assert judge({"package.json": '{"scripts": {"test": "node --test"}, "files": ["src"]}'}) == ()
    assert judge({"package.json": '{"scripts": {"test": "node --test || true"}}'}) != ()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pyproject.toml", '[project.entry-points.pytest11]\nshop = "shop.plug"\n'),
        ("setup.cfg", "[options.entry_points]\npytest11 =\n    shop = shop.plug\n"),
    ],
)
def test_plugins_are_offered_by_who_promises_the_configuration(judge: Judge, path: str, text: str) -> None:
    """pytest loads them for all tests; what was offered before is let be."""
    assert "pytest11" in judge({path: text}, promises=("src/shop/plug.py",))[0].what
    assert judge({path: text}, promises=(path,)) == ()
    assert judge({path: f"{text}\n# more\n"}, {path: text}, promises=("src/shop/plug.py",)) == ()


def test_every_type_of_task_is_judged_by_what_it_changed(judge: Judge) -> None:
    """A review, a deployment or research that stubs code or deletes tests is refused; its notes are its own."""
    test = "def test_a():\n    assert f(1) == 2\n"
    for type in ("review", "deployment", "research", "analysis"):
        assert judge({"src/a.py": "def f(x):\n    pass\n"}, type=type)[0].kind == "stub"
        assert judge({}, {"tests/test_a.py": test}, type=type)[0].kind == "weakened"
        assert judge({"notes.md": "TBD is what the source says.\n"}, type=type) == ()
        assert judge({}, type=type) == ()


#: What a conftest of its owner sets, and whether that is a part of the code under test.
SET = {
    "a property of a class": ("from shop.cart import Cart\n\nCart.is_empty = True\n", True),
    "a constant of a class": ("from shop.cart import Cart\n\nCart.RATE = 7\n", True),
    "one in a fixture": (
        "import shop.cart as cart\n\n\ndef pytest_configure():\n    cart.Cart.is_empty = True\n",
        True,
    ),
    "a constant of a module": ("from shop import cart\n\ncart.RATE = 7\n", True),
    "one of a module by its whole name": ("import shop.cart\n\nshop.cart.RATE = 7\n", True),
    "one of a package": ("import shop\n\nshop.RATE = 7\n", True),
    "one of a class that a package hands on": ("from shop import Cart\n\nCart.RATE = 7\n", True),
    "an object": ("from shop import app\n\napp.testing = True\n", False),
    "an object's settings": ("from shop.cart import app\n\napp.conf.task_always_eager = True\n", False),
    "settings": ("from shop.settings import settings\n\nsettings.URL = 'sqlite://'\n", False),
    "a module of settings": ("from shop import settings\n\nsettings.URL = 'sqlite://'\n", False),
    "a class of settings": ("from shop.settings import Config\n\nConfig.TESTING = True\n", False),
    "another library": (
        "import lib\nfrom lib.client import Client\n\nlib.DEBUG = True\nClient.VERIFY = False\n",
        False,
    ),
    "the standard library": ("import sys\n\nsys.dont_write_bytecode = True\n", False),
}


@pytest.mark.parametrize(("text", "refused"), SET.values(), ids=SET)
def test_settings_are_set_on_objects_not_on_classes_and_modules_of_the_tree(
    judge: Judge, text: str, refused: bool
) -> None:
    """What a test reads of a class under test is to come from there, in the hands of the tests' owner too."""
    code = {f"src/shop/{each}.py": "A = 1\n" for each in ("__init__", "cart", "settings")}
    found = judge({**code, "tests/conftest.py": text}, code, type="testing", promises=("tests/conftest.py",))
    assert [each.kind for each in found] == ["weakened"] * refused
