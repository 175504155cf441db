"""What is kept of an attempt's folder: what its agent wrote, without what its commands left behind, and never a key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.coordination.sealing import KeyInWork, Sealing
from agent_dispatcher.extension.components import Opened
from agent_dispatcher.models import ExecutionPlan, Task
from agent_dispatcher.provenance import Scrubber
from agent_dispatcher.testing.memory_workspace import MemoryWorkspace
from agent_dispatcher.workspace.agent_workspace import GuardedWorkspace

KEY = "canary-0123-key"


class Untidy(BaseAgent):
    """Writes one file; what it runs leaves another, and changes one that was there."""

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        """One attempt."""
        context.workspace.write_text("a.py", "A = 1\n")
        (context.workspace._folder.root / "out.db").write_text("left\n")  # type: ignore[attr-defined]
        (context.workspace._folder.root / "there.txt").write_text("other\n")  # type: ignore[attr-defined]
        return AgentResult(status="done")


class Trying(Untidy):
    """Says that its commands only try what it wrote."""

    commands_write = False


@pytest.mark.parametrize(
    ("agent", "paths", "left"),
    [(Trying, ["a.py"], ["out.db", "there.txt"]), (Untidy, ["a.py", "out.db", "there.txt"], None)],
)
def test_what_commands_leave_behind_is_work_only_of_who_says_so(
    world: Any,
    plan_of: Callable[..., ExecutionPlan],
    tmp_path: Path,
    agent: type[Untidy],
    paths: list[str],
    left: list[str] | None,
) -> None:
    """Files of tests are left out and named in the record; of an agent that writes by commands all is kept."""

    class Placed(type(world)):  # type: ignore[misc]
        def context_for(self, task: Task, attempt: int, opened: Opened, feedback: str, /, **own: Any) -> AgentContext:
            made: AgentContext = super().context_for(task, attempt, opened, feedback, **own)
            object.__setattr__(made, "workspace", GuardedWorkspace(opened))
            return made

    (tmp_path / "there.txt").write_text("one\n")

    async def work() -> Any:
        workspace = MemoryWorkspace()
        await workspace.start("r", tmp_path)
        workspace._trees["c0"] = workspace._trees[workspace._tip]
        workspace.landed, workspace.sealed = {}, {}  # type: ignore[attr-defined]
        placed = Placed(workspace=workspace, make_agent=lambda name: agent())
        await placed.run(plan_of("a"))
        return next(each.data for each in placed.events() if each.type == "attempt.sealed")

    data = asyncio.run(work())
    assert data["change"]["paths"] == paths
    assert data.get("left_out") == left


def ask(folder: Path, there: dict[str, str], now: dict[str, str], *keys: str) -> Sealing:
    """Ask about changes of an attempt, its agent having written them all."""

    async def work() -> Sealing:
        for path, text in there.items():
            (folder / path).write_text(text)
        workspace = MemoryWorkspace()
        await workspace.start("r", folder)
        opened = await workspace.open(Task(id="a", title="A"), 1)
        sealing = Sealing(workspace, opened, Scrubber.of(keys or (KEY,)))
        for path, text in now.items():
            (opened.path / path).write_text(text, encoding="utf-8", errors="surrogateescape")
        try:
            await sealing(sorted({*there, *now}))
        finally:
            await workspace.aclose()
        return sealing

    return asyncio.run(work())


@pytest.mark.parametrize(
    "text", [f"x\nKEY = '{KEY}'\n", f"\udcff\n{KEY}", "x\n" + "".join(f"{ord(each):02x}" for each in KEY)]
)
def test_a_key_is_not_sealed(tmp_path: Path, text: str) -> None:
    """Whatever else is in the file, and however the key is spelled; the reason names the line, and not the key."""
    with pytest.raises(KeyInWork, match=r"stands in a\.py:2: read it from an environment variable") as told:
        ask(tmp_path, {}, {"a.py": text, "b.py": "fine\n"})
    assert KEY not in str(told.value)


def test_a_key_that_was_there_is_nobodys_doing_now(tmp_path: Path) -> None:
    """Lines around it may change, and it may move with its line; one more line with it may not come."""
    there = {"old.py": f"KEY = '{KEY}'\nx = 1\n"}
    assert not ask(tmp_path, there, {"old.py": f"KEY = '{KEY}'\nx = 2\n"}).left_out
    assert not ask(tmp_path, there, {"old.py": "x = 1\n", "new.py": f"KEY = '{KEY}'\n"}).left_out
    with pytest.raises(KeyInWork, match=r"new\.py:1"):
        ask(tmp_path, there, {"new.py": f"OTHER = '{KEY}'\n"})


LONG = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\nASCBKcwggSjAgEA\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize("there", ["x = 1\n\ny = 2\n", f"KEY = '{KEY}'\n\n"])
def test_a_key_of_several_lines_is_not_sealed_either(tmp_path: Path, there: str) -> None:
    """Whatever else was there, a blank line or another key; where it stood before it may stay and move."""
    with pytest.raises(KeyInWork, match=r"stands in a\.py:3: read") as told:
        ask(tmp_path, {"a.py": there}, {"a.py": f"{there.splitlines()[0]}\n\nLONG = '''{LONG}'''\n"}, KEY, LONG)
    assert "MIIE" not in str(told.value)
    assert not ask(tmp_path, {"a.py": f"'''{LONG}'''"}, {"a.py": "\n", "b.py": f"K = '''{LONG}'''\n"}, LONG).left_out


def test_who_wrote_nothing_has_left_nothing_to_keep(tmp_path: Path) -> None:
    """What its commands left behind is left out all the same; only who says nothing of its commands keeps all."""
    opened = Opened(task="a", attempt=1, path=tmp_path, base="")
    none, all_ = (Sealing(MemoryWorkspace(), opened, Scrubber(), wrote) for wrote in (frozenset[str](), None))
    assert none.anything and not all_.anything
    assert asyncio.run(none(["out.db"])) == [] and none.left_out == ("out.db",)
    assert asyncio.run(all_(["out.db"])) == ["out.db"]


def test_nothing_is_asked_where_nothing_is_known(tmp_path: Path) -> None:
    """Most runs know no key, and most agents say nothing of their commands: that costs them nothing."""
    opened = Opened(task="a", attempt=1, path=tmp_path / "nowhere", base="")
    assert not Sealing(MemoryWorkspace(), opened, Scrubber()).anything
