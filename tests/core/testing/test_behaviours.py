"""Random behaviours for tests are valid and have something of everything."""

from __future__ import annotations

import random

from hypothesis import given, settings

from agent_dispatcher.behaviour.checking import check_behaviour
from agent_dispatcher.models import FIELD_TYPES, Behaviour
from agent_dispatcher.testing.behaviours import behaviours, random_behaviour


@settings(max_examples=25, deadline=None)
@given(behaviours())
def test_every_behaviour_is_valid(behaviour: Behaviour) -> None:
    """Whatever is drawn passes the check that specifications pass when they are read."""
    assert check_behaviour(behaviour) == ()
    assert behaviour.entities


def test_they_have_something_of_everything() -> None:
    """All field types, constraints, changes, selections and results occur among a few dozen."""
    drawn = [random_behaviour(random.Random(seed)) for seed in range(60)]
    fields = [field for behaviour in drawn for entity in behaviour.entities for field in entity.fields]
    operations = [operation for behaviour in drawn for operation in behaviour.operations]
    changes = [change for operation in operations for change in operation.changes]
    returns = [operation.returns.text for operation in operations if operation.returns is not None]

    assert {field.type for field in fields} == set(FIELD_TYPES)
    assert any(field.unique for field in fields)
    assert any(field.pattern for field in fields)
    assert any(field.default is not None for field in fields)
    assert any(entity.constraints for behaviour in drawn for entity in behaviour.entities)
    assert any(entity.relations for behaviour in drawn for entity in behaviour.entities)
    assert {change.kind for change in changes} == {"create", "set", "delete"}
    assert any(change.each for change in changes)
    assert any(operation.requires for operation in operations)
    assert any(text.startswith("select(") for text in returns)
    assert any("sum(" in text or "count(" in text for text in returns)


def test_the_same_seed_gives_the_same_behaviour() -> None:
    """A failure can be looked at again."""
    assert random_behaviour(random.Random(7)) == random_behaviour(random.Random(7))
