"""The check ``pytest`` on a whole tree: what fails is named, and one file cannot silence the others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.extension import CheckContext, Completed, Tree
from agent_dispatcher.models import Evidence, ExecutionPlan, Specification, Task
from agent_dispatcher_builtins.checks.running import Heard, hear_in_parts
from agent_dispatcher_builtins.checks.testing import PytestCheck
from agent_dispatcher_builtins.languages.python.language import Python
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap

pytestmark = pytest.mark.sandbox

PLAN = ExecutionPlan(
    specification=Specification(id="s", title="s"), tasks=(Task(id="a", title="a", type="code_writing"),)
)
GREEN = "def test_green():\n    assert True\n"
RED = "def test_red():\n    assert open('/nonexistent')\n"
EXITS = "import os\n\n\ndef test_exit():\n    os._exit(0)\n"


def look(folder: Path, sandbox: Any, files: Mapping[str, str], *only: str) -> Evidence:
    """What the check says about a tree of these files while it grows."""
    tree = folder / "tree"
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    context = CheckContext(
        tree=Tree(tree="t", commit="c", tip="c", path=tree),
        sandbox=sandbox,
        language=Python(),
        plan=PLAN,
        landed=frozenset(),
        log_dir=folder / "log",
        run_dir=folder,
        on_the_way=True,
        only=only,
    )
    return asyncio.run(PytestCheck().check(None, context))


def test_one_file_cannot_silence_the_others(tmp_path: Path, isolated: Bubblewrap) -> None:
    """Where all tests together leave no results it is found which file is to blame, and what the others say is heard."""
    files = {"tests/test_a.py": GREEN, "tests/test_b.py": RED, "tests/test_c.py": EXITS}
    found = look(tmp_path, isolated, files)
    assert not found.passed and "could_not_run" not in found.details
    assert [each["test"] for each in found.details["failed"]] == ["tests/test_b.py::test_red", "tests/test_c.py"]  # type: ignore[attr-defined]
    assert found.details["silent"] == ["tests/test_c.py"] and found.details["passed"] == 1


def test_a_suite_that_cannot_run_says_nothing(tmp_path: Path, isolated: Bubblewrap) -> None:
    """With configuration that nothing runs with there is no result, and that is said: it is neither green nor red."""
    found = look(tmp_path, isolated, {"tests/test_a.py": GREEN, "pytest.ini": "[pytest]\naddopts = --no-such-option\n"})
    assert not found.passed and found.details["could_not_run"] is True
    assert "--no-such-option" in found.summary


def test_only_what_failed_is_asked_again(tmp_path: Path, isolated: Bubblewrap) -> None:
    """By the files it is in; what is not there has not failed."""
    files = {"tests/test_a.py": GREEN, "tests/test_b.py": RED}
    found = look(tmp_path, isolated, files, "tests/test_b.py::test_red")
    assert (found.details["tests"], found.details["files"], found.passed) == (1, ["tests/test_b.py"], False)
    assert look(tmp_path, isolated, files, "tests/test_gone.py::test_x").passed


def test_all_that_fails_is_named(tmp_path: Path, isolated: Bubblewrap) -> None:
    """Also the sixtieth: otherwise it could not be told from what failed before."""
    many = "\n\n".join(f"def test_{number:02}():\n    assert False, 'no {number}'\n" for number in range(60))
    failed = look(tmp_path, isolated, {"tests/test_many.py": many}).details["failed"]
    assert [each["test"].rpartition("_")[2] for each in failed] == [f"{number:02}" for number in range(60)]  # type: ignore[attr-defined]


class Silencing:
    """A language and a sandbox: a run with one of ``silent`` in it leaves nothing, every other one a green test a file.

    ``seconds`` is how long each file takes.
    """

    def __init__(self, silent: Sequence[str], seconds: float = 0.0) -> None:
        self.silent = set(silent)
        self.seconds = seconds
        self.runs: list[tuple[int, float]] = []

    async def environment(self, tree: Path) -> Any:
        """None to speak of."""
        return type("Environment", (), {"read_only": (), "env": {}})

    def test_command(self, paths: Sequence[str], *, results: str, coverage: str | None = None) -> tuple[str, ...]:
        """What to do."""
        return (results, *paths)

    async def run(self, command: Sequence[str], *, limits: Any, **more: Any) -> Completed:
        """Leave results, or none."""
        results, *files = command
        self.runs.append((len(files), limits.timeout_s))
        if len(files) * self.seconds > limits.timeout_s:
            return Completed(code=-9, stdout="", stderr="", limit_hit="timeout_s")
        if not self.silent & set(files):
            cases = "".join(f'<testcase classname="x" name="test_it" file="{file}"/>' for file in files)
            Path(results).write_text(f"<testsuite>{cases}</testsuite>")
        return Completed(code=0, stdout="", stderr="")


SILENCE = Heard(done=Completed(code=0, stdout="", stderr=""), results=None, why="silence", log="")


def in_parts(folder: Path, world: Silencing, names: Sequence[str], before: Heard = SILENCE) -> Heard:
    """What is heard of these files, which said nothing together."""
    nothing: Any = None
    context = CheckContext(
        tree=Tree(tree="t", commit="c", tip="c", path=folder),
        sandbox=world,  # type: ignore[arg-type]
        language=nothing,
        plan=PLAN,
        landed=frozenset(),
        log_dir=folder / "log",
        run_dir=folder,
    )
    return asyncio.run(hear_in_parts(context, world, names, before))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("files", "silent", "named", "runs"),
    [(200, 1, 1, 24), (8, 8, None, 20), (1, 1, None, 0), (200, 200, None, 32), (200, 40, 200, 32), (200, 4, 40, 32)],
)
def test_silent_files_are_found_in_few_runs(
    tmp_path: Path, files: int, silent: int, named: int | None, runs: int
) -> None:
    """By halving, with a share of the time for each part; after many runs the rest counts as silent. Where nobody speaks the answer is none."""
    names = [f"tests/test_{number:03}.py" for number in range(files)]
    world = Silencing(names[:: max(1, files // silent)][:silent])
    found = in_parts(tmp_path, world, names)
    assert len(world.runs) <= runs and all(30 <= seconds <= 600 for _, seconds in world.runs)
    if named is None:
        assert found is SILENCE
    else:
        assert world.silent <= set(found.silent) and len(found.silent) <= named
        assert found.results is not None and len(found.results.cases) == files


def test_slow_tests_are_not_run_in_parts(tmp_path: Path) -> None:
    """Whose time is over are run once: in parts they would take their time many times over, and be silent all the same."""
    world = Silencing([], seconds=601)
    found = look(tmp_path, world, {f"tests/test_{name}.py": GREEN for name in "abcd"})
    assert found.details["could_not_run"] is True and found.details["timed_out"] is True
    assert "timeout_s" in found.summary and len(world.runs) == 1


def test_parts_take_no_more_than_twice_the_time(tmp_path: Path) -> None:
    """Where one file ends the process and the others are slow as well, parts that run out of time are cut short."""
    names = [f"tests/test_{number:03}.py" for number in range(200)]
    world = Silencing(names[:1], seconds=3.2)
    in_parts(tmp_path, world, names)
    assert sum(min(files * 3.2, seconds) for files, seconds in world.runs) <= 1800


@pytest.mark.parametrize("silent", [1, 3, 4])
def test_a_new_file_silences_no_other_one(tmp_path: Path, silent: int) -> None:
    """Which files are taken for silent does not depend on a file that says something."""
    names = [f"tests/test_{number:03}.py" for number in range(200)]
    dead = names[10 :: 200 // silent][:silent]
    before = in_parts(tmp_path, Silencing(dead), names).silent
    for new in ("tests/test_000_b.py", "tests/test_100_b.py", "tests/test_zzz.py"):
        assert set(in_parts(tmp_path, Silencing(dead), sorted([*names, new])).silent) - {new} == set(before)
