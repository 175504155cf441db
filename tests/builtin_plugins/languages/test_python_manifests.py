"""What trees ask for in the manifests of Poetry, setuptools, Pipenv, pdm and uv, and in folders of requirement files: read, never run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent_dispatcher.errors import Unavailable
from agent_dispatcher_builtins.languages.python.declared import Declared, asked_by, declares

Write = Callable[..., Path]


def _needed(declared: Declared) -> dict[str, str]:
    """What it cannot do without, with its place."""
    return {str(each.requirement): each.where for each in declared.asked if not each.optional and not each.constraint}


def _spare(declared: Declared) -> list[str]:
    return [str(each.requirement) for each in declared.asked if each.optional]


# --- Poetry -----------------------------------------------------------------------------------------------------------

_POETRY = """\
[tool.poetry]
name = "Shop_Front"

[tool.poetry.dependencies]
python = "^3.9"
requests = "^2.28"
"zope.interface" = "*"
uvicorn = {version = "~0.20", extras = ["standard", "x"]}
tomli = {version = "^2", python = "<3.5"}
win = {version = "*", markers = "sys_platform == 'win32'"}
mac = {version = "*", platform = "darwin"}
rich = {version = "^13", optional = true}
numpy = [
  {version = "^1.21", python = "<3.9"},
  {version = "^1.26 || ^2.0", python = ">=3.9"},
]

[tool.poetry.dependencies.private]
version = ">=1"
source = "ours"

[tool.poetry.extras]
pretty = ["rich"]
test = ["Rich"]

[tool.poetry.group.test.dependencies]
pytest-mock = "*"
[tool.poetry.group.dev]
include-groups = ["lint"]
[tool.poetry.group.dev.dependencies]
shop-front = {path = ".", extras = ["pretty"]}
ipdb = {git = "https://elsewhere.invalid/ipdb"}
[tool.poetry.group.lint.dependencies]
ruff = "0.5.0"
[tool.poetry.group.docs.dependencies]
mkdocs = "*"
[tool.poetry.dev-dependencies]
black = {version = "^22", allow-prereleases = true}
"""


def test_a_tree_of_poetrys_asks_for_what_its_tables_say(write: Write) -> None:
    """Versions, extras, conditions, optional ones with their extra, lists; the groups for tests and for development, and no others."""
    found = asked_by(write({"pyproject.toml": _POETRY}))
    assert _needed(found) == {
        "requests<3,>=2.28": "pyproject.toml:6",
        "zope.interface": "pyproject.toml:7",
        "uvicorn[standard,x]<0.21,>=0.20": "pyproject.toml:8",
        'numpy<3,>=1.26; python_version >= "3.9"': "pyproject.toml:13",
        "private>=1": "pyproject.toml:18",
        "pytest-mock": "pyproject.toml:27",
        "rich<14,>=13": "pyproject.toml:12",
    }
    assert _spare(found) == ["black<23,>=22", "ruff==0.5.0", "rich<14,>=13"]
    assert found.itself
    assert found.taken == (
        "pyproject.toml",
        "the extra test of pyproject.toml",
        "the group test of pyproject.toml",
        "the group dev of pyproject.toml",
    )
    assert found.notes == (
        "pyproject.toml:18: source of private is passed over: your pip's own configuration holds",
        "pyproject.toml:32: ipdb does not come from a registry: passed over",
        "pyproject.toml:38: pre-releases of black are taken only where there is no other version that fits",
    )


@pytest.mark.parametrize(
    "value", ['{git = "https://elsewhere.invalid/a.git", rev = "1"}', '{url = "https://elsewhere.invalid/a.whl"}', '{path = "../a", develop = true}', '{file = "a b.whl"}', '[{version = "1", python = "<3"}, {git = "https://elsewhere.invalid/a"}]'],
)  # fmt: skip
def test_what_poetry_takes_from_elsewhere_is_refused_with_its_line(write: Write, value: str) -> None:
    """As such a requirement is in any other file."""
    tree = write({"pyproject.toml": f"[tool.poetry.dependencies]\npython = '*'\nadder = {value}\n"})
    with pytest.raises(Unavailable, match=r"pyproject\.toml:3: adder does not come from a registry"):
        asked_by(tree)


def test_what_comes_from_elsewhere_on_other_machines_only_is_no_matter(write: Write) -> None:
    """Its condition does not hold here."""
    text = "[tool.poetry.dependencies]\na = [{url = 'https://elsewhere.invalid/a.whl', platform = 'os2'}, {version = '^1', markers = \"sys_platform != 'os2'\"}]\n"
    assert list(_needed(asked_by(write({"pyproject.toml": text})))) == ['a<2,>=1; sys_platform != "os2"']


def test_beside_a_project_table_poetrys_only_says_from_where(write: Write) -> None:
    """Dependencies are then those of ``[project]``; another place is refused; where they are dynamic, Poetry's tables hold."""
    text = "[project]\nname = 'x'\n{}\n[tool.poetry.dependencies]\nadder = {}\n"
    enriched = {"pyproject.toml": text.format("dependencies = ['adder>=1']", "{version = '^9', source = 'ours'}")}
    assert _needed(asked_by(write(enriched))) == {"adder>=1": "pyproject.toml:3"}
    elsewhere = {"pyproject.toml": text.format("dependencies = ['adder>=1']", "{path = '../adder'}")}
    with pytest.raises(
        Unavailable, match=r"toml:3: adder does not come from the registry: \[tool\.poetry\.dependencies\]"
    ):
        asked_by(write(elsewhere))
    dynamic = {"pyproject.toml": text.format("dynamic = ['dependencies']", "'^9'")}
    assert _needed(asked_by(write(dynamic))) == {"adder<10,>=9": "pyproject.toml:5"}


