"""Of which tasks prose is read: of those about whose order nobody has said anything better."""

from __future__ import annotations

import pytest

from agent_dispatcher.extension import PlanningContext
from agent_dispatcher.models import ArtifactRef, DeclaredDependency, Specification, Task, TaskPhase
from agent_dispatcher_builtins.dependency_rules.unordered import unordered

LOOSE = (Task(id="a", title="A"), Task(id="b", title="B"))


def chosen(tasks: tuple[Task, ...], *phases: TaskPhase) -> list[str]:
    specification = Specification(id="s", title="S", tasks=tasks, phases=phases)
    found = unordered(tasks, specification, PlanningContext(specification=specification))
    return [task.id for task in found]


def test_tasks_that_nothing_is_said_about_are_read() -> None:
    """Without phases, declarations and artifacts words are all there is."""
    assert chosen(LOOSE) == ["a", "b"]


def test_phases_that_leave_their_tasks_free_say_nothing_about_them() -> None:
    """A checkpoint at the end of a list does not tell what comes first in it; a listed phase does."""
    assert chosen(LOOSE, TaskPhase(name="before the checkpoint", tasks=("a", "b"), free=True)) == ["a", "b"]
    assert chosen(LOOSE, TaskPhase(name="set-up", tasks=("a", "b"))) == []


@pytest.mark.parametrize(
    "said",
    [
        {"produces": (ArtifactRef(type="path", name="x"),)},
        {"consumes": (ArtifactRef(type="path", name="x"),)},
        {"verifies": ("a",)},
        {"children": ("a",)},
    ],
)
def test_tasks_that_say_it_themselves_are_not_read(said: dict[str, object]) -> None:
    """What is promised, needed, verified or made of parts is better than any word."""
    assert chosen((*LOOSE, Task(id="c", title="C", **said))) == ["a", "b"]  # type: ignore[arg-type]


def test_one_declared_order_silences_all_guesses() -> None:
    """An author who declares orders has left out the others on purpose."""
    assert chosen((*LOOSE, Task(id="c", title="C", depends_on=(DeclaredDependency(task="a"),)))) == []
