"""Values made quickly are the same values."""

from __future__ import annotations

import pytest
from attrs import evolve, frozen
from attrs.exceptions import FrozenInstanceError

from agent_dispatcher.making import changer, maker
from agent_dispatcher.models import ArtifactRef, Event, Task
from agent_dispatcher.models.event import make_event


def test_a_quickly_made_value_is_equal_and_as_frozen() -> None:
    """It is an instance of the class, equal to one made in the usual way, and cannot be changed."""
    made = make_event("r", "message", 1.0, 2, "t", 3, {"a": 1})
    usual = Event(run="r", type="message", at=1.0, seq=2, task="t", attempt=3, data={"a": 1})
    assert type(made) is Event
    assert made == usual
    assert repr(made) == repr(usual)
    assert evolve(made, seq=3) == evolve(usual, seq=3)
    with pytest.raises(FrozenInstanceError):
        made.seq = 4  # type: ignore[misc]


def test_a_class_of_another_layout_is_refused() -> None:
    """A class whose instances cannot be made this way is refused when the maker is made, not in the middle of a run."""

    @frozen
    class Referable:
        a: int

    with pytest.raises(TypeError, match="layout"):
        maker(Referable)


def test_a_changed_copy_differs_in_one_field() -> None:
    """It is what ``evolve`` gives, and the value it was made of stays as it was; a field that is not there is refused at once."""
    task = Task(id="a", title="A", produces=(ArtifactRef(type="path", name="x"),), complexity=3.0)
    changed = changer(Task, "agent_type")(task, "writer")
    assert changed == evolve(task, agent_type="writer")
    assert task.agent_type is None
    with pytest.raises(TypeError, match="'colour'"):
        changer(Task, "colour")
