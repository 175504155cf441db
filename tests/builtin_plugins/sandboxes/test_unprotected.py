"""The sandbox ``none``: no protection, but order: limits, a clean environment, and nothing left running."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.extension import Completed, Limits
from agent_dispatcher_builtins.sandboxes.unprotected import Unprotected


def _run(argv: Sequence[str], folder: Path, **options: Any) -> Completed:
    return asyncio.run(Unprotected().run(argv, cwd=folder, **options))


def _survivors(marker: str) -> int:
    count = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                count += f"sleep\0{marker}".encode() in (entry / "cmdline").read_bytes()
            except OSError:
                continue
    return count


def _gone(marker: str) -> bool:
    end = time.monotonic() + 10
    while _survivors(marker) and time.monotonic() < end:
        time.sleep(0.02)
    return not _survivors(marker)


def test_it_says_what_it_is() -> None:
    """Its tier is what callers go by."""
    assert Unprotected().tier == "none"


def test_code_and_output_are_the_commands_own(tmp_path: Path) -> None:
    """Exit code, both streams, 127 for a command that is not there, 128 and the signal for one that was killed."""
    done = _run(["sh", "-c", "pwd; echo err >&2; exit 7"], tmp_path)
    assert (done.code, done.stdout, done.stderr) == (7, f"{tmp_path}\n", "err\n")
    assert _run(["no-such-command"], tmp_path).code == 127
    assert _run(["sh", "-c", "kill -9 $$"], tmp_path).code == 137


def test_only_given_variables_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys in the dispatcher's environment stay there."""
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key")
    done = _run(["env"], tmp_path, env={"GIVEN": "1"})
    names = {line.split("=", 1)[0] for line in done.stdout.splitlines()}
    assert names <= {"GIVEN", "HOME", "LANG", "LC_CTYPE", "PATH", "PWD", "TMPDIR", "SHLVL", "_"} and "GIVEN" in names


@pytest.mark.parametrize(
    ("script", "limits", "hit"),
    [
        ("sleep 30", Limits(timeout_s=0.3), "timeout_s"),
        ("while :; do :; done", Limits(cpu_s=1, timeout_s=20), "cpu_s"),
        ("cat /dev/zero > big", Limits(file_bytes=10**6, timeout_s=20), "file_bytes"),
        ("for i in $(seq 300); do sleep 30 & done; wait", Limits(processes=30, timeout_s=20), "processes"),
    ],
)
def test_limits_hold(tmp_path: Path, script: str, limits: Limits, hit: str) -> None:
    """The limit that ended a command is named."""
    assert _run(["sh", "-c", script], tmp_path, limits=limits).limit_hit == hit


def test_memory_is_limited(tmp_path: Path) -> None:
    """A memory bomb fails inside."""
    done = _run(
        [sys.executable, "-I", "-S", "-c", "b = bytearray(2**30)"], tmp_path, limits=Limits(memory_bytes=256 * 2**20)
    )
    assert done.code == 1 and "MemoryError" in done.stderr


@pytest.mark.parametrize(
    "script",
    [
        "(setsid sh -c 'sleep {m} & sleep {m}' >/dev/null 2>&1 &) ; sleep {m}",
        "trap '' TERM INT HUP; sleep {m}; sleep {m}",
        "sleep {m} & setsid sleep {m} &",
    ],
)
def test_nothing_is_left(tmp_path: Path, script: str) -> None:
    """Whether it was ended or ended by itself, daemons of a command are gone with it."""
    marker = f"9{os.getpid()}{len(script)}"
    began = time.monotonic()
    _run(["sh", "-c", script.format(m=marker)], tmp_path, limits=Limits(timeout_s=0.5))
    assert time.monotonic() - began < 30
    assert _gone(marker)


def test_the_death_of_the_dispatcher_leaves_nothing(tmp_path: Path) -> None:
    """``kill -9`` on the process that started it ends the whole tree."""
    marker = f"3{os.getpid()}55"
    script = (
        "import asyncio; from pathlib import Path; from agent_dispatcher_builtins.sandboxes.unprotected import Unprotected\n"
        f"asyncio.run(Unprotected().run(['sh', '-c', 'setsid sleep {marker} & sleep {marker}'], cwd=Path({str(tmp_path)!r})))"
    )

    async def work() -> None:
        parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
        while _survivors(marker) < 2:
            await asyncio.sleep(0.05)
        parent.kill()
        await parent.wait()

    asyncio.run(work())
    assert _gone(marker)
