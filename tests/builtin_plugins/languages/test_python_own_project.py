"""A tree's own project is there as if it were installed: its version, its entry points, its commands; nothing of it is built, and none of it steers tests."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_dispatcher_builtins.languages.python.declared import asked_by
from agent_dispatcher_builtins.languages.python.language import Python
from agent_dispatcher_builtins.languages.python.options import PythonOptions

Write = Callable[..., Path]
_POINTS = {"console_scripts": {"greet": "shop.front:main"}, "shop.plugins": {"a": "shop.front"}}
_CODE = """\
from importlib.metadata import entry_points, version

__version__ = version("Shop.Front")
plugins = [each.name for each in entry_points(group="shop.plugins")]


def main():
    print(__version__, plugins)
"""


@pytest.mark.parametrize(
    "files",
    [
        {
            "pyproject.toml": "[project]\nname = 'Shop.Front'\nversion = '1.0'\n[project.scripts]\ngreet = 'shop.front:main'\n"
            "[project.entry-points.'shop.plugins']\na = 'shop.front'\n[project.entry-points.pytest11]\nb = 'shop.front'\n"
        },
        {
            "pyproject.toml": "[tool.poetry]\nname = 'shop-front'\nversion = '1.0'\n[tool.poetry.scripts]\ngreet = 'shop.front:main'\n"
            "odd = {reference = 'bin/odd', type = 'file'}\n[tool.poetry.plugins.'shop.plugins']\na = 'shop.front'\n"
        },
        {
            "setup.cfg": "[metadata]\nname = shop_front\nversion = 1.0\n[options.entry_points]\nconsole_scripts =\n    greet = shop.front:main\n"
            "shop.plugins =\n    a = shop.front\npytest11 =\n    b = shop.front\n",
            "setup.py": "import setuptools\nsetuptools.setup()\n",
        },
        {
            "setup.py": "import setuptools\nNAME = 'shop-front'\nsetuptools.setup(name=NAME, version='1.0', entry_points={"
            "'console_scripts': ['greet = shop.front:main'], 'shop.plugins': 'a=shop.front', 'pytest11': ['b = shop.front']})\n"
        },
    ],
)  # fmt: skip
def test_every_manifest_says_what_the_project_is(write: Write, files: dict[str, str]) -> None:
    """Its name, version and entry points; those for pytest are left out."""
    found = asked_by(write(files))
    assert found.project is not None
    assert (found.project.name, found.project.version, found.project.entry_points) == ("shop-front", "1.0", _POINTS)
    said = "the project's own plugins of pytest are not loaded by themselves"
    assert [note.partition(":")[0] for note in found.notes] == ([said] if "pytest11" in str(files) else [])


def test_a_project_is_there_as_if_it_were_installed(write: Write, tmp_path: Path) -> None:
    """Code and commands ask for its version and find its plugins; another version is another project."""
    manifest = (
        "[project]\nname = 'shop-front'\nversion = '{}'\n[project.scripts]\ngreet = 'shop.front:main'\npython = 'shop.front:main'\n"
        "[project.entry-points.'shop.plugins']\na = 'shop.front'\n"
    )
    tree = write({"pyproject.toml": manifest.format("1.0"), "shop/front.py": _CODE})
    language = Python(PythonOptions(), tmp_path / "cache")
    digests = set()
    for version in ("1.0", "1.1"):
        write({"pyproject.toml": manifest.format(version)})
        environment = asyncio.run(language.environment(tree))
        done = subprocess.run(["greet"], env=environment.env, capture_output=True, text=True, check=True)
        assert done.stdout == f"{version} ['a']\n"
        own = subprocess.run(["python", "-c", "print(1)"], env=environment.env, capture_output=True, check=True)
        assert own.stdout == b"1\n"
        folders = [Path(each) for each in environment.env["PYTHONPATH"].split(":")[1:]]
        assert folders
        assert set(folders) < set(environment.read_only)
        digests.add(environment.digest)
    assert len(digests) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[project]\nname = 'x'\ndynamic = ['version']\n", ("x", "0+unknown", {})),
        ("[project]\nname = 'x'\nversion = 'newest'\n", ("x", "0+unknown", {})),
        ("[project]\nname = 'x'\nversion = '1.0-rc1'\n[project.scripts]\n'../a' = 'x:a'\n'b c' = 'x:b; d'\n'e' = \"x\\n[y]\"\n", ("x", "1.0rc1", {})),
        ("[project]\nname = 'x'\n[project.entry-points]\n\"g]\" = {a = 'x:a'}\nh = {\"b\\n[c]\" = 'x', d = 3}\n", ("x", "0+unknown", {})),
    ],
)  # fmt: skip
def test_what_is_no_version_and_no_entry_point_is_left_out(
    write: Write, text: str, expected: tuple[object, ...]
) -> None:
    """A version that is worked out is not known; nothing else is written anywhere."""
    project = asked_by(write({"pyproject.toml": text})).project
    assert project is not None
    assert (project.name, project.version, project.entry_points) == expected


@pytest.mark.parametrize("text", ["", "[project]\nname = '../x'\n", "[tool.poetry]\nversion = '1'\n", "[project]\n"])
def test_a_tree_without_a_name_is_no_project(write: Write, text: str) -> None:
    """Nor is one with a name that is none."""
    assert asked_by(write({"pyproject.toml": text})).project is None
