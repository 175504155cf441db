"""Follow-up tasks: which are planned, what they wait for, and how they keep their ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve

from agent_dispatcher.extension import Decomposition, Requires
from agent_dispatcher.models import ArtifactRef, Requirement, Specification, Task
from agent_dispatcher.planning.wishes import leave_out
from agent_dispatcher.planning.workflow import follow_up

SPECIFICATION = Specification(
    id="s",
    title="S",
    requirements=(
        Requirement(id="R1", text="A shelf holds boxes up to a weight."),
        Requirement(id="R2", text="A box can be made heavier."),
    ),
)
MODEL = Task(
    id="model",
    title="Write the model",
    requirements=("R1",),
    produces=(ArtifactRef(type="path", name="m.py"),),
    group="g",
)
STORE = Task(id="store", title="Write the store", requirements=("R1", "R2"), group="g", priority=3)
TOOL = Task(id="tool", title="Write a tool")
NOTES = Task(id="notes", title="Write notes", type="documentation", requirements=("R1",))


def added(after: Mapping[str, Sequence[str]], *tasks: Task) -> list[Task]:
    made = follow_up(Decomposition(tasks=tasks), SPECIFICATION, after, lambda path: "/home/ada/agent-dispatcher.toml:7")
    assert made.tasks[: len(tasks)] == tasks
    return list(made.tasks[len(tasks) :])


def waits(task: Task) -> list[str]:
    return [each.task for each in task.depends_on]


def test_one_follow_up_per_requirement_after_all_its_tasks() -> None:
    """A task that serves two requirements is followed in both; one that serves none, on its own; other types not at all."""
    made = added({"code_writing": ["security_review"]}, MODEL, STORE, TOOL, NOTES)
    assert [(task.type, task.requirements, waits(task)) for task in made] == [
        ("security_review", ("R1",), ["model", "store"]),
        ("security_review", ("R2",), ["store"]),
        ("security_review", (), ["tool"]),
    ]


def test_a_follow_up_says_what_it_is_about() -> None:
    """Title and description name the requirement and the work; nothing is consumed or promised; group and priority follow the work."""
    task, *_ = added({"code_writing": ["security_review"]}, MODEL, STORE)
    assert task.title == "Security review of R1: A shelf holds boxes up to a weight."
    assert task.description == (
        "Requirement R1: A shelf holds boxes up to a weight.\n\n"
        "The work in question:\n- Write the model (model): m.py\n- Write the store (store)"
    )
    assert (task.consumes, task.produces, task.group, task.priority) == ((), (), "g", 3)
    assert {each.source for each in task.depends_on} == {"agent-dispatcher.toml:7"}


def test_chains_go_on_whatever_their_order_in_the_configuration() -> None:
    """What follows is followed in turn."""
    made = added({"security_review": ["sign_off"], "code_writing": ["security_review"]}, MODEL)
    assert [(task.type, waits(task)) for task in made] == [
        ("security_review", ["model"]),
        ("sign_off", [made[0].id]),
    ]


def test_two_types_before_one_follow_up() -> None:
    """A type that follows two others waits for both, once per requirement."""
    made = added({"code_writing": ["review"], "documentation": ["review"]}, MODEL, NOTES)
    assert [(task.type, waits(task)) for task in made] == [("review", ["model", "notes"])]


def test_tests_verify_and_do_not_wait() -> None:
    """A test and its subjects are not ordered; what a test covers already gets no second one."""
    made = added({"code_writing": ["testing"]}, MODEL, STORE)
    assert [(task.verifies, waits(task)) for task in made] == [(("model", "store"), []), (("store",), [])]
    test = Task(id="t", title="Test", type="testing", verifies=("model",), requirements=("R1",))
    again = added({"code_writing": ["testing"]}, MODEL, test)
    assert again == []


def test_ids_stay_when_other_tasks_come_and_go() -> None:
    """The id depends on type and requirement alone."""
    first = added({"code_writing": ["review"]}, MODEL)[0]
    second = added({"code_writing": ["review"]}, STORE, NOTES, MODEL)[0]
    assert first.id == second.id
    assert first.id.startswith("review-r1-")
    assert first.id != added({"code_writing": ["security_review"]}, MODEL)[0].id


def test_ids_that_are_taken_are_not_taken_again() -> None:
    """A task of the source that happens to have the id keeps it."""
    wanted = added({"code_writing": ["review"]}, MODEL)[0].id
    made = added({"code_writing": ["review"]}, MODEL, evolve(NOTES, id=wanted))
    assert [task.id for task in made] == [f"{wanted}-2"]


def test_nothing_follows_what_is_done_already() -> None:
    """A source in which everything is ticked stays one with nothing to do; work that is half done is followed."""
    done = evolve(MODEL, status="completed")
    assert added({"code_writing": ["review"]}, done) == []
    assert waits(added({"code_writing": ["review"]}, done, STORE)[0]) == ["model", "store"]


def test_parents_have_no_work_to_follow() -> None:
    """A task that only stands for others is not followed, they are."""
    parent = Task(id="p", title="All", requirements=("R1",), children=("model",))
    assert [waits(task) for task in added({"code_writing": ["review"]}, MODEL, parent)] == [["model"]]


def test_without_workflow_nothing_changes() -> None:
    """The decomposition itself comes back."""
    decomposition = Decomposition(tasks=(MODEL,), warnings=("w",))
    assert follow_up(decomposition, SPECIFICATION, {}) is decomposition
    assert follow_up(decomposition, SPECIFICATION, {"code_writing": ["review"]}).warnings == ("w",)


def test_what_else_a_decomposition_says_is_kept() -> None:
    """Suggestions of the decomposer are still there when tasks were added."""
    wish = Requires("model", "store")
    decomposition = Decomposition(tasks=(MODEL, STORE), suggestions=(wish,))
    assert follow_up(decomposition, SPECIFICATION, {"code_writing": ["review"]}).suggestions == (wish,)
    assert leave_out(decomposition, frozenset({MODEL.type})).suggestions == (wish,)
