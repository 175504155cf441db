"""Tasks from declared behaviour and from prose."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from attrs import evolve

from agent_dispatcher.extension import Declined, Decomposition, Layout, Module, PlanningContext
from agent_dispatcher.extension.components import Language
from agent_dispatcher.models import (
    ArtifactRef,
    Behaviour,
    Entity,
    Example,
    Operation,
    Requirement,
    Scenario,
    Specification,
    Task,
)
from agent_dispatcher_builtins.decomposers.pattern import PatternDecomposer

MODEL = Module(
    name="model-book",
    title="Write the model Book",
    paths=("src/book.py",),
    produces=(ArtifactRef(type="symbol", name="lib.book:Book"),),
    consumes=(ArtifactRef(type="path", name="src/errors.py"),),
    requirements=("R1", "R2", "gone"),
    group="book",
    complexity=2.0,
    estimate_s=4.0,
)
TEST = Module(
    name="test-model-book",
    title="Test the model Book",
    type="testing",
    paths=("tests/test_book.py",),
    verifies=("model-book",),
    requirements=("R1",),
)


class LaysOut:
    """A language that lays everything out as it is told."""

    name = "fake"

    def __init__(self, *modules: Module) -> None:
        self.modules = modules

    def layout(self, specification: Specification) -> Layout | None:
        return Layout(modules=self.modules) if self.modules else None


def specification(*requirements: Requirement, behaviour: Behaviour | None = None, **values: Any) -> Specification:
    return Specification(id="s", title="S", requirements=requirements, behaviour=behaviour, **values)


def answer(of: Specification, *modules: Module, language: bool = True) -> Decomposition | Declined:
    speaks = cast(Language, LaysOut(*modules)) if language else None
    return asyncio.run(PatternDecomposer().decompose(of, PlanningContext(specification=of, language=speaks)))


def tasks(of: Specification, *modules: Module) -> tuple[Task, ...]:
    result = answer(of, *modules)
    assert isinstance(result, Decomposition), result
    return result.tasks


BOOKS = Behaviour(
    package="lib",
    entities=(Entity(name="Book", fields=(), requirements=("R1",)),),
    operations=(Operation(name="lend", requirements=("R2",)),),
    examples=(Example(name="it lends", operation="lend", requirements=("R3",)),),
)
R1 = Requirement(
    id="R1",
    text="A book has a title.",
    priority="high",
    source="spec.md:3",
    scenarios=(Scenario(title="no title", given=("a form", "a clerk"), when=("saved",), then=("it is refused",)),),
    edge_cases=("an empty title",),
    constraints=("at most 200 letters",),
)
R2 = Requirement(id="R2", text="Books are lent.")
R3 = Requirement(id="R3", text="Lent books are away.")


def test_a_module_becomes_a_task_with_all_it_promises_and_verifies() -> None:
    """Paths are promised, names of modules become ids, the requirements' words come along."""
    model, test = tasks(specification(R1, R2, R3, behaviour=BOOKS), MODEL, TEST)
    assert model == Task(
        id=model.id,
        title="Write the model Book",
        description=(
            "Write src/book.py.\n\n"
            "R1 (high): A book has a title.\n"
            "Scenario: no title\n  Given a form\n  And a clerk\n  When saved\n  Then it is refused\n"
            "Edge case: an empty title\nConstraint: at most 200 letters\n\n"
            "R2 (medium): Books are lent."
        ),
        requirements=("R1", "R2"),
        produces=(ArtifactRef(type="path", name="src/book.py"), ArtifactRef(type="symbol", name="lib.book:Book")),
        consumes=(ArtifactRef(type="path", name="src/errors.py"),),
        group="book",
        complexity=2.0,
        priority=1,
        estimate_s=4.0,
    )
    assert (test.type, test.verifies, test.depends_on) == ("testing", (model.id,), ())