def test_a_version_that_is_none_is_refused_as_it_stands_there(write: Write) -> None:
    """With the line."""
    with pytest.raises(Unavailable, match=r"pyproject\.toml:2: 'adder latest' is not a package of a registry"):
        asked_by(write({"pyproject.toml": "[tool.poetry.dependencies]\nadder = 'latest'\n"}))


# --- pyproject.toml of others -----------------------------------------------------------------------------------------


def test_groups_of_pdm_and_uv_are_groups(write: Write) -> None:
    """Those for tests and for development; the tree itself is there anyway."""
    text = (
        "[project]\nname = 'x'\n[project.optional-dependencies]\nmath = ['adder']\n"
        "[tool.pdm.dev-dependencies]\ntest = ['a', '-e file:///${PROJECT_ROOT}/#egg=x']\nlint = ['b']\ndevelopment = ['c']\n"
        "[tool.uv]\ndev-dependencies = ['d>=1', 'x[math]']\n"
    )
    found = asked_by(write({"pyproject.toml": text}))
    assert _needed(found) == {"a": "pyproject.toml:6"}
    assert _spare(found) == ["d>=1", "adder", "c"]


def test_environments_of_hatch_are_groups(write: Write) -> None:
    """The default one is for development."""
    text = (
        "[tool.hatch.envs.default]\ndependencies = ['black', 'pytest-cov']\n[tool.hatch.envs.hatch-test]\nextra-dependencies = ['a']\n"
        "[tool.hatch.envs.test]\ndependencies = ['b']\nextra-dependencies = 3\n[tool.hatch.envs.docs]\ndependencies = ['c']\n[tool.hatch.envs]\nx = 3\n"
        "[tool.pytest.ini_options]\naddopts = '--cov'\n"
    )
    found = asked_by(write({"pyproject.toml": text}))
    assert (list(_needed(found)), _spare(found)) == (["a", "b", "pytest-cov"], ["black"])


def test_groups_include_others_whatever_way_they_are_spelled(write: Write) -> None:
    """Names of groups and extras are compared as those of packages."""
    text = "[dependency-groups]\nTests = ['a', {include-group = 'unit.runner'}]\nUnit_Runner = ['b']\n"
    assert list(_needed(asked_by(write({"pyproject.toml": text})))) == ["a", "b"]


