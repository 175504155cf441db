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


def said(*texts: tuple[str, str]) -> list[Requires]:
    """What is found in a list of titles with descriptions, in which nobody declares anything."""
    return find(*(Task(id=title, title=title, description=text, source="x.md:1") for title, text in texts))


def test_who_says_that_it_makes_something_comes_before_who_names_it() -> None:
    """Less sure when it only looks like a name; the phrase is quoted."""
    assert said(("A", "Create `app/loans.py`."), ("B", "Reads app/loans.py"), ("C", "")) == [
        Requires("A", "B", "data", 0.45, '"B" names app/loans.py; "A" makes it: "Create app/loans.py"', "x.md:1")
    ]
    found = said(("Add the LoanPolicy", ""), ("B", "Asks the LoanPolicy"), ("C", ""))
    assert [(each.before, each.after, each.confidence) for each in found] == [("Add the LoanPolicy", "B", 0.4)]
    assert [(each.before, each.after) for each in said(("A", "Implement GET /loans"), ("B", "Calls GET /loans"))] == [
        ("A", "B")
    ]


def test_a_pattern_of_files_means_those_that_are_made() -> None:
    """And no others."""
    found = said(("A", "Create app/loans.py"), ("B", "Create lib/x.py"), ("C", "Lint app/*.py"))
    assert [(each.before, each.after) for each in found] == [("A", "C")]


def test_what_two_make_or_most_name_says_nothing() -> None:
    """Then it is not one task's work that the others wait for."""
    assert said(("A", "Create `close_loan`"), ("B", "Create `close_loan`"), ("C", "Call `close_loan`")) == []
    others = [(f"T{number}", "Call `close_loan`") for number in range(7)]
    assert said(("A", "Create `close_loan`"), *others) == []
    assert len(said(("A", "Create `close_loan`"), *others[:2], *((f"U{number}", "") for number in range(5)))) == 2


def test_prose_is_not_read_where_an_order_is_declared() -> None:
    """What its author did not declare is then not so."""
    made = Task(id="a", title="A", description="Create `app/loans.py`")
    user = Task(id="b", title="B", description="Reads app/loans.py", depends_on=(DeclaredDependency(task="c"),))
    assert find(made, user, Task(id="c", title="C")) == []
