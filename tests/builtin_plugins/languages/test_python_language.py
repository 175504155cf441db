"""The language ``python``: files are read and never imported; what is missing is named."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from agent_dispatcher.errors import Unavailable
from agent_dispatcher.models import ArtifactRef
from agent_dispatcher_builtins.languages.python.language import Python


def _missing(tree: Path, *names: str) -> tuple[str, ...]:
    return Python().missing_symbols(tree, [ArtifactRef(type="symbol", name=name) for name in names])


def _write(tree: Path, **files: str) -> None:
    for name, text in files.items():
        path = tree / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_defined_names_are_found(tmp_path: Path) -> None:
    """Definitions, assignments, imports and methods count, in modules and packages, also under conditions."""
    _write(
        tmp_path,
        src__lib__a="class A:\n    x = 1\n    def m(self): ...\ntry:\n    import json as j\nexcept ImportError:\n    j = None\n"
        "if True:\n    async def f(): ...\nB: int = 2\nc, (d, e) = 1, (2, 3)\n",
        flat="from os import path\n",
    )
    (tmp_path / "src/lib/__init__.py").write_text("from .a import *\nfrom .a import A as Again\n")
    names = [
        "lib.a:A",
        "lib.a:A.m",
        "lib.a:A.x",
        "lib.a:j",
        "lib.a:f",
        "lib.a:B",
        "lib.a:e",
        "flat:path",
        "lib:A",
        "lib:Again",
        "lib:",
    ]
    assert _missing(tmp_path, *names) == ()


def test_missing_names_are_named_in_order(tmp_path: Path) -> None:
    """What is only mentioned, annotated, commented or defined inside a function is not there."""
    _write(
        tmp_path,
        src__lib__a="N: int\n# class C: ...\n'class D: ...'\ndef f():\n    class E: ...\nx.F = 1\n",
        src__lib__bad="(",
    )
    names = ["lib.a:N", "lib.a:C", "lib.a:D", "lib.a:E", "lib.a:f.g", "lib.bad:X", "lib.gone:X"]
    assert _missing(tmp_path, *names) == tuple(names)
    assert Python().missing_symbols(tmp_path, [ArtifactRef(type="path", name="gone")]) == ()


def test_what_is_never_bound_to_anything_is_not_there(tmp_path: Path) -> None:
    """Nothing, what is never run, what is deleted again, and what is imported from where it is not."""
    _write(
        tmp_path,
        src__lib__a="f = None\ng = ...\nif False:\n    def h(): return 1\ndef i(): return 1\ndel i\nfrom nowhere import j\nfrom .gone import k\n"
        "from lib.b import l\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from lib.b import N as m\nfrom lib import gone\n",
        src__lib__b="N = 1\n",
    )
    names = [f"lib.a:{name}" for name in (*"fghijklm", "gone")]
    assert _missing(tmp_path, *names) == tuple(names)


def test_none_may_be_what_is_promised(tmp_path: Path) -> None:
    """Where its type says so, and where a function of the module gives it something; and packages may have another name than what is asked for."""
    _write(
        tmp_path,
        a="T: int | None = None\napp = None\nnever = None\nkind: int = None\ndef make():\n    global app, never\n    app = 1\n"
        "from bs4 import BeautifulSoup\nfrom PIL import Image\nfrom cv2 import imread\n",
    )
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["beautifulsoup4", "Pillow>=10"]\n')
    names = [f"a:{name}" for name in ("T", "app", "BeautifulSoup", "Image", "never", "kind", "imread")]
    assert _missing(tmp_path, *names) == ("a:never", "a:kind", "a:imread")


def test_what_is_bound_in_other_ways_is_there(tmp_path: Path) -> None:
    """Attributes of objects, members of bases in other files, loops, a module's own ``__getattr__``, and what the project asks for."""
    _write(
        tmp_path,
        src__lib__a="from .b import Base\nfrom . import b\nfrom os.path import *\nfrom attrs import define\nclass C(Base):\n    y: int\n"
        "    def __init__(self): self.x = 1\nfor n in (1,): pass\ntry:\n    import quick as q\nexcept ImportError:\n    q = dict\n",
        src__lib__b="class Base:\n    def run(self): return 1\n",
        src__lib__c="def __getattr__(name): return 1\n",
    )
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["attrs>=25"]\n')
    names = ["C.x", "C.y", "C.run", "Base.run", "b", "join", "define", "n", "q"]
    assert _missing(tmp_path, *(f"lib.a:{name}" for name in names), "lib.c:anything") == ()
    assert _missing(tmp_path, "lib.a:C.gone", "lib.a:Base.gone") == ("lib.a:C.gone", "lib.a:Base.gone")


