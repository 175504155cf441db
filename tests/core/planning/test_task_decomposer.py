"""Which decomposer's tasks are taken, and what they may refer to."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agent_dispatcher import TaskDecomposer
from agent_dispatcher.errors import PlanError, SpecificationError
from agent_dispatcher.extension import Declined, Decomposition, PlanningContext, Requires
from agent_dispatcher.models import DeclaredDependency, Specification, Step, Task

SPECIFICATION = Specification(id="s", title="S")


class Gives:
    """A decomposer that gives what it is told, or raises it."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def decompose(self, specification: Specification, context: PlanningContext) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def decompose(specification: Specification = SPECIFICATION, **answers: Any) -> Decomposition:
    decomposer = TaskDecomposer([(name, Gives(answer)) for name, answer in answers.items()])
    return asyncio.run(decomposer.decompose(specification, PlanningContext(specification=specification)))


def listed(*tasks: Task) -> Decomposition:
    """What comes of tasks that the specification lists itself."""
    specification = Specification(id="s", title="S", tasks=tasks)
    return decompose(specification, listed=Decomposition(tasks=tasks))


def task(name: str, *after: str, **values: Any) -> Task:
    declared = tuple(DeclaredDependency(task=each, source=f"spec.md:{name}") for each in after)
    return Task(id=name, title=name, depends_on=declared, source=f"spec.md:{name}", **values)


def test_the_first_that_does_not_decline_is_taken() -> None:
    """The ones behind it are not asked."""
    first, second = task("first"), task("second")
    result = decompose(
        none=Declined("nothing for me"), one=Decomposition(tasks=(first,)), two=Decomposition(tasks=(second,))
    )
    assert result == Decomposition(tasks=(first,))


def test_one_that_fails_is_passed_over_with_a_warning() -> None:
    """Whether it raises, gives nonsense, or tasks that contradict each other."""
    result = decompose(
        raises=RuntimeError("model said no"),
        nonsense=["a"],
        twice=Decomposition(tasks=(task("a"), task("a"))),
        good=Decomposition(tasks=(task("a"),), warnings=("mind the gap",)),
    )
    assert result.warnings == (
        "decomposer raises failed: RuntimeError: model said no",
        "decomposer nonsense failed: it gave a list that is no Decomposition of tasks",
        "decomposer twice failed: spec.md:a: the task id 'a' is taken twice (the other: spec.md:a) (give each task its own id)",
        "mind the gap",
    )


def test_when_all_decline_every_reason_is_told() -> None:
    """So that the user sees what each would have needed."""
    with pytest.raises(PlanError) as caught:
        decompose(listed=Declined("no tasks are listed"), clever=ValueError("out of luck"))
    assert str(caught.value).splitlines() == [
        "no decomposer could make tasks from 'S':",
        "  decomposer listed declined: no tasks are listed",
        "  decomposer clever failed: ValueError: out of luck",
    ]


def test_without_any_decomposer_the_error_says_so() -> None:
    """Disabling all of them is refused with the reason."""
    with pytest.raises(PlanError, match="no decomposer is active"):
        decompose()


def test_references_may_be_ids_names_of_the_source_or_steps() -> None:
    """They all become ids; a step means the task that has it."""
    result = listed(
        task("setup-1", source_id="T001", steps=(Step(id="1.1", title="x"), Step(id="1.2", title="y"))),
        task("code-2", "T001", "1.2", source_id="T002"),
        task("test-3", verifies=("T002",), source_id="T003"),
        task("epic-4", children=("code-2", "T003")),
    )
    assert result.tasks[1].depends_on == (DeclaredDependency(task="setup-1", source="spec.md:code-2"),)
    assert result.tasks[2].verifies == ("code-2",)
    assert result.tasks[3].children == ("code-2", "test-3")


def test_a_step_of_the_own_task_is_no_dependency() -> None:
    """Steps are not scheduled."""
    assert listed(task("a", "a.1", steps=(Step(id="a.1", title="x"),))).tasks[0].depends_on == ()


def test_every_wrong_reference_is_told_with_place_and_close_matches() -> None:
    """All at once, not the first."""
    with pytest.raises(SpecificationError) as caught:
        listed(
            task("set-up", source_id="T001"),
            task("code", "T01", source_id="T002"),
            task("tests", "tests", verifies=("cod",)),
            task("x", "same"),
            task("y", source_id="same"),
            task("z", source_id="same"),
        )
    assert str(caught.value).splitlines() == [
        "the tasks of 'S' do not fit together:",
        "  spec.md:code: task T002 (code) depends on 'T01', which is no task (did you mean 'T001'?)",
        "  spec.md:tests: task tests depends on itself (remove the dependency)",
        "  spec.md:tests: task tests verifies 'cod', which is no task (did you mean 'code'?)",
        "  spec.md:x: task x depends on 'same', which is the name of several tasks (name one of y, z)",
    ]


def test_families_must_be_trees() -> None:
    """A child has one parent, and nobody is a part of itself."""
    with pytest.raises(SpecificationError) as caught:
        listed(task("a", children=("b", "c")), task("b", children=("a",)), task("c"), task("d", children=("c",)))
    assert [each.what for each in caught.value.problems] == [
        "task c is a part of both a and d",
        "task a is a part of itself",
        "task b is a part of itself",
    ]


def test_an_order_between_part_and_whole_is_ignored_with_a_warning() -> None:
    """They complete together, so it could never hold."""
    result = listed(task("epic", children=("part",)), task("part", "epic"))
    assert result.warnings == (
        "spec.md:part: task part and epic are part and whole, which complete together: "
        "the declared order between them is ignored",
    )


def test_suggestions_come_through() -> None:
    """What a decomposer suggests reaches the rules; it is no declaration of a task."""
    wish = Requires("a", "b", confidence=0.3, evidence="so it is")
    result = decompose(own=Decomposition(tasks=(task("a"), task("b")), suggestions=[wish]))
    assert result.suggestions == (wish,)
    assert [each.depends_on for each in result.tasks] == [(), ()]
