"""What the decomposer suggests is weighed like what any rule sees."""

from __future__ import annotations

import asyncio

from agent_dispatcher.extension import PlanningContext, Requires
from agent_dispatcher.models import Specification, Task
from agent_dispatcher_builtins.dependency_rules.suggested import SuggestedRule

SPECIFICATION = Specification(id="s", title="S")
A, B = (Task(id=name, title=name) for name in "ab")


def find(*suggestions: Requires) -> list[Requires]:
    context = PlanningContext(specification=SPECIFICATION, suggestions=suggestions)
    return list(asyncio.run(SuggestedRule().find((A, B), SPECIFICATION, context)))


def test_suggestions_are_passed_on_as_they_are() -> None:
    """With kind, confidence, evidence and place."""
    wish = Requires("a", "b", "data", 0.3, "it was so", "spec.md:1")
    assert find(wish) == [wish]
    assert find() == []


def test_a_task_that_is_gone_is_passed_over() -> None:
    """When configuration left its type out, nothing is said about it."""
    assert find(Requires("a", "gone"), Requires("gone", "b")) == []