def test_a_requirement_nobody_declares_becomes_a_task_that_promises_nothing() -> None:
    """Entities, operations and examples declare; a module that merely lists a requirement does not."""
    prose = Requirement(id="R9", text="The start page must be pretty. Very.", source="spec.md:9")
    made = tasks(specification(R1, R2, R3, prose, behaviour=BOOKS), evolve(MODEL, requirements=("R9",)))
    assert [(task.requirements, task.type, task.produces, task.source) for task in made[1:]] == [
        (("R9",), "code_writing", (), "spec.md:9")
    ]
    assert made[1].title == "The start page must be pretty"
    assert made[1].description == "R9 (medium): The start page must be pretty. Very."


def test_without_behaviour_requirements_of_one_component_are_a_task_and_its_test() -> None:
    """The test verifies the code and does not wait for it; what is no code is a task of its own."""
    doc = Requirement(id="R4", text="Write a user guide for clerks.")
    made = tasks(specification(R1, R2, doc))
    assert [(task.type, task.requirements) for task in made] == [
        ("code_writing", ("R1", "R2")),
        ("testing", ("R1", "R2")),
        ("documentation", ("R4",)),
    ]
    code, test, _ = made
    assert test.verifies == (code.id,)
    assert test.depends_on == ()
    assert "an empty title" in test.description
    assert (code.priority, test.priority) == (1, 1)
    assert code.complexity > made[2].complexity
    assert code.estimate_s == 60 * code.complexity


@pytest.mark.parametrize(
    ("given", "modules", "language", "reason"),
    [
        (specification(), (), True, "neither declared behaviour nor requirements"),
        (specification(R1, behaviour=BOOKS), (), False, "no language is active"),
        (specification(R1, behaviour=BOOKS), (), True, "the language fake has no layout"),
    ],
)
def test_what_it_cannot_split_it_declines(
    given: Specification, modules: tuple[Module, ...], language: bool, reason: str
) -> None:
    """With the reason."""
    declined = answer(given, *modules, language=language)
    assert isinstance(declined, Declined)
    assert reason in declined.reason


def test_a_layout_that_contradicts_itself_is_an_error() -> None:
    """A module cannot verify one that is not there."""
    with pytest.raises(ValueError, match="'test-model-book' verifies 'model-book', which is not in the layout"):
        tasks(specification(R1, behaviour=BOOKS), TEST)


def test_ids_stay_while_the_content_stays() -> None:
    """What is added before, or elsewhere, changes no other id; other words are another task."""
    sky = Requirement(id="R7", text="The sky must be blue.")
    before = {task.title: task.id for task in tasks(specification(R1, R2))}
    after = {task.title: task.id for task in tasks(specification(sky, R1, R2))}
    assert before.items() < after.items()
    reworded = tasks(specification(evolve(R1, text="A book has a title of letters."), R2))
    assert reworded[0].id not in before.values()
    one = tasks(specification(R1, behaviour=BOOKS), MODEL)[0].id
    assert one == tasks(specification(R1, behaviour=BOOKS), TEST_OF_NOTHING, MODEL)[1].id
    assert one.startswith("model-book-")


TEST_OF_NOTHING = evolve(TEST, verifies=())


def test_equal_work_gets_different_ids() -> None:
    """An id names one task, whatever the author repeats."""
    docs = [Requirement(id=f"D{number}", text="Write a user guide.") for number in range(3)]
    made = tasks(specification(*docs))
    assert len({task.id for task in made}) == len(made) == 3


def test_requirements_are_grouped_by_the_words_they_share() -> None:
    """The most shared term names the component; one that is shared by nobody has none."""
    made = tasks(
        specification(
            *(
                Requirement(id=f"R{number}", text=text)
                for number, text in enumerate(
                    [
                        "The system must list invoices by date.",
                        "An invoice must carry a customer.",
                        "Customers must confirm their address by mail.",
                        "Each invoice must be printed.",
                        "The sky must be blue.",
                    ]
                )
            )
        )
    )
    assert [(task.group, task.requirements) for task in made if task.type == "code_writing"] == [
        ("invoice", ("R0", "R1", "R3")),
        ("customer", ("R2",)),
        ("", ("R4",)),
    ]
