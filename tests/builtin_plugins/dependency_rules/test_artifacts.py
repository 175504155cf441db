"""Edges and exclusions from what tasks make and need."""

from __future__ import annotations

import asyncio
from typing import Any

from agent_dispatcher.extension import Excludes, PlanningContext, Requires
from agent_dispatcher.models import ArtifactRef, DeclaredDependency, Specification, Task
from agent_dispatcher_builtins.dependency_rules.artifacts import ArtifactsRule

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


def find(*tasks: Task) -> list[Requires | Excludes]:
    context = PlanningContext(specification=SPECIFICATION)
    return list(asyncio.run(ArtifactsRule().find(tasks, SPECIFICATION, context)))


def pairs(*tasks: Task) -> list[tuple[str, str]]:
    return [(each.before, each.after) for each in find(*tasks) if isinstance(each, Requires)]


def apart(*tasks: Task) -> list[tuple[tuple[str, ...], str]]:
    return [(each.tasks, each.resource) for each in find(*tasks) if isinstance(each, Excludes)]


def test_who_needs_something_waits_for_who_makes_it() -> None:
    """By type and name; the evidence quotes both tasks and the artifact."""
    assert find(task("a", "symbol:m:X"), task("b", "table:m:X"), task("c", needs="symbol:m:X")) == [
        Requires("a", "c", "data", 0.9, '"C" needs the symbol m:X, which "A" makes', "c.md:1")
    ]


def test_what_nobody_makes_is_there_already() -> None:
    """Needing a file of the repository is no fault."""
    assert find(task("a", needs="path:setup.cfg")) == []


def test_paths_are_the_same_however_they_are_written() -> None:
    """Leading ./, doubled slashes, .. in the middle."""
    assert pairs(task("a", "path:./src//x.py"), task("b", needs="path:src/y/../x.py")) == [("a", "b")]


def test_who_needs_a_folder_waits_for_all_who_write_in_it() -> None:
    """And for nobody who writes beside it."""
    tasks = task("a", "path:src/x.py"), task("b", "path:srcs/y.py"), task("c", needs="path:src/")
    assert pairs(*tasks) == [("a", "c")]


def test_a_test_and_what_it_verifies_are_not_ordered() -> None:
    """Though the test needs the very thing its subject makes."""
    code = task("code", "symbol:m:X")
    test = task("test", needs="symbol:m:X symbol:m:Y", verifies=("code",))
    assert pairs(code, test, task("other", "symbol:m:Y")) == [("other", "test")]


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


def test_who_changes_a_file_waits_for_who_makes_it() -> None:
    """Those who change it are kept apart from each other, and who only reads it waits for all."""
    make, one, two = task("make", "path:p"), task("one", "path:p", "path:p"), task("two", "path:p", "path:p")
    read = task("read", needs="path:p")
    assert sorted(pairs(make, one, two, read)) == [
        ("make", "one"),
        ("make", "read"),
        ("make", "two"),
        ("one", "read"),
        ("two", "read"),
    ]
    assert apart(make, one, two, read) == [(("one", "two"), "path:p")]
