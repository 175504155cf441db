"""``plugins new``: every project it makes can be installed, passes its tests and the type checker, and is listed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent_dispatcher.cli.plugins import new_command, plugins
from agent_dispatcher.cli.plugins_new import _KINDS, KINDS, new_project
from agent_dispatcher.errors import UsageError
from agent_dispatcher.extension.hookspecs import OFFERS

ROOT = Path(__file__).parents[3]
#: What the suites must have shown of each kind, so that a green run is not an empty one.
LEAST_TESTS = 2
MALFORMED = (
    "",
    "Shelf",
    "shelf_one",
    "1-shelf",
    "-shelf",
    "shelf-",
    "a--b",
    "../shelf",
    "a/x",
    'x"y',
    "x\n",
    "é",
    "x" * 51,
)
TAKEN = ("json", "list", "class", "match", "agent-dispatcher", "tests", "conftest")


def test_every_kind_can_be_made() -> None:
    """All kinds that hooks offer, and the three sorts of hooks without a component; the help names each."""
    assert set(KINDS) == {kind.replace("_", "-") for kind in OFFERS.values()} | {"command", "policy", "observer"}
    help_text = CliRunner().invoke(new_command, ["--help"]).output
    assert [kind for kind in KINDS if kind not in help_text] == []


def test_the_page_lists_what_each_does() -> None:
    """The documentation says of every kind what its project does, in the words of the project's own README."""
    page = (ROOT / "docs" / "plugins-new.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", page, re.MULTILINE))
    assert rows == {kind: about.does for kind, about in _KINDS.items()}


def test_the_next_command_names_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pip takes a bare name for one in an index, where a stranger may have put something: the command to copy never has one."""
    monkeypatch.chdir(tmp_path)
    for output, folder in (((), "./shelf-one"), (("--output", str(tmp_path / "x")), str(tmp_path / "x" / "shelf-one"))):
        said = CliRunner().invoke(new_command, ["dependency-rule", "shelf-one", *output]).output
        assert f"pip install '{folder}[test]'\n  pytest {folder}\n" in said


@pytest.mark.parametrize("name", [*MALFORMED, *TAKEN])
def test_names_that_cannot_be_used(tmp_path: Path, name: str) -> None:
    """No name leaves the folder, hides a module, is a word of Python or breaks a template; nothing is written."""
    with pytest.raises(UsageError, match="cannot be called"):
        new_project("check", name, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    """A folder, file or dangling link with the project's name is an error and stays as it is."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").write_text("mine")
    (tmp_path / "three").symlink_to(tmp_path / "nowhere")
    for name in ("one", "two", "three"):
        with pytest.raises(UsageError, match="is there already"):
            new_project("check", name, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "three", "two"]
    assert (list((tmp_path / "one").iterdir()), (tmp_path / "two").read_text()) == ([], "mine")


def test_nothing_half_written_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When writing fails in the middle, nothing is there afterwards."""
    write = Path.write_text

    def fail_at_hooks(path: Path, *arguments: str, **options: str) -> int:
        if path.name == "hooks.py":
            raise OSError(28, "No space left on device", str(path))
        return write(path, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", fail_at_hooks)
    with pytest.raises(OSError, match="No space left"):
        new_project("check", "shelf", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_comes_next(tmp_path: Path) -> None:
    """It names the folder and the next steps; an unknown kind gets the ones that are close."""
    done = CliRunner().invoke(plugins, ["new", "dependency_rule", "shelf-first", "--output", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"made {tmp_path}/shelf-first\n")
    assert (tmp_path / "shelf-first" / "src" / "shelf_first" / "py.typed").is_file()
    wrong = CliRunner().invoke(plugins, ["new", "stores", "shelf", "--output", str(tmp_path)])
    assert wrong.exit_code == 2
    assert "did you mean 'store'" in wrong.output


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A project of every kind, and the interpreter of a fresh environment into which the wheel and all of them are installed."""
    from hatchling.builders.wheel import WheelBuilder

    folder = tmp_path_factory.mktemp("new")
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    base = str(folder / "venv")
    site = Path(sysconfig.get_path("purelib", "venv", {"base": base, "platbase": base}))
    (site / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    made = [str(new_project(kind, f"my-{kind}", folder / "made")) for kind in KINDS]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(site), wheel, *made], check=True)
    return folder / "made", folder / "venv" / "bin" / "python"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_its_own_tests_pass(projects: tuple[Path, Path], kind: str) -> None:
    """The tests of a new project pass against the installed packages."""
    folder, python = projects
    results = folder / f"{kind}.xml"
    command = [str(python), "-I", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={results}"]
    done = subprocess.run(command, cwd=folder / f"my-{kind}", capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert results.read_text(encoding="utf-8").count("<testcase ") >= LEAST_TESTS


@pytest.mark.slow
def test_the_type_checker_finds_nothing(projects: tuple[Path, Path], tmp_path: Path) -> None:
    """``mypy --strict`` over source and tests of all projects at once."""
    folder, python = projects
    sources = sorted(str(path) for path in folder.glob("*/src/*"))
    tests = sorted(str(path) for path in folder.glob("*/tests/*.py"))
    options = ["--strict", "--config-file", "", "--python-executable", str(python), "--cache-dir", str(tmp_path)]
    done = subprocess.run([sys.executable, "-m", "mypy", *options, *sources, *tests], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ruff") is None, reason="ruff is not installed")
def test_the_linter_finds_nothing(projects: tuple[Path, Path], tmp_path: Path) -> None:
    """ruff has nothing against any project, by the rules each of them sets, whatever it is called."""
    for name in ("a", "zz-" + "long-" * 8 + "name"):
        for kind in KINDS:
            new_project(kind, name, tmp_path / kind)
    for folder in (projects[0], tmp_path):
        command = [sys.executable, "-m", "ruff", "check", "--no-cache", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_all_are_listed_and_well(projects: tuple[Path, Path], tmp_path: Path) -> None:
    """``plugins list`` shows each; ``plugins doctor`` loads each and finds nothing wrong with it."""
    _, python = projects
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}

    def said(*arguments: str) -> dict[str, dict[str, Any]]:
        command = [str(python), "-I", "-m", "agent_dispatcher", "plugins", *arguments, "--json"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        return {each["name"]: each for each in json.loads(done.stdout)["plugins"]}

    listed = said("list")
    assert {f"my-{kind}" for kind in KINDS} <= set(listed)
    examined = said("doctor", "--timeout", "120")
    assert {f"my-{kind}": examined[f"my-{kind}"]["problems"] for kind in KINDS} == {f"my-{kind}": [] for kind in KINDS}
    offered = {each["kind"] for kind in KINDS for each in examined[f"my-{kind}"]["components"]}
    assert offered == set(OFFERS.values())