@pytest.mark.parametrize("form", ["[dependency-groups]", "poetry"])
def test_groups_that_include_each_other_are_read_once(write: Write, form: str) -> None:
    """However many ways lead from one to the next, also back to itself: reading takes no longer for it."""
    last = 60
    if form == "poetry":
        groups = [
            f"[tool.poetry.group.g{n}]\ninclude-groups = ['g{n + 1}', 'g{n + 2}', 'test']\n[tool.poetry.group.g{n}.dependencies]\np{n} = '*'\n"
            for n in range(last)
        ]
        text = "".join(groups) + "[tool.poetry.group.test]\ninclude-groups = ['g0', 'test']\n"
    else:
        include = "{{include-group = '{}'}}".format
        groups = [
            f"g{n} = [{include(f'g{n + 1}')}, {include(f'G{n + 2}')}, 'p{n}', {include('test')}]\n" for n in range(last)
        ]
        text = "[dependency-groups]\n" + "".join(groups) + f"test = [{include('g0')}, {include('test')}]\n"
    found = asked_by(write({"pyproject.toml": text}))
    assert sorted(_needed(found)) == sorted(f"p{n}" for n in range(last))


def test_dependencies_that_setuptools_or_hatch_takes_from_files_are_read_there(write: Write) -> None:
    """Whatever these are called; an extra's, too."""
    project = "[project]\nname = 'x'\ndynamic = ['dependencies', 'optional-dependencies']\n"
    tree = write(
        {
            "pyproject.toml": f"{project}[tool.setuptools.dynamic]\ndependencies = {{file = ['needs.in']}}\n"
            "[tool.setuptools.dynamic.optional-dependencies]\ntest = {file = 'for-tests.txt'}\n",
            "needs.in": "# all\na>=1\n",
            "for-tests.txt": "b\n",
        }
    )
    assert _needed(asked_by(tree)) == {"a>=1": "needs.in:2", "b": "for-tests.txt:1"}
    write({"pyproject.toml": f"{project}[tool.hatch.metadata.hooks.requirements_txt]\nfiles = ['needs.in']\n"})
    assert _needed(asked_by(tree)) == {"a>=1": "needs.in:2"}


# --- setuptools -------------------------------------------------------------------------------------------------------

_SETUP_CFG = """\
[metadata]
name = shop
[options]
install_requires =
    adder>=1  # sums
    # nothing
    old; python_version < "3.4"
tests_require = nose; mock
[options.extras_require]
Testing =
    shop[math]
    pytest-mock
math = numpy>=1; scipy
dev = black
docs = sphinx
all = %(math)s
"""


def test_setup_cfg_says_what_a_tree_asks_for(write: Write) -> None:
    """Lines, semicolons, comments, extras made of others, extras that are conditions."""
    found = asked_by(write({"setup.cfg": _SETUP_CFG, "setup.py": "from setuptools import setup\nsetup()\n"}))
    assert _needed(found) == {
        "adder>=1": "setup.cfg:4",
        "nose": "setup.cfg:8",
        "mock": "setup.cfg:8",
        "pytest-mock": "setup.cfg:10",
        "numpy>=1": "setup.cfg:13",
        "scipy": "setup.cfg:13",
    }
    assert _spare(found) == ["black"]
    assert found.notes == ()


def test_setup_cfg_may_name_requirement_files(write: Write) -> None:
    """Which are read, and refused as such."""
    tree = write({"setup.cfg": "[options]\ninstall_requires = file: a.txt, b.txt\n", "a.txt": "a\n", "b.txt": "b\n"})
    assert _needed(asked_by(tree)) == {"a": "a.txt:1", "b": "b.txt:1"}
    (tree / "b.txt").unlink()
    with pytest.raises(Unavailable, match=r"there is no b\.txt"):
        asked_by(tree)


