"""Values made without validators: the same values, only quicker."""

from __future__ import annotations

import pytest
from attrs import evolve, field, fields, frozen

from agent_dispatcher.models import ArtifactRef, Dependency, Task, TaskResult
from agent_dispatcher.models.quick import changer, maker


def test_a_changed_value_is_the_one_that_evolve_gives() -> None:
    """Only the one field differs, and the old value stays as it was."""
    task = Task(id="a", title="A", produces=(ArtifactRef(type="path", name="x"),), complexity=3.0)
    changed = changer(Task, "agent_type")(task, "writer")
    assert changed == evolve(task, agent_type="writer")
    assert task.agent_type is None


@pytest.mark.parametrize("cls", [Task, Dependency, TaskResult])
def test_a_made_value_is_the_one_that_the_class_gives(cls: type) -> None:
    """Fields by position, in the order of the class; frozen as any other."""
    values = [f"value {number}" for number, _ in enumerate(fields(cls))]
    made = maker(cls)(*values)
    assert [getattr(made, each.name) for each in fields(cls)] == values
    with pytest.raises(AttributeError):
        setattr(made, fields(cls)[0].name, "another")


def test_a_class_that_does_more_when_it_is_made_is_refused() -> None:
    """What would be passed over silently is an error: an unknown field, a hook after making, fields that are no slots."""

    @frozen
    class Counting:
        size: int = field(default=0)

        def __attrs_post_init__(self) -> None: ...

    @frozen(slots=False)
    class Open:
        size: int = 0

    for cls in (Counting, Open):
        with pytest.raises(TypeError, match="call it instead"):
            maker(cls)
    with pytest.raises(TypeError, match="'colour'"):
        changer(Task, "colour")
