"""How much memory a coding agent and its commands may have, on machines that allow less than was configured."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from functools import partial
from typing import Any

import pytest

from agent_dispatcher.extension import Completed, Limits
from agent_dispatcher_builtins.agents.coding import _inside
from agent_dispatcher_builtins.agents.coding.acp.terminals import Terminals

MACHINE = 2**30
_SEEN = (
    "import resource, sys\n"
    "from runpy import run_path\n"
    "most = int(sys.argv[2])\n"
    "run_path(sys.argv[1])['_limit'](most or None)\n"
    "print(*resource.getrlimit(resource.RLIMIT_DATA))\n"
)


def _on_a_small_machine(*argv: str) -> subprocess.CompletedProcess[str]:
    least = partial(resource.setrlimit, resource.RLIMIT_DATA, (MACHINE, MACHINE))
    return subprocess.run(argv, preexec_fn=least, capture_output=True, text=True, timeout=60)


class SmallMachine:
    """Runs commands as the sandbox of an attempt would."""

    async def run(self, argv: Any, limits: Limits, **more: Any) -> Completed:
        done = await asyncio.to_thread(_on_a_small_machine, *argv)
        return Completed(code=done.returncode, stdout=done.stdout, stderr=done.stderr, duration_s=0.0)


@pytest.mark.parametrize(("wanted", "has"), [(2**29, 2**29), (2**32, MACHINE), (None, MACHINE)])
def test_no_more_than_the_machine_allows(wanted: int | None, has: int) -> None:
    """An agent that may have more than there is has what there is; so have the commands it wants run."""
    agent = _on_a_small_machine(sys.executable, "-c", _SEEN, _inside.__file__, str(wanted or 0))
    assert agent.stdout.split() == [str(has)] * 2, agent.stderr

    async def command() -> tuple[str, bool, int | None]:
        small: Any = SmallMachine()
        terminals = Terminals(small, "/folder", Limits(), wanted)
        name = terminals.create("ulimit -Hd; ulimit -Sd", cwd="/folder")
        await terminals.wait(name)
        return terminals.output(name)

    assert asyncio.run(command()) == (f"{has // 1024}\n" * 2, False, 0)