def test_what_a_project_table_settles_setup_files_have_no_say_in(write: Write) -> None:
    """But where it says that its dependencies are dynamic they are the ones to ask."""
    files = {"setup.cfg": "[options]\ninstall_requires = a\n[options.extras_require]\ntest = b\n"}
    assert _needed(asked_by(write({"pyproject.toml": "[project]\nname = 'x'\n", **files}))) == {}
    dynamic = "[project]\nname = 'x'\ndynamic = ['dependencies']\n"
    assert _needed(asked_by(write({"pyproject.toml": dynamic, **files}))) == {"a": "setup.cfg:2"}
    assert _needed(asked_by(write({"pyproject.toml": "[build-system]\nrequires = []\n", **files}))) == {
        "a": "setup.cfg:2",
        "b": "setup.cfg:4",
    }


def test_setup_py_says_what_a_tree_asks_for_in_literals(write: Write, tmp_path: Path) -> None:
    """Lists, names that are given lists, sums of them, dictionaries, a text of lines; no line of it is run."""
    text = (
        f"import setuptools\nopen({str(tmp_path / 'canary')!r}, 'w')\nBASE = ['a>=1', \"b; python_version > '3.4'\"]\n"
        "EXTRAS = {'test': ['c'], 'docs': [f for f in BASE], 'dev': ['black'], ':sys_platform == \"os2\"': ['x']}\n"
        "EXTRA: list[str] = ['e']\nOPTIONS = dict(tests_require='d\\n')\n"
        "setuptools.setup(name='shop', install_requires=BASE + [*EXTRA, 'shop[test]'], extras_require=EXTRAS, **OPTIONS)\n"
    )
    found = asked_by(write({"setup.py": text}))
    assert _needed(found) == {
        "a>=1": "setup.py:3",
        'b; python_version > "3.4"': "setup.py:3",
        "e": "setup.py:5",
        "c": "setup.py:4",
        "d": "setup.py:6",
    }
    assert (_spare(found), found.notes) == (["black"], ())
    assert not (tmp_path / "canary").exists()


def test_a_setup_py_that_is_not_utf_8_is_no_obstacle(tmp_path: Path) -> None:
    """What it asks for is not known, which is said."""
    (tmp_path / "setup.py").write_bytes("# Müller\nfrom setuptools import setup\nsetup()\n".encode("latin-1"))
    found = asked_by(tmp_path)
    assert found.asked == () and "setup.py" in found.notes[0]


_DOUBLED = "".join(f"a{n + 1} = a{n} + a{n}\n" for n in range(60))
_MERGED = "".join(f"a{n + 1} = {{**a{n}, **a{n}}}\n" for n in range(60))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("setup(install_requires=open('requirements.txt').read().split())\n", "setup.py:2: install_requires is worked out"),
        ("R = ['a']\nR.append('b')\nsetup(install_requires=R)\n", "setup.py:4: install_requires is worked out"),
        ("R = ['a']\nif setup:\n    R = ['b']\nsetup(install_requires=R)\n", "setup.py:5: install_requires is worked out"),
        ("R = ['a']\nR += ['b']\nsetup(install_requires=R)\n", "setup.py:4: install_requires is worked out"),
        ("E = {}\nE['test'] = ['b']\nsetup(extras_require=E)\n", "setup.py:4: extras_require is worked out"),
        ("setup(extras_require={'test': f()})\n", "setup.py:2: extras_require['test'] is worked out"),
        ("R = [*R]\nsetup(install_requires=R)\n", "setup.py:3: install_requires is worked out"),
        ("setup(**f())\n", "setup.py:2: what ** stands for is worked out"),
        ("print 'install_requires'\n", "setup.py: not Python as this version reads it"),
        ("f(install_requires=['a'])\n", "setup.py: no call of setup() is there"),
        (f"a0 = []\n{_DOUBLED}setup(install_requires=a60)\n", "setup.py:63: install_requires is worked out"),
        (f"a0 = {{}}\n{_MERGED}setup(extras_require=a60)\n", "setup.py:63: extras_require is worked out"),
    ],
)  # fmt: skip
def test_what_setup_py_works_out_is_said_and_not_run(write: Write, text: str, said: str) -> None:
    """One line that says what to do; the tree is not refused."""
    found = asked_by(write({"setup.py": f"from setuptools import setup\n{text}"}))
    assert found.asked == ()
    (note,) = found.notes
    assert note.startswith(said)
    assert note.endswith("name it in packages, or declare it in pyproject.toml")