def test_star_imports_in_a_circle_end(tmp_path: Path) -> None:
    """Two modules that import all of each other are looked through once."""
    _write(tmp_path, a="from b import *\n", b="from a import *\nX = 1\n")
    assert _missing(tmp_path, "a:X", "a:Y") == ("a:Y",)


def test_nothing_is_imported(tmp_path: Path) -> None:
    """Looking for symbols and asking for the environment runs no line of the work (B4)."""
    canary = tmp_path / "canary"
    bomb = f"open({str(canary)!r}, 'w')\nX = 1\n"
    for name in ("src/lib/__init__.py", "conftest.py", "sitecustomize.py", "src/pytest.py", "src/sitecustomize.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(bomb)
    assert _missing(tmp_path, "lib:X") == ()
    asyncio.run(Python().environment(tmp_path))
    subprocess.run(Python().compile_command(["src/lib/__init__.py", "conftest.py"]), cwd=tmp_path, check=True)
    assert not canary.exists()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/test_a.py", True),
        ("a_test.py", True),
        ("test_a.txt", False),
        ("tests/conftest.py", False),
        ("src/latest.py", False),
    ],
)
def test_tests_are_known_by_name(path: str, expected: bool) -> None:
    """``test_*.py`` and ``*_test.py`` hold tests."""
    assert Python().is_test(path) is expected


def test_the_compile_command_names_every_fault_with_its_line(tmp_path: Path) -> None:
    """Faults of any kind are a line each; nothing is written beside the files."""
    (tmp_path / "good.py").write_text("x = 1\n")
    (tmp_path / "bad.py").write_text("x = 1\ny = (\n")
    (tmp_path / "null.py").write_bytes(b"x\0")
    command = Python().compile_command(["good.py", "bad.py", "null.py", "gone.py"])
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert [line.split(":")[:2] for line in done.stdout.splitlines()] == [
        ["bad.py", "2"],
        ["null.py", "1"],
        ["gone.py", "1"],
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.py", "good.py", "null.py"]
    assert subprocess.run(Python().compile_command(["good.py"]), cwd=tmp_path, check=False).returncode == 0


def test_a_file_named_like_a_tool_is_not_taken_for_it(tmp_path: Path) -> None:
    """``src/pytest.py`` and ``src/coverage.py`` of the work do not run the tests."""
    for name in ("src/pytest.py", "src/coverage.py", "pytest.py", "src/json.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("raise SystemExit(0)\n")
    (tmp_path / "test_red.py").write_text("def test_red():\n    assert False\n")
    environment = asyncio.run(Python().environment(tmp_path))
    command = Python().test_command([], results=str(tmp_path / "r.xml"), coverage=str(tmp_path / "c.json"))
    done = subprocess.run(command, cwd=tmp_path, env=environment.env, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert 'failures="1"' in (tmp_path / "r.xml").read_text()


def test_the_environment_is_that_of_the_dispatcher(tmp_path: Path) -> None:
    """Its folders hold the interpreter, its variables lead to ``src``, and the digest is stable."""
    environment = asyncio.run(Python().environment(tmp_path))
    assert all(path.is_absolute() for path in environment.read_only)
    assert any(Path(sys.executable).is_relative_to(path) for path in (*environment.read_only, Path("/usr")))
    assert environment.env["PYTHONPATH"].split(":")[0] == str(tmp_path / "src")
    assert environment.env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] == "1"
    assert environment.digest == asyncio.run(Python().environment(tmp_path)).digest


@pytest.mark.parametrize("text", ["[project", "project = [", "x" * 2_000_000, "[project]\ndependencies = 'text'\n"])
def test_a_broken_manifest_ends_in_a_message(tmp_path: Path, text: str) -> None:
    """Whatever the manifest holds, it is read as data: refused with a message, or nothing is asked for."""
    (tmp_path / "pyproject.toml").write_text(text)
    if "dependencies" in text:
        assert asyncio.run(Python().environment(tmp_path)).env
    else:
        with pytest.raises(Unavailable, match=r"dependencies cannot be read"):
            asyncio.run(Python().environment(tmp_path))


def test_a_missing_tool_is_named_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pytest the message says what to install."""
    real = metadata.distribution

    def distribution(name: str) -> metadata.Distribution:
        if name == "pytest":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "distribution", distribution)
    with pytest.raises(Unavailable, match=r"pytest not installed.*agent-dispatcher\[python\]"):
        asyncio.run(Python().environment(tmp_path))
