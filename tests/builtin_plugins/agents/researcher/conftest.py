"""A task, a specification on disk, a repository on disk, and the note that comes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from attrs import frozen

from agent_dispatcher.agents import AgentContext, AgentResult
from agent_dispatcher.extension import CheckContext, Tree
from agent_dispatcher.models import ArtifactRef, Evidence, ExecutionPlan, Specification, Task
from agent_dispatcher.workspace.agent_workspace import GuardedWorkspace
from agent_dispatcher_builtins.agents.researcher.agent import ResearcherAgent
from agent_dispatcher_builtins.checks.citations import CitationsCheck


@frozen
class Outcome:
    """What the agent said, what it wrote, and what the check says about it."""

    result: AgentResult
    note: str
    evidence: Evidence | None

    def section(self, name: str) -> list[str]:
        """Claims below a heading."""
        lines = self.note.split("\n")
        start = next((i for i, line in enumerate(lines) if line.startswith("## ") and name in line), None)
        if start is None:
            return []
        end = next((i for i in range(start + 1, len(lines)) if lines[i].startswith("## ")), len(lines))
        return [line for line in lines[start + 1 : end] if line]


Research = Callable[..., Outcome]
NOTHING: Mapping[str, str] = MappingProxyType({})


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def research(tmp_path: Path) -> Research:
    """Carries a research task out and looks its note over."""

    def carry_out(
        title: str,
        *,
        specification: Mapping[str, str] | Path = NOTHING,
        repository: Mapping[str, str] = NOTHING,
        produces: tuple[str, ...] = (),
        **fields: Any,
    ) -> Outcome:
        (tmp_path / "repo").mkdir(exist_ok=True)
        tree = write(tmp_path / "repo", repository)
        if isinstance(specification, Path):
            place = specification
        else:
            (tmp_path / "spec").mkdir(exist_ok=True)
            place = write(tmp_path / "spec", specification)
        spec = Specification(id="s", title="s", path=str(place))
        refs = tuple(ArtifactRef(type="path", name=name) for name in produces)
        task = Task(id="T7", title=title, type="research", produces=refs, **fields)
        context = AgentContext(
            run="r", attempt=1, task=task.id, specification=spec, workspace=GuardedWorkspace(tree), sandbox=None
        )
        result = asyncio.run(ResearcherAgent().execute(task, context))
        if result.status != "done":
            return Outcome(result, "", None)
        path = result.artifacts[0].path
        checked = evolve_task(task, path)
        context = CheckContext(
            tree=Tree(tree="t", commit="c", tip="c", path=tree),
            sandbox=None,
            language=None,
            plan=ExecutionPlan(specification=spec, tasks=(task,)),
            landed=frozenset(),
            log_dir=tmp_path / "logs",
            run_dir=tmp_path,
        )
        return Outcome(
            result, (tree / path).read_text(encoding="utf-8"), asyncio.run(CitationsCheck().check(checked, context))
        )

    return carry_out


def evolve_task(task: Task, path: str) -> Task:
    from attrs import evolve

    return evolve(task, produces=(ArtifactRef(type="path", name=path),))
