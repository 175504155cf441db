"""What tests of JavaScript and TypeScript stand on: the node of this machine, and trees of a few files."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_dispatcher.errors import Unavailable
from agent_dispatcher.runs.index import state_home
from agent_dispatcher_builtins.languages.javascript.language import JavaScript
from agent_dispatcher_builtins.languages.javascript.options import JavaScriptOptions


@pytest.fixture(scope="session")
def node() -> tuple[int, int]:
    """The version of node; tests are skipped without one, and fail where there is one that does not work."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed here")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"node is installed and does not work: {done.stderr}")
    major, minor = done.stdout.strip().removeprefix("v").split(".")[:2]
    if (int(major), int(minor)) < (20, 15):
        if os.environ.get("CI"):
            pytest.fail(f"node {major}.{minor} is too old: 20.15 or newer is asked for")
        pytest.skip(f"node {major}.{minor} is too old: 20.15 or newer is asked for")
    return int(major), int(minor)


@pytest.fixture(scope="session")
def typed(node: tuple[int, int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache from which runs take TypeScript: with what helps a node that does not run it, from the registry of this machine's npm."""
    cache = state_home() / "components"
    try:
        asyncio.run(JavaScript("typescript", JavaScriptOptions(), cache).environment(tmp_path_factory.mktemp("empty")))
    except Unavailable as error:
        pytest.skip(str(error))
    return cache


@pytest.fixture
def javascript(node: tuple[int, int], tmp_path: Path) -> JavaScript:
    """The language, with a cache of its own."""
    return JavaScript("javascript", JavaScriptOptions(), tmp_path / "cache")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Make a tree of files."""

    def tree(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / "tree" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / "tree"

    return tree