# --- Pipenv, folders of requirement files -----------------------------------------------------------------------------


def test_a_pipfile_says_what_a_tree_asks_for(write: Write) -> None:
    """Packages with versions, extras and conditions; those for development as such; the index it names is passed over."""
    text = (
        "[[source]]\nurl = 'https://elsewhere.invalid'\nname = 'x'\nverify_ssl = true\n[packages]\nflask = '~=3.0'\n"
        "celery = {version = '>=5', extras = ['redis'], index = 'x'}\nwin = {version = '*', sys_platform = \"== 'win32'\"}\n"
        "shop = {path = '.', editable = true}\n[dev-packages]\nblack = '*'\nown = {git = 'https://elsewhere.invalid/x', ref = 'y'}\n[requires]\npython_version = '3.11'\n"
    )
    found = asked_by(write({"Pipfile": text}))
    assert _needed(found) == {"flask~=3.0": "Pipfile:6", "celery[redis]>=5": "Pipfile:7"}
    assert (_spare(found), found.itself) == (["black"], True)
    assert found.notes == (
        "Pipfile:7: index of celery is passed over: your pip's own configuration holds",
        "Pipfile:12: own does not come from a registry: passed over",
    )


@pytest.mark.parametrize(
    ("names", "needed", "spare"),
    [
        (("requirements/base.txt", "requirements/test.txt", "requirements/dev.txt", "requirements/docs.txt", "requirements/production.txt"), "base test", "dev"),
        (("requirements/production.txt", "requirements/local.txt"), "production", "local"),
        (("requirements.txt", "requirements-prod.txt", "requirements_tests.txt", "dev-requirements.txt"), "requirements requirements_tests", "dev-requirements"),
        (("reqs/requirements.txt", "reqs/requirements-testing.txt", "reqs/develop.txt"), "requirements-testing requirements", "develop"),
        (("requirements-docs.txt", "constraints.txt", "notes.txt", "docs/requirements.txt"), "", ""),
    ],
)  # fmt: skip
def test_requirement_files_are_known_by_their_names(
    write: Write, names: tuple[str, ...], needed: str, spare: str
) -> None:
    """Beside the manifests and in a folder of their own; what is for production only where nothing else says what is needed."""
    found = asked_by(write({name: f"{Path(name).stem}\n" for name in names}))
    assert sorted(_needed(found)) == sorted(needed.split())
    assert _spare(found) == spare.split()


@pytest.mark.parametrize("path", ["setup.cfg", "setup.py", "Pipfile", "poetry.lock", "Pipfile.lock", "requirements/base.txt"])  # fmt: skip
def test_a_change_of_what_is_asked_for_is_seen(path: str) -> None:
    """Also where the file is no ``pyproject.toml``."""
    assert declares(path)
    assert not declares(f"src/{path}x")


@pytest.mark.parametrize(
    ("file", "text"),
    [("Pipfile", "["), ("setup.cfg", "no section\n"), ("pyproject.toml", "[tool.poetry"), ("setup.cfg", "[a]\n[a]\n")],
)
def test_a_manifest_that_cannot_be_read_is_refused(write: Write, file: str, text: str) -> None:
    """With its name."""
    with pytest.raises(Unavailable, match=rf"the dependencies cannot be read: {file}: .*mend {file}"):
        asked_by(write({file: text}))


