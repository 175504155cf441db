"""Finds a workflow in which task types follow themselves, so that there would be no end of tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["find_circle"]


def find_circle(after: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The first circle in ``after`` (task type to the types that follow it), its first type repeated at the end; empty when there is none."""
    done: set[str] = set()
    for start in after:
        path: list[str] = []
        trail = [iter((start,))]
        while trail:
            name = next(trail[-1], None)
            if name is None:
                trail.pop()
                if path:
                    done.add(path.pop())
            elif name in path:
                return (*path[path.index(name) :], name)
            elif name not in done:
                path.append(name)
                trail.append(iter(after.get(name, ())))
    return ()
