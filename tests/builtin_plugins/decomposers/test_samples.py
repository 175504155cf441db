"""Real specifications without their lists of tasks: plans that somebody would write."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agent_dispatcher import AgentDispatcher, ExecutionPlan
from agent_dispatcher.planning.context import specification_context, task_contexts
from agent_dispatcher_builtins.decomposers.splitting import MOST_COMPLEXITY, MOST_FILES, MOST_REQUIREMENTS

SPECS = Path(__file__).parents[3].parent / "shared" / "specs"
FORMATS = ("kiro", "openspec", "spec-kit")


def samples() -> list[Path]:
    """The samples with requirements."""
    return sorted(path for name in FORMATS for path in (SPECS / name).glob("*"))


pytestmark = pytest.mark.skipif(
    not SPECS.is_dir(), reason=f"there is no folder {SPECS.parent.name} beside the repository"
)


@pytest.fixture(params=samples(), ids=lambda path: f"{path.parent.name}/{path.name}")
def plan(request: pytest.FixtureRequest, tmp_path: Path) -> ExecutionPlan:
    """Of a sample whose tasks were taken away."""
    folder = tmp_path / request.param.name
    shutil.copytree(request.param, folder)
    (folder / "tasks.md").unlink()
    return AgentDispatcher().plan(folder)


def test_every_requirement_is_planned_in_atomic_tasks(plan: ExecutionPlan) -> None:
    """Covered, no task too large, each code tested, no file promised twice, fewer tasks than one and a test for each requirement."""
    requirements = {each.id for each in plan.specification.requirements}
    assert {name for task in plan.tasks for name in task.requirements} == requirements
    code = [task for task in plan.tasks if task.type == "code_writing"]
    for task in code:
        assert len(task.requirements) <= MOST_REQUIREMENTS
        assert sum(each.type == "path" for each in task.produces) <= MOST_FILES
        assert task.complexity <= MOST_COMPLEXITY + 0.1 * (MOST_FILES - 1)
    promised = [each.name for task in plan.tasks for each in task.produces if each.type == "path"]
    assert len(promised) == len(set(promised))
    verified = {name for task in plan.tasks for name in task.verifies}
    assert {task.id for task in code if task.requirements} <= verified
    assert len(plan.tasks) <= 2 * len(requirements) + 1
    assert not [each for each in plan.dropped if each.kind == "cycle"]


def test_contexts_are_a_fraction_of_the_whole(plan: ExecutionPlan) -> None:
    """All tasks together read less than half of what they would read if each were given the whole; figures with ``-s``."""
    sizes = [each.tokens for each in task_contexts(plan.tasks, plan.specification)]
    whole = specification_context(plan.specification).tokens
    print(
        f"\n{plan.specification.title}: {len(sizes)} tasks, contexts {sum(sizes)}, the whole for each {whole * len(sizes)}"
    )
    assert sum(sizes) <= whole * len(sizes) / 2
