"""The tutorial, followed literally: its ``sh`` blocks are one script, run in an empty folder by a user who has nothing but pip and an index."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial-agent-package.md"
#: Settings of the network and of pip that a user of this machine has, too.
KEPT = ("PIP_", "HTTP", "http", "NO_PROXY", "no_proxy", "SSL_")


def script() -> str:
    """What a reader types, in order; it stops at the first command that fails."""
    tokens = MarkdownIt().parse(PAGE.read_text(encoding="utf-8"))
    return "set -eu\n" + "".join(token.content for token in tokens if token.type == "fence" and token.info == "sh")


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the wheel of this project, as an index would."""
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return folder


@pytest.mark.slow
@pytest.mark.sandbox
def test_the_tutorial_ends_in_a_plugin_that_a_run_uses(
    wheels: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """From an empty folder to passing tests, an installed plugin, a run that used it, and a clear refusal once it is gone."""
    home, desk = tmp_path / "home", tmp_path / "desk"
    home.mkdir()
    desk.mkdir()
    kept = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
    links = f"{wheels.as_uri()} {kept.get('PIP_FIND_LINKS', '')}".strip()
    python = Path(sys.base_prefix) / "bin"
    environment = kept | {
        "PATH": f"{python}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PIP_FIND_LINKS": links,
    }
    began = time.monotonic()
    done = subprocess.run(
        ["bash", "-c", script()], cwd=desk, env=environment, capture_output=True, text=True, timeout=280
    )
    record_property("seconds", round(time.monotonic() - began))
    said = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, said
    assert "Traceback" not in said
    assert "22 passed" in done.stdout, said
    assert "inventory 1.0.0" in done.stdout, said
    assert "COMPLETED: 1 of 1 tasks" in done.stdout, said
    assert "- dates.txt\n- shopping.txt\n" in done.stdout, said
    assert "of a type that nobody knows: 'inventory'" in said
    assert done.stdout.rstrip().endswith("refused: nobody does 'inventory' any more")
