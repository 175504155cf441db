"""What type checkers say about a third party's plugin: mistakes are found where they are, and a correct plugin is left alone."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent_dispatcher.config import load_config
from agent_dispatcher.extension.registry import Registry

PLUGINS = Path(__file__).parent / "plugins"

#: (name of the file, line)
Finding = tuple[str, int]


def marked() -> set[Finding]:
    """The lines of the plugins that say ``# finding``."""
    return {
        (path.name, number)
        for path in PLUGINS.glob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line.endswith("# finding")
    }


def pyright(folder: Path) -> list[str]:
    """The command of pyright: the installed one, else one that npm installs into ``folder``."""
    found = shutil.which("pyright")
    if found:
        return [found]
    npm = shutil.which("npm")
    if not npm:
        pytest.skip("neither pyright nor npm is installed")
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), "pyright"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        pytest.skip("npm could not install pyright within 120 seconds")
    if done.returncode:
        pytest.skip(f"npm could not install pyright: {done.stderr[-300:]}")
    return [str(folder / "node_modules" / ".bin" / "pyright")]


def test_every_sort_of_mistake_is_tried() -> None:
    """The plugins that are checked hold each sort of mistake, and one of them holds none."""
    files = {path.name for path in PLUGINS.glob("*.py")}
    assert files == {"right.py", "wrong_kind.py", "wrong_argument.py", "misspelt_hook.py", "missing_method.py"}
    assert {name for name, _ in marked()} == files - {"right.py"}


def test_the_correct_plugin_works() -> None:
    """A class that inherits the hooks' specifications offers what it overrides, and nothing for the rest."""
    spec = importlib.util.spec_from_file_location("right_plugin", PLUGINS / "right.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    registry = Registry(load_config(use_files=False), plugins=[("right", module.plugin)], discover=False)
    assert [(plugin.status, plugin.reason) for plugin in registry.plugins()] == [("loaded", "")]
    assert registry.names("reporter", ["count"]) == ["count"]
    assert registry.names("dependency_rule", None) == ["names"]
    assert registry.names("store", None) == []


@pytest.mark.slow
def test_mypy_finds_the_mistakes_and_nothing_else(installed_python: Path, tmp_path: Path) -> None:
    """``mypy --strict`` against the installed wheel reports exactly the marked lines."""
    options = ["--strict", "--python-executable", str(installed_python), "--cache-dir", str(tmp_path / "cache")]
    command = [sys.executable, "-m", "mypy", *options, "--config-file", "", *map(str, sorted(PLUGINS.glob("*.py")))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    found = re.findall(r"^(?:.*/)?(\w+\.py):(\d+): error: ", done.stdout, re.MULTILINE)
    assert {(name, int(line)) for name, line in found} == marked(), done.stdout + done.stderr


@pytest.mark.slow
def test_pyright_finds_the_mistakes_and_nothing_else(installed_python: Path, tmp_path: Path) -> None:
    """pyright's strict mode against the installed wheel reports exactly the marked lines."""
    command = pyright(tmp_path / "npm")
    shutil.copytree(PLUGINS, tmp_path / "plugins")
    project = {"include": ["plugins"], "typeCheckingMode": "strict"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(project), encoding="utf-8")
    done = subprocess.run(
        [*command, "--project", str(tmp_path), "--pythonpath", str(installed_python), "--outputjson"],
        capture_output=True,
        text=True,
    )
    said = json.loads(done.stdout)
    assert said["summary"]["filesAnalyzed"] == len(list(PLUGINS.glob("*.py")))
    found = {(Path(each["file"]).name, each["range"]["start"]["line"] + 1) for each in said["generalDiagnostics"]}
    assert found == marked(), done.stdout
