"""A run of a list with boxes, by the command line and with an agent that a package brings along: what is done is ticked, and nothing else changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

AGENT = """
from agent_dispatcher import AgentResult, BaseAgent
from agent_dispatcher.extension import AgentType, hookimpl

class Scribe(BaseAgent):
    async def execute(self, task, context):
        context.workspace.write_text(f"notes/{task.id}.txt", task.title + chr(10))
        return AgentResult(status="done", summary="wrote a note")

@hookimpl
def dispatcher_agent_types():
    yield AgentType(name="scribe", summary="Writes notes.", factory=lambda o, s: Scribe(), task_types={"*"}, default_rank=1)
"""
KIRO = """\
# Implementation Plan\r
\r
- [-] 1. Whole\r
  - [ ] 1.1 First\r
  - [ ]* 1.2 Left out\r
- [ ] Second\r
"""
OPENSPEC = """\
## 1. Group

* [ ] 1.1 First
\t- [ ] Nested
- [x]  1.2 Done already
"""


@pytest.mark.parametrize(
    ("home", "text", "ticked", "code"),
    [
        (".kiro/specs/shop", KIRO, KIRO.replace("[-]", "[x]").replace("[ ] ", "[x] "), 1),
        ("openspec/changes/shop", OPENSPEC, OPENSPEC.replace("[ ]", "[x]"), 0),
    ],
)
def test_finished_tasks_are_ticked(tmp_path: Path, home: str, text: str, ticked: str, code: int) -> None:
    """Wholes and tasks without a number too; what is optional and left out stays open, and the run ends as partial for it."""
    site, folder = tmp_path / "site", tmp_path / home
    info = site / "scribe-1.0.dist-info"
    for each in (info, folder, tmp_path / "home"):
        each.mkdir(parents=True)
    (site / "scribe.py").write_text(AGENT)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: scribe\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[agent_dispatcher.plugins]\nscribe = scribe\n")
    (folder / "tasks.md").write_text(text, newline="")
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "LANG": "C.UTF-8", "PYTHONPATH": str(site)}
    command = [
        sys.executable,
        "-m",
        "agent_dispatcher",
        "run",
        str(folder),
        "--output",
        "out",
        "--write-back",
        "--unsafe-no-sandbox",
    ]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert (folder / "tasks.md").read_bytes() == ticked.encode()