@pytest.mark.parametrize(
    "text",
    [
        "[tool]\npoetry = 3\n",
        "[tool.poetry]\nname = 3\ndependencies = ['a']\nextras = 3\n",
        "[tool.poetry.extras]\ntest = 3\n[tool.poetry.group]\ndev = 3\n",
        "[tool.poetry.group.dev]\ninclude-groups = ['dev', 'gone', 3]\n",
        "[tool.uv]\ndev-dependencies = 'a'\nsources = 3\n[tool.pdm]\ndev-dependencies = []\n",
        "[project]\ndynamic = 'dependencies'\noptional-dependencies = []\n[tool.setuptools]\ndynamic = 3\n",
    ],
)
def test_what_is_no_table_asks_for_nothing(write: Write, text: str) -> None:
    """Nonsense of this kind is the business of the tool it is for."""
    assert asked_by(write({"pyproject.toml": text})).asked == ()


# --- what the tests are configured for --------------------------------------------------------------------------------

_IN_DEV = "[dependency-groups]\ndev = ['black', 'pytest-cov', 'pytest-xdist', 'pytest-asyncio', 'pytest-django', 'pytest-timeout', 'syrupy']\n"


@pytest.mark.parametrize(
    ("files", "needed"),
    [
        ({"pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-ra --cov=shop --cov-report term -n auto'\n"}, "pytest-cov pytest-xdist"),
        ({"pyproject.toml": "[tool.pytest.ini_options]\naddopts = ['--numprocesses=2', '--snapshot-update']\n"}, "pytest-xdist syrupy"),
        ({"pyproject.toml": "[tool.pytest]\nasyncio_mode = 'auto'\n"}, "pytest-asyncio"),
        ({"pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE = shop.settings\naddopts =\n    -p no:cacheprovider\n    -n4\n"}, "pytest-django pytest-xdist"),
        ({"setup.cfg": "[tool:pytest]\nrequired_plugins = pytest-timeout>=2 pytest_cov\n"}, "pytest-cov pytest-timeout"),
        ({"tox.ini": "[pytest]\naddopts = -p xdist -p pytest_cov -pasyncio\n"}, "pytest-asyncio pytest-cov pytest-xdist"),
        ({"pytest.ini": "[pytest]\n", "tox.ini": "[pytest]\naddopts = --cov\n"}, ""),
        ({"pytest.ini": "[pytest]\naddopts = -p no:xdist --color=yes -k 'n --cov' -m nightly -no\n"}, ""),
        ({"pytest.ini": "[pytest]\naddopts = 'open\n", "tox.ini": "[pytest\n"}, ""),
    ],
)  # fmt: skip
def test_plugins_that_the_tests_are_configured_for_are_no_mere_tools_of_development(
    write: Write, files: dict[str, str], needed: str
) -> None:
    """Where only the group ``dev`` asks for them they are asked for all the same, and the rest of it stays what it is."""
    manifest = _IN_DEV + files.get("pyproject.toml", "")
    found = asked_by(write({**files, "pyproject.toml": manifest}))
    assert sorted(_needed(found)) == needed.split()
    assert "black" in _spare(found)
    assert found.missing == ()


def test_a_plugin_is_not_missing_in_its_own_tree(write: Write) -> None:
    """Whose tests are configured for it."""
    text = "[project]\nname = 'pytest.asyncio'\n[tool.pytest.ini_options]\nasyncio_mode = 'auto'\n"
    assert asked_by(write({"pyproject.toml": text})).missing == ()


def test_such_a_plugin_is_found_in_whatever_group_it_stands(write: Write) -> None:
    """Alone, without what else is there; what stands nowhere is missing."""
    text = "[tool.pytest.ini_options]\naddopts = '--cov -n 2'\n[tool.poetry.group.ci.dependencies]\npytest-cov = '^5'\nbuild = '*'\n"
    found = asked_by(write({"pyproject.toml": text}))
    assert _needed(found) == {"pytest-cov<6,>=5": "pyproject.toml:4"}
    (missing,) = found.missing
    assert (missing.package, missing.where, missing.why) == ("pytest-xdist", "pyproject.toml", "-n")
