"""How a cycle is told to the reader: the path, and for each edge who wants it and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from ..errors import CycleError
from ..models import Reason

__all__ = ["cycle_error", "path_text"]

_SHOWN = 20


def path_text(path: Sequence[str | None]) -> str:
    """``a → c → b``; a left-out or overlong middle is ``…``."""
    if len(path) > _SHOWN:
        path = [*path[: _SHOWN // 2], None, *path[-_SHOWN // 2 :]]
    return " → ".join("…" if node is None else node for node in path)


def cycle_error(cycle: Sequence[str], reasons_for: Callable[[str, str], Sequence[Reason]]) -> CycleError:
    """The error for tasks that wait for each other.

    Args:
        cycle: ids in the order in which they would have to run; the first stands at both ends.
        reasons_for: why an edge ``(before, after)`` is there.
    """
    lines = [f"these tasks wait for each other: {path_text(cycle)}"]
    edges = list(pairwise(cycle))
    for before, after in edges[:_SHOWN]:
        for reason in reasons_for(before, after) or (Reason(rule="given"),):
            place = f"{reason.source}: " if reason.source else ""
            evidence = f": {reason.evidence}" if reason.evidence else ""
            lines.append(f"  {place}{after} waits for {before} (rule {reason.rule}{evidence})")
    if len(edges) > _SHOWN:
        lines.append(f"  … and {len(edges) - _SHOWN} more")
    lines.append("Remove one of these dependencies from the source, or split one of the tasks.")
    return CycleError("\n".join(lines), cycle)
