"""Optional work that is left out."""

from __future__ import annotations

import pytest

from agent_dispatcher.coordination import transitions as t
from agent_dispatcher.coordination.engine import Engine
from agent_dispatcher.models import ExecutionPlan, Specification, Task


@pytest.mark.parametrize(("optional", "status"), [(True, "completed"), (False, "blocked")])
def test_a_whole_does_not_wait_for_an_optional_part_that_is_left_out(optional: bool, status: str) -> None:
    """It completes with the parts that are done; a part that is left out and not optional blocks it."""
    whole = Task(id="p", title="", children=("a", "b"))
    part = Task(id="a", title="", agent_type="w")
    left_out = Task(id="b", title="", status="skipped", optional=optional)
    engine = Engine(ExecutionPlan(specification=Specification(id="s", title="s"), tasks=(whole, part, left_out)))
    for event in (None, t.AttemptSealed("a", 1), t.AttemptLanded("a", 1)):
        engine.handle(*([event] if event else []))
    assert engine.statuses() == {"p": status, "a": "completed", "b": "skipped"}
