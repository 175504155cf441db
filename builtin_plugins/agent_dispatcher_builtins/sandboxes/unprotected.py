"""The sandbox ``none`` (tier none): no protection at all, for machines where nothing else works and the user says so.

A command can read and write whatever the dispatcher can. What is kept is order: no variable but those given, limits on time, memory, file size and
output, and nothing of the command is left when it has ended, was cancelled, or the dispatcher died.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent_dispatcher.extension import Completed, Limits

from .process import KILLED, check_arguments, run_tree

__all__ = ["Unprotected"]

_LAUNCHER = Path(__file__).with_name("_launcher.py")


class Unprotected:
    """Runs commands as the user, with the user's rights."""

    tier = "none"

    async def probe(self) -> None:
        """Nothing is promised, so nothing is to be proved."""

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        writable: Sequence[Path] = (),
        read_only: Sequence[Path] = (),
        env: Mapping[str, str] | None = None,
        sockets: Sequence[Path] = (),
        limits: Limits | None = None,
    ) -> Completed:
        """As :meth:`agent_dispatcher.extension.Sandbox.run`, but ``writable`` and ``read_only`` keep nothing out."""
        limits = limits or Limits()
        variables = {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": "/tmp",
            "TMPDIR": "/tmp",
            "LANG": "C.UTF-8",
            **(env or {}),
        }
        check_arguments(argv, variables)
        given = {
            "memory_bytes": limits.memory_bytes,
            "file_bytes": limits.file_bytes,
            "cpu_s": limits.cpu_s,
            "parent": os.getpid(),
        }
        ended = await run_tree(
            [sys.executable, "-I", "-S", str(_LAUNCHER), json.dumps(given), *argv],
            limits=limits,
            kill=_terminate,
            env=variables,
            cwd=cwd,
            writable=writable,
        )
        code = KILLED if ended.limit_hit else ended.code if ended.code >= 0 else 128 - ended.code
        limit_hit = ended.limit_hit
        if limit_hit is None and limits.cpu_s is not None and code in (128 + signal.SIGXCPU, KILLED):
            limit_hit = "cpu_s"
        if limit_hit is None and limits.file_bytes is not None and code == 128 + signal.SIGXFSZ:
            limit_hit = "file_bytes"
        return Completed(
            code=code,
            stdout=ended.stdout.decode("utf-8", "replace"),
            stderr=ended.stderr.decode("utf-8", "replace"),
            limit_hit=limit_hit,
            duration_s=ended.duration_s,
        )


def _terminate(process: asyncio.subprocess.Process) -> None:
    """The launcher kills everything below it, then itself."""
    process.terminate()
