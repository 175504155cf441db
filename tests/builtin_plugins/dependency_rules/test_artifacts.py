"""Edges from what tasks make and need."""

from __future__ import annotations

import asyncio
from typing import Any

from agent_dispatcher.extension import PlanningContext, Requires
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


def find(*tasks: Task) -> list[Requires]:
    context = PlanningContext(specification=SPECIFICATION)
    return list(asyncio.run(ArtifactsRule().find(tasks, SPECIFICATION, context)))


def pairs(*tasks: Task) -> list[tuple[str, str]]:
    return [(each.before, each.after) for each in find(*tasks)]


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


def test_who_changes_a_file_waits_for_who_makes_it() -> None:
    """And who only reads it waits for all; those who change it do not wait for each other."""
    make, one, two = task("make", "path:p"), task("one", "path:p", "path:p"), task("two", "path:p", "path:p")
    read = task("read", needs="path:p")
    assert sorted(pairs(make, one, two, read)) == [
        ("make", "one"),
        ("make", "read"),
        ("make", "two"),
        ("one", "read"),
        ("two", "read"),
    ]
