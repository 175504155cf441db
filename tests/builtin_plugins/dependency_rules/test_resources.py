"""Exclusions from what tasks write, and from what there is only once."""

from __future__ import annotations

import asyncio
from typing import Any

from agent_dispatcher.extension import Excludes, PlanningContext
from agent_dispatcher.models import ArtifactRef, DeclaredDependency, Specification, Task
from agent_dispatcher_builtins.dependency_rules.resources import ResourcesRule

SPECIFICATION = Specification(id="s", title="S")


def refs(text: str) -> tuple[ArtifactRef, ...]:
    return tuple(ArtifactRef(type=each.split(":", 1)[0], name=each.split(":", 1)[1]) for each in text.split())


def task(name: str, makes: str = "", needs: str = "", after: str = "", **values: Any) -> Task:
    return Task(
        id=name,
        title=name.upper(),
        produces=refs(makes),
        consumes=refs(needs),
        depends_on=tuple(DeclaredDependency(task=each) for each in after.split()),
        source=f"{name}.md:1",
        **values,
    )


def find(*tasks: Task) -> list[Excludes]:
    context = PlanningContext(specification=SPECIFICATION)
    return list(asyncio.run(ResourcesRule().find(tasks, SPECIFICATION, context)))


def apart(*tasks: Task) -> list[tuple[tuple[str, ...], str]]:
    return [(each.tasks, each.resource) for each in find(*tasks)]


def test_two_writers_of_a_path_are_kept_apart() -> None:
    """As an exclusion, not an edge; symbols are no place to collide in."""
    tasks = (
        task("a", "path:package.json symbol:m:X"),
        task("b", "path:./package.json symbol:m:X"),
        task("c", "path:other"),
    )
    assert find(*tasks) == [Excludes(("a", "b"), "path:package.json", '"A" and "B" write package.json', "a.md:1")]


def test_writers_with_a_declared_order_need_no_exclusion() -> None:
    """Also over other tasks; a third one without an order is still kept apart from both."""
    first, middle, last = task("a", "path:p"), task("m", after="a"), task("b", "path:p", after="m")
    assert apart(first, middle, last) == []
    assert apart(first, middle, last, task("c", "path:p", after="b")) == []
    assert apart(first, middle, last, task("c", "path:p")) == [(("a", "b", "c"), "path:p")]


def test_those_who_change_a_file_are_kept_apart() -> None:
    """From each other; who makes it is in front of them anyway, and who only reads it is no writer."""
    make, one, two = task("make", "path:p"), task("one", "path:p", "path:p"), task("two", "path:p", "path:p")
    assert apart(make, one, two, task("read", needs="path:p")) == [(("one", "two"), "path:p")]


def test_a_folder_is_no_place_to_collide_in() -> None:
    """Two tasks may write different files in it."""
    assert apart(task("a", "path:src/"), task("b", "path:src/")) == []


def test_what_there_is_only_once_is_used_by_one_at_a_time() -> None:
    """Whether tasks need it or promise it."""
    tasks = task("a", needs="resource:staging"), task("b", "resource:staging"), task("c", needs="table:staging")
    assert find(*tasks) == [
        Excludes(("a", "b"), "resource:staging", '"A" and "B" need staging', "a.md:1"),
    ]
    assert apart(task("a", needs="resource:port"), task("b", needs="resource:port", after="a")) == []
