"""Declared order, with what parents hand down."""

from __future__ import annotations

from agent_dispatcher.models import DeclaredDependency, Task
from agent_dispatcher.planning.declared import DeclaredEdge, declared_edges


def task(name: str, *after: str, children: tuple[str, ...] = ()) -> Task:
    return Task(
        id=name,
        title=name,
        children=children,
        depends_on=tuple(DeclaredDependency(task=each, source=f"{name}:1") for each in after),
    )


def test_children_wait_for_what_their_parent_waits_for() -> None:
    """Also grandchildren; the edge says whose declaration it is."""
    edges = list(
        declared_edges([task("x"), task("epic", "x", children=("mid",)), task("mid", children=("leaf",)), task("leaf")])
    )
    assert edges == [
        DeclaredEdge(before="x", after="epic", source="epic:1"),
        DeclaredEdge(before="x", after="mid", source="epic:1", parent="epic"),
        DeclaredEdge(before="x", after="leaf", source="epic:1", parent="epic"),
    ]


def test_nobody_waits_for_its_own_family() -> None:
    """Neither part for whole nor whole for part, and siblings not because of that."""
    assert list(declared_edges([task("epic", "a", children=("a", "b")), task("a", "epic"), task("b")])) == []
