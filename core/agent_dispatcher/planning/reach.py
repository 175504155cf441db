"""What can be reached in a graph of names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["reached"]


def reached(start: str, following: Mapping[str, Iterable[str]]) -> set[str]:
    """All names to which a path of one step or more leads from ``start``; ``start`` itself only if it lies on a circle.

    Args:
        following: name to the names one step behind it; a missing name has none.
    """
    seen: set[str] = set()
    stack = [start]
    while stack:
        for each in following.get(stack.pop(), ()):
            if each not in seen:
                seen.add(each)
                stack.append(each)
    return seen
