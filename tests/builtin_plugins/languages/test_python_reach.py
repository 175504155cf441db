"""Whether tests could notice an added file: in doubt they could."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent_dispatcher_builtins.languages.python import reach as reach_module
from agent_dispatcher_builtins.languages.python.reach import reaches_tests

THERE = {
    "pyproject.toml": '[project]\nname = "lib"\n',
    "src/lib/__init__.py": "",
    "src/lib/old.py": "def old(x):\n    return x + 1\n",
    "tests/test_old.py": "from lib.old import old\n\n\ndef test_old():\n    assert old(1) == 2\n",
    "README.md": "lib knows extra, too\n",
}


def reach(folder: Path, *added: str) -> str:
    """In a tree that has ``THERE``."""
    for path, text in {**THERE, **dict.fromkeys(added, "X = 1\n")}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return reaches_tests(added, folder)


@pytest.mark.parametrize(
    "path", ["src/lib/extra.py", "src/lib/extra.pyi", "docs/extra.md", "LICENSE", "src/lib/data/extra.bin"]
)
def test_what_nothing_names_is_out_of_reach(tmp_path: Path, path: str) -> None:
    """A module of a package that is there, or a document, that no code names."""
    assert reach(tmp_path, path) == ""


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("conftest.py", "what it is called"),
        ("src/lib/conftest.py", "what it is called"),
        ("pytest.ini", "what it is called"),
        ("src/sitecustomize.py", "what it is called"),
        ("src/lib/sub/__init__.py", "what it is called"),
        (".coveragerc", "what it is called"),
        ("src/lib/fast.so", "loaded wherever"),
        ("tests/test_extra.py", "other tests"),
        ("tests/helpers.py", "other tests"),
        ("src/random.py", "hides another module"),
        ("src/new/thing.py", "hides another module"),
        ("src/lib/sub.py", "hides a folder"),
    ],
)
def test_what_is_noticed_for_its_name_or_place(tmp_path: Path, path: str, why: str) -> None:
    """Configuration, packages, tests, and modules that could stand in for others."""
    (tmp_path / "src/lib/sub").mkdir(parents=True)
    (tmp_path / "src/lib/sub/data.csv").write_text("")
    assert why in reach(tmp_path, path)


@pytest.mark.parametrize(
    ("path", "other", "why"),
    [
        ("src/lib/extra.py", "try:\n    from lib import extra\nexcept ImportError:\n    extra = None\n", "names src/lib/extra.py"),
        ("src/lib/extra.py", "MODULES = ['extra']\n", "names src/lib/extra.py"),
        ("src/lib/extra.py", "import pkgutil\n", "come upon"),
        ("src/lib/extra.py", "from importlib import import_module\n", "come upon"),
        ("docs/extra.md", "PAGES = sorted(DOCS.rglob('*'))\n", "come upon"),
        ("docs/extra.md", "for name in NAMES:\n    (DOCS / f'{name}.md').read_text()\n", "make up the name"),
        ("docs/extra.md", "import subprocess\n", "come upon"),
        ("src/lib/extra.py", "\udcff", "cannot be read"),
    ],
)  # fmt: skip
def test_what_other_files_may_notice(tmp_path: Path, path: str, other: str, why: str) -> None:
    """Whoever names a file, lists files or makes up their names could find it."""
    (tmp_path / "src/lib").mkdir(parents=True)
    (tmp_path / "src/lib/other.py").write_bytes(other.encode("utf-8", "surrogateescape"))
    assert why in reach(tmp_path, path)


def test_configuration_that_collects_more_than_tests(tmp_path: Path) -> None:
    """Doctests and other names of tests make any module one."""
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --doctest-modules\n")
    assert "pytest.ini may come upon" in reach(tmp_path, "src/lib/extra.py")


def test_a_text_is_looked_through_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the next landing nearly all files are as they were: only what changed is searched again, and its change is noticed."""
    pattern, searched = reach_module._FINDS, list[str]()

    class Counting:
        def search(self, text: str) -> re.Match[str] | None:
            searched.append(text)
            return pattern.search(text)

    monkeypatch.setattr(reach_module, "_FINDS", Counting())
    monkeypatch.setattr(reach_module, "_remembered", {})
    assert reach(tmp_path, "src/lib/extra.py") == ""
    first = len(searched)
    (tmp_path / "src/lib/other.py").write_text("X = 1\n")
    assert first == 4 and reach(tmp_path, "src/lib/more.py") == "" and len(searched) == first + 1
    (tmp_path / "src/lib/other.py").write_text("import glob\n")
    assert "come upon" in reach(tmp_path, "src/lib/last.py")
