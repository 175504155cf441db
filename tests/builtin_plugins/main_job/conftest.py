"""The command line as a user has it, and the main job run once for all who look at its result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "docs" / "examples"

#: Two entities and two operations: small enough to be run often.
SMALL = """\
format: agent-dispatcher/specification
version: 1
title: Shelf
package: shelf
requirements:
  - {id: R1, text: A shelf holds boxes up to a weight., priority: high}
  - {id: R2, text: A box can be made heavier.}
entities:
  Box:
    requirements: [R1]
    fields:
      label: {type: text, required: true, unique: true, min_length: 1, max_length: 20}
      weight: {type: integer, required: true, minimum: 0, maximum: 100}
operations:
  place:
    requirements: [R1]
    inputs:
      label: {type: text, required: true}
      weight: {type: integer, required: true}
    requires:
      - error: shelf_full
        that: count(Box as b) < 3
    changes:
      - create: Box
        as: box
        with: {label: label, weight: weight}
    returns: box
  load:
    requirements: [R2]
    inputs:
      box: {type: Box, required: true}
      extra: {type: integer, required: true, minimum: 1}
    changes:
      - set: box
        with: {weight: box.weight + extra}
    returns: box
examples:
  - name: A box is made heavier
    requirements: [R2]
    given:
      Box red: {label: red, weight: 10}
    call: load
    with: {box: red, extra: 5}
    result: {weight: 15}
"""


@frozen
class Ended:
    """A command that ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """What ``--json`` printed."""
        return json.loads(self.stdout)


Dispatch = Callable[..., Ended]


def call(
    *arguments: str | Path,
    home: Path,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    mounts: str = "",
) -> Ended:
    """``agent-dispatcher ARGUMENTS`` in a process of its own, as a user with an empty home.

    ``mounts`` is a shell command run first in a mount namespace of the process's own: the way to take a tool or disk space away for real.
    """
    command = [sys.executable, "-m", "agent_dispatcher", *map(str, arguments)]
    if mounts:
        command = ["unshare", "--map-root-user", "--mount", "sh", "-ec", f'{mounts}; exec "$@"', "sh", *command]
    done = subprocess.run(
        command,
        cwd=cwd or home,
        env={
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            **(
                {"COVERAGE_PROCESS_START": os.environ["COVERAGE_PROCESS_START"]}
                if "COVERAGE_PROCESS_START" in os.environ
                else {}
            ),
            **(env or {}),
        },
        capture_output=True,
        text=True,
        timeout=280,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def dispatch(tmp_path: Path) -> Dispatch:
    """:func:`call` with a home of this test's own."""
    home = tmp_path / "home"
    home.mkdir()

    def run(
        *arguments: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None, mounts: str = ""
    ) -> Ended:
        return call(*arguments, home=home, cwd=cwd or tmp_path, env=env, mounts=mounts)

    return run


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A small specification that can be carried out offline."""
    path = tmp_path / "shelf.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


@frozen
class Job:
    """An example that was carried out once for all tests."""

    specification: Path
    output: Path
    ended: Ended

    @property
    def result(self) -> Any:
        return self.ended.document


def carried_out(name: str, folder: Path) -> Job:
    home = folder / "home"
    home.mkdir()
    output = folder / name
    ended = call("run", EXAMPLES / name, "--output", output, "--json", home=home)
    return Job(EXAMPLES / name, output, ended)


def example_names() -> list[str]:
    """The examples in the documentation."""
    return sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())


@pytest.fixture(scope="session", params=example_names())
def job(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Each example of the documentation, carried out."""
    return carried_out(request.param, tmp_path_factory.mktemp("job"))
