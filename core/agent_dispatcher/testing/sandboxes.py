"""What a sandbox must keep to: every act its tier forbids is refused, limits end commands, and nothing is left running."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

from ..errors import SandboxUnavailable
from ..extension.components import Completed, Limits, Sandbox
from ..forbidden_acts import FORBIDDEN, TIERS, USEFUL, interpreter_folders, try_acts
from .contract import Contract

__all__ = ["SandboxContract"]


class SandboxContract(Contract):
    """Subclass it and override :meth:`make_sandbox`.

    Where the sandbox says that it is unavailable on this machine all promises but its own refusal are skipped with its reason; with the environment variable ``CI``
    set that is a failure, so that a suite is never green because nothing ran.
    """

    def make_sandbox(self) -> Sandbox:
        """A fresh sandbox."""
        self.to_override("make_sandbox(self)")

    # --- what the tier forbids ----------------------------------------------------------------------------------------

    def test_the_tier_is_known(self) -> None:
        """``tier`` is one of ``isolated``, ``reduced`` and ``none``."""
        tier = self.make_sandbox().tier
        self.promise(tier in TIERS, f"the tier is {tier!r}", f"a tier is one of {', '.join(TIERS)}")

    def test_every_forbidden_act_is_refused(self) -> None:
        """Everything that the tier must refuse (the table of :mod:`agent_dispatcher.forbidden_acts`) is refused when it is tried from inside."""
        sandbox, worked = self._acts()
        possible = [act.name for act in FORBIDDEN if sandbox.tier in act.tiers and worked[act.name]]
        self.promise(
            not possible,
            f"code inside could {'; '.join(possible)}",
            f"the tier {sandbox.tier} refuses what the table of forbidden acts names",
        )

    def test_what_code_needs_works(self) -> None:
        """Code inside can write its workspace and read what was named: a sandbox in which nothing works is of no use."""
        sandbox, worked = self._acts()
        impossible = [act.name for act in USEFUL if sandbox.tier in act.tiers and not worked[act.name]]
        self.promise(
            not impossible,
            f"code inside could not {'; '.join(impossible)}",
            f"the tier {sandbox.tier} allows what code needs",
        )

    def test_only_given_variables_are_there(self, tmp_path: Path) -> None:
        """Of the dispatcher's variables none is inside; those that were given are, with any text."""
        os.environ["AGENT_DISPATCHER_CANARY"] = "secret"
        try:
            done = self._sh(tmp_path, "env", env={"GIVEN": "a b=ü"})
        finally:
            del os.environ["AGENT_DISPATCHER_CANARY"]
        self.promise(
            "AGENT_DISPATCHER_CANARY" not in done.stdout,
            "a variable of the dispatcher is visible inside",
            "no variables but env",
        )
        self.promise(
            "GIVEN=a b=ü" in done.stdout,
            f"a given variable is missing or changed: {done.stdout}",
            "env is handed over as it is",
        )

    # --- how a command ends -------------------------------------------------------------------------------------------

    def test_code_and_both_outputs_come_back(self, tmp_path: Path) -> None:
        """The exit code, stdout and stderr are the command's own, and apart from each other."""
        done = self._sh(tmp_path, "echo out; echo err >&2; exit 7")
        told = (done.code, done.stdout, done.stderr, done.limit_hit)
        self.promise(
            told == (7, "out\n", "err\n", None),
            f"(code, stdout, stderr, limit_hit) were {told}",
            "a command's end is told as it was",
        )

    def test_a_missing_command_is_code_127(self, tmp_path: Path) -> None:
        """A command that cannot be found is code 127, not an exception."""
        done = self._run(tmp_path, ["no-such-command-anywhere"])
        self.promise(
            done.code == 127, f"a missing command was code {done.code}", "a command that cannot be found is code 127"
        )

    def test_arguments_are_not_interpreted(self, tmp_path: Path) -> None:
        """Arguments reach the command as they are: spaces, quotes, wildcards, options, line ends."""
        arguments = ["a b", "'\"", "*", "$HOME", "--", "-x", "", "ü\n", ";exit 3"]
        done = self._run(tmp_path, ["printf", "<%s>", *arguments])
        self.promise(
            done.stdout == "".join(f"<{text}>" for text in arguments),
            f"the arguments arrived as {done.stdout!r}",
            "argv is handed over as it is",
        )

    def test_the_command_runs_in_its_folder(self, tmp_path: Path) -> None:
        """``cwd`` is the folder of that name outside; what is written to a writable folder is there afterwards."""
        done = self._sh(tmp_path, "pwd; echo text > made.txt")
        self.promise(
            done.stdout.strip() == str(tmp_path.resolve()),
            f"the command ran in {done.stdout.strip()!r}",
            "paths inside are those outside",
        )
        made = tmp_path / "made.txt"
        self.promise(
            made.is_file() and made.read_text() == "text\n",
            "what was written is not there",
            "writable folders are written through",
        )

    def test_output_that_is_no_text_is_no_error(self, tmp_path: Path) -> None:
        """Bytes that are no UTF-8 come back replaced, and a command may read its (empty) input."""
        done = self._sh(tmp_path, r"cat; printf '\377\376ok'")
        self.promise(
            done.code == 0 and done.stdout.endswith("ok"),
            f"the command ended with {done}",
            "any output can be read, input is empty",
        )

    # --- limits -------------------------------------------------------------------------------------------------------

    def test_time_is_limited(self, tmp_path: Path) -> None:
        """A command that takes too long is ended with all it started, and the limit is named."""
        sandbox, folder = self._ready(), tmp_path.resolve()
        argv = ["sh", "-c", "sleep 61.25 & sleep 61.25"]
        begun = time.monotonic()
        done = self.go(sandbox.run(argv, cwd=folder, writable=(folder,), limits=Limits(timeout_s=0.5)))
        took = time.monotonic() - begun
        self.promise(
            done.limit_hit == "timeout_s" and done.code != 0,
            f"after the time was up it told {done}",
            "limit_hit names timeout_s, and the code is not 0",
        )
        self.promise(took < 4.0, f"a limit of 0.5 seconds took {took:.1f}", "the limit is kept")
        self._nothing_left("61.25")

    def test_output_is_limited(self, tmp_path: Path) -> None:
        """Of a flood of output so much is kept as was asked for, and the command still ends."""
        done = self._sh(
            tmp_path, "head -c 5000000 /dev/zero | tr '\\0' x; echo end >&2", limits=Limits(output_bytes=10_000)
        )
        told = (done.code, len(done.stdout), done.stderr)
        self.promise(
            told == (0, 10_000, "end\n"),
            f"(code, kept characters, stderr) were {told}",
            "output_bytes of each stream are kept, the rest is read and dropped",
        )

    def test_file_size_is_limited(self, tmp_path: Path) -> None:
        """No file grows beyond the limit."""
        self._sh(tmp_path, "head -c 5000000 /dev/zero > big", limits=Limits(file_bytes=100_000))
        big = tmp_path / "big"
        size = big.stat().st_size if big.exists() else 0
        self.promise(
            size <= 100_000, f"a file grew to {size} bytes with a limit of 100000", "file_bytes limits every file"
        )

    def test_memory_is_limited(self, tmp_path: Path) -> None:
        """A process cannot have more memory than the limit."""
        script = "x = bytearray(600_000_000); print(len(x))"
        limits = Limits(memory_bytes=300_000_000)
        argv = [sys.executable, "-I", "-S", "-c", script]
        done = self._run(tmp_path, argv, read_only=interpreter_folders(), limits=limits)
        self.promise(
            done.code != 0 and "600000000" not in done.stdout,
            f"a process got 600 MB with a limit of 300: {done}",
            "memory_bytes limits every process",
        )

    # --- nothing is left ----------------------------------------------------------------------------------------------

    def test_what_a_command_leaves_running_is_ended(self, tmp_path: Path) -> None:
        """When the command has ended, whatever it put into the background has ended too."""
        self._sh(tmp_path, "(setsid sleep 62.25 >/dev/null 2>&1 &) ; sleep 0.1; exit 0")
        self._nothing_left("62.25")

    def test_cancelling_ends_the_whole_tree(self, tmp_path: Path) -> None:
        """Cancelling the call ends the command and all it started, soon, and is passed on."""
        sandbox = self._ready()

        async def work() -> float:
            argv = ["sh", "-c", "sleep 63.25 & sleep 63.25"]
            task = asyncio.ensure_future(sandbox.run(argv, cwd=tmp_path.resolve(), writable=(tmp_path.resolve(),)))
            await asyncio.sleep(0.7)
            begun = time.monotonic()
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                return time.monotonic() - begun
            self.broken("a cancelled call returned a result", "cancelling is passed on")

        took = self.go(work())
        self.promise(took < 5.0, f"cancelling took {took:.1f} seconds", "cancelling ends the command soon")
        self._nothing_left("63.25")

    def test_commands_run_side_by_side(self, tmp_path: Path) -> None:
        """Two commands run at the same time and do not see each other's output."""
        sandbox = self._ready()
        folder = tmp_path.resolve()

        async def work() -> list[Completed]:
            both = [sandbox.run(["sh", "-c", f"sleep 0.5; echo {n}"], cwd=folder, writable=(folder,)) for n in (1, 2)]
            return await asyncio.gather(*both)

        begun = time.monotonic()
        first, second = self.go(work())
        took = time.monotonic() - begun
        self.promise(
            (first.stdout, second.stdout) == ("1\n", "2\n"),
            f"two commands printed {first.stdout!r}, {second.stdout!r}",
            "each call gets its own output",
        )
        self.promise(took < 30.0, f"two short commands took {took:.1f} seconds", "run does not block the event loop")

    # --- inside -------------------------------------------------------------------------------------------------------

    def _ready(self) -> Sandbox:
        """A sandbox that proved itself; skips where it cannot work."""
        sandbox = self.make_sandbox()
        try:
            self.go(sandbox.probe(), limit_s=60.0)
        except SandboxUnavailable as error:
            if os.environ.get("CI"):
                self.broken(
                    f"the sandbox does not work here: {error}", "in continuous integration a sandbox must be there"
                )
            self.skip(str(error))
        return sandbox

    def _acts(self) -> tuple[Sandbox, Any]:
        sandbox = self._ready()
        if sandbox.tier == "none":
            self.skip("the tier none refuses nothing, and the forbidden acts would really be done")
        return sandbox, self.go(try_acts(sandbox.run), limit_s=60.0)

    def _run(self, folder: Path, argv: list[str], **options: Any) -> Completed:
        sandbox, place = self._ready(), folder.resolve()
        return self.go(sandbox.run(argv, cwd=place, writable=(place,), **options), limit_s=60.0)

    def _sh(self, folder: Path, script: str, **options: Any) -> Completed:
        return self._run(folder, ["sh", "-c", script], **options)

    def _nothing_left(self, marker: str) -> None:
        end = time.monotonic() + 3.0
        while (left := _running(marker)) and time.monotonic() < end:
            time.sleep(0.05)
        self.promise(
            not left,
            f"processes {left} of a command that had ended were still running",
            "nothing of a command is left when it has ended",
        )


def _running(marker: str) -> list[int]:
    """Processes that have ``marker`` as an argument."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker.encode() in entry.read_bytes().split(b"\0"):
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found
