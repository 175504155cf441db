"""Leaks are noticed by comparing counts, attributed to agent types, and told once per growth."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import pytest

from agent_dispatcher.coordination.leaks import LeakWatch, count_now
from agent_dispatcher.extension.components import Completed, Sandbox
from agent_dispatcher.workspace.watched_sandbox import WatchedSandbox, commands_under_way


class Counted:
    """Counts and a clock that a test sets."""

    def __init__(self) -> None:
        self.threads = 10
        self.now = -1.0
        self.looks = 0
        self.told: list[str] = []
        self.commands = 0
        self.watch = LeakWatch(
            self.told.append, count=self.count, monotonic=lambda: self.now, commands=lambda: self.commands
        )
        self.watch.begin()

    def count(self) -> dict[str, int]:
        self.looks += 1
        return {"threads": self.threads}

    def ended(self, *types: str, at_work: int = 0) -> None:
        """A second in which attempts of these types ended, the last of them with a look."""
        *others, last = types
        for name in others:
            self.watch.ended(name, at_work)
        self.now += 1.5
        self.watch.ended(last, at_work)


def test_growth_is_told_with_the_type() -> None:
    """What grows beyond the allowance is told once, with the type of which attempts ended whenever it grew; more of it is told again."""
    counted = Counted()
    for _ in range(5):
        counted.threads += 4
        counted.ended("leaky", "sound")
        counted.ended("sound")
    assert len(counted.told) == 1
    assert "agents leave threads behind: 22 now, 10 before the first attempt" in counted.told[0]
    assert "leaky (3 attempts so far) or sound" in counted.told[0]


def test_types_that_ended_without_growth_are_cleared() -> None:
    """A type that was not there when the count grew is not suspected, as long as somebody is at work."""
    counted = Counted()
    for others in (["a"], ["b"], ["c"], ["a", "b"], ["c"]):
        counted.threads += 10
        counted.ended("leaky", *others, at_work=2)
    assert counted.told
    assert "agent type: leaky (3 attempts so far)" in counted.told[0]


def test_what_agents_at_work_hold_is_no_leak() -> None:
    """Counts that go up while agents work and down again are not told."""
    counted = Counted()
    for _ in range(10):
        counted.threads = 40
        counted.ended("a", at_work=8)
        counted.threads = 12
        counted.ended("a")
    assert counted.told == []


def test_what_commands_of_checks_hold_is_no_leak() -> None:
    """Many that run at the same time, look after look; what stays when they are over is told."""
    counted = Counted()
    counted.commands, counted.threads = 14, 32
    for _ in range(3):
        counted.ended("a")
    assert counted.told == []
    counted.commands = 0
    counted.ended("a")
    assert len(counted.told) == 1


def test_commands_of_checks_are_counted_while_they_run() -> None:
    """However they end."""
    seen: list[int] = []

    class Counting:
        tier = "none"

        async def run(self, argv: Sequence[str], **_: object) -> Completed:
            seen.append(commands_under_way())
            await asyncio.sleep(0)
            if argv[0] == "broken":
                raise OSError("broken")
            return Completed(code=0, stdout="", stderr="")

    async def three() -> None:
        sandbox = WatchedSandbox(cast(Sandbox, Counting()))
        await asyncio.gather(*(sandbox.run([each], cwd=Path()) for each in "ab"))
        with pytest.raises(OSError, match="broken"):
            await sandbox.run(["broken"], cwd=Path())

    asyncio.run(three())
    assert (seen, commands_under_way()) == ([1, 2, 1], 0)


def test_a_short_peak_is_no_leak() -> None:
    """More than agents at work may hold has to be seen twice in a row."""
    counted = Counted()
    for threads in (200, 12, 200, 12):
        counted.threads = threads
        counted.ended("a", at_work=2)
    assert counted.told == []


def test_looks_are_rare() -> None:
    """However many attempts end, there is one look in a second."""
    counted = Counted()
    for number in range(10_000):
        counted.now = number / 10_000 * 3
        counted.watch.ended("a", 0)
    assert counted.looks == 1 + 3


@pytest.mark.parametrize("what", ["open files", "processes"])
def test_the_counts_are_real(what: str, tmp_path: Path) -> None:
    """Files that are open and processes that run are counted while they are."""
    if what not in count_now():
        pytest.skip(f"this system does not tell how many {what} there are")
    before = count_now()[what]
    undo: list[Callable[[], object]] = []
    if what == "open files":
        files = [(tmp_path / str(number)).open("w") for number in range(5)]
        undo += [file.close for file in files]
    else:
        children = [subprocess.Popen(["sleep", "30"]) for _ in range(5)]
        undo += [each for child in children for each in (child.kill, child.wait)]
    during = count_now()[what]
    for each in undo:
        each()
    assert (during - before, count_now()[what] - before) == (5, 0)
