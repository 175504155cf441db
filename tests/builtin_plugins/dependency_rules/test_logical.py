"""Order from sorts of work."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agent_dispatcher.extension import PlanningContext, Requires
from agent_dispatcher.models import ArtifactRef, DeclaredDependency, Specification, Task
from agent_dispatcher_builtins.dependency_rules.logical import LogicalRule

SPECIFICATION = Specification(id="s", title="S")


def task(name: str, title: str = "", kind: str = "code_writing", **values: Any) -> Task:
    return Task(id=name, title=title or name, type=kind, source=f"{name}.md:1", **values)


def find(*tasks: Task) -> list[Requires]:
    context = PlanningContext(specification=SPECIFICATION)
    return list(asyncio.run(LogicalRule().find(tasks, SPECIFICATION, context)))


def pairs(*tasks: Task) -> list[tuple[str, str, float]]:
    return sorted((each.before, each.after, each.confidence) for each in find(*tasks))


@pytest.mark.parametrize(
    "title",
    [
        "Set up the project skeleton",
        "Setup project",
        "Initialize repository and tooling",
        "Create project structure per plan",
        "Project scaffolding",
    ],
)
def test_a_project_is_set_up_before_it_is_built_in(title: str) -> None:
    """Research need not wait; the evidence quotes both."""
    found = find(task("first", title), task("api", "API"), task("look", "Compare", "research"), task("ui", "UI"))
    assert [(each.before, each.after) for each in found] == [("first", "api"), ("first", "ui")]
    assert found[0] == Requires(
        "first", "api", "logical", 0.7, f'"{title}" sets the project up in which "API" works', "api.md:1"
    )


@pytest.mark.parametrize("title", ["Set up authentication", "Create the user model", "Show the project list"])
def test_not_everything_that_is_set_up_is_the_project(title: str) -> None:
    """A part of the product is no set-up."""
    assert find(task("first", title), task("api"), task("ui")) == []


def test_documentation_is_behind_what_it_documents() -> None:
    """By shared requirement, as a page about the whole, or by group, less sure each time."""
    built = task("a", requirements=("R1",)), task("b", group="billing"), task("c")
    assert pairs(*built, task("d", "Describe it", "documentation", requirements=("R1",))) == [("a", "d", 0.8)]
    assert pairs(*built, task("d", "Write the README", "documentation")) == [
        ("a", "d", 0.2),
        ("b", "d", 0.2),
        ("c", "d", 0.2),
    ]
    assert pairs(*built, task("d", "Describe it", "documentation", group="billing")) == [("b", "d", 0.4)]
    assert pairs(*built, task("d", "Describe it", "documentation")) == []


def test_a_test_without_subject_is_advised_to_come_late() -> None:
    """Too unsure to bind; one that verifies something is not ordered against anything."""
    code = task("code", requirements=("R1",), group="g")
    assert pairs(code, task("t", kind="testing", requirements=("R1",))) == [("code", "t", 0.4)]
    assert pairs(code, task("t", kind="testing", group="g")) == [("code", "t", 0.3)]
    assert pairs(code, task("t", kind="testing", requirements=("R1",), verifies=("code",))) == []
    assert pairs(code, task("t", kind="review", requirements=("R1",))) == [("code", "t", 0.7)]


def test_deployment_is_last() -> None:
    """Of its group, if it has one."""
    built = task("a", group="x"), task("b", kind="testing"), task("n", kind="research")
    assert pairs(*built, task("d", kind="deployment")) == [("a", "d", 0.6), ("b", "d", 0.6)]
    assert pairs(*built, task("d", kind="deployment", group="x")) == [("a", "d", 0.6)]


def test_tasks_that_say_precisely_what_they_need_are_left_alone() -> None:
    """What they promise and need is the other rule's subject; parents are nobody's work."""
    exact = ArtifactRef(type="path", name="README.md")
    assert find(task("a"), task("d", "Write the README", "documentation", produces=(exact,))) == []
    assert find(task("a"), task("d", "Write the README", "documentation", consumes=(exact,))) == []
    assert find(task("a"), task("d", "Write the README", "documentation", children=("a",))) == []


def test_the_order_of_a_list_says_nothing() -> None:
    """Tasks of the same sort are free."""
    assert find(*(task(f"t{number}", group="g", requirements=("R",)) for number in range(5))) == []


def test_where_nearly_everything_is_a_set_up_the_word_means_nothing() -> None:
    """No edges rather than wrong ones."""
    assert find(task("a", "Set up project x"), task("b", "Set up project y"), task("c")) == []


def test_of_several_set_ups_none_surely_is_the_whole_projects() -> None:
    """Nor is one in a long list; and several there are of parts."""
    both = task("first", "Set up the project"), task("second", "Set up the workspace")
    rest = [task(f"t{number}") for number in range(60)]
    assert {each.confidence for each in find(*both, *rest[:5])} == {0.4}
    assert {each.confidence for each in find(both[0], *rest)} == {0.3}
    assert find(*(task(f"s{number}", "Set up the project") for number in range(4)), *rest) == []


def test_an_author_who_declares_orders_would_have_said_it() -> None:
    """Set-up, the whole project's documentation and deployment are guessed only in lists without any declared order."""
    loose = task("first", "Set up the project"), task("api"), task("d", "Deploy it", "deployment")
    pages = task("doc", "Write the README", "documentation")
    declares = task("ui", depends_on=(DeclaredDependency(task="api"),))
    assert len(find(*loose, pages, task("ui"))) > 0
    assert find(*loose, pages, declares) == []


def test_a_crowd_is_no_pair() -> None:
    """Where hundreds share a group or a requirement, that they do says nothing about two of them; and it is quick."""
    crowd = [task(f"t{number}", group="g", requirements=("R",)) for number in range(3000)]
    tests = [task(f"test{number}", kind="testing", group="g", requirements=("R",)) for number in range(3000)]
    assert find(*crowd, *tests) == []
