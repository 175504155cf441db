"""Values made quickly are the same values."""

from __future__ import annotations

import json
import sys
import tracemalloc
from collections.abc import Callable

import pytest
from attrs import evolve, frozen
from attrs.exceptions import FrozenInstanceError

from agent_dispatcher.making import changer, maker, table
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


def test_tables_are_ordinary_dicts_of_their_own() -> None:
    """Equal to one that is written down, in the same order; what is added to one is in no other."""
    make = table("commit", "tree")
    first, second = make("c1", "t1"), make("c2", "t2")
    first["turn"] = 7
    assert list(first.items()) == [("commit", "c1"), ("tree", "t1"), ("turn", 7)]
    assert json.dumps(second) == json.dumps({"commit": "c2", "tree": "t2"})
    assert type(second) is dict


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="how much a dict takes is CPython's own affair")
def test_many_tables_take_less_than_many_dicts() -> None:
    """The reason for them: a third less at least."""

    def taken(make: Callable[[str], dict[str, str]]) -> int:
        make("")
        tracemalloc.start()
        try:
            kept = [make("") for _ in range(1000)]
            return tracemalloc.get_traced_memory()[0] - len(kept)
        finally:
            tracemalloc.stop()

    assert taken(table("commit")) < 0.67 * taken(lambda value: {"commit": value})
