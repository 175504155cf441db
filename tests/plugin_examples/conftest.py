"""A fresh virtual environment that holds the built wheel and what its users install beside it; nothing of this checkout can be imported there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "plugin_examples"


@frozen
class Ended:
    """A command that ended."""

    code: int
    out: str
    err: str

    def document(self) -> Any:
        """What it printed, as JSON."""
        assert self.code == 0, self.out + self.err
        return json.loads(self.out)


@frozen
class Environment:
    """The virtual environment, and a home that nobody configured."""

    bin: Path
    home: Path

    def run(self, *arguments: str | Path, cwd: Path) -> Ended:
        """A command of the environment (``python``, ``pip``, ``agent-dispatcher``), which is found in no other place."""
        kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
        pip = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "REQUESTS_"))}
        folders = {f"XDG_{kind}_HOME": str(self.home / kind) for kind in ("CONFIG", "STATE", "CACHE", "DATA")}
        done = subprocess.run(
            [str(self.bin / str(arguments[0])), *map(str, arguments[1:])],
            cwd=cwd,
            env={
                **kept,
                **pip,
                **folders,
                "HOME": str(self.home),
                "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
            timeout=280,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def pip(self, *arguments: str | Path) -> None:
        """Install or uninstall, without looking anything up."""
        done = self.run("python", "-m", "pip", "-q", "--disable-pip-version-check", *arguments, cwd=self.home)
        assert done.code == 0, done.out + done.err

    @contextmanager
    def installed(self, *projects: str | Path) -> Iterator[None]:
        """Have those projects (names of examples, or folders) installed for a while."""
        names = [project if isinstance(project, str) else project.name for project in projects]
        self.pip("install", "--no-deps", "--no-build-isolation", *(EXAMPLES / project for project in projects))
        try:
            yield
        finally:
            self.pip("uninstall", "-y", *names)


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel of this checkout in an environment of its own."""
    folder = tmp_path_factory.mktemp("environment")
    made = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, ROOT],
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=True)
    (folder / "home").mkdir()
    found = Environment(folder / "venv" / "bin", folder / "home")
    done = found.run("python", "-m", "pip", "install", "-q", f"{wheel}[python]", "hatchling>=1.27,<2", cwd=folder)
    if "No matching distribution found" in done.err or "Failed to establish a new connection" in done.err:
        pytest.skip(f"the wheel's dependencies cannot be had here: {done.err.strip().splitlines()[-1]}")
    assert done.code == 0, done.out + done.err
    return found


@pytest.fixture
def dispatch(environment: Environment, tmp_path: Path) -> Callable[..., Ended]:
    """Run ``agent-dispatcher`` of the environment in ``tmp_path``."""
    return lambda *arguments: environment.run("agent-dispatcher", *arguments, cwd=tmp_path)
