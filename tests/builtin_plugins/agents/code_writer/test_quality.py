"""Generated code is what a careful engineer would hand in: formatted, linted, typed, installable, the same every time."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from agent_dispatcher.models import Specification
from agent_dispatcher_builtins.agents.code_writer import modules, operations, wrap
from agent_dispatcher_builtins.agents.code_writer.generator import generate

from .conftest import EXAMPLES, write

CASES = ["library", "maintenance", "shop"]


def _run(folder: Path, *argv: str) -> str:
    done = subprocess.run([sys.executable, "-m", *argv], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(params=CASES)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A generated package on disk."""
    source: Specification = request.getfixturevalue(request.param)
    write(tmp_path, generate(source))
    return tmp_path


def test_code_is_formatted_and_linted(folder: Path) -> None:
    """ruff finds nothing to change, with rules that go beyond its defaults."""
    pytest.importorskip("ruff")
    _run(folder, "ruff", "format", "--check", ".")
    _run(folder, "ruff", "check", "--select", "E4,E7,E9,F,I,B,UP,SIM,RUF022", ".")


def test_code_passes_the_strict_type_checker(folder: Path) -> None:
    """mypy --strict is content with every module."""
    pytest.importorskip("mypy")
    _run(folder, "mypy", "--strict", f"--cache-dir={os.devnull}", ".")


@pytest.mark.parametrize("case", CASES)
def test_same_specification_gives_the_same_bytes(case: str, request: pytest.FixtureRequest) -> None:
    """Nothing depends on the process, on hashing or on what was generated before."""
    source: Specification = request.getfixturevalue(case)
    assert generate(source) == generate(source)
    whole = generate(source)
    assert {path: generate(source, [path])[path] for path in whole} == whole


def test_long_statements_are_broken_as_ruff_breaks_them(
    library: Specification, maintenance: Specification, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code that ruff lays out from flat lines is the code that the generator lays out itself."""
    pytest.importorskip("ruff")
    for source in (library, maintenance):
        own = generate(source)
        with monkeypatch.context() as patch:
            patch.setattr(wrap, "WIDTH", 10**6)
            patch.setattr(modules, "WIDTH", 10**6)
            # Aggregates of long guards get a name in both.
            assert operations.WIDTH == 100
            flat = generate(source)
        assert flat != own
        for path, content in flat.items():
            if path.endswith(".py"):
                argv = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "100", "-"]
                done = subprocess.run(argv, input=content, capture_output=True, text=True, check=True)
                assert own[path] == done.stdout, path


def test_package_builds_without_a_network(library: Specification, tmp_path: Path) -> None:
    """A wheel holds the package, its marker of types and its command, and nothing else."""
    pytest.importorskip("hatchling")
    write(tmp_path, generate(library))
    _run(tmp_path, "hatchling", "build", "-t", "wheel")
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith("/METADATA"))).decode()
        scripts = archive.read(next(name for name in names if name.endswith("/entry_points.txt"))).decode()
    assert {name.split("/")[0] for name in names} == {"lending_library", "lending_library-0.1.0.dist-info"}
    assert "lending_library/py.typed" in names
    assert "lending-library = lending_library.cli:main" in scripts
    assert "Provides-Extra: test" in metadata
    assert "Requires-Dist: click" in metadata


def test_metadata_mentions_only_what_will_be_there(library: Specification) -> None:
    """Without a README and tests among the promised files, neither the readme nor the extra is declared."""
    full = generate(library, ["pyproject.toml"])["pyproject.toml"]
    assert 'readme = "README.md"' in full
    assert "test = [" in full
    lean = generate(library, ["pyproject.toml"], promised=["pyproject.toml"])["pyproject.toml"]
    assert "README" not in lean
    assert "pytest" not in lean
    assert "pytest" not in generate(library, ["README.md"], promised=["README.md"])["README.md"]


def test_templates_name_no_domain(library: Specification, maintenance: Specification) -> None:
    """No entity or operation of the examples occurs in the generator's own files."""
    root = Path(modules.__file__).parent
    words = {
        name
        for source in (library, maintenance)
        if source.behaviour is not None
        for name in [*(e.name for e in source.behaviour.entities), *(o.name for o in source.behaviour.operations)]
        if "_" in name or name[0].isupper()
    }
    found = [
        (path.name, word)
        for path in [*root.rglob("*.py"), *root.rglob("*.jinja")]
        for word in sorted(words - {"Copy", "Part"})
        if f"{word}" in path.read_text(encoding="utf-8").replace("LoanItem", "")
    ]
    assert found == []


def test_documentation_shows_what_is_generated(library: Specification) -> None:
    """The function in the documentation is the one that the lending library gets."""
    page = (EXAMPLES.parent / "generated-code.md").read_text(encoding="utf-8")
    snippet = page.split("```py\n")[1].split("```")[0]
    assert snippet in generate(library)["src/lending_library/operations/hold.py"]
